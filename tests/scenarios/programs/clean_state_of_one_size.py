"""A small state is written anew, and does not grow."""

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
    for step in range(4):
        (folder / "state.json").write_text(json.dumps({"step": step}))
        yield {"messages": [{"role": "user", "content": f"Step {step}"}]}
