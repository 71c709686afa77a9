from __future__ import annotations

from collections.abc import Iterator

import pytest

from server.provider import FakeProvider


@pytest.fixture
def provider() -> Iterator[FakeProvider]:
    """A fake LLM provider on loopback; see `server.provider`."""
    with FakeProvider() as running:
        yield running
