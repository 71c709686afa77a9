"""Baselines as a user meets them: written, held, accepted, moved, merged."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
import yaml

from pytest_agentperf.cli import main  # once: pytester forgets what a session imported, but not what was there before
from server.provider import Answer

FILE = "agentperf_baseline/test_agents.txt"
TEST = """
import agent, pathlib, pytest

def prompts(name):
    return (pathlib.Path(__file__).parent / name).read_text().split()

@pytest.mark.vcr("cassettes/all.yaml")
def test_one():
    for prompt in prompts("one.txt"):
        agent.ask(prompt)

@pytest.mark.vcr("cassettes/all.yaml")
@pytest.mark.parametrize("case", ["a b", "c\\nd"])
def test_many(case):
    agent.ask("plain")
"""
ANSWERS = {"plain": (1000, 100, 20), "other": (1500, 200, 20), "long": (1004, 101, 20), "cheap": (500, 50, 10)}
"""Prompt -> milliseconds, input and output tokens."""


@pytest.fixture
def project(session, provider, monkeypatch):
    """A suite whose agent asks what stands in `one.txt`; every prompt of `ANSWERS` is recorded, several times."""
    monkeypatch.delenv("CI", raising=False)
    interactions = []
    for prompt, (ms, tokens_in, tokens_out) in ANSWERS.items():
        for _ in range(4):
            text = json.dumps(
                {
                    "id": f"c-{prompt}",
                    "object": "chat.completion",
                    "model": "gpt-4o",
                    "choices": [
                        {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": prompt}}
                    ],
                    "usage": {
                        "prompt_tokens": tokens_in,
                        "completion_tokens": tokens_out,
                        "total_tokens": tokens_in + tokens_out,
                    },
                }
            )
            timing = {"version": 1, "headers": float(ms), "chunks": f"{float(ms)}+{len(text)}", "end": float(ms)}
            asked = {"model": "gpt-4o", "messages": [{"role": "user", "content": prompt}]}
            interactions.append(
                {
                    "request": {
                        "method": "POST",
                        "uri": f"{provider.url}/v1/chat/completions",
                        "headers": {},
                        "body": json.dumps(asked),
                    },
                    "response": {
                        "status": {"code": 200, "message": "OK"},
                        "headers": {"content-type": ["application/json"]},
                        "body": {"string": text},
                        "agentperf": {**timing, "ending": "complete"},
                    },
                }
            )
    path = session.path / "cassettes" / "test_agents" / "test_one.yaml"
    path.parent.mkdir(parents=True)
    text = yaml.safe_dump({"interactions": interactions, "version": 1})
    for name in ("test_agents/test_one", "test_agents/test_many[a b]", "test_agents/test_many[c_nd]", "all"):
        (session.path / "cassettes" / f"{name}.yaml").write_text(text, "utf-8")
    (session.path / "cassettes" / "all.yaml").write_text(text, "utf-8")
    session.makepyfile(test_agents=TEST.replace("cassettes/all.yaml", str(session.path / "cassettes" / "all.yaml")))
    asks(session, "plain", "plain")
    return session


def asks(project, *prompts):
    (project.path / "one.txt").write_text(" ".join(prompts))


def run(project, *options, passed=3, failed=0):
    result = project.runpytest("-p", "no:recording", "-p", "no:randomly", "--agentperf", *options)
    result.assert_outcomes(passed=passed, failed=failed)
    return result


def test_written_held_and_accepted(project):
    run(project).stdout.fnmatch_lines(["against the baseline: 3 without one; to accept: pytest --agentperf-update=new"])
    assert not (project.path / FILE).exists()
    run(project, "--agentperf-update").stdout.fnmatch_lines([f"*baselines written: 3 new in {FILE}*"])
    written = (project.path / FILE).read_text("utf-8")
    run(project).stdout.fnmatch_lines(["against the baseline: 3 the same"])
    run(project, "--agentperf-update").stdout.fnmatch_lines(["*baselines written: nothing to write*"])
    assert (project.path / FILE).read_text("utf-8") == written

    asks(project, "plain", "plain", "other")
    result = run(project, passed=2, failed=1)
    result.stdout.fnmatch_lines(
        [
            f"LLM calls 2 -> 3 and * more: worse than the baseline in {FILE}",
            "  latency: was 2,000 ms, is 3,500 ms, 2,040 ms allowed",
            "  LLM calls: was 2, is 3, 2 allowed",
            "  why: one more LLM call *",
            "  if this is meant: pytest test_agents.py::test_one --agentperf --agentperf-update=worse",
        ]
    )
    assert (project.path / FILE).read_text("utf-8") == written
    run(project, "--agentperf-update=new,better", passed=2, failed=1)
    run(project, "--agentperf-update=worse").stdout.fnmatch_lines([f"*baselines written: 1 changed in {FILE}*"])
    run(project)


def test_better_is_told_and_fails_only_under_the_ratchet(project):
    run(project, "--agentperf-update")
    asks(project, "cheap", "plain")
    run(project).stdout.fnmatch_lines(
        ["against the baseline: 1 better, 2 the same; to accept: pytest --agentperf-update=better"]
    )
    result = run(project, "--agentperf-ratchet", passed=2, failed=1)
    result.stdout.fnmatch_lines(
        ["  latency: 2,000 ms -> 1,500 ms is better and not recorded yet (--agentperf-ratchet)", "*update=better"]
    )
    run(project, "--agentperf-ratchet", "--agentperf-update=better")
    run(project, "--agentperf-ratchet")


def test_a_little_worse_is_within_the_threshold_and_thresholds_are_set_by_path_and_test(project):
    run(project, "--agentperf-update")
    asks(project, "plain", "long")
    run(project)
    asks(project, "plain", "plain", "other")
    yaml_file = project.path / "agentperf.yaml"
    yaml_file.write_text("gate:\n  'test_*.py': {llm_calls: off, turns: off, latency: 100%, cost: off, ttft: off}\n")
    run(project, passed=2, failed=1).stdout.fnmatch_lines(["  tokens: was 240, is 460, 256 allowed"])
    yaml_file.write_text(
        "gate:\n"
        "  'test_*.py': {latency: 1%, llm_calls: off, turns: off, ttft: off, cost: off}\n"
        "  'test_agents.py::*one': {latency: {floor: 5000}, tokens: off, input_tokens: off, output_tokens: 200}\n"
        "  '*.py': {request_bytes: off}\n"
    )
    run(project)
    source = (project.path / "test_agents.py").read_text()
    marked = source.replace("def test_one", '@pytest.mark.agentperf(gate={"latency": "3%"})\ndef test_one')
    project.makepyfile(test_agents=marked)
    run(project, passed=2, failed=1).stdout.fnmatch_lines(["  latency: was 2,000 ms, is 3,500 ms, 2,060 ms allowed"])


@pytest.mark.parametrize(
    ("gate", "problem"),
    [
        ("{speed: 5%}", "agentperf.yaml:2: unknown metric 'speed'; allowed: latency, *"),
        ("{latency: fast}", "agentperf.yaml:2: latency: expected on, off, a percentage *(in ms), got 'fast'"),
        ("{tokens: {percent: -1}}", "agentperf.yaml:2: tokens: expected on, off, *got {'percent': -1}"),
        ("{cpu: on}", "agentperf.yaml:2: cpu: no baseline holds it, for it differs *; max_cpu limits it"),
        ("{memory: 10%}", "agentperf.yaml:2: memory: no baseline holds it, *; max_memory limits it"),
        ("5", "agentperf.yaml:2: expected a mapping from metrics to thresholds, got 5"),
    ],
)
def test_bad_thresholds_are_usage_errors(pytester, gate, problem):
    (pytester.path / "agentperf.yaml").write_text(f"gate:\n  '*': {gate}\n")
    pytester.makepyfile("def test_x(): pass")
    result = pytester.runpytest("--agentperf")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*{problem}"])


def test_new_tests_pass_unless_strict_and_ci_writes_nothing(project, monkeypatch):
    run(project, "--agentperf-strict", passed=0, failed=3).stdout.fnmatch_lines(
        [
            f"no baseline for this test in {FILE} (--agentperf-strict)",
            "  to record it: pytest 'test_agents.py::test_many?a b?' --agentperf --agentperf-update=new",
        ]
    )
    monkeypatch.setenv("CI", "true")
    run(project, "--agentperf-update").stdout.fnmatch_lines(["*baselines are not written because CI is set; *"])
    assert not (project.path / FILE).exists()
    run(project, "--agentperf-update=new,force")
    run(project, "--agentperf-strict")
    (project.path / FILE).unlink()
    project.runpytest("-p", "no:recording", "--agentperf-strict").assert_outcomes(failed=3)


def test_renamed_and_removed_tests_go_after_a_full_run_only(project):
    run(project, "--agentperf-update")
    source = (project.path / "test_agents.py").read_text()
    project.makepyfile(test_agents=source.replace("test_one", "test_renamed"))
    run(project).stdout.fnmatch_lines(
        [
            "against the baseline: 2 the same, 1 without one; to accept: pytest --agentperf-update=new",
            "note: baselines hold 1 test that is no more, test_agents.py::test_one: pytest --agentperf-update=removed",
        ]
    )
    assert "no more" not in run(project, "-k", "renamed", passed=1).stdout.str()
    run(project, "--agentperf-update", "-k", "renamed", passed=1)
    run(project, "--agentperf-update=removed", "-k", "renamed", passed=1).stdout.fnmatch_lines(
        ["*nothing to write (which tests are no more is known after a run of a whole file or folder)"]
    )
    assert "test_one\n" in (project.path / FILE).read_text()
    run(project, "--agentperf-update", "test_agents.py").stdout.fnmatch_lines(["*written: 1 removed in *"])
    assert "test_one\n" not in (project.path / FILE).read_text()

    # a module moves with its baseline, and without it leaves it behind
    moved = project.mkpydir("sub")
    (project.path / "test_agents.py").rename(moved / "test_agents.py")
    (project.path / "one.txt").rename(moved / "one.txt")
    (moved / "agentperf_baseline").mkdir()
    (project.path / FILE).rename(moved / FILE)
    run(project, "--agentperf-strict")
    (moved / FILE).rename(moved / "agentperf_baseline" / "test_gone.txt")
    run(project).stdout.fnmatch_lines(
        [
            "note: baselines hold 3 tests that are no more, the first sub/test_gone.py::test_many*: pytest --agentperf-update=rem*"
        ]
    )
    run(project, "--agentperf-update").stdout.fnmatch_lines(["*written: 3 new, 3 removed in 2 files*"])
    assert [path.name for path in (moved / "agentperf_baseline").iterdir()] == ["test_agents.txt"]


LEFT_OUT = {
    "shard": "def pytest_collection_modifyitems(items): items[:] = items[:1]",
    "stop": "def pytest_runtest_teardown(item): item.session.shouldfail = 'enough'",
    "class": "def pytest_generate_tests(metafunc):\n    if metafunc.cls: {how}('not here')",
}


@pytest.mark.parametrize(
    ("conftest", "options"),
    [
        (LEFT_OUT["shard"], []),
        (LEFT_OUT["shard"], ["-n2"]),
        (LEFT_OUT["stop"], []),
        (LEFT_OUT["class"].format(how="1 / 0 #"), ["--continue-on-collection-errors"]),
        (LEFT_OUT["class"].format(how="__import__('pytest').skip"), []),
        ("", ["--collect-only"]),
        ("", ["--lf"]),
    ],
)
def test_a_test_that_did_not_run_is_not_removed(project, conftest, options):
    if "-n2" in options:
        pytest.importorskip("xdist")
    source = (project.path / "test_agents.py").read_text()
    project.makepyfile(test_agents=f"{source}\nclass TestMore:\n    test_two = staticmethod(test_one)\n")
    run(project, "--agentperf-update", passed=4)
    if "--lf" in options:
        (project.path / "one.txt").write_text("nobody")
        project.runpytest("--agentperf")
        asks(project, "plain", "plain")
    written = (project.path / FILE).read_text()
    (project.path / "conftest.py").write_text(conftest)
    project.runpytest("-p", "no:randomly", "--agentperf-update", *options)
    assert (project.path / FILE).read_text() == written
    (project.path / "conftest.py").unlink()
    project.makepyfile(test_agents=source)
    run(project, "--agentperf-update", "--maxfail=1").stdout.fnmatch_lines(["*written: 1 removed in *"])


def test_what_is_a_little_worse_is_written_as_worse_only(project):
    run(project, "--agentperf-update")
    asks(project, "plain", "long")
    for only in ("new", "better", "removed", "new, better"):
        run(project, f"--agentperf-update={only}").stdout.fnmatch_lines(["*baselines written: nothing to write*"])
    run(project, "--agentperf-update=worse").stdout.fnmatch_lines(["*baselines written: 1 changed in *"])


def test_real_time_alone_is_never_written(project):
    source = (project.path / "test_agents.py").read_text()
    real = "    import subprocess, sys\n    subprocess.run([sys.executable, '-c', ''])\n"
    project.makepyfile(test_agents=source.replace("        agent.ask(prompt)\n", f"        agent.ask(prompt)\n{real}"))
    run(project, "--agentperf-update")
    written = (project.path / FILE).read_text()
    for _ in range(2):
        run(project, "--agentperf-update").stdout.fnmatch_lines(["*baselines written: nothing to write*"])
    assert (project.path / FILE).read_text() == written
    asks(project, "plain", "plain", "other")
    run(project, "--agentperf-update").stdout.fnmatch_lines(["*baselines written: 1 changed in *"])


def test_what_is_written_needs_no_accepting(project):
    run(project, "--agentperf-update")
    asks(project, "cheap", "plain")
    result = run(project, "--agentperf-update", "--agentperf-json=run.json")
    result.stdout.fnmatch_lines(["against the baseline: 1 better, 2 the same", "*baselines written: 1 changed in *"])
    told = json.loads((project.path / "run.json").read_text())
    assert [test["profile"]["nodeid"] for test in told["tests"] if test.get("written")] == ["test_agents.py::test_one"]


def test_a_test_whose_teardown_fails_is_not_written(project):
    source = (project.path / "test_agents.py").read_text()
    fixture = "\n@pytest.fixture\ndef fin():\n    yield\n    assert not pathlib.Path('broken').exists()\n"
    project.makepyfile(test_agents=source.replace("def test_one():", "def test_one(fin):") + fixture)
    (project.path / "broken").touch()
    result = project.runpytest("--agentperf-update")
    result.assert_outcomes(passed=3, errors=1)
    result.stdout.fnmatch_lines(["*baselines written: 2 new in *"])
    (project.path / "broken").unlink()
    run(project, "--agentperf-update").stdout.fnmatch_lines(["*baselines written: 1 new in *"])


@pytest.mark.parametrize(("what", "writes"), [("force", True), (" new , force", True), ("new, worse", False)])
def test_the_words_of_an_update(project, monkeypatch, what, writes):
    monkeypatch.setenv("CI", "true")
    run(project, f"--agentperf-update={what}")
    assert (project.path / FILE).exists() == writes


@pytest.mark.parametrize("what", ["", ",", "new,wrose"])
def test_bad_words_of_an_update_are_usage_errors(pytester, what):
    result = pytester.runpytest(f"--agentperf-update={what}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    wrong = what.rpartition("new,")[2]
    result.stderr.fnmatch_lines(
        [f"*--agentperf-update: expected any of new, better, worse, removed, force, got '{wrong}'"]
    )


def test_a_conflict_stops_the_run_and_an_update_resolves_it(project):
    run(project, "--agentperf-update")
    good = (project.path / FILE).read_text()
    (project.path / FILE).write_text(good.replace("\ntest_one\n", "\n<<<<<<< HEAD\ntest_one\n>>>>>>> other\n"))
    for options in ([], ["--agentperf-update=worse"]):
        result = project.runpytest("--agentperf", *options)
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        result.stderr.fnmatch_lines([f"*{FILE}:*: an unresolved merge conflict; write it again with: *"])
    run(project, "--agentperf-update", "test_agents.py::test_one", passed=1).stdout.fnmatch_lines(
        [f"*baselines written: 1 new, 1 file repaired in {FILE}*"]
    )
    assert (project.path / FILE).read_text() == good


@pytest.mark.parametrize("workers", [[], ["-n2"]])
def test_what_a_conflict_leaves_of_a_test_that_does_not_pass_is_not_lost(project, workers):
    if workers:
        pytest.importorskip("xdist")
    run(project, "--agentperf-update")
    good = (project.path / FILE).read_text()
    torn = good.replace("\ntest_one\n", "\n<<<<<<< HEAD\ntest_one\n>>>>>>> other\n")
    (project.path / FILE).write_text(torn)
    refused = f"baselines: {FILE} is left as it is: what it says of test_one cannot be read, and *"
    asks(project, "nobody")
    run(project, "--agentperf-update", *workers, passed=2, failed=1).stdout.fnmatch_lines([refused])
    result = run(project, "--agentperf-update", *workers, "-k", "many", passed=2)
    result.stdout.fnmatch_lines([refused])
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert (project.path / FILE).read_text() == torn
    asks(project, "plain", "plain")
    run(project, "--agentperf-update", *workers)
    assert (project.path / FILE).read_text() == good

    # a test in conflict that is no more
    (project.path / FILE).write_text(torn)
    project.makepyfile(test_agents=(project.path / "test_agents.py").read_text().replace("test_one", "other"))
    run(project, "--agentperf-update", *workers, passed=2).stdout.fnmatch_lines(
        ["*written: 1 removed, 1 file repaired*"]
    )
    assert "test_one" not in (project.path / FILE).read_text()


@pytest.mark.parametrize("damage", [("input=100", "input=1OO"), (" test took=", " test tok=")])
def test_a_damaged_line_fails_its_test_until_it_is_written_again(project, damage):
    run(project, "--agentperf-update")
    good = (project.path / FILE).read_text()
    before, one, after = good.partition("\ntest_one\n")
    (project.path / FILE).write_text(before + one + after.replace(*damage, 1))
    for options in ([], ["--agentperf-update=worse"]):
        result = run(project, *options, passed=2, failed=1)
        result.stdout.fnmatch_lines(
            [
                f"{FILE}:*: the baseline of test_agents.py::test_one cannot be read: *; write it again with: pytest "
                "--agentperf --agentperf-update"
            ]
        )
        result.stdout.no_fnmatch_line("*bug in agentperf*")
    run(project, "--agentperf-update").stdout.fnmatch_lines(["*baselines written: 1 new in *"])
    assert (project.path / FILE).read_text() == good


@pytest.mark.parametrize("head", ["", "# agentperf"])
def test_a_file_without_its_head_is_written_again(project, head):
    run(project, "--agentperf-update")
    good = (project.path / FILE).read_text()
    for left in (head, f"{head}\n{good.partition(chr(10))[2]}"):
        (project.path / FILE).write_text(left)
        result = project.runpytest("--agentperf")
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        result.stderr.fnmatch_lines(
            [f"*{FILE}:1: expected *; write it again with: pytest --agentperf --agentperf-update"]
        )
        run(project, "--agentperf-update").stdout.fnmatch_lines(["*1 file repaired*"])
        assert (project.path / FILE).read_text() == good


def test_a_replay_in_real_time_or_at_once_is_held_to_what_it_can_tell(project):
    run(project, "--agentperf-update")
    run(project, "--agentperf-pace=instant")
    run(project, "--agentperf-pace=instant", "--agentperf-update").stdout.fnmatch_lines(["*nothing to write*"])
    asks(project, "plain", "plain", "plain")
    run(project, "--agentperf-pace=instant", passed=2, failed=1).stdout.fnmatch_lines(
        ["  LLM calls: was 2, is 3, 2 allowed"]
    )


def test_workers_judge_and_the_controller_writes(project):
    pytest.importorskip("xdist")
    run(project, "--agentperf-update", "-n2").stdout.fnmatch_lines(["*baselines written: 3 new in *"])
    written = (project.path / FILE).read_text()
    asks(project, "plain", "plain", "other")
    result = run(project, "-n2", passed=2, failed=1)
    result.stdout.fnmatch_lines(["  LLM calls: was 2, is 3, 2 allowed", "! one more LLM call (1 test, *"])
    assert (project.path / FILE).read_text() == written
    source = (project.path / "test_agents.py").read_text()
    project.makepyfile(test_agents=source.replace("test_one", "test_renamed"))
    run(project, "-n2").stdout.fnmatch_lines(
        ["against the baseline: 2 the same, 1 without one; to accept: pytest --agentperf-update=new"]
    )


def git(project, *arguments):
    identity = ("-c", "user.name=t", "-c", "user.email=t@t")
    subprocess.run(["git", *identity, *arguments], cwd=project.path, check=True, capture_output=True)


def test_what_a_branch_accepts_stays_visible_and_can_be_compared(project, monkeypatch, capsys):
    run(project, "--agentperf-update")
    git(project, "init", "-q", "-b", "main")
    if sys.platform == "linux":  # a name that is no UTF-8
        (project.path / os.fsdecode(b"caf\xe9.txt")).write_text("")
        git(project, "add", ".")
    git(project, "add", FILE)
    git(project, "commit", "-qm", "base")
    git(project, "checkout", "-qb", "branch")
    asks(project, "plain", "plain", "other")
    run(project, "--agentperf-update")
    run(project, "--agentperf-against=main", "--agentperf-json=run.json").stdout.fnmatch_lines(
        ["= accepted since the merge base: one more LLM call (1 test, *"]
    )
    page = project.path / "run.md"
    run(project, "--agentperf-against=main", f"--agentperf-markdown={page}")
    heading = page.read_text("utf-8").partition("\n")[0]
    assert heading.startswith("### agentperf: 3 tests, no problem, ")
    assert heading.endswith(", 1 accepted since the merge base")
    assert ":information_source: | accepted since the merge base: one more LLM call (1 test, " in page.read_text(
        "utf-8"
    )
    asks(project, "plain", "plain", "other", "other")
    run(project, "--agentperf-against=main", "--agentperf-json=run.json", passed=2, failed=1).stdout.fnmatch_lines(
        ["! one more LLM call (1 test, *", "= accepted since the merge base: one more LLM call (1 test, *"]
    )
    asks(project, "plain", "plain", "other")
    run(project, "--agentperf-against=main", "--agentperf-json=run.json")
    run(project, "--agentperf-against=nowhere").stdout.fnmatch_lines(
        ["*changes since the merge base are not told: git merge-base HEAD nowhere: *"]
    )

    monkeypatch.chdir(project.path)
    capsys.readouterr()
    assert len(json.loads((project.path / "run.json").read_text())["commit"]) == 40
    assert main(["compare", "main"]) == 1
    told = capsys.readouterr().out
    assert told.startswith("agentperf: 3 tests compared, 1 changed\n! one more LLM call (1 test, ")
    assert "    LLM calls 2 -> 3 (regression)\n" in told
    assert main(["compare", "main", "run.json"]) == 1
    assert main(["compare", "run.json", "run.json"]) == 0
    assert main(["compare", "nowhere"]) == 2
    assert "nowhere: neither a file nor a git revision" in capsys.readouterr().err


def test_what_a_branch_accepts_stays_visible_where_a_module_moves(project):
    run(project, "--agentperf-update")
    git(project, "init", "-q", "-b", "main")
    git(project, "add", FILE)
    git(project, "commit", "-qm", "base")
    moved = project.mkpydir("sub")
    (moved / "agentperf_baseline").mkdir()
    (project.path / FILE).rename(moved / FILE)
    for name in ("test_agents.py", "one.txt"):
        (project.path / name).rename(moved / name)
    (moved / "one.txt").write_text("plain plain other")
    run(project, "--agentperf-update")
    git(project, "add", "-A")
    run(project, "--agentperf-against=main").stdout.fnmatch_lines(
        ["= accepted since the merge base: one more LLM call (1 test, *"]
    )


def test_review_writes_nothing_where_ci_is_set(project, monkeypatch, capsys):
    run(project, "--agentperf-update")
    asks(project, "plain", "plain", "other")
    run(project, "--agentperf-json=run.json", passed=2, failed=1)
    before = (project.path / FILE).read_bytes()

    monkeypatch.chdir(project.path)
    monkeypatch.setenv("CI", "true")
    capsys.readouterr()
    assert main(["review", "run.json", "--accept=all"]) == 2
    assert "CI is set, so that no baseline is written; --force writes them" in capsys.readouterr().err
    assert (project.path / FILE).read_bytes() == before
    assert main(["review", "run.json", "--accept=all", "--force"]) == 0
    assert (project.path / FILE).read_bytes() != before


def test_review_accepts_by_cause(project, monkeypatch, capsys):
    run(project, "--agentperf-update")
    asks(project, "plain", "plain", "other")
    run(project, "--agentperf-json=run.json", passed=2, failed=1)

    monkeypatch.chdir(project.path)
    answers = iter(["x", "s", "n"])
    monkeypatch.setattr("builtins.input", lambda _: next(answers))
    capsys.readouterr()
    assert main(["review", "run.json"]) == 0
    told = capsys.readouterr().out
    assert "cause 1 of 1: extra-turn\n" in told
    assert "    LLM calls 2 -> 3 (regression)" in told
    assert told.endswith("0 causes accepted, 0 baselines written\n")
    assert main(["review", "run.json", "--accept=extra-turn"]) == 0
    assert capsys.readouterr().out.endswith(f"1 cause accepted, 1 baseline written in {FILE}\n")
    run(project)
    run(project, "--agentperf-json=run.json")
    assert main(["review", "run.json"]) == 0
    assert "nothing to review" in capsys.readouterr().out


def test_review_and_compare_know_the_project_from_any_of_its_folders(project, monkeypatch, capsys):
    (project.path / "pytest.ini").write_text("[pytest]\nagentperf_baseline = perf\nagentperf_limits = gates.yaml\n")
    (project.path / "tox.ini").unlink()
    (project.path / "gates.yaml").write_text("gate:\n  '*': {llm_calls: off, turns: off}\n")
    tests = project.mkpydir("suite")
    for name in ("test_agents.py", "one.txt"):
        (project.path / name).rename(tests / name)
    run(project, "--agentperf-update", "--agentperf-json=was.json")
    (tests / "one.txt").write_text("plain plain other")
    run(project, "--agentperf-json=run.json", passed=2, failed=1)

    monkeypatch.chdir(tests)
    capsys.readouterr()
    assert main(["compare", "../was.json"]) == 0
    assert capsys.readouterr().out == "agentperf: 3 tests compared, 0 changed\n"
    assert main(["compare", "../was.json", "../run.json"]) == 1
    told = capsys.readouterr().out
    assert "    LLM calls 2 -> 3\n" in told
    assert "    tokens 240 -> 460 (regression)\n" in told

    assert main(["review", "../run.json", "--accept=all"]) == 0
    assert capsys.readouterr().out.endswith("1 cause accepted, 1 baseline written in perf/test_agents.txt\n")
    assert sorted(project.path.rglob("*.txt")) == [tests / "one.txt", tests / "perf" / "test_agents.txt"]
    monkeypatch.chdir(project.path)
    run(project)

    (project.path / "pytest.ini").write_text("[pytest]\nagentperf_prices = {\n")
    assert main(["compare", "run.json"]) == 2
    assert capsys.readouterr().err.startswith("pytest-agentperf: agentperf_prices:")


def test_review_accepts_kinds_that_there_are_and_keeps_what_was_accepted_before_an_end(project, monkeypatch, capsys):
    source = (project.path / "test_agents.py").read_text()
    project.makepyfile(test_agents=source.replace('ask("plain")', 'ask(prompts("many.txt")[0])'))
    (project.path / "many.txt").write_text("plain")
    run(project, "--agentperf-update")
    (project.path / "many.txt").write_text("cheap")
    asks(project, "plain", "plain", "other")
    run(project, "--agentperf-json=run.json", passed=2, failed=1)

    monkeypatch.chdir(project.path)
    assert main(["review", "run.json", "--accept=bogus"]) == 2
    assert capsys.readouterr().err == (
        "pytest-agentperf: --accept=bogus: there is no such kind; the run's causes are of: context, extra-turn, output\n"
    )

    def ask(_):
        for answer in answers:
            return answer
        raise KeyboardInterrupt

    monkeypatch.setattr("builtins.input", ask)
    answers = iter(["y"])
    assert main(["review", "run.json"]) == 0
    told = capsys.readouterr().out
    assert "cause 2 of " in told
    assert told.endswith(f"1 cause accepted, 1 baseline written in {FILE}\n")
    run(project)


def test_a_review_is_not_held_up_by_luck_and_says_what_holds_it_up(project, monkeypatch, capsys):
    run(project, "--agentperf-update")
    asks(project, "plain", "plain", "other")
    for path in (project.path / "cassettes").rglob("*.yaml"):
        again = yaml.safe_load(path.read_text("utf-8"))
        for stored in again["interactions"]:
            body = stored["response"]["body"]
            body["string"] = body["string"].replace("c-plain", "d-plain").replace('tokens": 20', 'tokens": 30')
        path.write_text(yaml.safe_dump(again), "utf-8")
    run(project, "--agentperf-json=run.json", passed=2, failed=1)
    kinds = [cause["kind"] for cause in json.loads((project.path / "run.json").read_text())["causes"]]
    assert kinds == ["extra-turn", "re-recorded"]

    monkeypatch.chdir(project.path)
    capsys.readouterr()
    assert main(["review", "run.json", "--accept=all", "--rootdir=cassettes"]) == 2
    assert capsys.readouterr().err == (
        f"pytest-agentperf: run.json: there is no test_agents.py in {project.path}/cassettes; "
        "--rootdir=DIR says where pytest ran\n"
    )
    monkeypatch.setattr("builtins.input", lambda _: "n")
    assert main(["review", "run.json", "--accept=extra-turn"]) == 0
    assert capsys.readouterr().out.endswith(f"1 cause accepted, 1 baseline written in {FILE}\n")
    run(project, "--agentperf-strict")


@pytest.mark.parametrize(("date", "kind"), [("Tue, 01 Dec 2026 09:30:00 GMT", "re-recorded"), ("", "model-time")])
def test_answers_without_a_name_of_their_own_are_known_by_their_date(project, date, kind):
    """A local server gives each answer the same id: that it was slower when it was recorded again is luck."""
    run(project, "--agentperf-update")
    for path in (project.path / "cassettes").rglob("*.yaml"):
        again = yaml.safe_load(path.read_text("utf-8"))
        for stored in again["interactions"]:
            response = stored["response"]
            response["headers"] |= {"date": [date]} if date else {}
            text = json.dumps(response["agentperf"]).replace("1000.0", "1900.0")
            response["agentperf"] = json.loads(text)
        path.write_text(yaml.safe_dump(again), "utf-8")
    worse = 0 if date else 3
    run(project, "--agentperf-json=run.json", passed=3 - worse, failed=worse)
    assert [cause["kind"] for cause in json.loads((project.path / "run.json").read_text())["causes"]] == [kind]


MISSES = """
import httpx2, pytest, agent

SYSTEM = "You are a helpful agent. " * {repeat}

@pytest.mark.vcr
@pytest.mark.parametrize("case", [1, 2])
def test_prompt(profiler, case):
    messages = [{{"role": "system", "content": SYSTEM + "Be {how}."}}, {{"role": "user", "content": f"case {{case}}"}}]
    with profiler.timer("planner"):
        httpx2.post(agent.URL, json={{"model": "gpt-4o", "messages": messages}})
"""


def test_a_changed_prompt_is_one_finding_with_its_tokens_and_the_cache_that_it_breaks(
    session, provider, monkeypatch, capsys
):
    provider.reply = Answer(text="Hello.", input_tokens=1600, output_tokens=20, cached_tokens=1536)
    session.makepyfile(test_agents=MISSES.format(repeat=300, how="brief"))
    run(session, "--agentperf-record=once", passed=2)
    session.makepyfile(test_agents=MISSES.format(repeat=300, how="brief, and always tell where you found it"))
    run(session, passed=0, failed=2).stdout.fnmatch_lines(
        [
            "=* agentperf: 2 tests stopped by a request that is not recorded =*",
            "",
            "! system prompt of planner changed, which is not recorded: about +8 input tokens a call (2 tests, *",
            "    worst: *",
            "    to record them: pytest --lf --agentperf-record=all",
            "F stopped: no recorded answer for POST * (2 tests)",
        ],
        consecutive=True,
    )
    session.makepyfile(test_agents=MISSES.format(repeat=300, how="brief").replace("You are", "Today you are"))
    run(session, "--agentperf-json=run.json", passed=0, failed=2).stdout.fnmatch_lines(
        [
            "! system prompt of planner changed, which is not recorded: about +300 input tokens a call; of 1,536 tokens from * it would leave about",
            "  0 (2 tests, +$0.0053, +600 input tokens, -3,072 cached input tokens)",
        ]
    )

    monkeypatch.chdir(session.path)
    monkeypatch.delenv("CI", raising=False)
    capsys.readouterr()
    assert main(["review", "run.json", "--accept=all"]) == 0
    told = capsys.readouterr().out
    assert "1 cause not to be accepted but recorded: pytest --agentperf-record=all" in told
    assert told.endswith("agentperf: nothing else to review\n")
    assert not (session.path / FILE).exists()


MORE = """
import httpx2, pytest, agent

def ask(*said):
    messages = [{{"role": "user", "content": text}} for text in said]
    httpx2.post(agent.URL, json={{"model": "gpt-4o", "messages": messages}})

@pytest.mark.vcr
def test_more(profiler):
    with profiler.timer("planner"):
        ask("plan")
        ask("write")
        {more}
"""


@pytest.mark.parametrize("more", ['ask("plan")', 'ask("check")', 'ask("write", "check")', 'ask("plan", "more")'])
def test_a_call_more_than_is_recorded_is_told_as_one_with_all_that_it_takes(session, provider, more):
    provider.reply = Answer(text="Hello.", input_tokens=1600, output_tokens=20)
    session.makepyfile(test_agents=MORE.format(more=""))
    run(session, "--agentperf-record=once", passed=1)
    text = MORE.format(more=more)
    if more.startswith('ask("plan", "'):  # in the middle, while another conversation is still to come
        text = text.replace('ask("plan")\n', f'ask("plan")\n        {more}\n')
    session.makepyfile(test_agents=text)
    run(session, passed=0, failed=1).stdout.re_match_lines(
        [
            r"! one more LLM call of planner than is recorded: about \+1,60\d input tokens a call "
            r"\(1 test, \+\$0.0042, \+1 LLM call, \+1,60\d input tokens\)"
        ]
    )


@pytest.mark.parametrize("folder", ["agentperf_baseline", "perf"])
def test_the_helper_holds_a_test_to_its_baseline_without_the_switch(project, folder):
    with (project.path / "tox.ini").open("a") as ini:
        ini.write(f"\nagentperf_baseline = {folder}\n")
    source = (project.path / "test_agents.py").read_text()
    project.makepyfile(
        test_agents=source.replace("def test_one():", "def test_one(profiler, monkeypatch):").replace(
            "        agent.ask(prompt)\n",
            "        agent.ask(prompt)\n"
            "    monkeypatch.chdir('/')\n"
            "    from pytest_agentperf import assert_no_regression\n"
            "    assert_no_regression(profiler, gate={'latency': '1%'})\n",
            1,
        )
    )
    run(project, "--agentperf-update")
    run(project, "--no-agentperf")
    asks(project, "plain", "plain", "other")
    run(project, "--no-agentperf", passed=2, failed=1).stdout.fnmatch_lines(
        [
            f"*worse than the baseline in {folder}/test_agents.txt",
            "*latency: was 2,000 ms, is 3,500 ms, 2,020 ms allowed",
        ]
    )
    run(project, "--agentperf-update=better", passed=2, failed=1)
    run(project, "--agentperf-update=worse").stdout.fnmatch_lines(["*baselines written: 1 changed in *"])

    file = project.path / folder / "test_agents.txt"
    file.write_text(file.read_text().replace("input=200", "input=2OO", 1))
    asks(project, "plain", "other", "other")
    run(project, "--no-agentperf", passed=2, failed=1).stdout.fnmatch_lines(
        [f"{folder}/test_agents.txt:*: the baseline of test_agents.py::test_one cannot be read: *"]
    )
    run(project, "--agentperf-update")
    run(project, "--no-agentperf")


def test_limits_to_start_with(project):
    told = run(project, "--agentperf-suggest", "test_agents.py::test_one", "test_agents.py::test_many[a b]", passed=2)
    told.stdout.fnmatch_lines(
        [
            "# test_agents.py::test_one",
            "@pytest.mark.max_latency(2400)",
            "@pytest.mark.max_ttft(1200)",
            "@pytest.mark.max_tokens(290)",
            '@pytest.mark.max_cost("0.0011")',
            "@pytest.mark.max_llm_calls(2)",
            "@pytest.mark.max_tool_calls(0)",
            "or as agentperf.yaml:",
            "recording these tests again would cost about $0.0014",
        ]
    )  # fmt: skip
    text = told.stdout.str().partition("or as agentperf.yaml:\n")[2].partition("recording these")[0]
    (project.path / "agentperf.yaml").write_text(text)
    assert len(yaml.safe_load(text)["limits"]) == 2
    run(project, "test_agents.py::test_one", "test_agents.py::test_many[a b]", passed=2)
    (project.path / "agentperf.yaml").write_text(text.replace(": 1200", ": 120"))
    run(project, "test_agents.py::test_one", "test_agents.py::test_many[a b]", passed=0, failed=2)


def test_limits_of_a_parametrized_test_stand_once_for_all_its_cases(project):
    cases = """
@pytest.mark.vcr
@pytest.mark.default_cassette("../all.yaml")
@pytest.mark.parametrize("asks", [["plain"], ["other", "plain"]])
def test_cases(asks):
    for prompt in asks:
        agent.ask(prompt)
"""
    module = project.path / "test_agents.py"
    source = module.read_text("utf-8") + cases
    module.write_text(source, "utf-8")
    told = run(project, "--agentperf-suggest", "-k", "cases", passed=2).stdout.str()
    markers = told.partition("test_cases (the most of 2 cases)\n")[2].partition("\n\n")[0]
    assert markers.splitlines() == [
        "@pytest.mark.max_latency(3000)",
        "@pytest.mark.max_ttft(1800)",
        "@pytest.mark.max_tokens(410)",
        '@pytest.mark.max_cost("0.0014")',
        "@pytest.mark.max_llm_calls(2)",
        "@pytest.mark.max_tool_calls(0)",
    ]
    module.write_text(source.replace(cases, f"\n{markers}{cases}"), "utf-8")
    run(project, "-k", "cases", passed=2)

    module.write_text(source.replace('"plain"]]', '"plain"], []]'), "utf-8")
    told = run(project, "--agentperf-suggest", "-k", "cases", passed=3)
    told.stdout.fnmatch_lines(["*::test_cases: only as agentperf.yaml; 1 of its 3 cases had no LLM call, which *"])
    text = told.stdout.str().partition("or as agentperf.yaml:\n")[2].partition("recording these")[0]
    assert list(yaml.safe_load(text)["limits"]) == ["test_agents.py::test_cases[[]*"]
    (project.path / "agentperf.yaml").write_text(text, "utf-8")
    run(project, "-k", "cases", passed=3)
    (project.path / "agentperf.yaml").write_text(text.replace("max_llm_calls: 2", "max_llm_calls: 1"), "utf-8")
    run(project, "-k", "cases", passed=2, failed=1)


def test_before_a_recording_the_last_ones_cost_is_told(project):
    run(project, "--agentperf-update")
    told = project.runpytest("--agentperf", "--agentperf-record=once", "-k", "one")
    told.stdout.fnmatch_lines(["agentperf: the last recordings of 1 of these tests cost $0.00090"])


@pytest.mark.parametrize("flags", [(), ("-n", "2"), ("--agentperf", "-n", "2")], ids=["alone", "spread", "switched-on"])
def test_without_a_baseline_cassettes_tell_what_the_last_recordings_cost(project, flags):
    told = project.runpytest("--agentperf-record=new", "-k", "many", *flags).stdout.str()
    assert told.count("agentperf: the last recordings of 1 of these tests cost $0.0073") == 1
    assert "bug in agentperf" not in told


def test_what_a_recording_cost_is_told_only_to_who_asks_for_one(project):
    run(project, "--agentperf-update")
    for flags in ((), ("-n", "2"), ("--no-agentperf",)):
        project.runpytest(*flags).stdout.no_fnmatch_line("*the last recordings*")
