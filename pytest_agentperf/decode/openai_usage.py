"""The `usage` object of OpenAI's formats and of everybody who speaks them.

OpenAI: https://platform.openai.com/docs/api-reference/chat/object and .../responses/object. Where the others differ, the
comment names who; each difference was seen in recorded traffic.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from pytest_agentperf.decode.json_ import count, number, obj
from pytest_agentperf.model.usage import Usage


def read_usage(raw: dict[str, Any]) -> Usage | None:
    """Inclusive buckets; None where the object counts neither input nor output."""
    given = count(raw.get("prompt_tokens"), raw.get("input_tokens"))
    output = count(raw.get("completion_tokens"), raw.get("output_tokens"))
    if given is None and output is None:
        return None
    # `..._token_details` (singular): Writer
    details = _first_object(raw, "prompt_tokens_details", "input_tokens_details", "prompt_token_details")
    out_details = _first_object(raw, "completion_tokens_details", "output_tokens_details", "completion_token_details")
    cached = count(
        details.get("cached_tokens"),
        raw.get("num_cached_tokens"),  # Mistral
        raw.get("prompt_cache_hit_tokens"),  # DeepSeek
        raw.get("cached_tokens"),  # Together, Moonshot
        raw.get("cache_read_input_tokens"),  # Databricks
    )
    written = count(details.get("cache_write_tokens"), raw.get("cache_creation_input_tokens"))
    reasoning = count(out_details.get("reasoning_tokens"), raw.get("reasoning_tokens"))
    hidden = _hidden(raw, given, output)
    if hidden and "prompt_audio_seconds" not in raw:
        output = (output or 0) + hidden
        reasoning = reasoning or hidden
    elif hidden:  # Mistral counts heard audio in the total only
        given = (given or 0) + hidden
    return Usage(
        input=_with_cached(raw, details, given, cached),
        output=output,
        cache_read=cached,
        cache_write=written,
        reasoning=reasoning,
        audio_input=count(details.get("audio_tokens")),
        audio_output=count(out_details.get("audio_tokens")),
    )


def _first_object(raw: dict[str, Any], *names: str) -> dict[str, Any]:
    return next((found for name in names if (found := obj(raw.get(name)))), {})


def _hidden(raw: dict[str, Any], given: int | None, output: int | None) -> int:
    """Tokens in the total that neither side counts: reasoning, where Gemini and xAI's chat keep it out of the answer's count."""
    return max(0, (count(raw.get("total_tokens")) or 0) - (given or 0) - (output or 0)) if output is not None else 0


def _with_cached(raw: dict[str, Any], details: dict[str, Any], given: int | None, cached: int | None) -> int | None:
    """Grok on Azure leaves cached tokens out of `prompt_tokens`, and `text_tokens` repeats that number."""
    if given is None or not cached:
        return given
    apart = cached > given or ("num_sources_used" in raw and count(details.get("text_tokens")) == given)
    return given + cached if apart else given


def read_cost(raw: dict[str, Any]) -> str | None:
    """US dollars as the provider states them, as a decimal number; None where it does not."""
    cost = raw.get("cost")
    if isinstance(cost, dict):  # Perplexity
        return _decimal(cost.get("total_cost"))
    ticks = number(raw.get("cost_in_usd_ticks"))  # xAI; https://docs.x.ai says 10^10 ticks are a dollar
    if ticks:  # 0 on Azure, which charges all the same
        return format(Decimal(str(ticks)) / 10**10, "f")
    if raw.get("is_byok") is True:  # OpenRouter with the customer's own key: `cost` is only OpenRouter's share
        upstream = number(obj(raw.get("cost_details")).get("upstream_inference_cost"))
        return (
            _decimal(cost)
            if upstream is None
            else format(Decimal(str(number(cost) or 0)) + Decimal(str(upstream)), "f")
        )
    return _decimal(cost)


def _decimal(value: object) -> str | None:
    parsed = number(value)
    return None if parsed is None else format(Decimal(str(parsed)), "f")
