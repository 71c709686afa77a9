"""The fixture `agent_benchmark`: what the team's own code costs a run, measured by pytest-benchmark over a replay."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

    from pytest_agentperf.run import Run

_MOST_ROUNDS = 1000
_MODE = "agent_benchmark(...)"


class AgentBenchmark:
    """Call it with an agent and its arguments; await it if the agent is asynchronous. Gives the first run's result.

    The first run is the one that is profiled and held against limits, the second warms up; then rounds follow as long
    as `--benchmark-max-time` lasts, at least `--benchmark-min-rounds`. Before each of them the cassette is wound back to
    where it stood at the call. Recorded latency is left out (pace instant): the time is that of the agent's own code, of
    its SDK and its tools.
    """

    def __init__(self, benchmark: BenchmarkFixture, run: Run) -> None:
        self._benchmark = benchmark
        self._run = run
        self._called = False
        self._rewind: Callable[[], None] = lambda: None

    def __call__(self, agent: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        from pytest_agentperf.record.seam import route

        __tracebackhide__ = True
        if self._called or self._benchmark._mode:  # noqa: SLF001 - pytest-benchmark has no other way to ask
            raise RuntimeError(
                "agent_benchmark and benchmark can be called once in a test: write a test for each agent"
            )
        self._called = True
        if route.player:
            self._rewind = route.player.bookmark()
        first = agent(*args, **kwargs)
        if inspect.isawaitable(first):
            whole = self._awaited(first, lambda: agent(*args, **kwargs))
            self._expect_await(getattr(agent, "__name__", type(agent).__name__), whole, first)
            return whole
        if self._measures():
            seconds = self._timed(lambda: agent(*args, **kwargs))
            rounds = self._rounds(seconds)
            self._benchmark.pedantic(agent, args, kwargs, setup=self._rewind, rounds=rounds)  # type: ignore[no-untyped-call]
        return first

    def _expect_await(self, name: str, whole: Coroutine[Any, Any, Any], first: Awaitable[Any]) -> None:
        from pytest_agentperf.record.probes.place import here
        from pytest_agentperf.record.recorder import Stop

        where = here().where

        def check() -> None:
            if inspect.getcoroutinestate(whole) != inspect.CORO_CREATED:
                return
            for coroutine in filter(inspect.iscoroutine, (whole, first)):
                coroutine.close()  # else Python warns as well
            self._benchmark._mode = _MODE  # noqa: SLF001 - and so does pytest-benchmark
            self._run.recorder.stop(
                Stop(
                    f"agent_benchmark({name}) at {where} was not awaited: the agent did not run\n"
                    f"  in an async test: await agent_benchmark({name}, ...)\n"
                    f"  in any other: asyncio.run(agent_benchmark({name}, ...))"
                )
            )

        self._run.when_over(check)

    async def _awaited(self, first: Awaitable[Any], again: Callable[[], Awaitable[Any]]) -> Any:
        """pytest-benchmark has no way to await: it is given the times."""
        result = await first
        if not self._measures():
            return result

        async def seconds() -> float:
            self._rewind()
            start = timer()
            await again()
            return float(timer() - start)

        timer = self._benchmark._timer  # noqa: SLF001 - see above
        rounds = self._rounds(await seconds())
        self._benchmark._mode = _MODE  # noqa: SLF001
        stats = self._benchmark._make_stats(1)  # type: ignore[no-untyped-call]  # noqa: SLF001
        for _ in range(rounds):
            stats.update(await seconds())
        return result

    def _measures(self) -> bool:
        """The profile is done. Whether rounds shall follow: not for runs that a provider would be paid for."""
        from pytest_agentperf.model.metric import known_numbers
        from pytest_agentperf.model.number import plain_number

        self._run.recorder.close()
        profile = self._run.profiler.profile()
        self._benchmark.extra_info.update({name: plain_number(n) for name, n in known_numbers(profile).items()})
        if paid := {call.origin.value for call in profile.calls} & {"live", "recorded"}:
            self._run.recorder.note(f"agent_benchmark ran once and was not timed: its LLM calls were {min(paid)}")
        if paid or not self._benchmark.enabled:
            self._benchmark._mode = _MODE  # noqa: SLF001 - else it warns that it was not used
            return False
        return True

    def _timed(self, work: Callable[[], object]) -> float:
        timer = self._benchmark._timer  # noqa: SLF001
        self._rewind()
        start = timer()
        work()
        return float(timer() - start)

    def _rounds(self, seconds: float) -> int:
        least, most = self._benchmark._min_rounds, self._benchmark._max_time  # noqa: SLF001
        return max(int(least), min(_MOST_ROUNDS, int(most / max(seconds, 1e-6))))


@pytest.fixture
def agent_benchmark(request: pytest.FixtureRequest, benchmark: BenchmarkFixture) -> AgentBenchmark:
    """What own code costs a run, the LLM replayed: `agent_benchmark(agent, question)`, awaited for an async agent."""
    from pytest_agentperf.session import run_of

    return AgentBenchmark(benchmark, run_of(request.node))


class Missing:
    """Stands in where pytest-benchmark is not installed."""

    @pytest.fixture
    def agent_benchmark(self) -> None:
        """Measures the agent's own code with pytest-benchmark (not installed here)."""
        pytest.fail("agent_benchmark needs pytest-benchmark: pip install 'pytest-agentperf[benchmark]'", pytrace=False)
