"""HTTP/2, where one connection carries many exchanges."""

from __future__ import annotations

import asyncio
import socket
import threading

import pytest

from pytest_agentperf.model.exchange import Origin

PARTS = [
    b'data: {"id":"c","object":"chat.completion.chunk","model":"gpt-4o","choices":[{"index":0,"delta":{"content":"Hi"}}]}\n\n',
    b'data: {"id":"c","object":"chat.completion.chunk","model":"gpt-4o","choices":[],'
    b'"usage":{"prompt_tokens":11,"completion_tokens":7,"total_tokens":18}}\n\n',
    b"data: [DONE]\n\n",
]
BODY = {"model": "gpt-4o", "messages": [], "stream": True, "stream_options": {"include_usage": True}}


class Http2Server:
    """Answers every request with PARTS, a frame each; clients know beforehand that it speaks HTTP/2."""

    def __init__(self):
        self.hits = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/v1/chat/completions"
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        socket.create_connection(self._listener.getsockname()).close()  # ends the wait for the next client
        self._thread.join()
        self._listener.close()

    def _serve(self):
        while True:
            client, _ = self._listener.accept()
            with client:
                if not self._talk(client):
                    return

    def _talk(self, client) -> bool:
        from h2.config import H2Configuration
        from h2.connection import H2Connection
        from h2.events import StreamEnded

        talk = H2Connection(H2Configuration(client_side=False))
        talk.initiate_connection()
        heard = False
        while data := client.recv(65536):
            heard = True
            for event in talk.receive_data(data):
                if isinstance(event, StreamEnded):
                    self.hits += 1
                    talk.send_headers(event.stream_id, [(":status", "200"), ("content-type", "text/event-stream")])
                    for number, part in enumerate(PARTS, start=1):
                        talk.send_data(event.stream_id, part, end_stream=number == len(PARTS))
            client.sendall(talk.data_to_send())
        return heard


def ask(stack, url):
    with stack.Client(http1=False, http2=True) as client, client.stream("POST", url, json=BODY) as answer:
        return b"".join(answer.iter_bytes())


async def ask_twice(stack, url):
    async with stack.AsyncClient(http1=False, http2=True) as client:
        return [answer.content for answer in await asyncio.gather(*[client.post(url, json=BODY) for _ in range(2)])]


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_live_recorded_and_replayed(stack, cassette, recorder, mode):
    pytest.importorskip("h2")
    whole = b"".join(PARTS)

    def go():
        if mode == "sync":
            assert [ask(stack, server.url) for _ in range(2)] == [whole] * 2
        else:
            assert asyncio.run(ask_twice(stack, server.url)) == [whole] * 2

    with Http2Server() as server:
        go()
        for opened in ("once", "none"):
            with cassette(opened):
                go()
    assert server.hits == 4
    calls = [reading.call for reading in recorder.recording().readings]
    assert [call.origin for call in calls] == [Origin.LIVE] * 2 + [Origin.RECORDED] * 2 + [Origin.REPLAYED] * 2
    assert [(call.usage.input, call.usage.output, call.error) for call in calls] == [(11, 7, None)] * 6
