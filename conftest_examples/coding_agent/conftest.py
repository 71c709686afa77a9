import os

import pytest


@pytest.fixture(autouse=True)
def no_account(monkeypatch):
    """The SDK insists on a key; a replay sends it nowhere."""
    monkeypatch.setenv("OPENAI_API_KEY", os.environ.get("OPENAI_API_KEY", "not-needed-for-a-replay"))
