"""What was not recorded, as causes: a changed prompt ends a replay before any number can change."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_agentperf.model.call import ModelCall, Prompt
from pytest_agentperf.model.change import Edit, Share, Step
from pytest_agentperf.model.metric import METRICS
from pytest_agentperf.model.miss import Miss
from pytest_agentperf.model.number import Number
from pytest_agentperf.model.usage import Usage

_PARTS = (
    ("system prompt", "system_digest"),
    ("tool schemas", "tools_digest"),
)


def steps(misses: Sequence[Miss]) -> tuple[Step, ...]:
    """Of the first miss, which ended the test: what it adds to the numbers of that one call, or what that call adds."""
    return tuple(map(_step, misses[:1]))


def _step(miss: Miss) -> Step:
    agents = (miss.agent,) if miss.agent else ()
    if miss.nearest is None:
        what = "an LLM call{of} is not recorded, and none like it is"
        return Step(edit=Edit(kind="miss", key=("",), what=what, agents=agents), shares=())
    if miss.extra:
        what, shares = "one more LLM call{of} than is recorded{each}", _whole(miss.asked)
        key: tuple[str, ...] = ("extra",)
    else:
        part, key = _changed(miss.asked, miss.nearest)
        what, shares = (
            f"{part}{{of}} changed, which is not recorded{{each}}{_cache(miss)}",
            _grown(miss.asked, miss.nearest),
        )
    amounts = {name: amount for name, amount in shares if amount}
    each = (int(amounts["input_tokens"]),) if "input_tokens" in amounts else ()
    return Step(
        edit=Edit(kind="miss", key=key, what=what, agents=agents, each=each, unit="tokens"),
        shares=tuple(Share(metric=name, amount=amount, unit=METRICS[name].unit) for name, amount in amounts.items()),
    )


def _changed(asked: ModelCall, nearest: ModelCall) -> tuple[str, tuple[str, ...]]:
    """What of the request is new, and what makes two such changes the same."""
    if asked.requested_model != nearest.requested_model:
        old, new = nearest.requested_model or "", asked.requested_model or ""
        return f"the model (from {old} to {new})", ("model", old, new)
    for name, digest in _PARTS:
        old, new = getattr(nearest.prompt, digest), getattr(asked.prompt, digest)
        if old != new:
            return name, (name, old, new)
    return "the conversation", ("conversation",)


def _cache(miss: Miss) -> str:
    """The recording cannot show what the provider's cache will do: what is alike from the start on can still be served."""
    then = miss.nearest.usage.cache_read if miss.nearest and miss.nearest.usage else None
    now = miss.asked.usage.cache_read if miss.asked.usage else None
    if not then or now is None or now >= then:
        return ""
    return f"; of {then:,} tokens from the provider's prompt cache it would leave about {now:,}"


def _whole(asked: ModelCall) -> Iterator[tuple[str, Number]]:
    usage = asked.usage or Usage()
    yield "llm_calls", 1
    yield "input_tokens", usage.input or 0
    yield "cache_read_tokens", usage.cache_read or 0
    if asked.cost and asked.cost.usd is not None:
        yield "cost", asked.cost.usd
    yield "request_bytes", _size(asked.prompt)


def _grown(asked: ModelCall, nearest: ModelCall) -> Iterator[tuple[str, Number]]:
    yield "input_tokens", _more(asked, nearest, "input")
    yield "cache_read_tokens", _more(asked, nearest, "cache_read")
    if asked.cost and nearest.cost and asked.cost.usd is not None and nearest.cost.usd is not None:
        yield "cost", asked.cost.usd - nearest.cost.usd
    yield "request_bytes", _size(asked.prompt) - _size(nearest.prompt)


def _size(prompt: Prompt) -> int:
    """Of what is asked. The bytes of a body also tell how somebody's file, or client, lays out JSON."""
    return prompt.system_size + prompt.tools_size + prompt.new_size + prompt.history_size


def _more(asked: ModelCall, nearest: ModelCall, name: str) -> int:
    if asked.usage is None or nearest.usage is None:
        return 0
    return (getattr(asked.usage, name) or 0) - (getattr(nearest.usage, name) or 0)
