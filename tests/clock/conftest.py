import pytest

from pytest_agentperf.clock.bubble import install, uninstall


@pytest.fixture(autouse=True, scope="module")
def _patches():
    install()
    yield
    uninstall()
