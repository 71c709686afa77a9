"""Agents as plans, and the profiles that their runs would leave: for suites of any size with causes put in by hand."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from decimal import Decimal
from hashlib import blake2b

from pytest_agentperf.model.call import Message, ModelCall, Prompt, ToolCall, ToolResult
from pytest_agentperf.model.exchange import Origin, Timing
from pytest_agentperf.model.profile import ClockKind, Profile
from pytest_agentperf.model.span import Span, SpanKind
from pytest_agentperf.model.usage import Usage
from pytest_agentperf.price.cost import OwnPrice

MS = 1_000_000
PRICES = {
    "large": OwnPrice(input=Decimal(3), output=Decimal(15), cache_read=Decimal("0.3")),
    "small": OwnPrice(input=Decimal("0.8"), output=Decimal(4), cache_read=Decimal("0.08")),
    "tiny": OwnPrice(input=Decimal("0.1"), output=Decimal("0.4"), cache_read=Decimal("0.01")),
}
SPEED = {"large": (400, 18), "small": (250, 7), "tiny": (150, 4)}
"""Milliseconds to the first byte, and for each token of the answer."""


@dataclass
class Run:
    """One execution of a tool."""

    name: str
    ms: int
    size: int
    """Bytes that it returns."""


@dataclass
class Turn:
    agent: str
    model: str
    system: int
    """Bytes of the system prompt."""
    tools: int
    said: int
    """Bytes that the user adds."""
    output: int
    cached: bool
    runs: list[Run] = field(default_factory=list)
    serial: bool = False
    error: str | None = None
    backoff_ms: int = 0
    slow: float = 1.0
    take: str = ""
    """Names another recording of the answer."""


def digest(*parts: object) -> str:
    return blake2b(repr(parts).encode(), digest_size=8).hexdigest()


def profile(nodeid: str, turns: list[Turn]) -> Profile:
    calls: list[ModelCall] = []
    spans: list[Span] = []
    talks: dict[str, list[Message]] = {}
    results: dict[str, list[ToolResult]] = {}
    now = 0
    for turn in turns:
        talk, known = talks.setdefault(turn.agent, []), results.setdefault(turn.agent, [])
        if turn.said and not turn.error:
            talk.append(Message(role="user", digest=digest("user", turn.said), size=turn.said))
        size = turn.system + turn.tools + sum(message.size for message in talk)
        start, (first, each) = now, SPEED[turn.model]
        ended = start + (120 if turn.error else int((first + each * turn.output) * turn.slow)) * MS
        number = len(calls)
        spans.append(
            Span(id=len(spans) + 1, parent=None, kind=SpanKind.TIMER, name=turn.agent, start_ns=start, end_ns=ended)
        )
        calls.append(
            ModelCall(
                index=number,
                provider="openai",
                api="openai-chat",
                model=turn.model,
                requested_model=turn.model,
                status=429 if turn.error else 200,
                error=turn.error,
                usage=None
                if turn.error
                else Usage(
                    input=size // 4,
                    output=turn.output,
                    cache_read=(size - turn.said) // 4 if turn.cached else 0,
                ),
                tool_calls=tuple(
                    ToolCall(id=f"call_{number}_{at}", name=run.name, arguments="{}")
                    for at, run in enumerate(turn.runs)
                ),
                prompt=Prompt(
                    system_digest=digest("system", turn.agent, turn.system),
                    system_size=turn.system,
                    tools_digest=digest("tools", turn.agent, turn.tools),
                    tools_size=turn.tools,
                    messages=tuple(talk),
                    results=tuple(known),
                ),
                request_size=size + 195 + len(turn.model),
                response_size=4 * turn.output,
                answer_digest=digest("answer", turn.agent, number, turn.take),
                start_ns=start,
                end_ns=ended,
                origin=Origin.REPLAYED,
                timing=Timing.RECORDED,
                span=len(spans),
                turn=1
                + sum(call.error is None for call in calls if call.span and spans[call.span - 1].name == turn.agent),
            )
        )
        now = ended
        if turn.error:
            now += turn.backoff_ms * MS
            continue
        talk.append(Message(role="assistant", digest=digest("answer", number, turn.output), size=4 * turn.output))
        at = now
        for place, run in enumerate(turn.runs):
            spans.append(
                Span(
                    id=len(spans) + 1, parent=None, kind=SpanKind.TOOL, name=run.name, start_ns=at,
                    end_ns=at + run.ms * MS, call=number, call_id=f"call_{number}_{place}",
                )
            )  # fmt: skip
            now = max(now, at + run.ms * MS)
            at = now if turn.serial else at
            talk.append(Message(role="tool", digest=digest(run.name, run.size), size=run.size + 60))
            known.append(ToolResult(call_id=f"call_{number}_{place}", digest=digest(run.size), size=run.size))
    return Profile(nodeid=nodeid, clock=ClockKind.VIRTUAL, latency_ns=now, calls=tuple(calls), spans=tuple(spans))


def plan(seed: int, turns: tuple[int, int] = (2, 9)) -> list[Turn]:
    """So many turns of one of four agents, some with a summarizer in between."""
    rng = random.Random(seed)
    agent = rng.choice(["planner", "researcher", "coder", "support"])
    system = {"planner": 4800, "researcher": 8400, "coder": 13600, "support": 3600}[agent]
    planned = []
    last = rng.randint(turns[0] - 1, turns[1] - 1)
    for number in range(last + 1):
        count = 0 if number == last else 1 if number == 0 else rng.choice([1, 1, 1, 3, 4])
        names = [rng.choice(["search", "fetch", "sql", "read_file"])] if count == 1 else ["fetch"] * count
        planned.append(
            Turn(
                agent=agent,
                model="small" if agent == "support" else "large",
                system=system,
                tools=2560,
                said=rng.randint(80, 1600) if number == 0 else 0,
                output=rng.randint(30, 500),
                cached=number > 0,
                runs=[Run(name, rng.randint(50, 1500), rng.randint(200, 3600)) for name in names],
            )
        )
    if rng.random() < 0.3:
        planned.insert(1, Turn("summarizer", "small", 1200, 0, 2000, rng.randint(30, 200), cached=False))
    return planned


def inject(number: int, turns: list[Turn]) -> tuple[list[Turn], set[str]]:
    """The plan with the six causes that apply to it, and their kinds."""
    turns = [replace(turn, runs=[replace(run) for run in turn.runs]) for turn in turns]
    truth = set()
    for turn in turns:
        if turn.agent == "researcher":
            turn.system += 1200
            truth.add("system-prompt")
        if turn.agent == "summarizer":
            turn.model = "large"
            truth.add("model")
        if turn.agent == "coder" and turn.cached:
            turn.cached = False
            truth.add("cache-lost")
        if turn.agent == "planner" and len(turn.runs) > 1:
            turn.serial = True
            truth.add("parallel-lost")
        for run in turn.runs:
            if run.name == "sql":
                run.size += 1000
                truth.add("tool-result")
    if number % 97 == 0 and turns[-1].agent != "summarizer":
        last = turns[-1]
        extra = replace(last, runs=[Run("search", 300, 800)], output=90, said=0, cached=last.cached)
        turns.insert(len(turns) - 1, extra)
        truth.add("extra-turn")
    return turns, truth


def suite(tests: int) -> tuple[list[Profile], list[Profile], list[set[str]]]:
    """Baselines, runs with six causes put in, and for each test the kinds of those."""
    base, head, truth = [], [], []
    for number in range(tests):
        turns = plan(number)
        changed, kinds = inject(number, turns)
        nodeid = f"tests/test_m{number % 40:02}.py::test_{number}"
        base.append(profile(nodeid, turns))
        head.append(profile(nodeid, changed))
        truth.append(kinds)
    return base, head, truth
