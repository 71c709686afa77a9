"""A request of the agent that no cassette has an answer to."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_agentperf.model.call import ModelCall


@dataclass(frozen=True, slots=True, kw_only=True)
class Miss:
    asked: ModelCall
    """As it was asked. Its usage is a prediction: the recorded input and what the new prompt adds to it by our count, the
    recorded output, and what of the prompt the provider's cache would still serve."""
    nearest: ModelCall | None = None
    """The recorded call that is most like it, priced; None: nothing is recorded that is like it."""
    extra: bool = False
    """All that is recorded was played, or just this was: the agent makes one more call."""
    agent: str = ""
    """The innermost timer around it."""
