"""Programs in the shape of each framework's own examples: clean as they are; each slow mutation of them is caught.

A program says what it `NEEDS`, in `CALLS` what the model asks for at once, and in `VARIANTS` the cause that AP101 is to tell
after which change of its syntax tree. Each tool's result says that it is fine.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from frameworks.table import if_there
from scenarios.mutate import mutated
from scenarios.says import constants
from server.provider import Answer, FakeProvider, Tool

PROGRAMS = {path.stem: path.read_text("utf-8") for path in sorted((Path(__file__).parent / "programs").glob("*.py"))}
SAYS = {name: constants(source) for name, source in PROGRAMS.items()}


@pytest.mark.parametrize("name", [if_there(name, says["NEEDS"]) for name, says in SAYS.items()])
def test_each_slow_variant_is_caught_and_the_clean_program_is_not(name, pytester, agents):
    says, source = SAYS[name], PROGRAMS[name]
    programs = {"clean": source} | {way: mutated(source, way) for way in says["VARIANTS"]}
    pytester.makepyfile(**programs)
    calls = tuple(Tool(name=tool, arguments=arguments) for tool, arguments in says["CALLS"])

    def answer(hit):
        return Answer(text="Done.") if b"fine" in hit.body else Answer(tools=calls, headers_after_ms=20)

    with FakeProvider(answer) as provider:
        agents("program.py", "--agentperf-record=once", passed=1, PROVIDER_URL=provider.url, PROGRAMS="clean")
    tests = agents("program.py", passed=len(programs), PROGRAMS=" ".join(programs))

    assert {found_in(run.profile) for run in tests} == {
        ("clean", frozenset()),
        *((way, expected(cause)) for way, cause in says["VARIANTS"].items()),
    }


def found_in(profile):
    program = profile.nodeid.partition("[")[2].rstrip("]")
    return program, frozenset((finding.code, finding.cause) for finding in profile.findings if finding.gating)


def expected(cause):
    return frozenset([("AP101", cause), *([("AP201", "")] if cause == "blocking" else [])])
