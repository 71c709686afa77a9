"""`max_memory`: opt-in, measured in the test's body alone, and gone afterwards."""

from __future__ import annotations

import pytest

TESTS = """
    import tracemalloc
    import pytest, agent

    def hold(mb):
        held = [bytes(1_000_000) for _ in range(mb)]
        agent.ask()
        return len(held)

    @pytest.fixture
    def large():
        return [bytes(1_000_000) for _ in range(60)]

    @pytest.mark.max_memory(40)
    def test_within(large):
        hold(20)

    @pytest.mark.max_memory(40)
    def test_over(large):
        hold(50)

    @pytest.mark.max_memory(40)
    def test_ends_it():
        agent.ask()
        tracemalloc.stop()

    def test_without():
        agent.ask()
        assert not tracemalloc.is_tracing()
"""


def test_the_peak_of_the_body_is_limited(session: pytest.Pytester) -> None:
    session.makepyfile(test_memory=TESTS)

    result = session.runpytest("-p", "no:randomly", "--agentperf")

    result.assert_outcomes(passed=2, failed=2)
    result.stdout.re_match_lines_random([
        r"peak memory: 5\d\.?\d* MB is over max_memory\(40\) at test_memory.py:1\d by 1\d\.?\d* MB .*",
        r"peak memory is unknown, so max_memory\(40\) at test_memory.py:2\d cannot be judged.*",
    ])  # fmt: skip
    result.stdout.fnmatch_lines(["*memory is unknown: tracemalloc was stopped inside of the test*"])


def test_who_traced_before_goes_on_tracing(session: pytest.Pytester) -> None:
    session.makepyfile("""
        import tracemalloc
        import pytest, agent

        @pytest.fixture(autouse=True)
        def traced():
            tracemalloc.start()
            held = [bytes(1_000_000) for _ in range(60)]
            yield
            assert tracemalloc.is_tracing()
            assert tracemalloc.get_traced_memory()[0] > 60_000_000
            tracemalloc.stop()

        @pytest.mark.max_memory(40)
        def test_one():
            agent.ask()
    """)

    session.runpytest("-p", "no:randomly").assert_outcomes(passed=1)


def test_a_bad_value_is_a_usage_error(session: pytest.Pytester) -> None:
    session.makepyfile("""
        import pytest

        @pytest.mark.max_memory(-1)
        def test_one(): ...
    """)

    result = session.runpytest()

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    told = "test_a_bad_value_is_a_usage_error.py:3: @pytest.mark.max_memory(-1): expected a number of megabytes, 0 or more, got -1"
    assert told in result.stderr.str()


def test_by_path(session: pytest.Pytester) -> None:
    session.makepyfile(test_memory=TESTS.replace("@pytest.mark.max_memory(40)", ""))
    session.path.joinpath("agentperf.yaml").write_text("limits:\n  'test_memory.py::test_over':\n    max_memory: 40\n")

    result = session.runpytest("-k", "test_within or test_over")

    result.assert_outcomes(passed=1, failed=1)
    result.stdout.re_match_lines([r"peak memory: 5\d\.?\d* MB is over max_memory\(40\) at agentperf.yaml:\d .*"])
