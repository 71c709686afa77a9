"""Record the cassettes of the examples whose model is a script, from the suite's fake provider.

    python conftest_examples/record_examples.py [example ...]

`tools` needs langchain-openai and pydantic-ai besides.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tests"))

from server.provider import Answer, FakeProvider, Hit, Tool  # noqa: E402 - the suite is no package


def tools(hit: Hit) -> Answer:
    if b"sun over Lisbon" in hit.body:
        return Answer(text="Go, and take the second hotel.", headers_after_ms=800)
    names = "weather", "hotels", "flights"
    return Answer(tools=tuple(Tool(name=name, arguments={"city": "Lisbon"}) for name in names), headers_after_ms=600)


def coding_agent(hit: Hit) -> Answer:
    files = "cart.py", "price.py", "tax.py"
    sums = {"cart.py": "sum(prices)", "price.py": "price, 2", "tax.py": "price * 0.19"}
    price = {"path": "price.py", "old": "round(price, 2)", "new": "price.quantize(CENT, ROUND_HALF_UP)"}
    steps: list[tuple[Tool, ...]] = [
        tuple(Tool(name="read_file", arguments={"path": path}) for path in files),
        tuple(
            Tool(name="edit_file", arguments={"path": path, "old": f"round({of})", "new": f"cents({of})"})
            for path, of in sums.items()
        ),
        (Tool(name="run_tests", arguments={"path": "."}),),
        (Tool(name="edit_file", arguments=price | {"old": "cents(price, 2)"}),),
        (Tool(name="run_tests", arguments={"path": "price.py"}),),
    ]
    turn = sum(message["role"] == "assistant" for message in hit.json["messages"])
    tokens = len(hit.body) // 4
    if turn == len(steps):
        return Answer(text="All three round half up now, to cents.", headers_after_ms=700, input_tokens=tokens)
    return Answer(tools=steps[turn], headers_after_ms=600, input_tokens=tokens, output_tokens=40 * len(steps[turn]))


def plugin_agent(hit: Hit) -> Answer:
    steps = [
        Tool(name="read_ticket", arguments={"ticket": "T-7"}),
        Tool(name="find_customer", arguments={"customer": "4711"}),
        Tool(name="cancel_invoice", arguments={"invoice": "INV-89"}),
        Tool(name="answer_ticket", arguments={"text": "Dear Ada Byron, INV-89 cancelled. We are sorry."}),
    ]
    turn = sum(message["role"] == "assistant" for message in hit.json["messages"])
    tokens = len(hit.body) // 4
    if turn == len(steps):
        text = "Invoice INV-89 is cancelled, and the customer knows."
        return Answer(text=text, headers_after_ms=600, input_tokens=tokens)
    return Answer(tools=(steps[turn],), headers_after_ms=500, input_tokens=tokens)


def media_bot(hit: Hit) -> Answer:
    question, job = hit.json["messages"][1]["content"], re.findall(r"\d+", hit.json["messages"][1]["content"])[0]
    simple = question.startswith("What")
    steps = ["find_job"] if simple else ["find_job", "list_spans", "compare"]
    turn = sum(message["role"] == "assistant" for message in hit.json["messages"])
    tokens = len(hit.body) // 4
    if turn == len(steps):
        text = f"Job {job} is done." if simple else f"Job {job} waited for its transcoding."
        return Answer(text=text, headers_after_ms=700, input_tokens=tokens)
    return Answer(tools=(Tool(name=steps[turn], arguments={"job": job}),), headers_after_ms=600, input_tokens=tokens)


def course(hit: Hit) -> Answer:
    role, text = (message["content"] for message in hit.json["messages"])
    large, tokens = hit.json["model"] == "gpt-4o", len(hit.body) // 4
    match role.split()[0]:
        case "Plan":
            said, ms = "Where time goes\nWhat to ask at once\nWhat not to ask again", 900
        case "Write" if "preface" in role:
            said, ms = "Nobody waits gladly. This course is about those who need not wait.", 3_400
        case "Write":
            said, ms = f"{text}: " + "measure first, then change one thing. " * 4, 1_500
        case "Is":
            said, ms = "yes" if "cache" in text else "no", 700 if large else 300
        case _:
            said, ms = "A short piece of a word." if "token" in text else "19 of 20 are quicker.", 500
    answer = Answer(text=said, input_tokens=tokens, output_tokens=len(said) // 4 + 1)
    if hit.json.get("stream"):
        return replace(answer, pieces=10, headers_after_ms=ms // 8, event_gap_ms=ms // 15)
    return replace(answer, headers_after_ms=ms)


EXAMPLES: dict[str, tuple[str, Callable[[Hit], Answer]]] = {
    "tools": ("at_once", tools),
    "coding_agent": ("in_time", coding_agent),
    "plugin_agent": ("in_time and after", plugin_agent),
    "media_bot": ("called", media_bot),
    "course": ("in_parallel", course),
}
"""The tests that play all of their cassettes, and what the model answers."""


def record(example: str) -> None:
    tests, answer = EXAMPLES[example]
    with FakeProvider(answer) as provider:
        environ = os.environ | {"OPENAI_BASE_URL": f"{provider.url}/v1", "OPENAI_API_KEY": "fake"}
        command = [sys.executable, "-m", "pytest", "-k", tests, "--agentperf-record=all"]
        subprocess.run(command, cwd=HERE / example, env=environ, check=False)  # the limits are those of a replay
    for cassette in (HERE / example / "cassettes").rglob("*.yaml"):
        recorded = cassette.read_text("utf-8")
        cassette.write_text(recorded.replace(provider.url, "https://api.openai.com"), "utf-8")


if __name__ == "__main__":
    for name in sys.argv[1:] or EXAMPLES:
        record(name)
