"""The table of rules as a whole; each rule on its own has scenarios."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from inline_snapshot import external_file

from pytest_agentperf.analyze.rules.rule import Rule
from pytest_agentperf.analyze.rules.table import RULES, examined, index
from pytest_agentperf.model.call import Prompt
from pytest_agentperf.model.codec import from_json, to_json
from pytest_agentperf.model.profile import Profile
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
