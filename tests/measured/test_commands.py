"""predict, accuracy and calibrate on the command line."""

import csv
import json
from pathlib import Path

import pytest

from capplan.cli.main import code_of

PUBLISHED = str(Path(__file__).with_name("published_points.csv"))
ROWS = "row_id,model,gpu,gpu_count,engine,load_type,concurrency,isl,osl,weight_dtype\n"
GOOD = (
    ROWS
    + "a,Llama 3.1 8B,H100,1,vLLM,concurrency,8,1024,128,fp8\nb,Llama 3.1 405B,H100,1,vLLM,concurrency,8,64,64,bf16\n"
)


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def points(tmp_path: Path) -> Path:
    path = tmp_path / "points.csv"
    path.write_text(GOOD + "c,no-such-model,H100,1,vLLM,concurrency,8,64,64,\n")
    return path


def test_predict_writes_a_row_for_each_point_and_says_why_it_refuses(points: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    assert code_of(["predict", str(points), "-o", str(out)]) == 0
    first, second, third = read(out)
    assert float(first["predicted_out_tps_total"]) > 0 and not first["refused"]
    assert (
        float(first["predicted_tpot_ms_low"])
        < float(first["predicted_tpot_ms"])
        < float(first["predicted_tpot_ms_high"])
    )
    assert "kv_dtype = bf16" in first["predicted_notes"]
    assert "does not fit" in second["refused"] and second["predicted_out_tps_total"] == ""
    assert "no 'no-such-model'" in third["refused"]


@pytest.mark.parametrize("format", ["table", "json", "csv", "markdown", "html"])
def test_every_format_is_written_and_the_same_twice(
    format: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    few = tmp_path / "few.csv"
    few.write_text("".join(Path(PUBLISHED).read_text(encoding="utf-8").splitlines(keepends=True)[:9]), encoding="utf-8")
    for command in ("predict", "accuracy"):
        texts = []
        for _ in range(2):
            assert code_of([command, str(few), "--format", format]) == 0
            texts.append(capsys.readouterr().out)
        assert texts[0] == texts[1] and len(texts[0]) > 500


def test_accuracy_json_has_headlines_groups_definitions_and_worst(capsys: pytest.CaptureFixture[str]) -> None:
    assert code_of(["accuracy", PUBLISHED, "-f", "json", "--worst", "3"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["schema"] == "capplan.accuracy/1"
    assert [one["metric"] for one in told["headlines"]][:2] == ["primary", "throughput"]
    assert {one["by"] for one in told["groups"]} >= {"source", "load_type", "engine", "model", "accelerator"}
    assert len(told["worst"]) == 3 and any("TTFT" in text for text in told["definitions"])


def test_accuracy_plots_one_mark_for_each_predicted_point(tmp_path: Path) -> None:
    plot = tmp_path / "plot.svg"
    assert code_of(["accuracy", PUBLISHED, "-f", "json", "-o", str(tmp_path / "a.json"), "--chart", str(plot)]) == 0
    assert plot.read_text().count('aria-roledescription="point"') == len(read(Path(PUBLISHED)))


def test_a_violated_limit_exits_1(capsys: pytest.CaptureFixture[str]) -> None:
    assert code_of(["accuracy", PUBLISHED, "--max-median", "1 %"]) == 1
    assert "is above 1 %" in capsys.readouterr().err
    assert code_of(["accuracy", PUBLISHED, "--max-median", "500 %"]) == 0


def test_malformed_files_exit_2_with_every_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "bad.csv"
    path.write_text("model,gpu,tp\nllama-3.1-8b,H100,x\nllama-3.1-8b,H100,y\n")
    assert code_of(["predict", str(path)]) == 2
    told = capsys.readouterr().err
    assert "bad.csv:2:19: tp" in told and "bad.csv:3:19: tp" in told


def test_points_without_measurements_cannot_be_scored(points: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert code_of(["accuracy", str(points)]) == 2
    assert "no measured values" in capsys.readouterr().err


def test_calibrate_writes_a_profile_that_predict_takes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    measured, out = tmp_path / "measured.csv", tmp_path / "mine.yaml"
    lines = [
        f"{clients},Llama 3.1 8B,H100,1,vLLM,concurrency,{clients},1024,128,fp8,{90 * clients / (1 + clients / 64)}"
        for clients in (1, 2, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96)
    ]
    measured.write_text(ROWS.strip() + ",out_tps_total\n" + "\n".join(lines) + "\n")
    assert code_of(["calibrate", str(measured), "-o", str(out)]) == 0
    told = capsys.readouterr().err
    assert "before" in told and "cross-validated" in told
    before = out.read_bytes()
    assert code_of(["calibrate", str(measured), "-o", str(out)]) == 0
    assert out.read_bytes() == before
    assert code_of(["predict", str(measured), "--profile", str(out), "-f", "csv"]) == 0
    text = capsys.readouterr().out.splitlines()
    assert len(text) == 13


def test_calibrate_refuses_what_the_data_cannot_carry(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    measured = tmp_path / "few.csv"
    measured.write_text(ROWS.strip() + ",out_tps_total\na,Llama 3.1 8B,H100,1,vLLM,concurrency,8,1024,128,fp8,700\n")
    assert code_of(["calibrate", str(measured), "-o", str(tmp_path / "p.yaml")]) == 2
    assert "carry no parameter" in capsys.readouterr().err
    assert not (tmp_path / "p.yaml").exists()
