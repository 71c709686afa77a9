"""A heavy module is imported in the middle."""

import json
import pathlib
import subprocess
import sys
import tempfile

from server.answer import Answer

EXPECT = {"AP206": ""}
ANSWERS = lambda request: Answer(text="Noted.")
folder = pathlib.Path(tempfile.mkdtemp())


def talk():
    (folder / f"heavy_{folder.name}.py").write_text(
        "import _thread, time\nlock = _thread.allocate_lock()\nend = time.process_time() + 0.6\nwhile time.process_time() < end: pass\n"
    )
    sys.path.insert(0, str(folder))
    try:
        __import__(f"heavy_{folder.name}")
    finally:
        sys.path.remove(str(folder))
    yield {"messages": [{"role": "user", "content": "Imported."}]}
