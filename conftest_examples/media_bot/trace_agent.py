"""Answers questions about a media service's jobs from their traces. As a program: `python trace_agent.py "Why was job 7 slow?"`."""

import json
import os
import sys
import time
import urllib.request
from typing import Any

SYSTEM = "You know a media service by the traces of its jobs. Answer in one sentence."


def find_job(job: str) -> str:
    time.sleep(0.2)  # the trace store
    return f"job {job}: done after {job[-1]}4 s"


def list_spans(job: str) -> str:
    time.sleep(0.3)
    return f"job {job}: transcode {job[-1]}1 s, upload 2 s, thumbnail 1 s"


def compare(job: str) -> str:
    time.sleep(0.5)
    return f"job {job}: transcode took 8 s in the week before"


TOOLS = {tool.__name__: tool for tool in (find_job, list_spans, compare)}
SCHEMAS = [
    {
        "type": "function",
        "function": {
            "name": name,
            "parameters": {"type": "object", "properties": {"job": {"type": "string"}}, "required": ["job"]},
        },
    }
    for name in TOOLS
]


def answer(question: str) -> str:
    messages: list[Any] = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": question}]
    while True:
        message = ask(messages)
        messages.append(message)
        if not message.get("tool_calls"):
            return message["content"]
        for call in message["tool_calls"]:
            result = TOOLS[call["function"]["name"]](**json.loads(call["function"]["arguments"]))
            messages.append({"role": "tool", "tool_call_id": call["id"], "content": result})


def ask(messages: list[Any]) -> dict[str, Any]:
    """Without an SDK, so that the program starts quickly."""
    request = urllib.request.Request(
        os.environ.get("OPENAI_BASE_URL", "https://api.openai.com/v1") + "/chat/completions",
        data=json.dumps({"model": "gpt-4o-mini", "messages": messages, "tools": SCHEMAS}).encode(),
        headers={"content-type": "application/json", "authorization": f"Bearer {os.environ['OPENAI_API_KEY']}"},
    )
    with urllib.request.urlopen(request) as response:
        return json.load(response)["choices"][0]["message"]


if __name__ == "__main__":
    print(answer(sys.argv[1]))
