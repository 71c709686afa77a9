"""The configuration is read for each step."""

import json
import pathlib
import subprocess
import sys
import tempfile

from server.answer import Answer

EXPECT = {"AP205": ""}
ANSWERS = lambda request: Answer(text="Noted.")
folder = pathlib.Path(tempfile.mkdtemp())


def talk():
    (folder / "config.json").write_text("{}")
    for step in range(6):
        json.loads((folder / "config.json").read_text())
        yield {"messages": [{"role": "user", "content": f"Step {step}"}]}
