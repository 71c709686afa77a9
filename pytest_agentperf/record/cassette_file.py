"""The file of a cassette: damage is told and never recorded over, secrets are refused, writes are atomic."""

from __future__ import annotations

import json
import os
import re
import secrets
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from vcr.persisters.filesystem import CassetteDecodeError, CassetteNotFoundError, FilesystemPersister
from vcr.serialize import serialize

from pytest_agentperf.record.match import as_bytes
from pytest_agentperf.record.redact import find_secrets, texts


class CassetteError(Exception):
    """A cassette that cannot be read or must not be written."""


class Persister:
    """vcrpy's interface of that name, around the persister that the user chose."""

    def __init__(self, inner: Any, extra_paths: Sequence[str] = ()) -> None:
        """`extra_paths`: more cassettes to replay from; they are never written."""
        self._inner = inner
        self._extra_paths = extra_paths

    def load_cassette(self, path: str, serializer: Any) -> tuple[Any, ...]:
        """Requests, responses and, where there are any, metadata. Raises CassetteError, or CassetteNotFoundError."""
        loaded = [found for found in (self._load(p, serializer) for p in (path, *self._extra_paths)) if found]
        if not loaded:
            raise CassetteNotFoundError
        requests, responses = ([item for found in loaded for item in found[part]] for part in (0, 1))
        return (requests, responses, *loaded[0][2:])

    def _load(self, path: str, serializer: Any) -> tuple[Any, ...] | None:
        try:
            return tuple(self._inner.load_cassette(path, serializer=_Checked(serializer)))
        except CassetteNotFoundError:
            if not Path(path).is_file():
                return None
            problem = "it is empty"
        except (CassetteDecodeError, UnicodeDecodeError):
            problem = "it is not UTF-8 text"
        except _Damage as damage:
            problem = str(damage)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with a file, the user needs its name
            problem = _first_line(error)
        raise CassetteError(
            f"{_names(path, self._inner)}: {problem}. Restore it from version control, or delete it and record again "
            "with --agentperf-record=once. It was left as it is."
        )

    def save_cassette(self, path: str, cassette_dict: dict[str, Any], serializer: Any) -> None:
        """Raises CassetteError where a secret would be written; nothing is written then."""
        interactions = zip(cassette_dict["requests"], cassette_dict["responses"], strict=True)
        found = find_secrets(
            pair
            for number, (request, response) in enumerate(interactions, start=1)
            for pair in _texts(f"interaction {number}", request, response)
        )
        text = serialize(cassette_dict, serializer)
        found = found or find_secrets(
            [("the file", text if isinstance(text, str) else text.decode("utf-8", "replace"))]
        )
        if found:
            raise CassetteError(
                f"{path}: not saved, for it would hold a secret:\n  " + "\n  ".join(found[:10]) + "\nTake it out with "
                "vcrpy's filters in vcr_config (filter_sensitive_data, filter_post_data_parameters, ...)."
            )
        if self._inner.save_cassette is FilesystemPersister.save_cassette:
            _write(Path(path), text)
        else:
            self._inner.save_cassette(path, cassette_dict, serializer=serializer)


def _texts(place: str, request: Any, response: Any) -> Iterator[tuple[str, str]]:
    yield from texts(f"{place}, request.uri", request.uri)
    yield from texts(f"{place}, request.headers", dict(request.headers))
    yield from texts(f"{place}, request.body", as_bytes(request.body))
    yield from texts(f"{place}, response", response)


class _Damage(Exception):
    """Why a text is no cassette, as a clause."""


class _Checked:
    """A serializer that looks at the text before it reads it, and at what it read."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def deserialize(self, text: Any) -> Any:
        if isinstance(text, str):
            _look_at(text)
        try:
            data = self._inner.deserialize(text)
        except Exception as error:
            raise _Damage(f"it cannot be parsed ({_first_line(error)}); was its writing interrupted?") from error
        if isinstance(data, list):
            return data  # of vcrpy before 1.0, which vcrpy names itself
        if not isinstance(data, dict) or not isinstance(data.get("interactions"), list):
            raise _Damage("it holds no list of interactions")
        if "version" not in data:
            raise _Damage("its end is missing (`version`, which is written last); was its writing interrupted?")
        for interaction in data["interactions"]:
            for part in (interaction["request"], interaction["response"]):
                _unparse(part)
        return data

    def serialize(self, data: Any) -> Any:
        return self._inner.serialize(data)


def _look_at(text: str) -> None:
    """Raises _Damage for a file that somebody else left here."""
    if not text.strip():
        raise _Damage("it is empty")
    if text.startswith("version https://git-lfs.github.com/spec/"):
        raise _Damage("it is a pointer of Git LFS, whose file was not fetched (`git lfs pull`)")
    if marker := re.search(r"^(?:<{7}|>{7})(?: |$)", text, re.MULTILINE):
        line = text.count("\n", 0, marker.start()) + 1
        raise _Damage(f"line {line} is a conflict marker of git")


def _unparse(part: dict[str, Any]) -> None:
    """pydantic-ai's cassettes hold JSON bodies as parsed: make them bodies again."""
    if "parsed_body" in part:
        body = json.dumps(part.pop("parsed_body"))
        part["body"] = {"string": body} if "status" in part else body


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0]


def _names(path: str, persister: Any) -> str:
    """pytest-recording's persister reads more files than the one that vcrpy asks it for."""
    return " or ".join([os.fspath(path), *getattr(persister, "extra_paths", ())])


def _write(path: Path, text: str) -> None:
    """In full or not at all; through a symbolic link, and with the permissions of any new file."""
    target = Path(os.path.realpath(path))
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{secrets.token_hex(4)}.tmp")
    try:
        with temporary.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
