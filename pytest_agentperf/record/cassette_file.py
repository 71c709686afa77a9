"""The file of a cassette: damage is told and never recorded over, secrets are refused, writes are atomic."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from vcr.persisters.filesystem import CassetteDecodeError, CassetteNotFoundError, FilesystemPersister
from vcr.request import Request
from vcr.serialize import deserialize, serialize
from vcr.serializers import jsonserializer, yamlserializer

from pytest_agentperf.record import file_formats, journal, timing
from pytest_agentperf.record.file_formats import Damage, first_line
from pytest_agentperf.record.journal import Journal, Left
from pytest_agentperf.record.match import as_bytes, key
from pytest_agentperf.record.mode import CassetteError, RecordMode
from pytest_agentperf.record.redact import find_secrets, texts


class Persister:
    """vcrpy's interface of that name, around the persister that the user chose. One for each cassette that is opened."""

    def __init__(self, inner: Any, mode: RecordMode, extra_paths: Sequence[str] = ()) -> None:
        """`extra_paths`: more cassettes to replay from; they are never written."""
        self._inner = inner
        self._mode = mode
        self._extra_paths = extra_paths
        self._journal: Journal | None = None
        self.left: tuple[Left, ...] = ()
        """What a recording that was cut left behind; it is among what is loaded."""
        self.begun = True
        """The file was there, and not only what was left behind."""
        self.own = 0
        """How many requests are its own, before those of more cassettes."""

    def load_cassette(self, path: str, serializer: Any) -> tuple[Any, ...]:
        """Requests, responses and, where there are any, metadata. Raises CassetteError, or CassetteNotFoundError."""
        self._claim(path)
        try:
            return self._load_all(path, serializer)
        except CassetteNotFoundError:
            raise
        except BaseException:
            self.release(keep=True)
            raise

    def _load_all(self, path: str, serializer: Any) -> tuple[Any, ...]:
        own = self._load(path, serializer)
        self.begun = own is not None
        if self.begun and self._mode in (RecordMode.NONE, RecordMode.ONCE) and not self.left:
            self.release()  # it will not be written
        own = _with(own, self.left)
        self.own = len(own[0]) if own else 0
        loaded = [found for found in (own, *(self._load(p, serializer) for p in self._extra_paths)) if found]
        if not loaded:
            raise CassetteNotFoundError
        requests, responses = ([item for found in loaded for item in found[part]] for part in (0, 1))
        return (requests, responses, *loaded[0][2:])

    # -- what is not saved yet

    def _claim(self, path: str) -> None:
        if self._inner.save_cassette is not FilesystemPersister.save_cassette:
            return  # wherever it writes, it is no file beside which others could stand
        writes = self._mode in (RecordMode.NEW, RecordMode.ALL) or (
            self._mode is RecordMode.ONCE and not Path(path).is_file()
        )
        with suppress(OSError):  # a folder that cannot be written; saving will say so, if it comes to that
            self._journal = journal.claim(path) if writes else journal.left_behind(path)
        if self._journal:
            self.left = self._journal.left
            if self._mode is not RecordMode.NONE:
                self._journal.begin(self._mode)

    def keep(self, serial: int, request: Any, response: dict[str, Any]) -> None:
        """An exchange has ended: it outlives this process now. Left out where it holds a secret. Raises OSError."""
        if self._journal and not find_secrets(_texts("", request, response)):
            stored = {"method": request.method, "uri": request.uri, "body": as_bytes(request.body) or None}
            self._journal.add(serial, {**stored, "headers": dict(request.headers)}, response)

    def release(self, *, keep: bool = False) -> None:
        """Others may write the cassette now; what was not saved is given up, or left to the next one: `keep`."""
        if self._journal:
            self._journal.close(keep=keep)

    def _load(self, path: str, serializer: Any) -> tuple[Any, ...] | None:
        checked = _Checked(serializer)
        try:
            if self._inner is FilesystemPersister and _is_zipped(path):
                return tuple(deserialize(file_formats.text(Path(path).read_bytes()), checked))
            return tuple(self._inner.load_cassette(path, serializer=checked))
        except CassetteNotFoundError:
            if not Path(path).is_file():
                return None
            problem = "it is empty"
        except (CassetteDecodeError, UnicodeDecodeError):
            problem = "it is not UTF-8 text"
        except Damage as damage:
            problem = str(damage)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with a file, the user needs its name
            problem = first_line(error)
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
            try:
                _write(Path(path), text)
            except OSError:
                self.release(keep=True)
                raise
        else:
            self._inner.save_cassette(path, cassette_dict, serializer=serializer)


def _with(own: tuple[Any, ...] | None, left: Sequence[Left]) -> tuple[Any, ...] | None:
    """The cassette as the process that died would have saved it."""
    if not left:
        return own
    requests, responses, *metadata = own or ([], [])
    stored = [(Request._from_dict(item.request), item.response) for item in left]
    again = {key(request) for (request, _), item in zip(stored, left, strict=True) if item.mode == RecordMode.ALL}
    pairs = [pair for pair in zip(requests, responses, strict=True) if key(pair[0]) not in again]
    saved = [response.get(timing.KEY) for _, response in pairs]  # it may have died between its save and its end
    pairs += [pair for pair in stored if timing.KEY not in pair[1] or pair[1][timing.KEY] not in saved]
    return ([request for request, _ in pairs], [response for _, response in pairs], *metadata)


def _texts(place: str, request: Any, response: Any) -> Iterator[tuple[str, str]]:
    yield from texts(f"{place}, request.uri", request.uri)
    yield from texts(f"{place}, request.headers", dict(request.headers))
    yield from texts(f"{place}, request.body", as_bytes(request.body))
    yield from texts(f"{place}, response", response)


class _Checked:
    """A serializer that looks at the text before it reads it, and at what it read; it knows other recorders' formats."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def deserialize(self, text: Any) -> Any:
        if isinstance(text, str):
            file_formats.look_at(text)
        if self._inner in (yamlserializer, jsonserializer):
            data = file_formats.parse(text)
        else:
            try:
                data = self._inner.deserialize(text)
            except Exception as error:
                raise Damage(f"it cannot be parsed ({first_line(error)}); was its writing interrupted?") from error
            if isinstance(data, dict) and "requests" in data:
                return data  # LangChain's, whose own persister takes it from here
        pairs = file_formats.interactions(data)
        metadata = data.get("metadata") if isinstance(data, dict) else None
        return {"interactions": [{"request": asked, "response": got} for asked, got in pairs], "metadata": metadata}

    def serialize(self, data: Any) -> Any:
        return self._inner.serialize(data)


def _is_zipped(path: str) -> bool:
    if not Path(path).is_file():
        return False
    with Path(path).open("rb") as file:
        return file.read(2) == file_formats.GZIP


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
