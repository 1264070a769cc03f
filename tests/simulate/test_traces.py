"""Trace readers: the real samples, and files that mean harm."""

import gzip
import json
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from capplan.errors import UserError
from capplan.simulate.traces.lines import TraceFaults
from capplan.simulate.traces.reader import Cut, read_trace
from capplan.simulate.traces.servegen import read_servegen

SHARED = Path(__file__).parents[2].parent / "shared" / "traces"
HEADER = "timestamp,prompt_tokens,output_tokens\n"


def _written(folder: Path, text: str, name: str = "trace.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def _real(name: str) -> Path:
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"the sample {name} does not lie beside this checkout")
    return path


@pytest.mark.parametrize(
    ("name", "requests", "prompt", "output", "cv"),
    [
        ("azure2023/AzureLLMInferenceTrace_code.csv", 8819, 2047.8, 27.9, 13.151),
        ("azure2023/AzureLLMInferenceTrace_conv.csv", 19366, 1154.7, 211.1, 1.094),
        ("mooncake/conversation_trace.jsonl", 12031, 12035.1, 342.6, 3.034),
        ("mooncake/synthetic_trace.jsonl", 3993, 15325.5, 149.1, 1.011),
    ],
)
def test_the_real_samples_have_their_published_means_and_burstiness(name, requests, prompt, output, cv):
    load = read_trace(_real(name)).requests
    gaps_s = np.diff(load.arrival_s)
    assert len(load) == requests
    assert load.prompt_tokens.mean() == pytest.approx(prompt, abs=0.06)
    assert load.output_tokens.mean() == pytest.approx(output, abs=0.06)
    assert gaps_s.std() / gaps_s.mean() == pytest.approx(cv, abs=0.001)


def test_a_servegen_day_has_the_rate_peak_and_lengths_of_the_production_service():
    trace = read_servegen(_real("servegen/data/reason/deepseek-r1"), seed=1)
    load = trace.requests
    assert len(load) / 86_400 == pytest.approx(16.01, rel=0.02)
    hours = np.histogram(load.arrival_s, 24, (0, 86_400))[0]
    assert hours.max() / hours.mean() == pytest.approx(2.19, rel=0.03)
    assert load.output_tokens.mean() == pytest.approx(1527, rel=0.02)
    assert np.percentile(load.output_tokens, 99) == pytest.approx(12_607, rel=0.03)
    assert (load.thinking_tokens / load.output_tokens).mean() == pytest.approx(0.70, abs=0.01)
    assert "73 client groups with seed 1" in trace.notes[0]


def test_a_cut_of_a_servegen_day_and_the_same_seed_give_the_same_bytes():
    folder = _real("servegen/data/reason/deepseek-r1")
    one, two = (read_servegen(folder, 5, start_s=3600, end_s=4200).requests for _ in range(2))
    assert one.arrival_s.tobytes() == two.arrival_s.tobytes()
    assert one.output_tokens.tobytes() == two.output_tokens.tobytes()
    assert one.arrival_s.min() >= 0 and one.arrival_s.max() < 600
    double = read_servegen(folder, 5, start_s=3600, end_s=4200, rate_factor=2.0).requests
    assert len(double) == pytest.approx(2 * len(one), rel=0.2)


def test_own_csv_takes_columns_in_any_order_with_classes_thinking_and_prefixes(tmp_path):
    text = "class,output_tokens,prefix,timestamp,thinking_tokens,prompt_tokens\n"
    text += "chat,100,7 8,5.0,60,2000\nbatch,50,,6.5,,10\n"
    load = read_trace(_written(tmp_path, text)).requests
    assert load.arrival_s.tolist() == [0.0, 1.5]
    assert load.thinking_tokens.tolist() == [60, 0]
    assert load.classes == ("chat", "batch")
    assert load.pages == [(7, 8), ()]


def test_own_jsonl_and_gzipped_files_are_read(tmp_path):
    rows = [{"timestamp": t, "prompt_tokens": 10, "output_tokens": 5, "thinking_tokens": 3} for t in (1, 2.5)]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    path = tmp_path / "trace.jsonl.gz"
    path.write_bytes(gzip.compress(text.encode()))
    trace = read_trace(path)
    assert trace.format == "own JSONL"
    assert trace.requests.arrival_s.tolist() == [0.0, 1.5]


def test_burstgpt_and_azure_2024_are_read_and_failed_requests_left_out_with_a_note(tmp_path):
    text = "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n"
    text += "5,ChatGPT,472,18,490,Conversation log\n45,GPT-4,300,0,300,API log\n118,GPT-4,1087,230,1317,API log\n"
    trace = read_trace(_written(tmp_path, text))
    assert trace.requests.classes == ("ChatGPT", "GPT-4")
    assert trace.requests.arrival_s.tolist() == [0.0, 113.0]
    assert trace.notes == ("1 lines of requests that failed (no response tokens) were left out",)
    text = "TIMESTAMP,ContextTokens,GeneratedTokens\n2024-05-10 00:00:00.009930+00:00,2162,5\n"
    text += "2024-05-10 02:00:01.509930+02:00,2399,6\n"
    assert read_trace(_written(tmp_path, text)).requests.arrival_s.tolist() == pytest.approx([0.0, 1.5], abs=1e-5)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HEADER + "0,10,5\n1,-3,5\n", ":3: prompt_tokens -3 is below 1"),
        (HEADER + "0,10,0\n", ":2: output_tokens 0 is below 1"),
        (HEADER + "5,10,5\n4,10,5\n", ":3: time 4.000000 s comes after 5.000000 s above it: sort the trace by time"),
        (HEADER + "0,10\n", ":2: 2 fields where the header has 3 or more"),
        (HEADER + "0,10,five\n", ":2: output_tokens 'five' is no whole number of tokens"),
        (HEADER + "0,10,5.5\n", ":2: output_tokens '5.5' is no whole number"),
        (HEADER + "nan,10,5\n", ":2: timestamp 'nan' is no time"),
        (HEADER + "inf,10,5\n", ":2: timestamp 'inf' is no time"),
        (HEADER + "yesterday,10,5\n", ":2: timestamp 'yesterday' is no time"),
        (HEADER + "0,1e400,5\n", ":2: prompt_tokens '1e400' is no whole number"),
        (HEADER + "0," + "9" * 9000 + ",5\n", ":2: prompt_tokens is above 100,000,000 tokens"),
        (HEADER + '0,"10,5\n', ":2: not a CSV line"),
        ("timestamp,prompt_tokens\n0,1\n", ":1: the header lacks the column output_tokens"),
        ("timestamp,timestamp,prompt_tokens,output_tokens\n", ":1: the header has the column timestamp twice"),
        ("when\n1\n", ":1: no known trace"),
        ("timestamp,prompt_tokens,output_tokens,thinking_tokens\n0,9,5,5\n", ":2: thinking_tokens 5 leave no token"),
        ("timestamp,prompt_tokens,output_tokens,prefix\n0,9,5,a b\n", ":2: prefix must be whole numbers"),
        ('{"timestamp": 0, "prompt_tokens": 1}\n', ":1: output_tokens is missing"),
        ('{"timestamp": 0, "prompt_tokens": true, "output_tokens": 1}\n', ":1: prompt_tokens 'true' is no whole"),
        ('{"timestamp": 0, "prompt_tokens": 1, "output_tokens": 1\n', ":1: not a JSON object"),
        ('{"a":' + "[" * 100_000 + "\n", ":1: not a JSON object"),
        ('{"timestamp": 0, "input_length": 5, "output_length": 5, "hash_ids": [1.5]}\n', ":1: hash_ids must be a list"),
    ],
)
def test_a_bad_line_is_named_by_file_line_and_what_is_wrong(tmp_path, text, message):
    path = _written(tmp_path, text)
    with pytest.raises(TraceFaults) as caught:
        read_trace(path)
    assert f"{path}{message}" in str(caught.value)


def test_all_faults_of_a_file_are_told_at_once_up_to_twenty(tmp_path):
    with pytest.raises(TraceFaults) as caught:
        read_trace(_written(tmp_path, HEADER + "0,x,1\n0,1,x\n1,1,1\n"))
    assert str(caught.value).count("\n") == 1
    with pytest.raises(TraceFaults) as caught:
        read_trace(_written(tmp_path, HEADER + "0,x,1\n" * 1000))
    assert str(caught.value).count("is no whole number") == 20
    assert "further lines were not read" in str(caught.value)


def test_a_request_longer_than_the_context_is_a_fault_or_left_out_on_demand(tmp_path):
    path = _written(tmp_path, HEADER + "0,10,5\n1,4000,200\n")
    with pytest.raises(TraceFaults, match=r":3: 4,000 prompt and 200 output tokens exceed the 4,096 that fit"):
        read_trace(path, Cut(most_tokens=4096))
    trace = read_trace(path, Cut(most_tokens=4096, drop_long=True))
    assert len(trace.requests) == 1
    assert trace.notes == ("1 requests of more than 4,096 tokens were left out",)


def test_files_that_are_no_text_are_refused_without_reading_them_whole(tmp_path):
    binary = tmp_path / "trace.csv"
    binary.write_bytes(HEADER.encode() + b"\xff\xfe\n")
    with pytest.raises(TraceFaults, match=r":2: not UTF-8"):
        read_trace(binary)
    with pytest.raises(UserError, match="empty"):
        read_trace(_written(tmp_path, "\n\n"))
    with pytest.raises(UserError, match="cannot be read"):
        read_trace(tmp_path / "absent.csv")
    with pytest.raises(UserError, match="cannot be read"):
        read_trace(_written(tmp_path, "no gzip", "trace.csv.gz"))
    endless = tmp_path / "one_line.csv"
    with endless.open("wb") as stream:
        stream.truncate(10 << 30)  # 10 GB of one line, sparse
    tracemalloc.start()
    with pytest.raises(TraceFaults, match="longer than 1 MiB"):
        read_trace(endless)
    assert tracemalloc.get_traced_memory()[1] < 20e6
    tracemalloc.stop()


def test_only_the_wanted_part_of_a_huge_trace_is_read_and_held(tmp_path):
    path = tmp_path / "huge.csv"
    with path.open("w", encoding="utf-8") as stream:
        stream.write(HEADER)
        stream.writelines(f"{second},100,10\n" for second in range(200_000))
        stream.truncate(10 << 30)  # what follows is never reached
    tracemalloc.start()
    trace = read_trace(path, Cut(start_s=100, end_s=1000))
    assert tracemalloc.get_traced_memory()[1] < 5e6
    tracemalloc.stop()
    assert len(trace.requests) == 900
    assert trace.requests.arrival_s[0] == 0.0
    with pytest.raises(UserError, match=r"huge.csv:5002: more than 5,000 requests; cut the trace in time"):
        read_trace(path, Cut(most_requests=5_000))
    with pytest.raises(UserError, match="no request between"):
        read_trace(_written(tmp_path, HEADER + "0,1,1\n"), Cut(start_s=5))


def _servegen(folder: Path, windows: str, dataset: str) -> Path:
    (folder / "chunk-0-trace.csv").write_text(windows)
    (folder / "chunk-0-dataset.json").write_text(dataset)
    return folder


PDFS = json.dumps({"0": {"input_tokens": "{10: 1.0}", "output_tokens": "{4: 0.5, 8: 0.5}", "reason_ratio": "{1.0: 1}"}})


def test_a_servegen_folder_is_checked_like_any_trace(tmp_path):
    with pytest.raises(UserError, match="this is no ServeGen folder"):
        read_servegen(tmp_path, 1)
    load = read_servegen(_servegen(tmp_path, "0,1,1.0,Gamma,1,1\n600,0,0,,0,0\n", PDFS), 1).requests
    assert len(load) == pytest.approx(600, rel=0.2)
    assert (load.thinking_tokens == load.output_tokens - 1).all()
    assert load.arrival_s.max() < 600
    for windows, message in [
        ("0,-1,1,Gamma,1,1\n", r"chunk-0-trace.csv:1: t and rate must be finite"),
        ("0,1,x,Gamma,1,1\n", r":1: t, rate and cv must be numbers"),
        ("0,1,1,Cauchy,1,1\n", r":1: pattern 'cauchy' is none of"),
        ("600,1,1,Gamma,1,1\n0,1,1,Gamma,1,1\n", r":2: the window does not start after"),
        ("0,1\n", r":1: 2 fields where"),
        ("0,1e300,1,Gamma,1,1\n", "alone makes more than"),
    ]:
        with pytest.raises(UserError, match=message):
            read_servegen(_servegen(tmp_path, windows, PDFS), 1)
    for dataset, message in [
        ("[]", "not a JSON object"),
        ('{"0": {}}', "are needed"),
        (PDFS.replace("0.5, 8", "x, 8"), "could not convert"),
        (PDFS.replace("0.5, 8", "nan, 8"), "must be finite"),
        ("{}", "no spell has PDFs"),
    ]:
        with pytest.raises(UserError, match=message):
            read_servegen(_servegen(tmp_path, "0,1,1,Gamma,1,1\n", dataset), 1)
    (tmp_path / "chunk-0-dataset.json").unlink()
    with pytest.raises(UserError, match="cannot be read"):
        read_servegen(tmp_path, 1)
