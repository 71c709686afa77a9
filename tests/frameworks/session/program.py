"""Agents of `programs/`, as they are and mutated; copied and run by `test_programs.py`."""

from __future__ import annotations

import asyncio
import os
from importlib import import_module

import pytest

AGENTS = [import_module(name).agent for name in os.environ["PROGRAMS"].split()]


@pytest.mark.vcr
@pytest.mark.default_cassette("recorded.yaml")
@pytest.mark.parametrize("agent", AGENTS, ids=os.environ["PROGRAMS"].split())
def test_agent(agent):
    asyncio.run(agent())
