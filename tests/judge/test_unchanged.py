"""A suite of real replays, changed and unchanged, in small: `benchmarks/unchanged.py` says what of."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("xdist")
SCRIPT = Path(__file__).parents[2] / "benchmarks" / "unchanged.py"


@pytest.mark.soak
def test_six_changes_are_six_causes_and_none_is_none() -> None:
    done = subprocess.run([sys.executable, SCRIPT, "100", "4"], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
