"""The whole trajectory is written after each step."""

import json
import pathlib
import subprocess
import sys
import tempfile

from server.answer import Answer

EXPECT = {"AP204": ""}
ANSWERS = lambda request: Answer(text="Noted.")
folder = pathlib.Path(tempfile.mkdtemp())


def talk():
    steps = []
    for step in range(6):
        steps.append({"step": step, "note": "x" * 200})
        (folder / "trajectory.json").write_text(json.dumps(steps))
        yield {"messages": [{"role": "user", "content": f"Step {step}"}]}
