"""What a call cost, and who says so."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decode.corpus import CORPUS, MISSING, exchanges, rows
from pytest_agentperf.decode.decoder import decode
from pytest_agentperf.model.call import ModelCall, SideCall
from pytest_agentperf.model.usage import Usage
from pytest_agentperf.price.cost import OwnPrice, _by_table, price, table_version

TOKENS = Usage(input=1_000_000, output=100_000)
OWN = OwnPrice(input=Decimal(2), output=Decimal(10))


def call(usage: Usage | None = TOKENS, *, model: str = "gpt-4o", provider: str = "openai", **rest: object) -> ModelCall:
    return ModelCall(index=0, provider=provider, api="openai-chat", model=model, usage=usage, **rest)  # type: ignore[arg-type]


def test_the_provider_knows_best() -> None:
    cost = price(call(wire_cost="0.0123"), {"gpt-4o": OWN})
    assert (cost.usd, cost.source) == (Decimal("0.0123"), "wire")


def test_own_prices_come_before_the_table() -> None:
    cost = price(call(), {"gpt-4o": OWN})
    assert (cost.usd, cost.source) == (Decimal(3), "user")
    assert price(call(model="gpt-4o-2024", requested_model="gpt-4o"), {"gpt-4o": OWN}).usd == Decimal(3)


def test_own_prices_of_cached_tokens() -> None:
    usage = Usage(input=1_000_000, output=0, cache_read=400_000, cache_write=100_000)
    assert price(call(usage), {"gpt-4o": OWN}).usd == Decimal(2)
    full = OwnPrice(input=Decimal(2), output=Decimal(10), cache_read=Decimal("0.5"), cache_write=Decimal(3))
    assert price(call(usage), {"gpt-4o": full}).usd == Decimal("0.5") * 2 + Decimal("0.2") + Decimal("0.3")


def test_the_table_names_itself() -> None:
    cost = price(call(), when=datetime(2026, 3, 1, tzinfo=UTC))
    assert cost.usd == Decimal("2.5") + Decimal(1)
    assert cost.source == "table"
    assert cost.note == f"genai-prices {table_version()} for 2026-03-01: openai gpt-4o"
    assert re.fullmatch(r"genai-prices [\d.]+ for 20\d\d-\d\d-\d\d: openai gpt-4o", price(call()).note)


def test_the_table_is_dated() -> None:
    before, after = datetime(2025, 5, 1, tzinfo=UTC), datetime(2025, 7, 1, tzinfo=UTC)
    assert price(call(model="o3"), when=before).usd == 5 * (price(call(model="o3"), when=after).usd or 0)


def test_an_estimate_stays_one() -> None:
    estimated = Usage(input=10, output=10, estimated=True)
    assert price(call(estimated)).estimated
    assert price(call(estimated), {"gpt-4o": OWN}).estimated
    assert not price(call()).estimated


def test_tiers_have_prices_of_their_own() -> None:
    usual, flex, priority = (price(call(model="gpt-5", service_tier=tier)).usd for tier in (None, "flex", "priority"))
    assert usual
    assert flex == usual / 2
    assert priority == usual * 2


def test_side_calls_are_added() -> None:
    side = SideCall(kind="compaction", model=None, usage=TOKENS)
    other = SideCall(kind="advisor_message", model="claude-opus-4-5", usage=TOKENS)
    alone, wise = (price(call(model=m, provider="anthropic")).usd for m in ("claude-sonnet-4-5", "claude-opus-4-5"))
    assert alone
    assert wise
    both = price(call(model="claude-sonnet-4-5", provider="anthropic", side_calls=(side, other)))
    assert both.usd == 2 * alone + wise
    unknown = SideCall(kind="advisor_message", model="nobody", usage=TOKENS)
    assert price(call(model="claude-sonnet-4-5", provider="anthropic", side_calls=(unknown,))).usd is None


def test_bedrock_is_asked_by_its_own_name() -> None:
    usage = Usage(input=1_000_000, output=0)
    name = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
    found = price(call(usage, model="claude-sonnet-4-5-20250929", requested_model=name, provider="bedrock"))
    assert found.usd is not None
    assert found.note.split()[-2] == "aws"


@pytest.mark.parametrize(
    ("model", "provider", "note"),
    [
        ("qwen3", "unknown", "no price for model 'qwen3' of provider 'unknown'"),
        ("gpt-oss:20b", "ollama", "no price for model 'gpt-oss:20b' of provider 'ollama'"),
        ("gpt-nobody", "openai", "no price for model 'gpt-nobody' of provider 'openai'"),
    ],
)
def test_an_unknown_model_has_no_price(model: str, provider: str, note: str) -> None:
    cost = price(call(model=model, provider=provider))
    assert (cost.usd, cost.source, cost.note) == (None, "none", note)


def test_a_model_behind_a_redacted_address_is_found_by_name() -> None:
    assert price(call(provider="unknown")).usd == price(call()).usd


def test_no_usage_has_no_price() -> None:
    assert price(call(None)).note == "no usage to price for model 'gpt-4o'"
    assert price(call(Usage(output=38))).usd is None
    failed = price(call(None, error="429 rate_limit_exceeded"))
    assert (failed.usd, failed.source) == (None, "none")
    assert failed.note == "the call failed (429 rate_limit_exceeded), with no usage to price for model 'gpt-4o'"


@pytest.fixture
def nothing_looked_up() -> Iterator[None]:
    def clear() -> None:
        table_version.cache_clear()
        _by_table.cache_clear()

    clear()
    yield
    clear()


@pytest.mark.usefixtures("nothing_looked_up")
def test_whatever_the_table_raises_is_a_missing_price(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise AttributeError("no such thing")

    monkeypatch.setattr("genai_prices.calc_price", broken)
    cost = price(call())
    assert cost.usd is None
    assert cost.note.endswith("(AttributeError: no such thing)")


@pytest.mark.usefixtures("nothing_looked_up")
def test_without_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "genai_prices", None)
    assert price(call()).usd is None
    monkeypatch.setattr("importlib.metadata.version", _missing)
    assert table_version() is None


def _missing(name: str) -> str:
    from importlib.metadata import PackageNotFoundError

    raise PackageNotFoundError(name)


COUNTS = st.none() | st.integers(0, 20) | st.integers(0, 10**7)
MODELS = st.sampled_from([("gpt-4o", "openai"), ("claude-sonnet-4-5", "anthropic"), ("gemini-2.5-flash", "gemini")])


@given(st.builds(Usage, **{name: COUNTS for name in Usage.__dataclass_fields__ if name != "estimated"}), MODELS)
def test_parts_larger_than_their_whole_are_no_reason_for_no_price(usage: Usage, listed: tuple[str, str]) -> None:
    cost = price(call(usage, model=listed[0], provider=listed[1]))
    assert (cost.usd is None) == (usage.total is None)
    assert cost.usd is None or cost.usd >= 0


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.decimals(0, 1000, places=4))
def test_a_higher_price_never_lowers_a_cost(given_tokens: int, output: int, more: Decimal) -> None:
    usage = Usage(input=given_tokens, output=output)
    dearer = OwnPrice(input=OWN.input + more, output=OWN.output + more)
    assert (price(call(usage), {"gpt-4o": dearer}).usd or 0) >= (price(call(usage), {"gpt-4o": OWN}).usd or 0)


def test_importing_costs_nothing() -> None:
    code = (
        "import sys, pytest_agentperf.price.cost, pytest_agentperf.price.tokens, pytest_agentperf.decode.decoder;"
        "print([m for m in ('tiktoken', 'genai_prices', 'pydantic', 'regex', 'requests', 'httpx') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


CHARGED_OTHERWISE = {
    "test_openrouter_cache_instructions_gemini_real_api.yaml": "cached input at a price of that day",
    "test_openrouter_web_search_tool_usage_stream.yaml": "a paid web search",
    "test_openrouter_advisor_tool_stream.yaml": "an advisor's calls, not in the tokens",
    "test_openrouter_responses_prompt_cache_e2e.yaml": "the model's price changed",
    "test_openai_responses_raw_cot_stream_openrouter.yaml": "routed to a dearer host",
}


@pytest.mark.skipif(not CORPUS.is_dir(), reason=MISSING)
def test_what_openrouter_charged() -> None:
    """Within 1 % wherever the table knows the route; the others are listed with their reason."""
    compared, wrong = 0, []
    for path in dict.fromkeys(row["path"] for row in rows("ORACLE.tsv") if row["provider"] == "openrouter"):
        for exchange in exchanges(path):
            reading = decode(exchange)
            if reading is None or not reading.call.wire_cost or Decimal(reading.call.wire_cost) == 0:
                continue
            created = re.search(rb'"created(?:_at)?":\s*(\d+)', exchange.response.body if exchange.response else b"")
            assert created is not None
            ours = _by_the_table(reading.call, datetime.fromtimestamp(int(created[1]), UTC))
            charged = Decimal(reading.call.wire_cost)
            if ours is not None:
                compared += 1
                if abs(ours - charged) > charged / 100:
                    wrong.append(path.rsplit("/", 1)[-1])
    assert compared >= 60
    assert set(wrong) == set(CHARGED_OTHERWISE)


def _by_the_table(found: ModelCall, when: datetime) -> Decimal | None:
    from dataclasses import replace

    return price(replace(found, wire_cost=None), when=when).usd
