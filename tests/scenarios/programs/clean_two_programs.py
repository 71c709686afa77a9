"""Two programs, once each."""

import json
import pathlib
import subprocess
import sys
import tempfile

from server.answer import Answer

EXPECT = {}
ABOUT = ("AP203",)
KINDS = ("plain", "thread")  # an async agent would block its loop as well, for as long as a child takes
ANSWERS = lambda request: Answer(text="Noted.")
folder = pathlib.Path(tempfile.mkdtemp())


def talk():
    subprocess.run(["true"], check=True)
    subprocess.run(["echo"], check=True, capture_output=True)
    yield {"messages": [{"role": "user", "content": "Done?"}]}
