"""What a call cost: as the provider said, else by the project's own prices, else by a public table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache, lru_cache
from importlib import metadata
from typing import Any

from pytest_agentperf.model.call import ModelCall
from pytest_agentperf.model.usage import Cost, Usage

_MILLION = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnPrice:
    """US dollars per million tokens, as the project wrote them down."""

    input: Decimal
    output: Decimal
    cache_read: Decimal | None = None
    """None: as `input`."""
    cache_write: Decimal | None = None
    """None: as `input`."""


def price(call: ModelCall, own_prices: Mapping[str, OwnPrice] | None = None, when: datetime | None = None) -> Cost:
    """What a call cost; a reason where nobody can tell. Never raises.

    `own_prices` are by model, as it answered or as it was asked for; `when`, with a time zone, dates the table (None: now).
    """
    if call.wire_cost is not None:
        return Cost(usd=Decimal(call.wire_cost), source="wire", note="stated by the provider")
    if call.usage is None or call.usage.total is None:
        failed = f"the call failed ({call.error}), with " if call.error else ""
        return Cost(usd=None, source="none", note=f"{failed}no usage to price for model {call.model!r}")
    costs = [_price(call, _names(call), call.usage, own_prices or {}, when)]
    costs += [_price(call, (side.model or call.model,), side.usage, own_prices or {}, when) for side in call.side_calls]
    if len(costs) == 1:
        return costs[0]
    unknown = next((cost for cost in costs if cost.usd is None), None)
    return unknown or replace(costs[0], usd=sum((cost.usd or Decimal(0) for cost in costs), Decimal(0)))


def _names(call: ModelCall) -> tuple[str, ...]:
    """What the model may be listed as, best first. Bedrock's own name tells the region, which has its price."""
    asked = call.requested_model or call.model
    return (asked, call.model) if call.provider == "bedrock" else (call.model,)


def _price(
    call: ModelCall, names: tuple[str, ...], usage: Usage, own_prices: Mapping[str, OwnPrice], when: datetime | None
) -> Cost:
    own = next((own_prices[name] for name in (*names, call.requested_model) if name and name in own_prices), None)
    if own is not None:
        usd = _by_own_price(usage, own)
        return Cost(usd=usd, source="user", note="the project's own prices", estimated=usage.estimated)
    minute = (when or datetime.now(UTC)).replace(second=0, microsecond=0)
    return _by_table(call.provider, names, call.service_tier, usage, minute)


def _by_own_price(usage: Usage, own: OwnPrice) -> Decimal:
    read, write = usage.cache_read or 0, usage.cache_write or 0
    plain = max(0, (usage.input or 0) - read - write)
    parts = (
        (plain, own.input),
        (read, own.input if own.cache_read is None else own.cache_read),
        (write, own.input if own.cache_write is None else own.cache_write),
        (usage.output or 0, own.output),
    )
    return sum((tokens * per_million for tokens, per_million in parts), Decimal(0)) / _MILLION


_PROVIDERS = {
    "bedrock": "aws",
    "gemini": "google",
    "vertexai": "google",
    "xai": "x-ai",
    "moonshot": "moonshotai",
    "huggingface": None,
    "portkey": None,
    "unknown": None,
}
"""Ours -> genai-prices', where they differ; None: passed on to others, found by the model's name alone."""


@lru_cache(maxsize=4096)
def _by_table(provider: str, names: tuple[str, ...], tier: str | None, usage: Usage, when: datetime) -> Cost:
    """Asked again and again for the same call: while a test runs, when it ends, and beside its baseline."""
    unknown = f"no price for model {names[0]!r} of provider {provider!r}"
    try:
        found = _lookup(provider, names, tier, usage, when)
    except Exception as error:  # noqa: BLE001 - whatever goes wrong in there, a price is missing and no more
        return Cost(usd=None, source="none", note=f"{unknown} ({type(error).__name__}: {error})")
    if found is None:
        return Cost(usd=None, source="none", note=unknown)
    note = f"genai-prices {table_version()} for {when.date()}: {found.provider.id} {found.model.id}"
    return Cost(usd=found.total_price, source="table", note=note, estimated=usage.estimated)


def _lookup(provider: str, names: tuple[str, ...], tier: str | None, usage: Usage, when: datetime) -> Any:
    """The table's answer for the first name it knows; None where it knows none."""
    import genai_prices

    counts = genai_prices.Usage(**_table_usage(usage))
    listed = _PROVIDERS.get(provider, provider)
    context = dict.fromkeys(("service_tier", "speed", "processing"), tier) if tier else None
    for name in dict.fromkeys(names):
        try:
            return genai_prices.calc_price(
                counts, name, provider_id=listed, genai_request_timestamp=when, price_context=context
            )
        except LookupError:
            continue
    return None


def _table_usage(usage: Usage) -> dict[str, int]:
    """Tokens under the table's names. It refuses a part that is larger than its whole, as providers write now and then."""
    given, output = usage.input or 0, usage.output or 0
    read = min(usage.cache_read or 0, given)
    written = min(usage.cache_write or 0, given - read)
    heard, spoken = min(usage.audio_input or 0, given - read - written), min(usage.audio_output or 0, output)
    counts = {
        "input_tokens": given,
        "output_tokens": output,
        "cache_read_tokens": read,
        "cache_write_tokens": written,
        "cache_write_1h_tokens": min(usage.cache_write_1h or 0, written),
        "input_audio_tokens": heard,
        "output_audio_tokens": spoken,
        "output_reasoning_tokens": min(usage.reasoning or 0, output - spoken),
    }
    overlaps = {
        "cache_audio_read_tokens": read and heard,
        "cache_audio_write_tokens": written and heard,
        "output_audio_reasoning_tokens": spoken and counts["output_reasoning_tokens"],
    }
    known = {name: count for name, count in counts.items() if count}
    return known | {name: 0 for name, both in overlaps.items() if both}  # it asks how much is both; nobody says


@cache
def table_version() -> str | None:
    """Version of the price table; None where it is not installed. Does not import it. To ask for it reads files."""
    try:
        return metadata.version("genai-prices")
    except metadata.PackageNotFoundError:
        return None
