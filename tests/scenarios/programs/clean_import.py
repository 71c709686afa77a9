"""A light module is imported in the middle."""

import json
import pathlib
import subprocess
import sys
import tempfile

from server.answer import Answer

EXPECT = {}
ABOUT = ("AP206",)
ANSWERS = lambda request: Answer(text="Noted.")
folder = pathlib.Path(tempfile.mkdtemp())


def talk():
    (folder / f"light_{folder.name}.py").write_text("x = 1\n")
    sys.path.insert(0, str(folder))
    try:
        __import__(f"light_{folder.name}")
    finally:
        sys.path.remove(str(folder))
    yield {"messages": [{"role": "user", "content": "Imported."}]}
