"""The same file was written anew three times and more, larger each time: a log or trajectory that is dumped as a whole after
every step.

The bytes grow with the square of the steps. One real coding agent wrote 204 times in a run of 100 steps: a file of 4.9 MB in
the end, half a gigabyte in all, and a third of its time in `json.dump`.

Append one line a step (JSON lines), or write once at the end, and after an exception. Where the whole file is needed after each
step, write it in the background (`asyncio.to_thread`) and every few seconds at most.
"""

from __future__ import annotations

from collections.abc import Iterator

from pytest_agentperf.analyze.rules.rule import Rule
from pytest_agentperf.model.finding import Finding
from pytest_agentperf.model.profile import Profile

_OFTEN = 3


def find(profile: Profile) -> Iterator[Finding]:
    for file in profile.signals.files if profile.signals else ():
        if file.writes >= _OFTEN and file.grew >= _OFTEN - 2 and 2 * file.grew >= file.writes - 1:
            yield RULE.finding(
                f"{file.path} was written anew {file.writes} times, larger each time: {file.written:,} bytes and more",
                fix="append a line a step, or write once at the end",
                where=file.where,
            )


RULE = Rule(
    code="AP204",
    name="rewritten-file",
    headline="a growing file that is written anew after every step",
    find=find,
    audits=True,
)
