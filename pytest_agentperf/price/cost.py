"""What a call cost: as the provider said, else by the project's own prices, else by a public table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
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


def price(
    call: ModelCall,
    own_prices: Mapping[str, OwnPrice] | None = None,
    when: datetime | None = None,
) -> Cost:
    """Never raises. `own_prices` by model, as it answered or as it was asked for; `when` dates the table's prices (None: now)."""
    if call.wire_cost is not None:
        return Cost(usd=Decimal(call.wire_cost), source="wire", note="stated by the provider")
    if call.usage is None or call.usage.total is None:
        failed = f"the call failed ({call.error}) and " if call.error else ""
        return Cost(
            usd=None,
            source="none",
            note=f"{failed}no usage to price for model {call.model!r}",
        )
    own = _own(call, own_prices or {})
    if own is not None:
        usd = _by_own_price(call.usage, own)
        return Cost(
            usd=usd,
            source="user",
            note="the project's own prices",
            estimated=call.usage.estimated,
        )
    return _by_table(call, call.usage, when)


def _own(call: ModelCall, own_prices: Mapping[str, OwnPrice]) -> OwnPrice | None:
    return own_prices.get(call.model) or own_prices.get(call.requested_model or call.model)


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
    "unknown": None,
}
"""Ours -> genai-prices', where they differ; None: found by the model's name alone."""


def _by_table(call: ModelCall, usage: Usage, when: datetime | None) -> Cost:
    unknown = f"no price for model {call.model!r} of provider {call.provider!r}"
    try:
        import genai_prices  # 0.4 s and 100 MB: only who asks for a cost pays

        found = _lookup(
            genai_prices.calc_price,
            call,
            genai_prices.Usage(**_table_usage(usage)),
            when,
        )
    except Exception as error:  # noqa: BLE001 - whatever goes wrong in there, a price is missing and no more
        return Cost(usd=None, source="none", note=f"{unknown} ({type(error).__name__}: {error})")
    if found is None:
        return Cost(usd=None, source="none", note=unknown)
    note = f"genai-prices {table_version()}: {found.provider.id}, {found.model.id}"
    return Cost(usd=found.total_price, source="table", note=note, estimated=usage.estimated)


def _lookup(calc_price: Any, call: ModelCall, usage: Any, when: datetime | None) -> Any:
    """The table's answer for the model that answered, else for the one asked for; None where it knows neither."""
    provider = _PROVIDERS.get(call.provider, call.provider)
    for model in dict.fromkeys(filter(None, (call.model, call.requested_model))):
        try:
            return calc_price(usage, model, provider_id=provider, genai_request_timestamp=when)
        except LookupError:
            continue
    return None


def _table_usage(usage: Usage) -> dict[str, int]:
    counts = {
        "input_tokens": usage.input,
        "output_tokens": usage.output,
        "cache_read_tokens": usage.cache_read,
        "cache_write_tokens": usage.cache_write,
        "cache_write_1h_tokens": usage.cache_write_1h,
        "input_audio_tokens": usage.audio_input,
        "output_audio_tokens": usage.audio_output,
    }
    return {name: count for name, count in counts.items() if count}


def table_version() -> str | None:
    """Version of the price table; None where it is not installed. Does not import it."""
    try:
        return metadata.version("genai-prices")
    except metadata.PackageNotFoundError:
        return None
