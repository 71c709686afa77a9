"""What `--agentperf` with a baseline adds to a test that replays two LLM calls.

    python benchmarks/gate_overhead.py [TESTS]

Runs the same suite of replays with and without the switch, in turns, in one process each, and prints the milliseconds
that the switch adds to a test, and the ratio of both runs' CPU. Exits with 1 above 1 ms.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

ALLOWED_MS = 1.0
PAIRS = 3
URL = "http://127.0.0.1:1/v1/chat/completions"
TEST = f"""
import httpx2, pytest

CLIENT = httpx2.Client()

@pytest.mark.vcr(allow_playback_repeats=True)
@pytest.mark.default_cassette("one.yaml")
@pytest.mark.max_llm_calls(2)  # measured with and without the switch
@pytest.mark.parametrize("case", range({{tests}}))
def test_agent(case):
    for prompt in ("a", "b"):
        CLIENT.post("{URL}", json={{{{"model": "gpt-4o", "messages": [{{{{"role": "user", "content": prompt}}}}]}}}})
"""


def main(tests: int) -> int:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "pytest.ini").write_text("[pytest]\n")
        (folder / "test_agents.py").write_text(TEST.format(tests=tests))
        cassette = folder / "cassettes" / "test_agents" / "one.yaml"
        cassette.parent.mkdir(parents=True)
        cassette.write_text(yaml.safe_dump({"interactions": [interaction(prompt) for prompt in "ab"], "version": 1}))
        cpu_seconds(folder, "--agentperf-update=new,force")
        pairs = []
        for pair in range(PAIRS):
            order = ((), ("--agentperf",)) if pair % 2 else (("--agentperf",), ())
            times = {bool(options): cpu_seconds(folder, *options) for options in order}
            pairs.append((times[True] - times[False], times[True] / times[False]))
    added = statistics.median(more for more, _ in pairs) / tests * 1000
    ratio = statistics.median(ratio for _, ratio in pairs)
    print(
        f"{added:.2f} ms added to each of {tests} tests, {ratio:.2f} times the run without (allowed: {ALLOWED_MS} ms)"
    )
    return int(added > ALLOWED_MS)


def interaction(prompt: str) -> dict[str, object]:
    usage = {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}
    message = {"role": "assistant", "content": "word " * 50}
    body = json.dumps(
        {
            "id": f"c-{prompt}",
            "object": "chat.completion",
            "model": "gpt-4o",
            "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
            "usage": usage,
        }
    )
    timing = {"version": 1, "headers": 900.0, "chunks": f"900.0+{len(body)}", "end": 900.0, "ending": "complete"}
    asked = {"model": "gpt-4o", "messages": [{"role": "user", "content": prompt}]}
    return {
        "request": {"method": "POST", "uri": URL, "headers": {}, "body": json.dumps(asked)},
        "response": {
            "status": {"code": 200, "message": "OK"},
            "headers": {"content-type": ["application/json"]},
            "body": {"string": body},
            "agentperf": timing,
        },
    }


def cpu_seconds(folder: Path, *options: str) -> float:
    """User and system time of one pytest session."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:randomly",
        *options,
        str(folder),
    ]
    child = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {child.returncode}")
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    raise SystemExit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 300))
