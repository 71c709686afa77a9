"""A file that is there as a whole or as it was."""

from __future__ import annotations

import errno
import os
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO


@contextmanager
def whole_file(path: Path) -> Generator[TextIO]:
    """UTF-8, folders made where there are none; a link stays a link. What fails inside leaves the old file.

    A lone surrogate is written with a backslash and its number, as JSON has it. Raises OSError, which names `path` and not
    the file beside it that is written first.
    """
    target = Path(os.path.realpath(path))
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with part.open("w", 1 << 20, encoding="utf-8", errors="backslashreplace", newline="\n") as file:
            yield file
        part.replace(target)
    except FileExistsError:  # where its folder would be
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path)) from None
    except OSError as problem:
        raise OSError(problem.errno, problem.strerror, str(path)) from None
    finally:
        with suppress(OSError):
            part.unlink()
