"""Rules against programs whose verdict is known: every finding that should be there, and no other."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pytest_agentperf.analyze.rules.table import RULES
from scenarios.mutate import mutated
from scenarios.says import constants
from scenarios.stage import perform

PROGRAMS = Path(__file__).parent / "programs"


@dataclass(frozen=True)
class Scenario:
    name: str
    source: str
    expect: tuple[tuple[str, str], ...]
    """Code and cause, in order."""
    kind: str = ""
    """Who holds its conversation; empty for an agent of its own."""
    known: str = ""
    """Why it cannot be seen."""
    hints: tuple[str, ...] = ()
    """Codes whose findings must not fail a test here, though their rule's do elsewhere."""
    about: tuple[str, ...] = ()
    """Codes of the rules that it comes near to, without a finding."""


def scenarios() -> list[Scenario]:
    found = []
    for path in sorted(PROGRAMS.glob("*.py")):
        source = path.read_text("utf-8")
        says = constants(source)
        if sys.version_info < says.get("PYTHON", (3, 11)):
            continue
        expect = says["EXPECT"]
        assert path.stem.startswith("slow_" if expect else "clean_"), path.name
        for kind in says.get("KINDS", ("plain", "async", "thread")) if "def talk(" in source else ("",):
            found.append(
                Scenario(
                    f"{path.stem}[{kind}]" if kind else path.stem,
                    source,
                    tuple(sorted(expect.items())),
                    kind,
                    says.get("KNOWN", ""),
                    tuple(says.get("HINTS", ())),
                    tuple(says.get("ABOUT", ())),
                )
            )
        for mutation, more in says.get("VARIANTS", {}).items():
            name = f"slow_{path.stem.partition('_')[2]}[{mutation}]"
            found.append(Scenario(name, mutated(source, mutation), tuple(sorted((expect | more).items()))))
    return found


ALL = scenarios()


@pytest.mark.parametrize(
    "scenario",
    [pytest.param(s, id=s.name, marks=pytest.mark.xfail(reason=s.known, strict=True) if s.known else ()) for s in ALL],
)
def test_findings(scenario: Scenario, score: Any) -> None:
    profile = perform(scenario.source, scenario.name.replace("[", "_").rstrip("]"), scenario.kind)

    found = {(finding.code, finding.cause) for finding in profile.findings}
    if not scenario.known:
        score(set(scenario.expect), found)
    assert found == set(scenario.expect), [f"{f.code} {f.cause}: {f.message}" for f in profile.findings]
    assert all(f.gating == (RULES[f.code].gating and f.code not in scenario.hints) for f in profile.findings)


def test_there_are_enough() -> None:
    slow = [scenario for scenario in ALL if scenario.expect]

    assert len(ALL) >= 80
    assert len(slow) >= 40
    assert len(ALL) - len(slow) >= 30


@pytest.mark.parametrize("code", RULES)
def test_each_rule_is_proven(code: str, proven: Any) -> None:
    slow = sum(code in dict(scenario.expect) and not scenario.known for scenario in ALL)
    clean = sum(code in scenario.about for scenario in ALL)
    proven(code, slow, clean)

    assert slow >= 3
    assert clean >= 3


def test_clean_programs_say_what_they_are_about() -> None:
    assert [scenario.name for scenario in ALL if not scenario.expect and not scenario.about] == []
