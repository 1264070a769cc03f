"""`make bench-peers`: capplan beside two peers that install from the package index, each in a venv of its own.

What they are asked is the nearest that each can answer: they differ in what an answer holds. mlsysim 0.3.0 prices one
batch on one device by closed forms; aiconfigurator 0.12.0 searches one chip by measured kernels and knows no money.
"""

import subprocess
import sys
import venv
from statistics import median

from pasted import paste
from speed import PROGRAM, ROOT, spent_s

VENVS = ROOT / ".peers-venv"
RUNS = 3
PEERS = {"mlsysim": "mlsysim==0.3.0", "aiconfigurator": "aiconfigurator==0.12.0"}
SHAPE = ["--model-path", "Qwen/Qwen3-32B", "--system", "h200_sxm", "--backend", "vllm", "--isl", "1500", "--osl", "350"]
ASKED = {
    "start: `--help`": {
        "capplan": ["--help"],
        "mlsysim": ["--help"],
        "aiconfigurator": ["cli", "--help"],
    },
    "one estimate": {
        "capplan": ["tco", "--model", "qwen3-32b", "--gpu", "h200-sxm", "--set", "serving.engine=vllm"],
        "mlsysim": ["serve", "Llama3_8B", "H200", "--batch-size", "8"],
        "aiconfigurator": ["cli", "estimate", *SHAPE, "--batch-size", "32", "--tp-size", "2"],
    },
    "a search": {
        "capplan": ["optimize", "scenarios/optimize-chat.yaml"],
        "aiconfigurator": ["cli", "default", *SHAPE, "--total-gpus", "8", "--ttft", "1000", "--tpot", "50"],
    },
}


def program(name: str) -> str:
    """The command of a tool, installed first where it is a peer."""
    if name == "capplan":
        return PROGRAM
    place = VENVS / name
    if not (place / "bin" / name).exists():
        venv.create(place, with_pip=True)
        subprocess.run(
            [place / "bin" / "pip", "install", "--quiet", PEERS[name]], check=True, stderr=subprocess.DEVNULL
        )
    return str(place / "bin" / name)


def main() -> None:
    """Processor seconds of each tool on each question, and the ratio to ours."""
    tools = {name: program(name) for name in ("capplan", *PEERS)}
    rows = [f"| | capplan | {' | '.join(spec.replace('==', ' ') for spec in PEERS.values())} |", "|---|---:|---:|---:|"]
    for question, asked in ASKED.items():
        rounds = [{name: spent_s([tools[name], *words]) for name, words in asked.items()} for _ in range(RUNS)]
        own = median(one["capplan"] for one in rounds)
        cells = [f"{own:.2f} s"]
        for name in PEERS:
            if name not in asked:
                cells.append("-")
                continue
            took = median(one[name] for one in rounds)
            cells.append(f"{took:.1f} s, {took / own:.0f}x")
        rows.append(f"| {question} | {' | '.join(cells)} |")
    paste(ROOT / "README.md", "peers", rows)


if __name__ == "__main__":
    sys.exit(main())
