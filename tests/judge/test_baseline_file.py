"""The file: nothing is lost in it, nothing drifts, it merges, and what cannot be read is told."""

from __future__ import annotations

import random
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from inline_snapshot import snapshot

from generated import PRICES, plan, profile
from pytest_agentperf.judge.baseline_file import BadBaseline, block, escape, from_text, salvage, to_text, unescape
from pytest_agentperf.judge.baselines import Baselines, Tree, name_in_module, whole_id
from pytest_agentperf.judge.gate import priced
from pytest_agentperf.judge.skeleton import skeleton
from pytest_agentperf.judge.updating import update
from pytest_agentperf.model.metric import METRICS
from pytest_agentperf.model.profile import Profile
from pytest_agentperf.model.report import TestRun
from samples import profiles, trip


def blocks(*seeds: int) -> dict[str, object]:
    return {f"test_{seed:03}": block(priced(profile("t.py::x", plan(seed)), PRICES)) for seed in seeds}


def test_what_people_see() -> None:
    assert to_text({"TestTrip::test_plans[a b]": block(priced(trip(), PRICES))}) == snapshot("""\
# agentperf-baseline 2 (written by pytest --agentperf-update)

TestTrip::test_plans[a b]
 latency_ms 4200
 ttft_ms 1250
 tokens 2880
 input_tokens 2710
 output_tokens 170
 cache_read_tokens 2048
 cost_nano_usd 111340
 llm_calls 2
 turns 2
 tool_calls 2
 retries 0
 request_bytes 0
 test took=4200000
 call openai openai-chat gpt-5-nano turn=1 within=1 at=100000 first=600000 took=1400000 streamed input=1200 output=85 read=1024 reasoning=64 sent=0 received=0 asks=flights,weather answer=a4809256
 call openai openai-chat gpt-5-nano turn=2 within=4 at=2900000 took=1250000 input=1510 output=85 read=1024 reasoning=64 sent=0 received=0 answer=a4809256
 timer llm:planning at=50000 took=1470000
 tool flights at=1550000 took=1300000 call=1 id=1.1
 tool weather at=1550000 took=600000 call=1 id=1.2
 timer llm:answer at=2880000 took=1290000
""")


@given(st.text())
def test_any_id_is_one_line_and_comes_back(name: str) -> None:
    line = escape(name)

    assert line.isprintable()
    assert (line == line.strip() and line[:1] not in "#<=>|") or not line
    assert unescape(line) == name


@settings(max_examples=30)
@given(profiles())
def test_what_is_held_against_a_run_has_its_numbers(seen: Profile) -> None:
    text = to_text({"test_any": block(seen)})
    bare = from_text(text, "f")["test_any"].profile(seen.nodeid, "f")

    assert bare == skeleton(seen)
    judged = [metric for metric in METRICS.values() if metric.slack is not None]
    assert [m.read(priced(bare, PRICES)) for m in judged] == [m.read(priced(seen, PRICES)) for m in judged]


def test_the_same_runs_the_same_bytes_in_whatever_order() -> None:
    found = list(blocks(*range(20)).items())
    texts = set()
    for seed in range(5):
        random.Random(seed).shuffle(found)
        texts.add(to_text(dict(found)))  # type: ignore[arg-type]
    (text,) = texts
    assert to_text(from_text(text, "f")) == text == to_text(from_text(text.replace("\n", "\r\n"), "f"))


GOOD = to_text(blocks(1, 2))  # type: ignore[arg-type]
CONFLICT = GOOD.replace(" latency_ms", "<<<<<<< ours\n latency_ms 1\n=======\n latency_ms", 1).replace(
    "\n ttft_ms", "\n>>>>>>> theirs\n ttft_ms", 1
)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", r"f:1: expected '# agentperf-baseline 2 .* got ''; write it again with: pytest"),
        (GOOD.replace("baseline 2", "baseline 3"), "f:1: version 3 is not one .* pip install --upgrade"),
        (CONFLICT, "f:4: an unresolved merge conflict; write it again with: pytest --agentperf --agentperf-update"),
        (GOOD + "\n" + GOOD.partition("\n\n")[2], r"f:\d+: test_001 stands here twice"),
        (GOOD.replace(" test took", " toast took", 1), "f:3: a block without its line `test`; write it again with"),
        (GOOD.replace("test_001\n", ""), "f:3: a block without the name of its test; write it again with"),
        (GOOD.replace("\n call", "\n\n call", 1), r"f:\d+: a block without the name of its test; write it again with"),
        (
            GOOD.replace("\n ttft_ms", "\n=======\n ttft_ms", 1),
            "f:3: a block with a line that is none of its own, '=====",
        ),
    ],
)
def test_what_cannot_be_read_is_told_with_its_line(text: str, problem: str) -> None:
    with pytest.raises(BadBaseline, match=problem):
        from_text(text, "f")


@pytest.mark.parametrize(
    ("line", "damaged", "problem"),
    [
        ("at=0", "at=x", "invalid literal for .*'x.*'"),
        ("input=", "inputt=", "unknown 'inputt'"),
        ("sent=", "stated_usd=x sent=", "not an amount: 'x'"),
        ("test took=", "test tok=", "no 'took'"),
        ("test took=", "test took=1x", r"invalid literal for .* '1x\d+'"),
        ("call openai openai-chat", "call openai", "words are missing"),
    ],
)
def test_a_line_that_cannot_be_read_is_told(line: str, damaged: str, problem: str) -> None:
    text = GOOD.replace(line, damaged, 1)
    number = next(n for n, words in enumerate(text.split("\n"), 1) if damaged in words)
    with pytest.raises(
        BadBaseline, match=rf"^f:{number}: the baseline of t::a cannot be read: {problem}; write it again with"
    ):
        from_text(text, "f")["test_001"].profile("t::a", "f")


THREE = to_text(blocks(1, 2, 3))  # type: ignore[arg-type]
_, ONE, TWO, LAST = (f"{part.rstrip()}\n" for part in THREE.split("\n\n"))


@pytest.mark.parametrize(
    ("text", "torn"),
    [
        (
            THREE.replace("\n ttft_ms", "\n<<<<<<< a\n ttft_ms 1\n=======\n ttft_ms 2\n>>>>>>> b\n ttft_ms", 1),
            {"test_001"},
        ),
        (THREE.replace(TWO, f"<<<<<<< a\n{TWO}=======\n{TWO.replace('=', '=1')}>>>>>>> b\n"), {"test_002"}),
        (THREE.replace(TWO, f"<<<<<<< a\n{TWO}||||||| c\n=======\n>>>>>>> b\n"), {"test_002"}),
        (
            THREE.replace(f"{TWO}\n", f"<<<<<<< a\n{TWO}\n=======\n{TWO.replace('002', '02b')}\n>>>>>>> b\n"),
            {"test_002", "test_02b", "test_003"},
        ),
        (THREE.replace(f"\n{LAST}", f"<<<<<<< a\n\n{LAST}=======\n>>>>>>> b\n"), {"test_002", "test_003"}),
        (THREE.replace("\ntest_001", "<<<<<<< a\n# agentperf-baseline 1\n=======\n>>>>>>> b\n\ntest_001"), set()),
        (THREE.replace(TWO, TWO.replace("\n call", "\n\n call", 1)), {"test_002"}),
        (THREE.replace(TWO, TWO.replace("\n test", "\n toast")), {"test_002"}),
        (f"{THREE}\n{ONE}", {"test_001"}),
        (THREE.partition("\n")[2], set()),
        (THREE.partition("\n\n")[2], set()),
        (THREE.replace("# agent", "agent"), set()),
    ],
)
def test_what_is_whole_in_a_damaged_file_is_kept_and_what_is_lost_is_known(text: str, torn: set[str]) -> None:
    with pytest.raises(BadBaseline):
        from_text(text, "f")
    kept, lost = salvage(text, "f")

    assert lost == torn
    assert kept == {name: block for name, block in from_text(THREE, "f").items() if name not in torn}


@given(st.sets(st.text(min_size=1), max_size=4))
def test_of_a_whole_file_all_is_kept_whatever_the_ids(names: set[str]) -> None:
    (found,) = blocks(1).values()
    whole = to_text(dict.fromkeys(names, found))  # type: ignore[arg-type]

    assert salvage(whole, "f") == (from_text(whole, "f"), set())
    assert from_text(whole, "f").keys() == names


@pytest.mark.parametrize("text", ["", "\n", "=======\n", "<<<<<<< a\n"])
def test_a_file_of_which_nothing_is_left(text: str) -> None:
    assert salvage(text, "f") == ({}, set())


def test_what_a_newer_version_wrote_is_not_written_over() -> None:
    with pytest.raises(BadBaseline, match="pip install --upgrade"):
        salvage(f"<<<<<<< a\n{GOOD.replace('baseline 2', 'baseline 3')}", "f")


@settings(max_examples=200)
@given(st.data())
def test_a_slip_of_the_finger_is_a_bad_baseline_or_another_one(data: st.DataObject) -> None:
    """Never an error of ours, which would open the gate for the test."""
    seen = profile("t.py::test_001", plan(1))
    text = to_text({"test_001": block(priced(seen, PRICES))})
    at = data.draw(st.integers(text.index("\n test"), len(text) - 2))
    typed = data.draw(st.sampled_from(["", "x", "9", "-", "=", ":", ",", ".", "%", " ", "\n", "\n\n", " 1"]))

    class Damaged:
        def read(self, _: object) -> str:
            return text[:at] + typed + text[at + data.draw(st.integers(0, 1)) :]

        def paths(self) -> tuple[()]:
            return ()

    other = replace(seen, latency_ns=seen.latency_ns * 2, calls=seen.calls[:-1])
    try:
        Baselines(Damaged(), own_prices=PRICES).compare(other, {})
    except BadBaseline as problem:
        assert "write it again with" in str(problem)  # noqa: PT017
    Baselines(Damaged(), own_prices=PRICES, lenient=True).compare(other, {})


OLD = Path(__file__).parents[1] / "baselines"


@pytest.mark.parametrize("path", sorted(OLD.glob("version_1/*/*.txt")), ids=lambda path: path.stem)
def test_a_merge_may_bring_blocks_of_version_1_below_a_head_of_today(path: Path) -> None:
    old = path.read_text("utf-8")
    assert " offers=" in old
    assert from_text(old, "f") == from_text(to_text(from_text(old, "f")), "f")
    assert from_text(old.replace("baseline 1", "baseline 2"), "f") == from_text(old, "f")


@given(st.sampled_from(["a offers=b", "a read=0", " call x read=0"]))
def test_an_id_may_look_like_a_word_of_version_1(name: str) -> None:
    text = to_text({name: block(profile("t.py::x", plan(1)))})

    assert list(from_text(text.replace("baseline 2", "baseline 1"), "f")) == [name]


def git(folder: Path, *arguments: str, ok: bool = True) -> int:
    done = subprocess.run(
        ["git", "-c", "user.name=t", "-c", "user.email=t@t", *arguments], cwd=folder, capture_output=True, check=False
    )
    assert not ok or done.returncode == 0, done.stderr
    return done.returncode


def test_two_branches_that_change_five_tests_each_merge(tmp_path: Path) -> None:
    """Forty trials, 200 tests in ten modules. Where both changed the same test, a conflict is right."""
    git(tmp_path, "init", "-q", "-b", "main")
    write(tmp_path, dict.fromkeys(range(200), 0))
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "base")
    conflicts = 0
    for trial in range(40):
        rng = random.Random(trial)
        sides = {side: rng.sample(range(200), 5) for side in ("ours", "theirs")}
        for side, tests in sides.items():
            git(tmp_path, "checkout", "-qf", "-B", side, "main")
            write(tmp_path, dict.fromkeys(tests, 1 + trial))
            git(tmp_path, "commit", "-qam", side)
        failed = git(tmp_path, "merge", "-q", "ours", ok=False) != 0
        assert failed <= bool(set(sides["ours"]) & set(sides["theirs"])), "a conflict without a common test"
        conflicts += failed
        if failed:
            git(tmp_path, "merge", "--abort")
    assert conflicts <= 1


def write(root: Path, versions: dict[int, int]) -> None:
    """The baselines of some of 200 tests; one of another version makes other calls."""
    runs = [
        TestRun(
            profile=profile(f"tests/test_m{test % 10}.py::test_case_{test:03}", plan(test + 1000 * version)),
            outcome="passed",
            new=True,
        )
        for test, version in versions.items()
    ]
    update(Baselines(Tree(root), own_prices=PRICES), root, runs, {"new"})


def test_an_item_that_is_a_whole_file_is_found_again() -> None:
    for nodeid in ("specs/trip.yaml", "tests/test_trip.py::TestTrip::test_plan[a::b]"):
        module = nodeid.partition("::")[0]
        assert whole_id(module, name_in_module(nodeid)) == nodeid
