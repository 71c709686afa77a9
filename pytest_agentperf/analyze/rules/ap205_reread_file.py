"""The same file of the agent's was opened for reading five times and more in one run: configuration, prompts, tools or
extensions that are loaded again for every step.

Reading is cheap, parsing is not: YAML takes about a millisecond a kilobyte, and a module that is executed from its file each time
makes all its classes again. One real agent opened its configuration 45 times in three turns.

Load it once: `functools.cache` around the loader, or a cache by path and time of change (`os.stat(path).st_mtime_ns`) where it
may change while the agent runs. A file that the agent works on (its task's, not its own) is worth each look:
`ignore="AP205"`.
"""

from __future__ import annotations

from collections.abc import Iterator

from pytest_agentperf.analyze.rules.rule import Rule
from pytest_agentperf.model.finding import Finding
from pytest_agentperf.model.profile import Profile

_OFTEN = 5


def find(profile: Profile) -> Iterator[Finding]:
    for file in profile.signals.files if profile.signals else ():
        if file.reads >= _OFTEN and file.reads > file.writes:
            yield RULE.finding(
                f"{file.path} was read {file.reads} times",
                fix="load it once: functools.cache, or a cache by its time of change",
                where=file.where,
            )


RULE = Rule(code="AP205", name="reread-file", headline="a file that is read and parsed again and again", find=find)
