"""What a rule found out about a test: where the agent loses time, tokens or money, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    code: str
    """Of the rule: `AP101`."""
    name: str
    """Of the rule, for people: `sequential-tools`."""
    message: str
    """One sentence: what was seen, in numbers."""
    fix: str
    """One sentence: what to do about it."""
    cause: str = ""
    """What the rule tells its findings apart by: `loop`, `blocking`, `limit`, a timer's name; else empty."""
    lost_ms: float | None = None
    """Milliseconds that it cost at most; None where time is not what it costs, or is unknown. The same below."""
    lost_tokens: int | None = None
    lost_usd: Decimal | None = None
    calls: tuple[int, ...] = ()
    """`ModelCall.index` of the calls that it is about."""
    spans: tuple[int, ...] = ()
    """`Span.id` of the spans that it is about."""
    tools: tuple[str, ...] = ()
    """Names of the tools that it is about, in the order of calls, each once."""
    where: str = ""
    """`path:line` in the agent; empty where unknown."""
    gating: bool = True
    """A proof, for which `fail_on` fails the test, and no hint."""
