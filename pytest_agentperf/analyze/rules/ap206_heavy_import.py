"""A module was imported inside of the measured call, and that took over 500 ms of processor time; or over 100 ms, and it is the SDK
of a provider whose API no LLM call of the test speaks. That differs from machine to machine, and with the order of tests, for a module
is imported once: it is a hint, which fails a test only where `fail_on` names AP206 itself.

The first user after each start pays for it, in an async agent all users at that moment: an import cannot be awaited. In virtual
time it is no part of the latency.

Import at the top of the module, so that the process pays when it starts; or where that is too much for a command line, in a
function that is called once before the first request (`warm_up()`); an SDK that is one of several, where its provider is chosen.
An import that is rightly lazy is silenced with `ignore="AP206"`.
"""

from __future__ import annotations

from collections.abc import Iterator

from pytest_agentperf.analyze.rules.rule import Rule, milliseconds
from pytest_agentperf.model.finding import Finding
from pytest_agentperf.model.profile import Profile

_LEAST_NS = 500_000_000
_LEAST_UNUSED_NS = 100_000_000
_SDKS = {
    "openai": "openai-",
    "anthropic": "anthropic-",
    "google.genai": "gemini",
    "cohere": "cohere-",
    "ollama": "ollama",
}
"""How the wire formats of an SDK's API begin. Those that serve other things too, as boto3, may well be used."""


def find(profile: Profile) -> Iterator[Finding]:
    for found in profile.signals.imports if profile.signals else ():
        unused = _is_unused(found.module, profile)
        if found.took_ns >= (_LEAST_UNUSED_NS if unused else _LEAST_NS):
            yield RULE.finding(
                f"importing {found.module} took {milliseconds(found.took_ns)} of processor time inside of the test's body"
                f"{', and no LLM call speaks its API' if unused else ''}",
                fix="import an SDK where its provider is chosen"
                if unused
                else "import it at the top of the module, or before the first request",
                where=found.where,
            )


def _is_unused(module: str, profile: Profile) -> bool:
    apis = [api for sdk, api in _SDKS.items() if f"{module}.".startswith(f"{sdk}.")]
    return bool(apis and profile.calls) and not any(call.api.startswith(apis[0]) for call in profile.calls)


RULE = Rule(
    code="AP206",
    name="heavy-import",
    headline="imports of over 500 ms, and of SDKs that are not used, inside of the measured call",
    find=find,
    audits=True,
    gating=False,
    gates_when_named=True,
)
