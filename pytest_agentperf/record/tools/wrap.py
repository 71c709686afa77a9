"""Making the functions in the table of seams tell when they run."""

from __future__ import annotations

import functools
import inspect
import sys
import threading
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator, Mapping
from contextlib import ExitStack, aclosing, contextmanager
from importlib.machinery import PathFinder
from importlib.metadata import PackageNotFoundError, version
from types import ModuleType
from typing import Any, Self

from pytest_agentperf.record.imports import on_import
from pytest_agentperf.record.recorder import Recorder, active
from pytest_agentperf.record.spans import OpenSpan
from pytest_agentperf.record.tools.arguments import Nowhere, arguments_of, follow
from pytest_agentperf.record.tools.seams import SEAMS, Seam


class _Installed:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.users = 0
        self.undo = ExitStack()
        self.missing: set[Seam] = set()
        """Rows whose module is loaded and does not have the function."""


_installed = _Installed()


def _by_module(seams: Iterable[Seam]) -> dict[str, list[Seam]]:
    found = defaultdict(list)
    for seam in seams:
        found[seam.module].append(seam)
    return found


_SEAMS = _by_module(SEAMS)


@contextmanager
def wrapped(seams: Iterable[Seam] | None = None) -> Iterator[None]:
    """Each function of the table (None: `SEAMS`) tells the active recorder; re-entrant. A module that is not loaded yet stays so."""
    with _installed.lock:
        if not _installed.users:
            _installed.missing.clear()
            by_module = _SEAMS if seams is None else _by_module(seams)
            _installed.undo.enter_context(
                on_import(by_module, lambda module: _wrap_all(_of(module, by_module), module))
            )
        _installed.users += 1
    try:
        yield
    finally:
        with _installed.lock:
            _installed.users -= 1
            if not _installed.users:
                _installed.undo.close()


def _of(module: ModuleType, by_module: Mapping[str, list[Seam]]) -> list[Seam]:
    """By what it is imported as: crewai overwrites `__name__` and `__spec__`."""
    return [seam for name, seams in by_module.items() if sys.modules.get(name) is module for seam in seams]


def _wrap_all(seams: list[Seam], module: ModuleType) -> None:
    for seam in seams:
        try:
            _installed.undo.callback(_wrap(seam, module))
        except AttributeError:
            _installed.missing.add(seam)


def _wrap(seam: Seam, module: ModuleType) -> Callable[[], None]:
    """Gives what takes the wrapper out again. Raises AttributeError where there is no such function."""
    *path, name = seam.function.split(".")
    owner: Any = module
    for part in path:
        owner = getattr(owner, part)
    found = inspect.getattr_static(owner, name)
    own = name in vars(owner)
    bare = found.__func__ if isinstance(found, (staticmethod, classmethod)) else found
    telling = _telling(bare, seam)
    put = type(found)(telling) if bare is not found else telling
    setattr(owner, name, put)

    def restore() -> None:
        if vars(owner).get(name) is not put:
            return  # somebody patched on top of us; without a recorder the wrapper only passes on
        if own:
            setattr(owner, name, found)
        else:
            delattr(owner, name)

    return restore


def _telling(function: Callable[..., Any], seam: Seam) -> Callable[..., Any]:
    """The function, whatever its kind, with a span around each of its runs."""
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def telling(*args: Any, **kwargs: Any) -> Any:
            with _Run(function, seam, args, kwargs):
                return await function(*args, **kwargs)
    elif inspect.isasyncgenfunction(function):

        @functools.wraps(function)
        async def telling(*args: Any, **kwargs: Any) -> AsyncIterator[Any]:
            with _Run(function, seam, args, kwargs) as run:
                async with aclosing(function(*args, **kwargs)) as items:
                    async for item in items:
                        with run.handing_over():
                            yield item
    elif inspect.isgeneratorfunction(function):

        @functools.wraps(function)
        def telling(*args: Any, **kwargs: Any) -> Any:
            with _Run(function, seam, args, kwargs):
                return (yield from function(*args, **kwargs))
    else:

        @functools.wraps(function)
        def telling(*args: Any, **kwargs: Any) -> Any:
            with _Run(function, seam, args, kwargs, timed=True) as run:
                result = function(*args, **kwargs)
                return run.handed_on(result) if inspect.iscoroutine(result) else result

    return telling


class _Run:
    """One execution, around which a block goes; nothing where nobody records."""

    __slots__ = ("_consumed_ns", "_entered", "_recorder")

    def __init__(
        self,
        function: Callable[..., Any],
        seam: Seam,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        *,
        timed: bool = False,
    ) -> None:
        self._consumed_ns = 0
        self._entered: OpenSpan | None = None
        self._recorder = active()
        if self._recorder is None or self._recorder.open_calls is None:
            return
        try:
            given = arguments_of(function, args, kwargs)
            self._entered = self._recorder.enter_tool(
                str(follow(seam.name, given)),
                follow(seam.arguments, given),
                _call_id(seam, given),
                "seam",
                timed=timed,
            )
        except Exception as error:  # noqa: BLE001 - theirs or ours, it must not reach the agent
            self._recorder.note(_does_not_tell(seam, error))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if self._recorder and self._entered:
            self._recorder.spans.leave(self._entered, error, ended_ns_ago=self._consumed_ns)

    @contextmanager
    def handing_over(self) -> Iterator[None]:
        """Around the yield of an item: what is done with the last one is no longer the tool's time."""
        start_ns = time.monotonic_ns()
        try:
            yield
        finally:
            self._consumed_ns = time.monotonic_ns() - start_ns

    def handed_on(self, rest: Coroutine[Any, Any, Any]) -> Coroutine[Any, Any, Any]:
        """A plain function that gives a coroutine runs until that is over, in whoever awaits it."""
        entered, self._entered = self._entered, None
        if self._recorder is None or entered is None:
            return rest
        self._recorder.spans.step_out(entered)
        return _to_its_end(self._recorder, entered, rest)


async def _to_its_end(recorder: Recorder, entered: OpenSpan, rest: Coroutine[Any, Any, Any]) -> Any:
    entered = recorder.spans.step_in(entered)
    try:
        result = await rest
    except BaseException as error:
        recorder.spans.leave(entered, error)
        raise
    recorder.spans.leave(entered)
    return result


def _call_id(seam: Seam, given: dict[str, Any]) -> str | None:
    """Where it cannot be told, the call is found by name and arguments."""
    try:
        found = follow(seam.call_id, given) if seam.call_id else None
    except Nowhere:
        return None
    return found if isinstance(found, str) else None


def _does_not_tell(seam: Seam, error: Exception) -> str:
    why = f"{error} leads nowhere" if isinstance(error, Nowhere) else f"{type(error).__name__}: {error}"
    return f"{_place(seam)} did not tell which tool it runs ({why}): it is looked for by other means"


def _place(seam: Seam) -> str:
    try:
        return f"{seam.framework} {version(seam.framework)}: {seam.module}:{seam.function}"
    except PackageNotFoundError:
        return f"{seam.module}:{seam.function}"


def unfit(seams: Iterable[Seam] = SEAMS) -> Iterator[str]:
    """A sentence for each framework in use some of whose places the version that is installed does not have."""
    places = defaultdict(list)
    for seam in seams:
        places[seam.framework, seam.versions or (seam.module, seam.function)].append(seam)
    missing: defaultdict[str, list[Seam]] = defaultdict(list)
    for (framework, _), rows in places.items():
        if rows[0].module.partition(".")[0] in sys.modules and all(map(_absent, rows)):
            missing[framework] += rows
    for framework, rows in missing.items():
        try:
            installed = version(framework)
        except PackageNotFoundError:
            continue  # another package of this name
        looked_for = ", ".join(f"{seam.module}:{seam.function}" for seam in rows)
        yield f"{framework} {installed} has no {looked_for}: its tools are looked for by other means"


def _absent(seam: Seam) -> bool:
    """The module is not to be found, or has no such function; one that was not needed yet is neither."""
    if seam.module in sys.modules:
        return seam in _installed.missing
    parts = seam.module.split(".")
    for length in range(1, len(parts)):
        parent, name = sys.modules.get(".".join(parts[:length])), ".".join(parts[: length + 1])
        if parent is None or name in sys.modules:
            continue
        return PathFinder.find_spec(name, getattr(parent, "__path__", None)) is None
    return False
