"""The files that recorders write: bytes in, interactions out in the shape of vcrpy's, without vcrpy.

vcrpy of any age (before 1.0 a list with Python's own tags; `content` and `status_code` of its first httpx stubs),
pydantic-ai's `parsed_body`, LangChain's gzipped `requests:` and `responses:`, Ruby's and R's `http_interactions`; YAML or
JSON.
"""

from __future__ import annotations

import gzip
import json
import operator
import re
import zlib
from base64 import b64decode
from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Any

from pytest_agentperf.record import timing
from pytest_agentperf.record.match import as_bytes

Interaction = tuple[dict[str, Any], dict[str, Any]]
"""Request (`method`, `uri`, `body`, `headers`) and response (`status`, `headers`, `body`) as vcrpy stores them."""


class Damage(Exception):
    """Why a file cannot be used, as a clause."""


class NoCassette(Damage):
    """The file is whole, and something else."""


GZIP = b"\x1f\x8b"


def read(data: bytes) -> list[Interaction]:
    """The interactions of a file, in its order. Raises Damage."""
    whole = text(data)
    look_at(whole)
    return interactions(parse(whole))


def text(data: bytes) -> str:
    """The text in a file, unzipped. Raises Damage."""
    if data.startswith(GZIP):
        try:
            data = gzip.decompress(data)
        except (OSError, EOFError, zlib.error) as error:
            raise Damage(f"it cannot be unzipped ({first_line(error)}); was its writing interrupted?") from error
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise Damage("it is not UTF-8 text") from error


def look_at(text: str) -> None:
    """Raises Damage for a file that somebody else left here."""
    if not text or text.isspace():
        raise Damage("it is empty")
    if text.startswith("version https://git-lfs.github.com/spec/"):
        raise Damage("it is a pointer of Git LFS, whose file was not fetched (`git lfs pull`)")
    if "<<<<<<<" not in text and ">>>>>>>" not in text:
        return
    if marker := re.search(r"^(?:<{7}|>{7})(?: |$)", text, re.MULTILINE):
        line = text.count("\n", 0, marker.start()) + 1
        raise Damage(f"line {line} is a conflict marker of git")


def parse(text: str) -> Any:
    """The value of a YAML or JSON text. Raises Damage."""
    try:
        if text[:100].lstrip()[:1] in ("{", "["):
            return json.loads(text)
        loader = _loader()(text)
        try:
            root = loader.get_single_node()
            return root and _value(loader, root, {})
        finally:
            loader.dispose()
    except Exception as error:
        raise Damage(f"it cannot be parsed ({first_line(error)}); was its writing interrupted?") from error


def first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0]


@cache
def _loader() -> Any:
    import yaml
    from yaml import MappingNode, ScalarNode

    class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
        """Knows Ruby's local tag for bytes, and Python's for what old recorders left in their files."""

        def resolve(self, kind: Any, value: Any, implicit: tuple[bool, bool]) -> str:
            """The tag of a node without one, as PyYAML tells it, yet faster: quoted scalars are text."""
            if kind is ScalarNode:
                return plain(value) if implicit[0] else _STR
            return _MAP if kind is MappingNode else _SEQ

    @lru_cache(maxsize=512)  # the same few keys and numbers stand in every interaction
    def plain(value: str) -> str:
        tag: str
        for tag, pattern in Loader.yaml_implicit_resolvers.get(value[:1], ()):
            if pattern.match(value):
                return tag
        return _STR

    # They serve path resolvers, which nobody adds here, and are called for each node: C functions without effect.
    Loader.descend_resolver, Loader.ascend_resolver = staticmethod(operator.is_), staticmethod(tuple)
    Loader.add_constructor("!binary", lambda loader, node: b64decode(loader.construct_scalar(node)))
    Loader.add_multi_constructor("tag:yaml.org,2002:python/", _python)
    return Loader


_STR, _MAP, _SEQ, _MERGE = (f"tag:yaml.org,2002:{name}" for name in ("str", "map", "seq", "merge"))


def _value(loader: Any, node: Any, seen: dict[Any, Any]) -> Any:
    """What PyYAML constructs of a node, in a fraction of its time; `seen`: the values of nodes that aliases may name again."""
    tag = node.tag
    if tag == _STR:
        return node.value
    if node in seen:
        return seen[node]
    value: Any
    if tag == _MAP and _MERGE not in [key.tag for key, _ in node.value]:
        value = {
            key.value if key.tag == _STR else _value(loader, key, seen): (
                item.value if item.tag == _STR else _value(loader, item, seen)
            )
            for key, item in node.value
        }
    elif tag == _SEQ:
        value = [item.value if item.tag == _STR else _value(loader, item, seen) for item in node.value]
    else:
        value = loader.construct_object(node, deep=True)
    seen[node] = value
    return value


def _python(loader: Any, suffix: str, node: Any) -> Any:
    """What a tag of Python wraps; nothing is called.

    `unicode`, `tuple`: themselves; `object/apply:...` and `object/new:...` (multidict's `istr`, `frozenset`, `BytesIO`): their
    first argument, or the first part of their state.
    """
    value: Any
    if node.id == "scalar":
        return loader.construct_scalar(node)
    if node.id == "sequence":
        value = tuple(loader.construct_sequence(node, deep=True))
    else:
        value = loader.construct_mapping(node, deep=True)
    if not suffix.startswith("object/"):
        return value
    if isinstance(value, dict):
        value = value.get("args") or value.get("state")
    return value[0] if value else None


def interactions(data: Any) -> list[Interaction]:
    """What a parsed file holds. Raises Damage."""
    return [_interaction(number, *pair) for number, pair in enumerate(_pairs(data), start=1)]


_LAST = {"interactions": "version", "http_interactions": "recorded_with"}
"""The key of the list, and the one that is written after it."""


def _pairs(data: Any) -> list[tuple[Any, Any]]:
    if (
        isinstance(data, list)
        and data
        and all(isinstance(item, dict) and isinstance(item.get("request"), dict) for item in data)
    ):
        return [_before_1_0(item) for item in data]
    if not isinstance(data, dict):
        raise NoCassette("it holds no list of interactions")
    if isinstance(data.get("requests"), list):
        requests, responses = data["requests"], data.get("responses") or []
        if len(requests) != len(responses):
            raise Damage(
                f"it holds {len(requests)} requests and {len(responses)} responses; was its writing interrupted?"
            )
        return list(zip(requests, responses, strict=True))
    key = next((key for key in _LAST if isinstance(data.get(key), list)), None)
    if key is None:
        raise NoCassette("it holds no list of interactions")
    pairs = [
        (item.get("request"), item.get("response")) if isinstance(item, dict) else (item, None) for item in data[key]
    ]
    if _LAST[key] not in data and not any(
        _parsed(part) for pair in pairs for part in pair
    ):  # of these, some are cut by hand
        raise Damage(f"its end is missing (`{_LAST[key]}`, which is written last); was its writing interrupted?")
    return pairs


def _parsed(part: object) -> bool:
    return isinstance(part, dict) and "parsed_body" in part


def _interaction(number: int, request: Any, response: Any) -> Interaction:
    if not isinstance(request, dict) or not isinstance(response, dict):
        raise Damage(f"interaction {number} is no request with a response")
    if not (isinstance(request.get("method"), str) and isinstance(request.get("uri"), str)):
        raise Damage(f"interaction {number}: its request has no method and uri")
    try:
        return _request(request), _response(response)
    except Damage as damage:
        raise Damage(f"interaction {number} ({request['method']} {request['uri'][:80]}): {damage}") from None


def _request(stored: dict[str, Any]) -> dict[str, Any]:
    body = stored.get("body")
    if "parsed_body" in stored:
        body = _json(stored["parsed_body"])
    elif isinstance(body, dict):
        body = _held(body) if _HELD & body.keys() else _json(body)
    elif isinstance(body, (list, tuple)):
        body = as_bytes(body)  # an iterator's pieces
    headers = _headers(stored.get("headers"))
    return {"method": stored["method"].upper(), "uri": stored["uri"], "body": body, "headers": headers}


def _response(stored: dict[str, Any]) -> dict[str, Any]:
    status, headers = stored.get("status", stored.get("status_code")), _headers(stored.get("headers"))
    if isinstance(status, int):
        status = {"code": status, "message": ""}
    if not isinstance(status, dict) or "code" not in status:
        raise Damage("its response has no status")
    if not isinstance(code := status["code"], int) or not 100 <= code <= 999:
        raise Damage(f"its response has no such status as {code!r}")
    try:
        timing.check(stored.get(timing.KEY))
    except ValueError as error:
        raise Damage(f"response.{timing.KEY}.{error}") from None
    body = stored.get("body", stored.get("content"))
    if "parsed_body" in stored:
        body = _json(stored["parsed_body"])
        headers = {name: values for name, values in headers.items() if name.lower() not in _OF_THE_BODY}
    elif isinstance(body, dict):
        body = _held(body)
    elif body is None and not _is_empty(status["code"], headers):
        raise Damage("its response has no body")
    rest = {key: value for key, value in stored.items() if key not in _REPLACED}
    return {**rest, "status": status, "headers": headers, "body": {"string": body or b""}}


_REPLACED = ("body", "parsed_body", "content", "status_code")
_OF_THE_BODY = ("content-length", "content-encoding")
"""What they say is not true of one that is written anew."""
_HELD = {"string", "base64_string"}


def _held(body: Mapping[str, Any]) -> Any:
    if "base64_string" in body:
        return b64decode(body["base64_string"])
    if "string" in body:
        return body["string"]
    raise Damage("its response has no body")


def _json(value: Any) -> str:
    """A text that stands for JSON is one that was no JSON."""
    return value if isinstance(value, str) else json.dumps(value)


def _headers(stored: Any) -> dict[str, Any]:
    """Names to values; a response of before vcrpy 1.0 has lines, a request's may be pairs."""
    if isinstance(stored, (list, tuple)):
        lines = (line.partition(":")[::2] if isinstance(line, str) else line for line in stored)
        headers: dict[str, Any] = {}
        for name, value in lines:
            headers.setdefault(name, []).append(value.strip())
        return headers
    return stored or {}


def _is_empty(code: int, headers: Mapping[str, Any]) -> bool:
    """R's recorder leaves out a body of no bytes."""
    length = next((value for name, value in headers.items() if name.lower() == "content-length"), None)
    return code in (204, 304) or length in ("0", ["0"])


def _before_1_0(item: Mapping[str, Any]) -> tuple[Any, Any]:
    """An address in four parts; headers of one value."""
    request = dict(item["request"])
    if "uri" not in request and "host" in request:
        scheme, port = request.get("protocol", "https"), request.get("port")
        shown = "" if port in (None, {"http": 80, "https": 443}.get(scheme)) else f":{port}"
        request["uri"] = f"{scheme}://{request['host']}{shown}{request.get('path', '')}"
    return request, item.get("response")
