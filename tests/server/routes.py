"""Which wire format an address of the fake provider speaks."""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

from server import (
    anthropic_messages,
    bedrock_converse,
    cohere_v1,
    cohere_v2,
    gemini,
    mistral,
    ollama,
    openai_chat,
    openai_responses,
)
from server.answer import Format, Json

FORMATS: dict[str, Format] = {
    "/v1/chat/completions": openai_chat,
    "/v1/responses": openai_responses,
    "/v1/messages": anthropic_messages,
    r"/v1\w*/(?:.+/)?models/(?P<model>[^/:]+):(?:generateContent|(?P<stream>streamGenerateContent))": gemini,
    "/mistral/v1/chat/completions": mistral,
    "/v1/chat": cohere_v1,
    "/v2/chat": cohere_v2,
    "/api/chat": ollama,
    "/model/(?P<model>.+)/converse(?P<stream>-stream)?": bedrock_converse,
}
"""Pattern of the path -> format. What a path says instead of the body, the model and whether to stream, are its groups.

Mistral shares the path of OpenAI at another host, and so has a first part of its own here.
"""


def route(url: str) -> tuple[Format, Json] | None:
    """The format spoken at an address, and what the address says of the request; None: nothing is spoken there."""
    path = urlsplit(url).path
    for pattern, wire in FORMATS.items():
        if found := re.fullmatch(pattern, path):
            said: Json = {"model": unquote(found["model"])} if "model" in found.groupdict() else {}
            return wire, said | ({"stream": found["stream"] is not None} if "stream" in found.groupdict() else {})
    return None
