"""Whether tests take the branches of the packages that make the numbers: `make coverage`, behind a run that measured.

A share is of branches, not of lines; both ways of every `if` count.
"""

import json
import sys
from collections import Counter
from pathlib import Path

LEAST = 95.0


def main(report: Path) -> None:
    """Prints the share of each package and the branches that no test takes; exits 1 where a share is below LEAST."""
    files = json.loads(report.read_text())["files"]
    taken, all_of = Counter[str](), Counter[str]()
    for name, found in files.items():
        package = Path(name).parts[1]
        taken[package] += found["summary"]["covered_branches"]
        all_of[package] += found["summary"]["num_branches"]
        for start, end in found["missing_branches"]:
            print(f"{name}:{start}: never goes on to {f'line {end}' if end > 0 else 'the end'}")
    shares = {package: 100 * taken[package] / count for package, count in all_of.items()}
    for package, share in shares.items():
        print(f"{package}: {share:.1f} % of {all_of[package]} branches")
    if min(shares.values()) < LEAST:
        sys.exit(f"below {LEAST:g} % of the branches")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
