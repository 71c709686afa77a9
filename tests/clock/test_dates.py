"""time-machine and freezegun in a bubble."""

import asyncio
import datetime as dt
import subprocess
import sys
import time

import pytest

from pytest_agentperf.clock.bubble import RunawayClock, bubble

DATE = 1_704_067_200  # 2024-01-01T00:00:00Z


@pytest.fixture
def freezegun():
    return pytest.importorskip("freezegun")


@pytest.fixture
def time_machine():
    return pytest.importorskip("time_machine")


def agent():
    asyncio.run(asyncio.sleep(35))
    time.sleep(1)


@pytest.mark.parametrize("tick", [True, False])
def test_time_machine_sets_the_date(time_machine, tick):
    with bubble() as measured:
        with time_machine.travel(DATE, tick=tick):
            agent()
            assert time.time() == pytest.approx(DATE + 36, abs=10 if tick else 1e-6)
        assert time.time() > DATE + 10_000
    assert measured.elapsed_ns == 36e9


def test_time_machine_around_a_bubble(time_machine):
    with time_machine.travel(DATE, tick=False), bubble() as measured:
        agent()
        assert time.time() == pytest.approx(DATE + 36, abs=1e-6)
    assert measured.elapsed_ns == 36e9


def test_time_machine_that_is_used_after_install_does_not_crash(time_machine):
    code = """if True:
        from pytest_agentperf.clock.bubble import install, uninstall
        for _ in range(2):
            install()
            import time, time_machine
            with time_machine.travel(0, tick=False):
                print(time.time(), time.time_ns(), time.gmtime().tm_year)
            uninstall()
    """
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "0.0 0 1970\n" * 2, "")


def test_the_date_of_a_bubble_is_everybodys_with_time_machine(time_machine):
    with bubble(epoch=DATE):
        agent()
        assert time.time() == DATE + 36
        assert dt.datetime.now(tz=dt.UTC).timestamp() == DATE + 36
        assert time.gmtime().tm_year == 2024
        with time_machine.travel(0, tick=False):
            assert (time.time(), dt.datetime.now(tz=dt.UTC).year) == (36, 1970)
    assert time.gmtime().tm_year > 2024


def test_freezegun_that_leaves_asyncio_alone(freezegun):
    with bubble() as measured, freezegun.freeze_time("2024-01-01", real_asyncio=True):
        agent()
        assert dt.datetime.now(tz=dt.UTC).timestamp() == DATE
    assert measured.elapsed_ns == 36e9


def test_freezegun_that_stops_the_loops_clock_is_named(freezegun):
    with (
        freezegun.freeze_time("2024-01-01"),
        pytest.raises(RunawayClock, match=r"freezegun.*real_asyncio=True"),
        bubble(),
    ):
        asyncio.run(asyncio.sleep(35))
