"""What it takes to know every call of a folder of cassettes, against parsing their YAML alone.

    python benchmarks/decode.py [FOLDER] [ROUNDS]

The folder is the corpus of the tests (AGENTPERF_CORPUS) unless one is given. Both sides read the same files in turn, in
one process: `yaml.CSafeLoader` with Ruby's `!binary` and nothing else, and `inspect` without prices. Prints the CPU time
of each round, the ratio of the best rounds and of the sums, and exits with 1 if the former is above 1.5, or a file cannot be read.
"""

from __future__ import annotations

import gzip
import os
import sys
import time
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path

import yaml

from pytest_agentperf.inspection import files, inspect

ALLOWED = 1.5
CORPUS = Path(os.environ.get("AGENTPERF_CORPUS") or Path(__file__).parents[2] / "shared" / "corpus")


class Loader(yaml.CSafeLoader):
    """Knows Ruby's local tag for bytes."""


Loader.add_constructor("!binary", lambda loader, node: b64decode(loader.construct_scalar(node)))  # type: ignore[arg-type]


def parse(path: Path) -> None:
    raw = path.read_bytes()
    yaml.load(gzip.decompress(raw) if path.suffix == ".gz" else raw, Loader)


def seconds(work: Callable[[Path], object], paths: list[Path]) -> float:
    """CPU time of doing it for every file."""
    start = time.process_time()
    for path in paths:
        work(path)
    return time.process_time() - start


def main(folder: Path, rounds: int) -> int:
    paths = list(files([folder]))
    calls = sum(len(inspect(path, priced=False).calls) for path in paths)  # warms up both
    print(f"{len(paths):,} files, {sum(path.stat().st_size for path in paths) / 1e6:.1f} MB, {calls:,} calls")
    alone, whole = [], []
    for number in range(1, rounds + 1):
        alone.append(seconds(parse, paths))
        whole.append(seconds(lambda path: inspect(path, priced=False), paths))
        print(f"{number:2}  YAML alone {alone[-1]:.3f} s  inspect {whole[-1]:.3f} s  ratio {whole[-1] / alone[-1]:.2f}")
    best, overall = min(whole) / min(alone), sum(whole) / sum(alone)
    print(f"ratio of the best rounds {best:.2f}, of the sums {overall:.2f} (allowed: {ALLOWED})")
    return int(best > ALLOWED)


if __name__ == "__main__":
    given = sys.argv[1:]
    raise SystemExit(main(Path(given[0]) if given else CORPUS, int(given[1]) if len(given) > 1 else 10))
