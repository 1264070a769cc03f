"""How long commands take, from the shell's point of view: best of several runs, beside the bare imports."""

import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROGRAM = Path(sys.executable).with_name("capplan")
RUNS = 7
COMMANDS = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "bare imports": [sys.executable, "-c", "import typer, rich, yaml, pydantic, numpy"],
    "capplan --help": [str(PROGRAM), "--help"],
    "capplan tco --qps 100 --k 8": [str(PROGRAM), "tco", "--qps", "100", "--k", "8"],
    "capplan sweep, 4 rows": [str(PROGRAM), "sweep", "scenarios/cot-k-sweep.yaml"],
    "capplan sweep, 1,000 rows": [
        str(PROGRAM), "sweep", "scenarios/cot-k-sweep.yaml", "--k", ",".join(map(str, range(1, 1001))), "-f", "csv",
    ],
}  # fmt: skip


def best_s(command: list[str]) -> float:
    """Least wall-clock time of RUNS runs; raises CalledProcessError where the command fails."""
    times = []
    for _ in range(RUNS):
        start = time.perf_counter()
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
        times.append(time.perf_counter() - start)
    return min(times)


if __name__ == "__main__":
    for name, command in COMMANDS.items():
        print(f"{name:<30} {best_s(command):6.3f} s", flush=True)
