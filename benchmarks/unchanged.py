"""Whether a suite that nobody changed is ever told to have changed.

    python benchmarks/unchanged.py [RUNS]

Records baselines of agents of every shape that `tests/shapes.py` has (threads, tasks, streams, races, retries, time-outs),
then runs them RUNS (50) times under `--agentperf`, every second time with `-n 2`, in sessions of pytest with hash seeds of
their own, beside a busy process. Each must pass with no change and no cause. Exits with 1 where one does not.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.exact import ROOT, URL, load, write_cassette
from shapes import SHAPES

RECORD = "--agentperf-update=new,force"
NAMES = [name for name, shape in SHAPES.items() if not shape.real]
TESTS = f"""
import pytest
from shapes import SHAPES

@pytest.mark.vcr
@pytest.mark.parametrize("name", [
    pytest.param(name, marks=pytest.mark.default_cassette(name)) for name in {NAMES!r}
])
def test_agent(name):
    SHAPES[name].run({URL!r})
"""


def session(folder: Path, *options: str) -> str:
    """What is wrong with it; empty where nothing is."""
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'tests'}{os.pathsep}{ROOT}"}
    environment["PYTHONHASHSEED"] = str(random.randrange(2**32))
    others = [f"-pno:{name}" for name in ("randomly", "recording", "asyncio", "cacheprovider")]
    (folder / "run.json").unlink(missing_ok=True)
    command = [sys.executable, "-m", "pytest", "-q", *others, "--rootdir=.", "--agentperf-json=run.json", *options]
    done = subprocess.run(command, cwd=folder, env=environment, check=False, capture_output=True, text=True)
    if done.returncode:
        return f"exit status {done.returncode}\n{done.stdout}{done.stderr}"
    run = json.loads((folder / "run.json").read_text("utf-8"))
    told = [cause["sentence"] for cause in run["causes"]]
    told += [f"{test['nodeid']}: {test['changes']}" for test in run["tests"] if "changes" in test]
    told += [f"{test['nodeid']} is new" for test in run["tests"] if "new" in test and RECORD not in options]
    return "\n".join([*told, *run["bugs"]]) or ("" if len(run["tests"]) == len(NAMES) else "tests are missing")


def main(runs: int) -> int:
    with tempfile.TemporaryDirectory() as name, load(1):
        folder = Path(name)
        for shape in NAMES:
            write_cassette(shape, folder)
        (folder / "test_agents.py").write_text(TESTS)
        if wrong := session(folder, RECORD):
            print(wrong)
            return 1
        for number in range(1, runs + 1):
            if wrong := session(folder, *(["-n2"] if number % 2 == 0 else [])):
                print(f"run {number} of {runs} of the same {len(NAMES)} tests told of something\n{wrong}")
                return 1
    half = runs // 2
    print(f"{runs} runs of {len(NAMES)} unchanged tests beside a busy process, {half} with -n 2: no change, no cause")
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 50))
