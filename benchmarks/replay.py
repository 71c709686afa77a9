"""What a replayed call costs: CPU against a client whose transport answers at once, and against plain vcrpy.

    python benchmarks/replay.py [CALLS]

Prints ratios of one run; each is the median of rounds in which the sides take turns. No recorder is open: this is the
tap and the match only. Exits with 1 above the allowed ratio to `MockTransport`, or above plain vcrpy.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import httpx2
import vcr
import yaml

from pytest_agentperf.record.cassette import use_cassette

ALLOWED = 2.0
ROUNDS = 9
URL = "https://api.example.com/v1/chat/completions"
ANSWER = json.dumps({"choices": [{"message": {"role": "assistant", "content": "word " * 700}}]})


def question(number: int) -> dict[str, Any]:
    return {"model": "m", "messages": [{"role": "user", "content": f"question {number}"}]}


def write(path: Path, calls: int) -> None:
    response = {
        "status": {"code": 200, "message": "OK"},
        "headers": {"content-type": ["application/json"]},
        "body": {"string": ANSWER},
    }
    interactions = [
        {
            "request": {
                "method": "POST",
                "uri": URL,
                "headers": {},
                "body": json.dumps(question(n), separators=(",", ":")),
            },
            "response": response,
        }
        for n in range(calls)
    ]
    path.write_text(yaml.dump({"interactions": interactions, "version": 1}, Dumper=yaml.CSafeDumper), "utf-8")


def cpu_a_call(opened: AbstractContextManager[object], calls: int, distinct: int, **client: Any) -> float:
    """Seconds of CPU for one of `calls` calls, which ask `distinct` questions."""
    with opened, httpx2.Client(**client) as http:
        http.post(URL, json=question(0))
        start = time.process_time()
        for number in range(1, calls):
            http.post(URL, json=question(number % distinct))
        return (time.process_time() - start) / (calls - 1)


def main(calls: int) -> int:
    with tempfile.TemporaryDirectory() as folder:
        one, many = Path(folder, "one.yaml"), Path(folder, "many.yaml")
        write(one, 1)
        write(many, calls)
        mock = httpx2.MockTransport(lambda _: httpx2.Response(200, content=ANSWER))

        def ours(path: Path) -> AbstractContextManager[object]:
            return use_cassette(str(path), record_mode="none", vcr_config={"allow_playback_repeats": path is one})

        def theirs(*match_on: str) -> AbstractContextManager[object]:
            opened: AbstractContextManager[object] = vcr.use_cassette(
                str(one), record_mode="none", allow_playback_repeats=True, match_on=[*vcr.VCR().match_on, *match_on]
            )
            return opened

        sides: dict[str, Callable[[], float]] = {
            "MockTransport": lambda: cpu_a_call(nullcontext(), calls, 1, transport=mock),
            "ours, 1 recorded": lambda: cpu_a_call(ours(one), calls, 1),
            f"ours, {calls} recorded": lambda: cpu_a_call(ours(many), calls, calls),
            "vcrpy, 1 recorded, default": lambda: cpu_a_call(theirs(), calls, 1),
            "vcrpy, 1 recorded, and body": lambda: cpu_a_call(theirs("body"), calls, 1),
        }
        rounds = [{name: measure() for name, measure in sides.items()} for _ in range(ROUNDS)]
    medians = {}
    for name in sides:
        medians[name] = statistics.median(times[name] / times["MockTransport"] for times in rounds)
        cpu = statistics.median(times[name] for times in rounds)
        print(f"{name:28} {cpu * 1e6:6.0f} us a call, {medians[name]:.2f} times MockTransport")
    print(f"allowed: {ALLOWED} times MockTransport, and less than vcrpy's default")
    return int(medians["ours, 1 recorded"] > min(ALLOWED, medians["vcrpy, 1 recorded, default"]))


if __name__ == "__main__":
    raise SystemExit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 500))
