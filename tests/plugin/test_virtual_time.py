"""Virtual time as a user meets it: a session whose cassette says how long each answer took."""

from __future__ import annotations

import json

import pytest
import yaml

MS = 1_000_000


@pytest.fixture
def tape(session, provider):
    """Writes a cassette for `agent.ask(prompt)`: prompts and milliseconds; None: no timing."""

    def write(test="test_agents/test_agent", /, *, headers=None, model="gpt-4o", **answers):
        interactions = []
        for prompt, ms in answers.items():
            body = {
                "id": "c",
                "object": "chat.completion",
                "model": model,
                "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": prompt}}],
                "usage": {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120},
            }
            text = json.dumps(body)
            response = {
                "status": {"code": 200, "message": "OK"},
                "headers": {"content-type": ["application/json"], **(headers or {})},
                "body": {"string": text},
            }
            if ms is not None:
                timing = {"version": 1, "headers": float(ms), "chunks": f"{float(ms)}+{len(text)}", "end": float(ms)}
                response["agentperf"] = {**timing, "ending": "complete"}
            asked = {"model": "gpt-4o", "messages": [{"role": "user", "content": prompt}]}
            url = f"{provider.url}/v1/chat/completions"
            request = {"method": "POST", "uri": url, "headers": {}, "body": json.dumps(asked)}
            interactions.append({"request": request, "response": response})
        path = session.path / "cassettes" / f"{test}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump({"interactions": interactions, "version": 1}), "utf-8")

    return write


def profiles(session):
    tests = json.loads((session.path / "run.json").read_text("utf-8"))["tests"]
    return {test["nodeid"].rpartition("::")[2]: test["profile"] for test in tests}


def test_what_took_real_time_is_named_and_stored(session, tape):
    tape(one=2_000)
    session.makepyfile(
        test_agents="""
        import agent, pytest, time

        @pytest.mark.vcr
        def test_agent(profiler):
            agent.ask("one")
            with profiler.real_io():
                time.sleep(0.02)
        """
    )
    result = session.runpytest("--agentperf-json=run.json")
    result.assert_outcomes(passed=1)
    [told] = profiles(session)["test_agent"]["unmodelled"]
    assert told == "real time was used: a thread waited for something real in test_agents.py:6 in test_agent"
    result.stdout.fnmatch_lines([f"note: {told}"])
    session.runpytest().stdout.fnmatch_lines([f"agentperf: {told}"])


def test_a_replay_that_waits_for_nothing_real_is_modelled_whole(session, tape):
    tape(one=2_000, two=3_000)
    session.makepyfile(
        test_agents="""
        import agent, pytest

        @pytest.mark.vcr
        @pytest.mark.max_latency(5_000)
        def test_agent():
            agent.ask("one")
            agent.ask("two")
        """
    )
    session.runpytest("--agentperf-json=run.json").assert_outcomes(passed=1)
    profile = profiles(session)["test_agent"]
    assert (profile["clock"], profile["latency_ns"], profile["unmodelled"]) == ("virtual", 5_000 * MS, [])
