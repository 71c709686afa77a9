"""Baselines as a user meets them: written, held, accepted, moved, merged."""

from __future__ import annotations

import json

import pytest
import yaml

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
    run(project)
    assert not (project.path / FILE).exists()
    run(project, "--agentperf-update").stdout.fnmatch_lines([f"*baselines written: 3 new in {FILE}*"])
    written = (project.path / FILE).read_text("utf-8")
    run(project)
    run(project, "--agentperf-update").stdout.fnmatch_lines(["*baselines written: nothing to write*"])
    assert (project.path / FILE).read_text("utf-8") == written

    asks(project, "plain", "plain", "other")
    result = run(project, passed=2, failed=1)
    result.stdout.fnmatch_lines(
        [
            f"worse than the baseline in {FILE}",
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
