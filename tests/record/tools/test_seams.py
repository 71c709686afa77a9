"""The table of seams: each kind of function tells when it runs, whatever it does; nothing else changes."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import sys
from types import ModuleType

import pytest

from pytest_agentperf.clock.bubble import bubble
from pytest_agentperf.record.recorder import Recorder
from pytest_agentperf.record.tools.seams import SEAMS, Seam
from pytest_agentperf.record.tools.wrap import unfit, wrapped
from record.tools.asking import asked, told

FRAMEWORK = '''
import functools

class Tool:
    name = "search"
    def run(self, tool_input, *, call_id=None):
        """Run it."""
        if tool_input.get("fail"):
            raise KeyError("no")
        return "ran"
    async def arun(self, tool_input, *, call_id=None): return "ran"
    def pages(self, tool_input, *, call_id=None): yield 1; return "ran"
    async def stream(self, tool_input, *, call_id=None): yield 1
    @functools.partial(lambda function: functools.wraps(function)(lambda *args: function(*args)))
    async def decorated(self, tool_input): return "ran"
    @staticmethod
    def static(tool, tool_input): return "ran"
    @classmethod
    def made(cls, tool_input): return "ran"

class Special(Tool): pass

def call(name, arguments): return "ran"
'''


def row(function: str, **changes: str) -> Seam:
    paths = {"name": "self.name", "arguments": "tool_input", "call_id": "call_id"}
    return Seam("some-framework", "some_framework.tools", function, **{**paths, **changes})


ROWS = (
    *(row(f"Tool.{name}") for name in ("run", "arun", "pages", "stream", "decorated")),
    row("Tool.static", name="tool.name"),
    row("Tool.made", name="cls.name"),
    row("Special.run"),
    row("call", name="name", arguments="arguments"),
)


@pytest.fixture
def framework(tmp_path, monkeypatch):
    """Imports it: fresh, whatever was before."""
    package = tmp_path / "some_framework"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "tools.py").write_text(FRAMEWORK)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield lambda: importlib.import_module("some_framework.tools")
    for name in ("some_framework", "some_framework.tools"):
        sys.modules.pop(name, None)


@pytest.mark.parametrize("early", [True, False], ids=["imported before", "imported later"])
def test_every_kind_of_function_tells(framework, early):
    module: ModuleType | None = framework() if early else None
    with wrapped(ROWS), Recorder(sees_tools=True) as recorder:
        module = module or framework()
        tool = module.Tool()
        asked(recorder, *((f"c{number}", "search", "{}") for number in range(8)))

        async def use() -> None:
            assert await tool.arun({}, call_id="c1") == "ran"
            assert [item async for item in tool.stream({}, call_id="c3")] == [1]
            assert await asyncio.create_task(tool.decorated({})) == "ran"

        assert tool.run({}, call_id="c0") == "ran"
        assert list(tool.pages({}, call_id="c2")) == [1]
        asyncio.run(use())
        assert module.Tool.static(tool, {}) == tool.static(tool, {}) == module.Tool.made({}) == "ran"
        in_order = (0, 2, 1, 3, 4, 5, 6, 7)
        assert told(recorder) == [("search", f"c{number}", "seam", "exact", None) for number in in_order]


def test_an_error_goes_its_way_and_is_told(framework):
    with wrapped(ROWS), Recorder(sees_tools=True) as recorder:
        asked(recorder, ("c1", "search", '{"fail": 1}'))
        with pytest.raises(KeyError):
            framework().Tool().run({"fail": 1})
        assert told(recorder) == [("search", "c1", "seam", "exact", "KeyError")]


def test_everything_is_as_it_was_afterwards(framework):
    module = framework()
    before = {name: vars(owner).get(name) for owner in (module.Tool, module.Special) for name in dir(owner)}
    with wrapped(ROWS):
        assert inspect.iscoroutinefunction(module.Tool.arun)
        assert inspect.isasyncgenfunction(module.Tool.stream)
        assert inspect.isgeneratorfunction(module.Tool.pages)
        assert str(inspect.signature(module.Tool.run)) == "(self, tool_input, *, call_id=None)"
        assert "run" in vars(module.Special)
        assert module.Tool().run({}) == "ran"
    assert {name: vars(owner).get(name) for owner in (module.Tool, module.Special) for name in dir(owner)} == before


def test_an_extractor_that_fails_breaks_nothing_and_is_told(framework):
    rows = (row("Tool.run", name="self.title"), row("call", name="name", arguments="arguments.nothing.at_all"))
    with wrapped(rows), Recorder(sees_tools=True) as recorder:
        module = framework()
        assert module.Tool().run({}) == module.call("search", 1) == "ran"
        assert told(recorder) == []
        assert recorder.recording().notes == (
            "some_framework.tools:Tool.run did not tell which tool it runs (self.title leads nowhere): it is looked for by other means",
            "some_framework.tools:call did not tell which tool it runs (arguments.nothing.at_all leads nowhere): it is looked for by other means",
        )


def test_a_row_that_no_longer_fits_is_told(framework, monkeypatch):
    monkeypatch.setattr("pytest_agentperf.record.tools.wrap.version", lambda _: "9.0")
    gone, moved, good = row("Tool.gone"), row("run")._replace(module="some_framework.moved"), row("Tool.run")
    framework()
    with wrapped((gone, moved, good)):
        assert list(unfit([seam._replace(versions="run") for seam in (gone, good)])) == []
        assert list(unfit((gone, good))) == [NO.format("Tool.gone")]
        assert list(unfit((gone, moved, good))) == [NO.format("Tool.gone, some_framework.moved:run")]


NO = "some-framework 9.0 has no some_framework.tools:{}: its tools are looked for by other means"


def place(seam):
    return seam.framework, seam.versions or seam.function


@pytest.mark.parametrize("at", range(len(SEAMS)), ids=lambda at: f"{SEAMS[at].module}:{SEAMS[at].function}")
def test_each_row_whose_function_a_version_does_not_have_says_so(at, monkeypatch):
    """A framework that has all of its modules and of its functions all but this one, wherever versions have it."""
    monkeypatch.setattr("pytest_agentperf.record.tools.wrap.version", lambda _: "9.0")
    told_of = SEAMS[at]
    ours = [seam for seam in SEAMS if seam.framework == told_of.framework]
    for seam in ours:
        module = loaded(monkeypatch, seam.module)
        if place(seam) != place(told_of):
            add(module, seam.function)
    same = [seam for seam in ours if place(seam) == place(told_of)]
    with wrapped(ours):
        missing = ", ".join(f"{seam.module}:{seam.function}" for seam in same)
        assert list(unfit(ours)) == [
            f"{told_of.framework} 9.0 has no {missing}: its tools are looked for by other means"
        ]
    add(sys.modules[told_of.module], told_of.function)
    with wrapped(ours):
        assert list(unfit(ours)) == []


def loaded(monkeypatch, name):
    """The module as if it were imported, after those around it."""
    path = ""
    for part in name.split("."):
        path = f"{path}.{part}".lstrip(".")
        if not getattr(sys.modules.get(path), "stub", False):
            module = ModuleType(path)
            module.stub, module.__path__ = True, []
            monkeypatch.setitem(sys.modules, path, module)
    return sys.modules[path]


def add(module, function):
    *owners, name = function.split(".")
    for owner in owners:
        if not hasattr(module, owner):
            setattr(module, owner, type(owner, (), {}))
        module = getattr(module, owner)
    setattr(module, name, lambda: None)


def test_a_module_that_calls_itself_otherwise_is_known_by_what_it_is_imported_as(framework):
    module = framework()
    module.__name__, module.__spec__ = "somebody.else", None  # crewai's do
    with wrapped(ROWS), Recorder(sees_tools=True) as recorder:
        module.Tool().run({})
        assert [name for name, *_ in told(recorder)] == ["search"]


def test_what_is_done_with_the_last_item_is_not_the_tools_time(framework):
    with bubble(), wrapped(ROWS), Recorder(sees_tools=True) as recorder:
        tool = framework().Tool()

        async def use() -> None:
            async for _ in tool.stream({}):
                await asyncio.sleep(0.05)

        asyncio.run(use())
        (span,) = recorder.recording().spans
        assert (span.start_ns, span.end_ns, recorder.recording().latency_ns) == (0, 0, 50_000_000)


def test_nothing_is_imported_for_the_table():
    before = set(sys.modules)
    with wrapped(), Recorder(sees_tools=True):
        assert list(unfit()) == []
    assert set(sys.modules) <= before | {"anyio._backends._asyncio"}
    assert len(SEAMS) == len({(seam.module, seam.function) for seam in SEAMS})


def test_without_a_recorder_that_sees_tools_nothing_is_told(framework):
    with wrapped(ROWS):
        assert framework().Tool().run({}) == "ran"
        with Recorder() as recorder:
            assert framework().Tool().run({}) == "ran"
            assert told(recorder) == []
