"""The examples, run as a user runs them: `pytest --agentperf` in their folder, real SDKs, recorded answers.

The numbers are added up by hand from the `usage` and the `openai-processing-ms` of each recorded answer.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml

EXAMPLES = Path(__file__).resolve().parent.parent / "conftest_examples"
CORPUS = Path(os.environ.get("AGENTPERF_CORPUS") or EXAMPLES.parent.parent / "shared" / "corpus")

QUICKSTART = {
    "test_openai_agent.py::test_answers_a_question_and_a_follow_up": {
        "outcome": "passed",
        "llm_calls": 3,
        "tool_calls": 2,
        "input_tokens": 78 + 138 + 165,
        "output_tokens": 39 + 11 + 5,
        "llm_time": 363 + 307 + 241,
        "latency": 363 + 307 + 241,
        "ttft": 363,
    },
    "test_anthropic_agent.py::test_asks_for_the_whole_family_at_once": {
        "outcome": "passed",
        "llm_calls": 2,
        "tool_calls": 4,
        "input_tokens": 423 + 771,
        "output_tokens": 202 + 77,
        "latency": None,
        "ttft": None,
    },
}
STREAMING = {
    "test_streaming.py::test_streams_the_answers": {
        "outcome": "passed",
        "llm_calls": 3,
        "tool_calls": 2 + 1 + 1,
        "input_tokens": 364 + 423 + 448,
        "output_tokens": 40 + 15 + 49,
        "ttft": 756,
        "latency": None,
    },
}
BUDGET = {
    "test_budget.py::test_an_agent_with_a_turn_limit_stays_within_budget": {
        "outcome": "passed",
        "llm_calls": 3,
        "tokens": 153 + 289 + 519,
        "reasoning_tokens": 45 + 98 + 196,
        "latency": 2091 + 2766 + 4711,
    },
    "test_budget.py::test_a_runaway_fails_at_the_call_that_would_exceed_the_tokens": {
        "outcome": "failed",
        "llm_calls": 3,
        "tokens": 153 + 289 + 519,
    },
    "test_budget.py::test_a_runaway_fails_at_the_call_that_would_exceed_the_cost": {
        "outcome": "failed",
        "llm_calls": 2,
        "tokens": 153 + 289,
    },
}
CITY = {
    "outcome": "passed",
    "llm_calls": 2,
    "tool_calls": 2,
    "input_tokens": 112 + 426,
    "output_tokens": 284 + 385,
    "reasoning_tokens": 192 + 256,
    "llm_time": 3671 + 3842,
    "latency": 3671 + 400 + 3842,  # the slower of the two tools, which run at the same time
    "ttft": 3842,
}
LIMITS = {f"test_city.py::test_{name}": CITY for name in ("markers", "timers", "tools_and_helpers", "budgets")}
TURNS = 756 + 12 * 40, 535 + 12 * 15, 585 + 12 * 49  # as stated to the first byte, then by agentperf_default_latency
TRAVEL = {"outcome": "failed", "llm_calls": 3, "latency": sum(TURNS) + 400 + 300}
LATENCY = {
    "test_latency.py::test_as_it_should_be": TRAVEL | {"outcome": "passed"},
    "test_latency.py::test_a_lost_gather": TRAVEL | {"latency": sum(TURNS) + 400 + 250 + 300},
    "test_latency.py::test_a_lost_stream": TRAVEL,
    "test_latency.py::test_an_added_turn": TRAVEL | {"llm_calls": 6, "latency": 2 * sum(TURNS) + 400 + 300},
    "test_latency.py::test_a_blocking_sleep_in_the_loop": TRAVEL | {"latency": sum(TURNS) + 400 + 250 + 300},
}
RECORDING = {
    "test_recording.py::test_diagnoses_the_log": {
        "outcome": "passed",
        "llm_calls": 2,
        "tool_calls": 1,
        "input_tokens": 20 + 60,
        "output_tokens": 1 + 9,
    }
}
OWN = {EXAMPLES / name for name in ("recording", "tools", "coding_agent", "plugin_agent", "media_bot", "course")}
"""Their cassettes come from providers of this project's; those of the others from the corpus."""
TRIP = {"outcome": "failed", "llm_calls": 2, "tool_calls": 3, "tool_time": 400 + 500 + 300, "sequential_loss": 0}
ONE_BY_ONE = TRIP | {"sequential_loss": 700}
TOOLS = {
    "test_raw.py::test_one_by_one": ONE_BY_ONE,
    "test_raw.py::test_at_once": TRIP | {"outcome": "passed"},
}
if find_spec("pydantic_ai"):
    TOOLS |= {
        "test_pydantic_ai.py::test_one_by_one": ONE_BY_ONE,
        "test_pydantic_ai.py::test_at_once": TRIP | {"outcome": "passed"},
    }
if find_spec("langchain") and find_spec("langchain_openai"):
    TOOLS |= {
        "test_langchain.py::test_tools_that_block_the_event_loop": ONE_BY_ONE,
        "test_langchain.py::test_at_once": TRIP | {"outcome": "passed"},
    }


def before_and_after(module: str, tests: dict[str, dict[str, object]], codes: dict[str, str]) -> dict[str, object]:
    """`tests`: numbers by variant. `codes`: by test, what it fails with before; after it passes."""
    return {
        f"{module}.py::{test.replace('[', f'[{variant}-') if '[' in test else f'{test}[{variant}]'}": {
            "outcome": "failed" if variant == "before" else "passed",
            "broken": found if variant == "before" else "",
            **numbers,
        }
        for test, found in codes.items()
        for variant, numbers in tests.items()
    }


REPAIR = {"llm_calls": 6, "tool_calls": 3 + 3 + 1 + 1 + 1}
HABITS = {
    "tools_one_by_one": "AP101",
    "files_in_the_loop": "AP201",
    "client_per_request": "AP202",
    "trajectory_dumped": "AP204",
    "settings_parsed": "AP205",
    "unused_tools": "AP307",
}
CODING = before_and_after(
    "test_coding_agent",
    {"before": REPAIR, "after": REPAIR},
    {f"test_a_habit_is_found[{habit}]": code for habit, code in HABITS.items()}
    | {"test_repairs_in_time": "AP101 AP201 AP202 AP204 AP205 AP303 AP307 latency"},
)
TICKET = {"llm_calls": 5, "tool_calls": 4}
PLUGINS = before_and_after(
    "test_plugin_agent",
    {"before": TICKET, "after": TICKET},
    {
        "test_asks_for_a_person_once_a_step": "AP401",
        "test_reads_a_plugin_once": "AP205",
        "test_plugins_are_mostly_there": "plugin_hit_rate",
        "test_answers_in_time": "AP205 AP401 latency",
    },
)
COURSE = before_and_after(
    "test_course",
    {"before": {"llm_calls": 1 + 3 + 1 + 4 + 3}, "after": {"llm_calls": 1 + 3 + 1 + 2 + 2}},
    {
        "test_chapters_in_parallel": "latency",
        "test_timers_have_parents": "latency",
        "test_budget_of_a_category": "",
        "test_answers_are_kept": "AP301",
        "test_models_fit_their_task": "AP304",
        "test_preface_is_streamed": "AP306 ttft",
    },
)
COURSE["test_course.py::test_budget_of_a_category[before]"] = {
    "outcome": "failed",
    "llm_calls": 7,
}  # where it is stopped
IN_A_CHILD = {"outcome": "failed", "broken": "AP203 AP404 latency", "llm_calls": 0}
CALLED = {"outcome": "passed", "broken": ""}
BOT = {
    f"test_media_bot.py::test_{kind}_{how}[{job}]": expected
    for kind, first, calls, took_ms in (("simple", 101, 2, 12_000), ("complex", 201, 4, 35_000))
    for job in range(first, first + 5)
    for how, expected in (
        ("in_a_child", IN_A_CHILD | {"latency": took_ms}),
        ("called", CALLED | {"llm_calls": calls}),
    )
}
NUMBERS = {
    "coding_agent": CODING,
    "plugin_agent": PLUGINS,
    "media_bot": BOT,
    "course": COURSE,
    "tools": TOOLS,
    "recording": RECORDING,
    "latency": LATENCY,
    "quickstart": QUICKSTART,
    "streaming": STREAMING,
    "budget": BUDGET,
    "limits": LIMITS,
}


def run(pytester: pytest.Pytester, example: str, *flags: str) -> pytest.RunResult:
    """An example's session in a process of its own, stopped should the agent really run away."""
    pytester.copy_example(example)
    return pytester.runpytest_subprocess("--agentperf", *flags, timeout=120)


BASELINES = Path(__file__).parent / "baselines"


@pytest.mark.parametrize("folder", sorted(BASELINES.glob("*/*")), ids=lambda path: f"{path.parent.name}-{path.name}")
def test_a_baseline_that_an_older_release_wrote_says_the_same(pytester, folder):
    """Each folder holds what that version wrote of the example of this name."""
    written = [line for path in folder.glob("*.txt") for line in path.read_text("utf-8").splitlines()]
    pytester.copy_example(folder.name)
    shutil.copytree(folder, pytester.path / "agentperf_baseline", dirs_exist_ok=True)
    pytester.runpytest_subprocess("--agentperf", "--agentperf-strict", "--agentperf-json=run.json", timeout=120)

    tests = json.loads((pytester.path / "run.json").read_text("utf-8"))["tests"]
    assert len(tests) == sum(line.startswith(" test ") for line in written)
    assert [test["nodeid"] for test in tests if test.keys() & {"changes", "steps", "new"}] == []


def test_every_example_is_tested():
    assert {path.parent.name for path in EXAMPLES.glob("*/test_*.py")} == NUMBERS.keys()


@pytest.mark.parametrize("example", NUMBERS)
def test_the_numbers_are_those_of_the_recording(pytester, example):
    run(pytester, example, "--agentperf-json=run.json")
    document = json.loads((pytester.path / "run.json").read_text("utf-8"))
    assert document["bugs"] == []
    seen = {test["nodeid"]: test for test in document["tests"]}
    assert {
        nodeid: {name: read(seen[nodeid], name) for name in expected} for nodeid, expected in NUMBERS[example].items()
    } == NUMBERS[example]
    assert seen.keys() == NUMBERS[example].keys()


def read(test: dict, name: str) -> object:
    if name == "outcome":
        return test["outcome"]
    if name == "broken":  # rules by their codes, limits by their metrics
        broken = {
            item["message"][:5] if item["message"].startswith("AP") else item["limit"]["metric"]
            for item in test.get("violations", ())
        }
        return " ".join(sorted(broken))
    return test["metrics"][name]["value"]


def test_what_made_an_agent_slower_is_told(pytester):
    result = run(pytester, "latency")
    result.assert_outcomes(passed=1, failed=4)
    result.stdout.fnmatch_lines_random(
        [
            "latency: 4,074 ms is over max_latency(4000) *",
            "  AP101 sequential-tools: *get_country, get_product_name*up to 250 ms lost*",
            "latency within 'first words': 3,824 ms is over max_latency(3600, within='first words') *",
            "latency: 6,948 ms is over max_latency(4000) *",
            "latency: 4,074 ms is over max_latency(4000) *",
            "  AP201 blocked-loop: the event loop stood still for 400 ms*",
        ]
    )


@pytest.mark.parametrize(
    ("test", "reason"),
    [
        (
            "exceed_the_tokens",
            "*LLM call 4 (gpt-5.5) was not sent: 961 tokens used, *532 tokens *1,000 tokens allowed*",
        ),
        ("exceed_the_cost", "*LLM call 3 (gpt-5.5) was not sent: $0.0068 used, *$0.0015 *$0.0080 allowed*"),
    ],
    ids=["tokens", "cost"],
)
def test_a_runaway_is_stopped_though_the_agent_swallows_all_exceptions(pytester, test, reason):
    result = run(pytester, "budget", "-k", test)
    result.assert_outcomes(failed=1, deselected=2)
    result.stdout.fnmatch_lines([reason])


@pytest.mark.parametrize(
    ("example", "test", "agent", "before", "after"),
    [
        ("quickstart", "openai", "openai_agent.py", "temperature=0", "temperature=1"),
        ("quickstart", "anthropic", "anthropic_agent.py", "charlie is alice's son", "charlie is alice's brother"),
        ("streaming", "streams", "guide.py", '"sunny"', '"rainy"'),
    ],
)
def test_an_agent_that_sends_something_else_fails(pytester, example, test, agent, before, after):
    pytester.copy_example(example)
    code = (pytester.path / agent).read_text("utf-8")
    assert before in code
    (pytester.path / agent).write_text(code.replace(before, after), "utf-8")
    result = pytester.runpytest_subprocess("--agentperf", "-k", test, timeout=120)
    result.assert_outcomes(failed=1, deselected=len(NUMBERS[example]) - 1)
    result.stdout.fnmatch_lines(["no recorded answer for POST https://api.*"])


def test_a_recording_holds_times_and_no_secret_and_replays_without_its_provider(pytester, monkeypatch):
    pytester.copy_example("recording")
    (cassette,) = pytester.path.glob("cassettes/*/*.yaml")
    cassette.unlink()
    monkeypatch.setenv("PROVIDER_KEY", "a-secret-of-the-provider")
    pytester.runpytest_subprocess("--agentperf-record=once", timeout=120).assert_outcomes(passed=1)
    text = cassette.read_text("utf-8")
    assert "a-secret-of-the-provider" not in text
    assert "127.0.0.1" not in text
    first, second = (item["response"]["agentperf"] for item in yaml.safe_load(text)["interactions"])
    assert first["first_byte"] >= 300
    assert len(second["chunks"].split()) > 5
    assert [path.name for path in cassette.parent.iterdir()] == [cassette.name]
    cassette.write_text(re.sub(r"Today(\s+)is \d{4}-\d\d-\d\d", r"Today\1is 2020-01-01", text), "utf-8")  # another day
    pytester.runpytest_subprocess(timeout=120).assert_outcomes(passed=1)


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus of recorded traffic is not there (AGENTPERF_CORPUS)")
def test_the_cassettes_are_what_the_script_makes_of_the_corpus(tmp_path):
    script = EXAMPLES / "convert_cassettes.py"
    subprocess.run([sys.executable, script, "--corpus", CORPUS, "--output", tmp_path], check=True)
    made = {path.relative_to(tmp_path): path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    folders = [folder for folder in EXAMPLES.glob("*/cassettes") if folder.parent not in OWN]
    kept = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    assert made == {path.relative_to(EXAMPLES): path.read_bytes() for path in kept}


FOREIGN = sorted(path for path in EXAMPLES.glob("*/cassettes/*/*.yaml") if path.parents[2] not in OWN)


@pytest.mark.parametrize("cassette", FOREIGN, ids=lambda path: path.stem)
def test_a_cassette_names_its_source_and_holds_no_secret(cassette):
    folder = cassette.parent.parent
    entry = re.search(
        rf"- `{re.escape(cassette.relative_to(folder).as_posix())}`\n"
        r"  - repository: https://github.com/\S+/\S+\n  - commit: `[0-9a-f]{40}`\n  - file: `\S+`\n"
        r"  - licence: (MIT|Apache-2.0), see \[(\S+)\]",
        (folder / "SOURCES.md").read_text("utf-8"),
    )
    assert entry
    assert (folder / entry[2]).stat().st_size > 1_000
    text = cassette.read_text("utf-8")
    assert not re.search(r"(?i)authorization|api-key|cookie|organization:|\bsk-\w|bearer ", text)
    assert yaml.safe_load(text)["interactions"]
