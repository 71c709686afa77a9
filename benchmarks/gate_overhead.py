"""What `--agentperf` with a baseline adds to a test that replays two LLM calls.

    python benchmarks/gate_overhead.py [TESTS]

Runs suites of replays, each test with a cassette and token counts of its own, with and without the switch, in turns, in one
process each. Prints the milliseconds of CPU that the switch adds to a test (from the difference between a suite of TESTS,
300, and one of a fifth), what it adds to a session once (imports, the report), and the ratio of both runs' CPU. Exits with
1 above 1 ms a test.
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
PAIRS = 7
URL = "http://127.0.0.1:1/v1/chat/completions"
TEST = f"""
import httpx2, pytest

CLIENT = httpx2.Client()

@pytest.mark.vcr
@pytest.mark.max_llm_calls(2)  # measured with and without the switch
@pytest.mark.parametrize("case", range({{tests}}))
def test_agent(case):
    for prompt in ("a", "b"):
        CLIENT.post("{URL}", json={{{{"model": "gpt-4o", "messages": [{{{{"role": "user", "content": prompt}}}}]}}}})
"""


def main(tests: int) -> int:
    with tempfile.TemporaryDirectory() as name:
        large, small = (suite(Path(name) / str(size), size) for size in (tests, tests // 5))
        added, at_all, ratios = [], [], []
        for pair in range(PAIRS):
            order = ((), ("--agentperf",)) if pair % 2 else (("--agentperf",), ())
            times = {options: (cpu_seconds(large, *options), cpu_seconds(small, *options)) for options in order}
            (with_large, with_small), (large_alone, small_alone) = times[("--agentperf",)], times[()]
            more, less = with_large - large_alone, with_small - small_alone
            added.append((more - less) / (tests - tests // 5))
            at_all.append(more)
            ratios.append(with_large / large_alone)
    per_test = statistics.median(added) * 1000
    once = statistics.median(at_all) - per_test / 1000 * tests
    print(
        f"{per_test:.2f} ms added to each test (allowed: {ALLOWED_MS} ms), {once:.2f} s to a session, "
        f"{statistics.median(ratios):.2f} times the run of {tests} tests without"
    )
    return int(per_test > ALLOWED_MS)


def suite(folder: Path, tests: int) -> Path:
    """With a baseline."""
    cassettes = folder / "cassettes" / "test_agents"
    cassettes.mkdir(parents=True)
    (folder / "pytest.ini").write_text("[pytest]\n")
    (folder / "test_agents.py").write_text(TEST.format(tests=tests))
    for case in range(tests):
        interactions = [interaction(prompt, 100 + case) for prompt in "ab"]
        path = cassettes / f"test_agent[{case}].yaml"
        path.write_text(yaml.safe_dump({"interactions": interactions, "version": 1}))
    cpu_seconds(folder, "--agentperf-update=new,force")
    return folder


def interaction(prompt: str, tokens: int) -> dict[str, object]:
    usage = {"prompt_tokens": tokens, "completion_tokens": 20, "total_tokens": tokens + 20}
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
    child = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {child.returncode}")
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    raise SystemExit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 300))
