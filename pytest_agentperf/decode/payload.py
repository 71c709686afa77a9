"""What the wire formats read (an exchange free of its transport) and what they give."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

from pytest_agentperf.decode.body import Body, open_body
from pytest_agentperf.decode.json_ import obj, parse
from pytest_agentperf.model.call import Prompt, SideCall, ToolCall
from pytest_agentperf.model.exchange import Headers, Request, Response
from pytest_agentperf.model.usage import Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    host: str
    """Without port, lower case; empty where the address is redacted."""
    path: str
    """Of the address, escapes undone."""
    request: dict[str, Any]
    """Cache hints are taken out: they say nothing about what is asked."""
    body: Body = field(default_factory=Body)
    headers: Headers = ()
    """Of the answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What a request says."""

    model: str = ""
    prompt: Prompt = field(default_factory=Prompt)
    said: tuple[object, ...] = ()
    """All of the prompt: system prompt, tools, messages as they came. `prompt.words` are its texts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What an answer says."""

    model: str = ""
    id: str = ""
    usage: Usage | None = None
    side_calls: tuple[SideCall, ...] = ()
    service_tier: str = ""
    wire_cost: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    server_tools: tuple[str, ...] = ()
    finish: str = ""
    text: str = ""
    """What the reader of the answer sees."""
    thoughts: str = ""
    """Reasoning as far as it is shown."""
    error: str = ""
    """Why the model failed though the answer began well."""
    complete: bool = True
    """The stream came to the end that its format prescribes."""


_MODEL = re.compile(r"/models?/(.+?)(?:/(?:invoke|converse)[a-z-]*|:[A-Za-z]+)$|/deployments/([^/]+)/")
"""`/model/NAME/invoke` (Bedrock), `/models/NAME:generateContent` (Google), `/deployments/NAME/chat/completions` (Azure)."""


def model_in(path: str) -> str:
    """The model that an address names; empty where it names none."""
    found = _MODEL.search(path)
    return (found[1] or found[2]) if found else ""


_HINTS = ("cache_control", "cachePoint")
"""Where a prompt's cache ends (Anthropic; Bedrock): they move from request to request while the messages stay."""


def unwrap(request: Request, response: Response | None) -> Payload:
    """Take an exchange out of its transport. Never raises on any bytes."""
    try:
        address = urlsplit(request.url)
        host, path = address.hostname or "", unquote(address.path)
    except ValueError:
        host, path = "", request.url
    asked = obj(parse(request.body)) if request.body[:64].lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{") else {}
    if any(hint.encode() in request.body for hint in _HINTS):
        asked = obj(_without_hints(asked))
    if response is None:
        return Payload(host=host, path=path, request=asked)
    return Payload(host=host, path=path, request=asked, headers=response.headers, body=open_body(response.body))


def _without_hints(value: Any) -> Any:
    """A block that is nothing but a hint goes as a whole."""
    if isinstance(value, dict):
        return {key: _without_hints(item) for key, item in value.items() if key not in _HINTS}
    if isinstance(value, list):
        return [
            _without_hints(item) for item in value if not (isinstance(item, dict) and item and set(item) <= set(_HINTS))
        ]
    return value
