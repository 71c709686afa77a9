import os

import pytest


@pytest.fixture(autouse=True)
def api_keys(monkeypatch):
    """The SDKs insist on a key; a replay sends it nowhere."""
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY"):
        monkeypatch.setenv(name, os.environ.get(name, "not-needed-for-a-replay"))
