"""Usage of streamed OpenAI chat answers, which say it only if `stream_options.include_usage` asks for it.

While a cassette is recorded it is asked for. The event that tells it is taken out of what the client reads and of the stored
body, which is thus what it would have been, and kept beside the timing; the stored request is the client's own.
"""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import urlsplit

from pytest_agentperf.model.exchange import Request

OPTION = "agentperf_include_usage"
CHOICES = ("openai", "all", "off")
"""Of whom it is asked: OpenAI; every address of its shape, where all servers know it; nobody."""

OF_THE_BODY = ("content-length", "transfer-encoding", "accept-encoding")
"""Headers that such a request has anew: of its own length, and `identity`, for a packed answer could not be changed on its way."""
IDENTITY = ("accept-encoding", "identity")

_END = re.compile(rb"\r\n\r\n|\n\n")


def asking(request: Request, of: str) -> bytes | None:
    """The body that asks for usage; None where it needs no change, or is none of a streamed chat."""
    address = urlsplit(request.url)
    if of == "off" or not address.path.endswith("/chat/completions"):
        return None
    if of == "openai" and address.hostname != "api.openai.com":
        return None
    try:
        body = json.loads(request.body)
    except ValueError:
        return None
    if not isinstance(body, dict) or body.get("stream") is not True:
        return None
    options = body.get("stream_options") or {}
    if not isinstance(options, dict) or "include_usage" in options:
        return None
    return json.dumps({**body, "stream_options": {**options, "include_usage": True}}).encode()


class Hiding:
    """Takes the event out of a stream in whatever pieces it comes. Parts of events wait for their rest."""

    def __init__(self) -> None:
        self.hidden = b""
        self._begun = b""

    def __call__(self, data: bytes) -> bytes:
        """What the client is to see by now."""
        data, shown, at = self._begun + data, bytearray(), 0
        for end in _END.finditer(data):
            event, at = data[at : end.end()], end.end()
            if _tells_usage_only(event):
                self.hidden += event
            else:
                shown += event
        self._begun = data[at:]
        return bytes(shown)

    def rest(self) -> bytes:
        """What is left at the end."""
        rest, self._begun = self._begun, b""
        return rest


def _tells_usage_only(event: bytes) -> bool:
    if b'"usage"' not in event or not event.startswith(b"data:"):
        return False
    try:
        value: Any = json.loads(event[5:])
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict) and value.get("choices") == [] and isinstance(value.get("usage"), dict)
