"""A module was imported inside of the measured call, and that took over 500 ms of processor time. That differs from machine to
machine, and with the order of tests, for a module is imported once: it is a hint, which fails a test only where `fail_on` names AP206 itself.

The first user after each start pays for it, in an async agent all users at that moment: an import cannot be awaited. In virtual
time it is no part of the latency.

Import at the top of the module, so that the process pays when it starts; or where that is too much for a command line, in a
function that is called once before the first request (`warm_up()`). An import that is rightly lazy is silenced with
`ignore="AP206"`.
"""

from __future__ import annotations

from collections.abc import Iterator

from pytest_agentperf.analyze.rules.rule import Rule, milliseconds
from pytest_agentperf.model.finding import Finding
from pytest_agentperf.model.profile import Profile

_LEAST_NS = 500_000_000


def find(profile: Profile) -> Iterator[Finding]:
    for found in profile.signals.imports if profile.signals else ():
        if found.took_ns >= _LEAST_NS:
            yield RULE.finding(
                f"importing {found.module} took {milliseconds(found.took_ns)} of processor time inside of the test's body",
                fix="import it at the top of the module, or before the first request",
                where=found.where,
            )


RULE = Rule(
    code="AP206",
    name="heavy-import",
    headline="imports of over 500 ms inside of the measured call",
    find=find,
    audits=True,
    gating=False,
    gates_when_named=True,
)
