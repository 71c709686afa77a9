"""The configuration is read once."""

import json
import pathlib
import subprocess
import sys
import tempfile

from server.answer import Answer

EXPECT = {}
ABOUT = ("AP205",)
ANSWERS = lambda request: Answer(text="Noted.")
folder = pathlib.Path(tempfile.mkdtemp())


def talk():
    (folder / "config.json").write_text("{}")
    config = json.loads((folder / "config.json").read_text())
    for step in range(6):
        yield {"messages": [{"role": "user", "content": f"Step {step} {config}"}]}
