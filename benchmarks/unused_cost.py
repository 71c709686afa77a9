"""What the plugin costs a pytest session that does not use it: CPU of an empty session with and without it.

    python benchmarks/unused_cost.py [PAIRS]

Prints the median ratio of the pairs and exits with 1 above 1.05. Each pair is two child processes, user and system
time as the operating system counted them; which of the two goes first alternates.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ALLOWED = 1.05


def cpu_seconds(folder: Path, *options: str) -> float:
    """User and system time of one pytest session over one empty test."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options, str(folder)]
    child = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {child.returncode}")
    return usage.ru_utime + usage.ru_stime


def main(pairs: int) -> int:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "test_empty.py").write_text("def test_empty(): pass\n")
        (folder / "pytest.ini").write_text("[pytest]\n")
        sides = {"with": (), "without": ("-p", "no:agentperf")}
        for options in sides.values():  # byte code and file caches
            cpu_seconds(folder, *options)
        ratios = []
        for pair in range(pairs):
            order = list(sides) if pair % 2 else list(reversed(sides))
            times = {side: cpu_seconds(folder, *sides[side]) for side in order}
            ratios.append(times["with"] / times["without"])
            print(f"{pair + 1:2}  with {times['with']:.3f} s  without {times['without']:.3f} s  ratio {ratios[-1]:.3f}")
    median = statistics.median(ratios)
    print(f"median ratio of {pairs} pairs: {median:.3f} (allowed: {ALLOWED})")
    return int(median > ALLOWED)


if __name__ == "__main__":
    raise SystemExit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 15))
