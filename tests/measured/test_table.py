"""Reading points files: what is a fault, and where."""

import random
import time
from pathlib import Path

import pytest

from capplan.errors import UserError
from capplan.measured.faults import PointFaults
from capplan.measured.points import resolve_table
from capplan.measured.table import read_table


def faults(tmp_path: Path, text: str | bytes) -> list[str]:
    path = tmp_path / "points.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(PointFaults) as caught:
        read_table(path)
    return [str(fault).replace(str(tmp_path) + "/", "").splitlines()[0] for fault in caught.value.faults]


def test_every_malformed_cell_is_told_with_its_place_at_once(tmp_path: Path) -> None:
    text = "model,gpu,tp,isl,load_type\nllama,H100,two,1k,concurency\nllama,,0.5,-3,concurrency\n"
    assert faults(tmp_path, text) == [
        "points.csv:2:12: tp: 'two' is no whole number (leave it blank if unknown)",
        "points.csv:2:16: isl: '1k' is no number (leave it blank if unknown)",
        "points.csv:2:19: load_type: 'concurency' is no load type (did you mean 'concurrency'?)",
        "points.csv:3:8: tp: 0.5 must be a whole number of at least 1 (leave it blank if unknown)",
        "points.csv:3:12: isl: -3 must be positive and finite (leave it blank if unknown)",
        "points.csv:3:7: gpu: blank (name the accelerator, e.g. H100)",
    ]


def test_a_fault_behind_a_quoted_comma_points_at_its_own_cell(tmp_path: Path) -> None:
    text = 'model,notes,gpu,tp\nllama,"a, b",H100,x\n'
    assert faults(tmp_path, text) == ["points.csv:2:19: tp: 'x' is no whole number (leave it blank if unknown)"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the file is empty"),
        ("modle,gpu\n", "no column 'model' or 'hf_model'"),
        ("model,isl\nllama,1\n", "no column 'gpu'"),
        ("model,gpu,gpu\n", "column given twice"),
        ("model,gpu\nllama,H100,8\n", "3 cells under 2 columns"),
        ('model,gpu\nllama,"H100\n', "not CSV"),
        (b"model,gpu\nllama,\xff\n", "not UTF-8"),
    ],
)
def test_what_is_no_points_file_says_why(tmp_path: Path, text: str | bytes, message: str) -> None:
    assert message in faults(tmp_path, text)[0]


def test_a_missing_file_is_a_user_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        read_table(tmp_path / "absent.csv")


def test_byte_order_mark_blank_lines_and_short_rows_are_read(tmp_path: Path) -> None:
    path = tmp_path / "points.csv"
    path.write_text("\ufeffmodel,gpu,tp\n llama , H100 \n\n,,\n", encoding="utf-8")
    assert list(read_table(path).rows) == [{"model": "llama", "gpu": "H100"}]


def test_random_bytes_are_faults_or_rows_and_never_a_crash(tmp_path: Path) -> None:
    source = random.Random(7)
    path = tmp_path / "points.csv"
    for _ in range(200):
        path.write_bytes(b"model,gpu,tp\n" + bytes(source.choices(b'a,"\n\r0\t.\xc3\xa9-', k=40)))
        try:
            resolve_table(read_table(path))
        except UserError:
            continue


def test_the_public_table_reads_and_resolves_in_half_a_second(measured: Path) -> None:
    resolve_table(read_table(measured))  # the catalogue's files are read once
    best = min(_seconds(measured) for _ in range(3))
    assert best < 0.5, f"{best:.2f} s"


def _seconds(path: Path) -> float:
    start = time.process_time()
    resolve_table(read_table(path))
    return time.process_time() - start
