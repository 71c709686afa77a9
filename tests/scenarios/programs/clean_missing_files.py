"""Optional settings are looked for at each step, and are not there; scratch files have no name."""

import contextlib
import pathlib
import tempfile

from server.answer import Answer

EXPECT = {}
ABOUT = ("AP204", "AP205")
ANSWERS = lambda request: Answer(text="Noted.")
folder = pathlib.Path(tempfile.mkdtemp())


def talk():
    for step in range(6):
        with contextlib.suppress(FileNotFoundError):
            (folder / "overrides.json").read_text()
        with tempfile.TemporaryFile("w", dir=folder) as scratch:
            scratch.write("x" * 1000 * step)
        yield {"messages": [{"role": "user", "content": f"Step {step}"}]}
