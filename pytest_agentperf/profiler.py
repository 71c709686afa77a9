"""What a test or an agent sees of the recording that goes on: timers, live numbers, the profile so far."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, AsyncExitStack, ExitStack
from dataclasses import dataclass, field
from decimal import Decimal
from math import isfinite
from types import TracebackType
from typing import Any, Literal, Self, TypeVar, cast

from pytest_agentperf.analyze.critical_path import Step, critical_path
from pytest_agentperf.analyze.summary import CategoryStats, summary
from pytest_agentperf.analyze.timeline import Shares, Timeline, shares, timeline
from pytest_agentperf.analyze.waterfall import waterfall
from pytest_agentperf.clock.bubble import real_io
from pytest_agentperf.clock.stated import Stated
from pytest_agentperf.model.committed import Committed
from pytest_agentperf.model.metric import METRICS
from pytest_agentperf.model.number import Number, format_value
from pytest_agentperf.model.profile import Gauge, Profile, Thresholds
from pytest_agentperf.model.span import SpanKind
from pytest_agentperf.pipeline import profile
from pytest_agentperf.price.cost import OwnPrice
from pytest_agentperf.record.recorder import Recorder
from pytest_agentperf.record.tools.arguments import arguments_of

F = TypeVar("F", bound=Callable[..., Any])


class Profiler:
    """Live numbers count from the start of the test's body. Each is None while it is unknown."""

    def __init__(
        self,
        recorder: Recorder,
        *,
        nodeid: str = "",
        own_prices: Mapping[str, OwnPrice] | None = None,
        baselines: Committed | None = None,
        estimates_judge: bool = False,
        thresholds: Thresholds = Thresholds(),  # noqa: B008 - it is frozen
    ) -> None:
        self._recorder = recorder
        self._nodeid = nodeid
        self._own_prices = own_prices
        self._baselines = baselines
        self._estimates_judge = estimates_judge
        self._thresholds = thresholds

    def __repr__(self) -> str:
        """What pytest shows of a fixture beside a failure."""
        calls, tokens, latency = (self._read(name) for name in ("llm_calls", "tokens", "latency"))
        return f"<Profiler: LLM calls {calls}, {format_value(tokens, 'tokens')}, {format_value(latency, 'ms')}>"

    @property
    def own_prices(self) -> Mapping[str, OwnPrice]:
        """The project's, by model."""
        return self._own_prices or {}

    @property
    def baselines(self) -> Committed | None:
        """What `assert_no_regression` compares with; None where nobody said."""
        return self._baselines

    def timer(self, name: str, **metadata: object) -> Scope:
        """Measure a stretch of work: `with profiler.timer("llm:planning", model="small"):`, `async with`, or a decorator.

        Timers nest, by task and by thread. Limits and budgets narrow to them: `within="llm:planning"`, or any part
        between colons (`within="planning"`).
        """
        return Scope(lambda _: self._recorder.span(SpanKind.TIMER, name, metadata))

    def tool(
        self, name: str, *, call_id: str | None = None, modelled_ms: float | None = None, **metadata: object
    ) -> Scope:
        """Mark an execution of a tool: `with profiler.tool("search", query=query):`, `async with`, or a decorator.

        It is that of the model's call with this `call_id`; else with this name and these arguments, told in `metadata` or
        given to the decorated function; of equal ones the first that has not run yet.

        `modelled_ms`: in virtual time all real work inside counts as so many milliseconds, however long it takes; else it
        is a label. Around an `await` it must be `async with`. Raises ValueError for what is not a number of at least 0.
        """
        labels, stated = metadata, None
        if modelled_ms is not None:
            what = f"profiler.tool({name!r}, modelled_ms={modelled_ms!r})"
            if not _is_finite(modelled_ms) or modelled_ms < 0:
                raise ValueError(f"{what}: expected milliseconds, 0 or more")
            labels = {**metadata, "modelled_ms": modelled_ms}
            stated = functools.partial(Stated, round(modelled_ms * 1e6), what, self._recorder.note)
        return Scope(
            lambda given: self._recorder.tool(name, {**(given or {}), **metadata} or None, call_id, labels), stated
        )

    def metric(self, name: str, value: float, unit: str = "", better: Literal["higher", "lower"] = "lower") -> None:
        """Record a number of your own: shown, stored, and limited by `max_metric` and `min_metric`. The last one counts.

        Raises ValueError for what is not a finite number.
        """
        if not _is_finite(value):
            raise ValueError(f"profiler.metric({name!r}): expected a finite number, got {value!r}")
        if better not in ("higher", "lower"):
            raise ValueError(f"profiler.metric({name!r}): better must be 'higher' or 'lower', got {better!r}")
        if name in METRICS:
            raise ValueError(f"profiler.metric({name!r}): agentperf measures {name!r} itself; choose another name")
        self._recorder.gauge(Gauge(name=name, value=value, unit=unit, better=better))

    def real_io(self) -> AbstractContextManager[None]:
        """Around a wait for something real that virtual time cannot recognise: it counts at its real duration."""
        return real_io()

    @property
    def llm_calls(self) -> int:
        return cast("int", self._read("llm_calls"))

    @property
    def turns(self) -> int:
        """Calls of the longest conversation."""
        return cast("int", self._read("turns"))

    @property
    def tool_calls(self) -> int:
        """Tool calls that the model asked for."""
        return cast("int", self._read("tool_calls"))

    @property
    def tokens(self) -> int | None:
        return cast("int | None", self._read("tokens"))

    @property
    def input_tokens(self) -> int | None:
        return cast("int | None", self._read("input_tokens"))

    @property
    def output_tokens(self) -> int | None:
        return cast("int | None", self._read("output_tokens"))

    @property
    def cached_tokens(self) -> int | None:
        """The part of the input that the provider's prompt cache served."""
        return cast("int | None", self._read("cache_read_tokens"))

    @property
    def reasoning_tokens(self) -> int | None:
        """The part of the output that was reasoning."""
        return cast("int | None", self._read("reasoning_tokens"))

    @property
    def cost_usd(self) -> Decimal | None:
        return cast("Decimal | None", self._read("cost", priced=True))

    @property
    def latency_ms(self) -> int | None:
        return cast("int | None", self._read("latency"))

    @property
    def ttft_ms(self) -> int | None:
        """Time to first token, of the call that took longest."""
        return cast("int | None", self._read("ttft"))

    def profile(self, *, priced: bool = True) -> Profile:
        """Everything so far, as a value."""
        return self._profile(priced=priced, examine=True)

    def _profile(self, *, priced: bool = False, examine: bool = False) -> Profile:
        return profile(
            self._recorder.recording(),
            nodeid=self._nodeid,
            priced=priced,
            own_prices=self._own_prices,
            estimates_judge=self._estimates_judge,
            thresholds=self._thresholds,
            examine=examine,
        )

    def summary(self) -> dict[str, CategoryStats]:
        """Count and milliseconds (total, mean, min, max) by category."""
        return summary(self._profile())

    def critical_path(self) -> tuple[Step, ...]:
        """The chain of work that decided how long the test took."""
        return critical_path(self._profile())

    def timeline(self) -> Timeline:
        """What each thread and task was at: waiting for a model, streaming, retries, tools, timers, and where all were idle."""
        return timeline(self._profile())

    def shares(self) -> Shares:
        """What the latency consists of: LLM, tools, own work and idleness, which add up to it."""
        return shares(self._profile())

    def waterfall(self, *, width: int = 80, color: bool = False) -> str:
        """LLM calls, tools and timers over time, as text."""
        return waterfall(self._profile(), width=width, color=color)

    def _read(self, metric: str, *, priced: bool = False) -> Number | None:
        return METRICS[metric].read(self._profile(priced=priced)).value


@dataclass(slots=True)
class Scope:
    """A span that is opened by `with`, by `async with`, or around each call of a function that it decorates."""

    _open: Callable[[Mapping[str, object] | None], AbstractContextManager[int]]
    """With the arguments of a decorated function."""
    _stated: Callable[[], Stated] | None = None
    _entered: list[ExitStack | AsyncExitStack] = field(default_factory=list)

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(self._open(None))
            if self._stated:
                stack.enter_context(self._stated())
            self._entered.append(stack.pop_all())
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        cast("ExitStack", self._entered.pop()).__exit__(kind, error, tb)

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            stack.enter_context(self._open(None))
            if self._stated:
                await stack.enter_async_context(self._stated())
            self._entered.append(stack.pop_all())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        await cast("AsyncExitStack", self._entered.pop()).__aexit__(kind, error, tb)

    def __call__(self, function: F) -> F:
        def scope(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Scope:
            arguments = arguments_of(function, args, kwargs)
            return Scope(lambda _: self._open(arguments), self._stated)

        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def measured(*args: Any, **kwargs: Any) -> Any:
                async with scope(args, kwargs):
                    return await function(*args, **kwargs)
        elif inspect.isasyncgenfunction(function):

            @functools.wraps(function)
            async def measured(*args: Any, **kwargs: Any) -> Any:
                async with scope(args, kwargs):
                    async for item in function(*args, **kwargs):
                        yield item
        elif inspect.isgeneratorfunction(function):

            @functools.wraps(function)
            def measured(*args: Any, **kwargs: Any) -> Any:
                with scope(args, kwargs):
                    return (yield from function(*args, **kwargs))
        else:

            @functools.wraps(function)
            def measured(*args: Any, **kwargs: Any) -> Any:
                with scope(args, kwargs):
                    return function(*args, **kwargs)

        return cast("F", measured)


def _is_finite(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and isfinite(value)
