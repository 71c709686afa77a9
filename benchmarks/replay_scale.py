"""What a whole replay costs: CPU against plain vcrpy that matches bodies, from opening the cassette to closing it.

    python benchmarks/replay_scale.py [INTERACTIONS [TURNS]]

One cassette of small requests, and one of a conversation, each of whose requests repeats all messages before it. Both
sides in one run, ours three times (best), vcrpy once: it compares each request with every other. Exits with 1 where ours
takes more than the allowed part.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import httpx2
import vcr
import yaml

from pytest_agentperf.record.cassette import use_cassette

URL = "https://api.example.com/v1/chat/completions"
ALLOWED = {"requests": 1 / 200, "turns of a conversation": 1 / 60}
ANSWER = json.dumps({"choices": [{"message": {"role": "assistant", "content": "word " * 100}}]})


def requests(count: int) -> Iterator[dict[str, Any]]:
    for number in range(count):
        yield {"model": "m", "messages": [{"role": "user", "content": f"question {number} " * 20}]}


def conversation(turns: int) -> Iterator[dict[str, Any]]:
    messages: list[dict[str, str]] = []
    for turn in range(turns):
        messages.append({"role": "user", "content": f"question {turn} " * 40})
        yield {"model": "m", "messages": list(messages)}
        messages.append({"role": "assistant", "content": f"answer {turn} " * 60})


def write(path: Path, bodies: list[dict[str, Any]]) -> None:
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
                "headers": {"content-type": ["application/json"]},
                "body": json.dumps(body, separators=(",", ":")),
            },
            "response": response,
        }
        for body in bodies
    ]
    path.write_text(yaml.dump({"interactions": interactions, "version": 1}, Dumper=yaml.CSafeDumper), "utf-8")


def cpu_s(opened: AbstractContextManager[object], bodies: list[dict[str, Any]], client: httpx2.Client) -> float:
    start = time.process_time()
    with opened:
        for body in bodies:
            client.post(URL, json=body).raise_for_status()
    return time.process_time() - start


def main(count: int, turns: int) -> int:
    failed = 0
    sizes = {"requests": list(requests(count)), "turns of a conversation": list(conversation(turns))}
    with tempfile.TemporaryDirectory() as folder, httpx2.Client() as client:
        for name, bodies in sizes.items():
            path = Path(folder, f"{name.split()[0]}.yaml")
            write(path, bodies)
            ours = min(
                cpu_s(use_cassette(str(path), record_mode="none", vcr_config={}), bodies, client) for _ in range(3)
            )
            match_on = [*vcr.VCR().match_on, "body"]
            theirs = cpu_s(vcr.use_cassette(str(path), record_mode="none", match_on=match_on), bodies, client)
            print(
                f"{len(bodies):,} {name}: ours {ours:.3f} s, vcrpy {theirs:.2f} s: 1/{theirs / ours:.0f} "
                f"(allowed 1/{1 / ALLOWED[name]:.0f})"
            )
            failed |= ours > theirs * ALLOWED[name]
    return int(failed)


if __name__ == "__main__":
    raise SystemExit(main(*(int(arg) for arg in sys.argv[1:])) if sys.argv[1:] else main(1_000, 100))
