"""The corpus of public cassettes, and what an independent extractor found in them."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from pathlib import Path

from pytest_agentperf.model.exchange import Exchange
from pytest_agentperf.record import stored

CORPUS = Path(os.environ.get("AGENTPERF_CORPUS") or Path(__file__).parents[3] / "shared" / "corpus")
MISSING = "the corpus of recorded traffic is not there (AGENTPERF_CORPUS)"


def rows(name: str) -> list[dict[str, str]]:
    """`INDEX.tsv` or `ORACLE.tsv`."""
    with (CORPUS / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def exchanges(path: str) -> Iterator[Exchange]:
    """The interactions of a cassette, in the order of the file."""
    return stored.exchanges(CORPUS / path)
