"""Agents of each framework, live and replayed: each tool call is seen, and why calls of one turn ran one after another.

What is found is a row of the table in `docs/tools.md`; `FRAMEWORKS_TABLE=fix pytest -n 0 tests/frameworks` writes it.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import time
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import pytest

from frameworks import docs_table
from frameworks.table import FRAMEWORKS, if_there
from pytest_agentperf.model.profile import ClockKind, Profile
from pytest_agentperf.model.span import SpanKind
from server.provider import Answer, FakeProvider, Tool

HERE = Path(__file__).parent
CALLS = {"search": {"query": "Paris"}, "fetch": {"url": "https://rome.example/"}, "weather": {"city": "Rome"}}
"""What the model asks for in its first answer."""
INSTALLED = [if_there(name, framework.needs) for name, framework in FRAMEWORKS.items()]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    profile: Profile
    log: dict[str, list[int]]
    """By the tools themselves: start and end of each."""
    ids: bool
    """The model's name for a call was known where its tool ran."""

    @property
    def spans(self):
        """By the tool's name."""
        return {s.name: s for s in self.profile.spans if s.kind is SpanKind.TOOL and s.name in CALLS}

    @property
    def asking(self):
        """The answer that asked for the tools."""
        return self.profile.calls[0].index

    @property
    def found(self):
        """The calls that belong to a span, each to another."""
        return len({(s.call, s.call_id) for s in self.spans.values() if s.call == self.asking})

    @property
    def sequential(self):
        """Causes of AP101."""
        return [finding.cause for finding in self.profile.findings if finding.code == "AP101"]

    @property
    def deviations_ms(self):
        """By how much each tool's span differs from its own log, at the start or at the end."""
        return [
            max(abs(self.spans[name].start_ns - start), abs(self.spans[name].end_ns - end)) / 1e6
            for name, (start, end) in self.log.items()
        ]


def answer(hit):
    body = hit.body.decode()
    if "pages about Paris" not in body:
        tools = tuple(Tool(name=name, arguments=arguments) for name, arguments in CALLS.items())
        return Answer(tools=tools, headers_after_ms=20)
    if '"final_answer"' in body:  # smolagents' agents end by calling a tool
        return Answer(tools=(Tool(name="final_answer", arguments={"answer": "Rome"}),), headers_after_ms=20)
    return Answer(text="Rome.", headers_after_ms=20)


@pytest.fixture
def session(pytester, monkeypatch, agents):
    """`session(name, provider, sources, *options)`: a pytest session over a framework's agent; what it saw, by source and way."""
    monkeypatch.setenv("TOOL_LOG", str(pytester.path / "tools.jsonl"))  # for servers of tools as well

    def session(name, provider, sources, *options):
        ways = FRAMEWORKS[name].ways
        shutil.copy(HERE / "adapters" / f"{name}.py", pytester.path / "adapter.py")
        tests = agents(
            "ways.py",
            *options,
            passed=len(sources) * len(ways),
            PROVIDER_URL=provider.url,
            WAYS=" ".join(ways),
            SOURCES=" ".join(sources),
        )
        return dict(noted(pytester.path, run.profile) for run in tests)

    return session


def noted(folder, profile):
    case = re.search(r"\[(.+)\]", profile.nodeid)[1]
    source, _, way = case.partition("-")
    return (source, way), Seen(profile=profile, **json.loads((folder / f"{case}.json").read_text()))


@pytest.fixture
def mcp_server(pytester, monkeypatch):
    """A server of the three tools on HTTP, while the block runs."""

    @contextmanager
    def mcp_server():
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        monkeypatch.setenv("MCP_URL", f"http://127.0.0.1:{port}/mcp")
        server = subprocess.Popen([sys.executable, "mcp_server.py", str(port)], cwd=pytester.path)
        try:
            wait_for(port)
            yield
        finally:
            server.terminate()
            server.wait()

    return mcp_server


def wait_for(port):
    for _ in range(300):
        try:
            return socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            time.sleep(0.1)
    raise TimeoutError("the MCP server did not start")


@pytest.mark.parametrize("name", INSTALLED)
def test_each_tool_call_is_seen_and_why_calls_ran_one_after_another(name, session, mcp_server):
    framework = FRAMEWORKS[name]
    with FakeProvider(answer) as provider, mcp_server() if name == "mcp_http" else nullcontext():
        recorded = session(name, provider, ["all"], "--agentperf-record=once")
    replayed = session(name, provider, ["all", *framework.alone])  # nobody listens any more

    for way, becomes in framework.ways.items():
        for seen in (recorded["all", way], replayed["all", way]):
            check_spans(seen, elsewhere=framework.elsewhere)
            assert seen.sequential == ([] if becomes == "parallel" else [becomes]), way
        check_window(replayed["window", way])
        if not framework.elsewhere:
            assert replayed["all", way].deviations_ms == [0, 0, 0]
            assert replayed["all", way].profile.unmodelled == ()
    if not framework.elsewhere:  # there the way to the server and back counts too
        assert statistics.median(ms for way in framework.ways for ms in recorded["all", way].deviations_ms) < 20
    check_row(framework.title, table_row(framework, replayed))


def check_spans(seen, *, elsewhere):
    assert {call.error for call in seen.profile.calls} == {None}
    assert seen.found == len(seen.spans) == len(CALLS)
    assert {(span.confidence, span.error) for span in seen.spans.values()} == {("exact", None)}
    assert not any(span.kind is SpanKind.WINDOW for span in seen.profile.spans)
    assert not any("looked for by other means" in note for note in seen.profile.notes)
    if elsewhere and seen.profile.clock is ClockKind.VIRTUAL:
        return  # the tools' clock is another, if they run at all
    for name, (start_ns, end_ns) in seen.log.items():
        assert seen.spans[name].start_ns <= start_ns < end_ns <= seen.spans[name].end_ns


def check_window(seen):
    """Without anybody who sees tools there is what the traffic tells."""
    assert seen.found == 0
    windows = [span.call for span in seen.profile.spans if span.kind is SpanKind.WINDOW]
    assert (
        windows[:1] == [seen.asking] or not windows
    )  # smolagents tells the model its results as text, without the calls' ids
    assert seen.sequential == []


# -- the table ---------------------------------------------------------------------------------------------------------


def table_row(framework, replayed):
    seen = sum(replayed["detector", way].found for way in framework.ways)
    return docs_table.row(
        framework.title,
        means([replayed["seam", way] for way in framework.ways]),
        f"{seen} of {len(CALLS) * len(framework.ways)}",
        means([replayed["otel", way] for way in framework.ways]) if "otel" in framework.alone else "not tried",
        *(
            became(replayed["all", way].sequential) if way in framework.ways else "-"
            for way in ("sync", "async", "blocking")
        ),
    )


def means(seen):
    """How a source finds the calls, where it finds all of them."""
    if min(way.found for way in seen) < len(CALLS):
        return "-"
    return "with id" if all(way.ids for way in seen) else "by name"


def became(causes):
    return f"one by one ({causes[0]})" if causes else "at once"


def check_row(title, found):
    if os.environ.get("FRAMEWORKS_TABLE") == "fix":
        docs_table.write(title, found)
    assert docs_table.committed().get(title) == found


def test_the_table_has_a_row_for_each_framework():
    assert list(docs_table.committed()) == [framework.title for framework in FRAMEWORKS.values()]


def test_the_detector_alone_finds_nearly_all():
    counts = [re.search(r"(\d+) of (\d+)", line) for line in docs_table.committed().values()]
    seen, asked = (sum(int(count[place]) for count in counts) for place in (1, 2))
    assert seen / asked >= 60 / 63
