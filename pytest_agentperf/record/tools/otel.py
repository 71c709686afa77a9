"""OpenTelemetry spans of tools: frameworks that make them say more of a run than anybody else could guess.

https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-agent-spans/#execute-tool-span and the older dialects of
OpenInference, OpenLLMetry and logfire. The SDK's spans are watched themselves, whichever provider makes them: a processor
could not be taken out of the user's provider again. Nothing is seen where spans are not sampled.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import ModuleType
from typing import Any, NamedTuple

from pytest_agentperf.record.imports import on_import
from pytest_agentperf.record.recorder import active

_MODULE = "opentelemetry.sdk.trace"
_KINDS = {"gen_ai.operation.name": "execute_tool", "openinference.span.kind": "TOOL", "traceloop.span.kind": "tool"}
_NAMES = ("gen_ai.tool.name", "tool.name", "traceloop.entity.name", "name")
_ARGUMENTS = ("gen_ai.tool.call.arguments", "tool_arguments", "input.value", "input")
_PREFIXES = ("execute_tool ", "Function: ", "MCP send tools/call ")
"""Of spans whose attributes do not say what they are: logfire's, MCP's."""


_OURS = "agentperf_original"


@contextmanager
def listening() -> Iterator[None]:
    """Each span of a tool that ends is told to the active recorder. Re-entrant; loads nothing."""
    patched: list[type] = []

    def listen(module: ModuleType) -> None:
        if not hasattr(module.Span.end, _OURS):
            module.Span.end = _telling(module.Span.end)
            patched.append(module.Span)

    with on_import([_MODULE], listen):
        try:
            yield
        finally:
            for span in patched:
                span.end = getattr(span.end, _OURS, span.end)  # type: ignore[attr-defined]


def _telling(end: Any) -> Any:
    @functools.wraps(end)
    def telling(self: Any, *args: Any, **kwargs: Any) -> None:
        again = getattr(self, "end_time", None) is not None
        end(self, *args, **kwargs)
        if not again:
            _tell(self)

    setattr(telling, _OURS, end)
    return telling


def _tell(span: Any) -> None:
    recorder = active()
    if recorder is None or recorder.open_calls is None:
        return
    try:
        if told := read(span.name, span.attributes or {}):
            recorder.saw_tool(*told, "otel", lasted_ns=span.end_time - span.start_time, error=_error(span))
    except Exception as error:  # noqa: BLE001 - theirs or ours, it must not reach the agent
        recorder.bug(error)


class Told(NamedTuple):
    """What a span says of a tool's run."""

    name: str
    arguments: Any
    call_id: str | None


def read(name: str, attributes: Mapping[str, Any]) -> Told | None:
    """None where it is not of a tool."""
    if name.endswith("(merged)"):  # Google's ADK sums its parallel calls up in one more, of no length
        return None
    if not any(attributes.get(key) == kind for key, kind in _KINDS.items()) and not name.startswith(_PREFIXES):
        return None
    return Told(
        name=str(next(filter(None, map(attributes.get, _NAMES)), name.rsplit(maxsplit=1)[-1])),
        arguments=next(filter(None, map(attributes.get, _ARGUMENTS)), None),
        call_id=attributes.get("gen_ai.tool.call.id"),
    )


def _error(span: Any) -> str | None:
    """The last exception that it recorded, where it failed."""
    if span.status.is_ok:
        return None
    types = [event.attributes.get("exception.type") for event in span.events if event.name == "exception"]
    return str(types[-1]).rpartition(".")[2] if types else "error"
