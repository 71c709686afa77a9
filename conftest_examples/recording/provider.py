"""A provider of LLMs on loopback, small and slow: it speaks OpenAI's chat completions, streamed."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

ANSWER = "Two deployments failed: the disk of build-7 is full."


def deltas(messages: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """It wants to see the log first, and then answers word by word."""
    if messages[-1]["role"] == "tool":
        yield from ({"content": f"{word} "} for word in ANSWER.split())
    else:
        function = {"name": "read_log", "arguments": '{"lines": 20}'}
        yield {
            "role": "assistant",
            "tool_calls": [{"index": 0, "id": "call_1", "type": "function", "function": function}],
        }


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        messages = json.loads(self.rfile.read(int(self.headers["content-length"])))["messages"]
        time.sleep(0.3)  # it thinks
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        pieces = list(deltas(messages))
        for delta in pieces:
            self._send(choices=[{"index": 0, "delta": delta, "finish_reason": None}])
            time.sleep(0.05)
        reason = "tool_calls" if "tool_calls" in pieces[0] else "stop"
        self._send(choices=[{"index": 0, "delta": {}, "finish_reason": reason}])
        prompt, completion = 20 * len(messages), len(pieces)
        usage = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
        self._send(choices=[], usage=usage)
        self._write(b"data: [DONE]\n\n")
        self.wfile.write(b"0\r\n\r\n")

    def _send(self, **fields: object) -> None:
        chunk = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "small-1", **fields}
        self._write(f"data: {json.dumps(chunk)}\n\n".encode())

    def _write(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def running() -> Iterator[str]:
    """Its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
