"""The same file of the agent's was opened for reading five times and more in one run, and not written in between:
configuration, prompts, tools or extensions that are loaded again for every step.

Reading is cheap, parsing is not: YAML takes about a millisecond a kilobyte, and a module that is executed from its file each time
makes all its classes again. One real agent opened its configuration 45 times in three turns.

Load it once: `functools.cache` around the loader, or a cache by path and time of change (`os.stat(path).st_mtime_ns`) where it
may change while the agent runs. A file that the agent works on (its task's, not its own) is worth each look:
`ignore="AP205"`.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import source_from_cache

from pytest_agentperf.analyze.rules.rule import Rule
from pytest_agentperf.model.finding import Finding
from pytest_agentperf.model.profile import Profile

_OFTEN = 5


def find(profile: Profile) -> Iterator[Finding]:
    places: dict[str, dict[str, int]] = {}
    for file in profile.signals.files if profile.signals else ():
        if file.reads >= _OFTEN:
            files = places.setdefault(file.where, {})
            path = _source(file.path)
            files[path] = max(file.reads, files.get(path, 0))
    for where, files in places.items():
        most = max(files, key=files.__getitem__)
        what = f"{most} was read {files[most]} times"
        if len(files) > 1:
            what = f"{len(files)} files were read {sum(files.values())} times in all, {most} {files[most]} times"
        yield RULE.finding(
            what,
            fix="load it once: functools.cache, or a cache by its time of change",
            where=where,
        )


def _source(path: str) -> str:
    """Of a module's cached code: to import it reads one of the two, or both."""
    try:
        return source_from_cache(path)
    except ValueError:
        return path


RULE = Rule(
    code="AP205", name="reread-file", headline="a file that is read and parsed again and again", find=find, audits=True
)
