"""The table of rules as a whole; each rule on its own has scenarios."""

from __future__ import annotations

import re
from dataclasses import replace
from fnmatch import fnmatch
from pathlib import Path

import pytest
from hypothesis import given
from inline_snapshot import external_file

from pytest_agentperf.analyze.rules.rule import Rule
from pytest_agentperf.analyze.rules.table import RULES, examined, index
from pytest_agentperf.model.call import Prompt
from pytest_agentperf.model.codec import from_json, to_json
from pytest_agentperf.model.profile import Profile
from pytest_agentperf.model.signal import Import, Signals
from samples import call, profiles, trip

HEAD = """# Rules

What they find stands in the summary of `pytest --agentperf`. `--agentperf-fail-on=AP1,AP302`, the ini key
`agentperf_fail_on` and `@pytest.mark.agentperf(fail_on="AP101")` make it fail tests; `ignore` silences. A hint is no proof
and fails no test, but where the rule itself is one (AP102, AP206, and AP404 with the usual thresholds) and `fail_on` names
it: `"AP102"`, not `"AP1"`. `pytest-agentperf explain AP101` shows a page.

"""
DOCS = Path(__file__).parents[2] / "docs" / "rules"


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_a_rule_is_one_file_with_a_code_a_name_and_a_page_of_three_paragraphs(rule: Rule) -> None:
    module = rule.find.__module__.rpartition(".")[2]

    assert re.fullmatch(r"AP[1-4]\d\d", rule.code)
    assert module == f"{rule.code.lower()}_{rule.name.replace('-', '_')}"
    assert len(rule.page.split("\n\n")) == 3


@given(profile=profiles())
def test_rules_take_any_profile_and_their_findings_travel(profile: Profile) -> None:
    seen = examined(profile)

    assert all(found.code in RULES and found.name == RULES[found.code].name for found in seen.findings)
    assert from_json(Profile, to_json(seen)) == seen


def test_parallel_tools_switched_off() -> None:
    off = Prompt(tools=("flights", "weather"), parallel_tools=False)
    calls = (call(0, 0, 10, prompt=off), call(1, 10, 20))

    (found,) = (found for found in examined(replace(trip(), calls=calls)).findings if found.code == "AP104")

    assert (found.code, found.calls, found.tools) == ("AP104", (0,), ("flights", "weather"))
    assert found.message == "1 of 2 LLM calls offer 2 tools and forbid parallel calls"


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_the_docs_hold_its_page(rule: Rule) -> None:
    """After a change that is meant: `pytest tests/analyze/test_rules.py --inline-snapshot=create,fix`."""
    assert rule.document == external_file(str(DOCS / f"{rule.code}.md"), format=".txt")


def test_the_docs_list_them_all() -> None:
    listed = "".join(
        f"- [{line.partition(' ')[0]}]({line.partition(' ')[0]}.md){line[5:]}\n" for line in index().splitlines()
    )
    assert HEAD + listed == external_file(str(DOCS / "README.md"), format=".txt")


def test_connections_that_could_have_been_kept_are_a_finding_of_ap202() -> None:
    def told(*connections: str) -> list[str]:
        calls = tuple(
            call(at, 1_000 * at, 1_000 * at + 500, connection=connection) for at, connection in enumerate(connections)
        )
        seen = replace(trip(), calls=calls, findings=(), spans=())
        return [found.message for found in RULES["AP202"].find(seen)]

    assert told("new", "new", "new") == [
        "3 LLM calls came over 3 connections, 2 of them opened while an earlier one was free"
    ]
    assert told("new", "new", "reused") == told("new", "new") == told("", "", "") == []


def test_calls_at_once_need_a_connection_each() -> None:
    calls = tuple(call(at, 0, 500, connection="new") for at in range(4))
    assert list(RULES["AP202"].find(replace(trip(), calls=calls, findings=(), spans=()))) == []


@pytest.mark.parametrize(
    ("module", "milliseconds", "told"),
    [
        ("anthropic", 120, "importing anthropic took 120 ms of *, and no LLM call speaks its API"),
        ("anthropic.types", 120, "importing anthropic.types took *, and no LLM call speaks its API"),
        ("openai", 120, None),
        ("openai", 600, "importing openai took 600 ms of processor time inside of the test's body"),
        ("anthropic", 90, None),
        ("anthropically", 120, None),
    ],
)
def test_an_sdk_that_no_call_uses_is_a_finding_of_ap206(module: str, milliseconds: int, told: str | None) -> None:
    imported = Import(module=module, took_ns=milliseconds * 1_000_000, where="agent.py:1")
    found = list(RULES["AP206"].find(replace(trip(), signals=Signals(imports=(imported,)))))
    assert [fnmatch(finding.message, told or "") for finding in found] == [True] * bool(told)
