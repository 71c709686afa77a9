"""The files that the agent works on, on a network share, as in most sandboxes: each access takes 200 ms."""

import time
from pathlib import Path

ACCESS_S = 0.2


def read(path: Path) -> str:
    time.sleep(ACCESS_S)
    return path.read_text()


def write(path: Path, text: str) -> None:
    time.sleep(ACCESS_S)
    path.write_text(text)
