"""The test's body started a Python interpreter, or the same program from the same line five times and more.

A child interpreter costs tens of milliseconds bare, and seconds once it has imported an SDK and an agent framework; then it
starts without caches and without connections. One real bot ran `python trace_agent.py` for each question: 12 s for simple
ones, most of it spent before the first request left. Its traffic is out of this plugin's sight, too.

Call the code instead of starting it. Where it must be a process of its own (isolation, another version), keep one alive and
talk to it over a pipe, or use a pool of processes. What a coding agent runs on behalf of its model is its work: say
`@pytest.mark.agentperf(ignore="AP203")` there.
"""

from __future__ import annotations

from collections.abc import Iterator

from pytest_agentperf.analyze.rules.rule import Rule
from pytest_agentperf.model.finding import Finding
from pytest_agentperf.model.profile import Profile

_OFTEN = 5


def find(profile: Profile) -> Iterator[Finding]:
    for spawn in profile.signals.spawns if profile.signals else ():
        if spawn.python or spawn.times >= _OFTEN:
            what = "a Python interpreter" if spawn.python else "a process"
            often = f"{spawn.times} times" if spawn.times > 1 else "once"
            yield RULE.finding(
                f"{what} was started {often} ({spawn.program})",
                fix="call the code instead of starting it, or keep one process alive",
                where=spawn.where,
            )


RULE = Rule(
    code="AP203",
    name="interpreter-started",
    headline="an interpreter, or the same process again and again, for a query",
    find=find,
    audits=True,
)
