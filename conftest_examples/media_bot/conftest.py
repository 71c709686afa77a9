"""Children are out of a cassette's reach, so they ask a server on loopback, which has the recorded answers."""

import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
import yaml

CASSETTES = Path(__file__).parent / "cassettes"


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        body = self.server.answers[json.dumps(asked["messages"])].encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="session")
def address():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    recorded = [yaml.safe_load(path.read_text())["interactions"] for path in CASSETTES.rglob("*.yaml")]
    server.answers = {
        json.dumps(json.loads(item["request"]["body"])["messages"]): item["response"]["body"]["string"]
        for interactions in recorded
        for item in interactions
    }
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(autouse=True)
def api_key(monkeypatch):
    """A replay sends it nowhere."""
    monkeypatch.setenv("OPENAI_API_KEY", os.environ.get("OPENAI_API_KEY", "not-needed-for-a-replay"))
