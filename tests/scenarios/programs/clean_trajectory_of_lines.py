"""A line is appended after each step."""

import json
import pathlib
import subprocess
import sys
import tempfile

from server.answer import Answer

EXPECT = {}
ABOUT = ("AP204",)
ANSWERS = lambda request: Answer(text="Noted.")
folder = pathlib.Path(tempfile.mkdtemp())


def talk():
    for step in range(6):
        with (folder / "trajectory.jsonl").open("a") as file:
            file.write(json.dumps({"step": step}) + "\n")
        yield {"messages": [{"role": "user", "content": f"Step {step}"}]}
