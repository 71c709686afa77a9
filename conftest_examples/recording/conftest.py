"""The provider runs where it is recorded, and only there: another port each time, and a secret that nobody may see."""

from __future__ import annotations

import os
import re

import provider
import pytest
from openai import OpenAI

NOWHERE = "https://provider.example/v1"


@pytest.fixture(scope="session")
def base_url(pytestconfig):
    if pytestconfig.getoption("agentperf_record") in (None, "none"):
        yield NOWHERE
    else:
        with provider.running() as url:
            yield url


@pytest.fixture
def client(base_url):
    with OpenAI(base_url=base_url, api_key=os.environ.get("PROVIDER_KEY", "not-needed-for-a-replay")) as client:
        yield client


@pytest.fixture
def vcr_config():
    """Cassettes name an address that does not change."""

    def settled(request):
        request.uri = re.sub(r"http://127\.0\.0\.1:\d+/v1", NOWHERE, request.uri)
        return request

    return {"before_record_request": settled}
