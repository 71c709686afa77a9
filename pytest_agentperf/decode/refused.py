"""A request that was refused beside the recorded one that is most like it: what its answer would probably be billed."""

from __future__ import annotations

from dataclasses import dataclass, replace

from pytest_agentperf.decode.decoder import decode
from pytest_agentperf.model.exchange import Exchange
from pytest_agentperf.model.recording import Reading

_SHORTEST = 1024
"""Tokens: what OpenAI and Anthropic cache at least."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """`asked` has no answer; `nearest` has the recorded one, None where nothing like it is recorded."""

    asked: Exchange
    nearest: Exchange | None
    extra: bool = False
    """All that is recorded of its like was played: it is one more, not another one."""
    agent: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """Both, decoded; `asked` and `then`, the recorded request without its answer, with the texts of their prompts."""

    asked: Reading
    then: Reading
    nearest: Reading

    def cached(self) -> int | None:
        """How many tokens the provider's prompt cache would serve: what it served, as far as the prompts begin alike.

        Tools stand before everything else: where they changed nothing is alike. None: nobody said what it served.
        """
        usage = self.nearest.call.usage
        if usage is None or usage.cache_read is None or usage.input is None:
            return None
        if self.asked.call.prompt.tools_digest != self.then.call.prompt.tools_digest:
            return 0
        now, then = self.asked.prompt_text, self.then.prompt_text
        same = next((at for at, (a, b) in enumerate(zip(now, then, strict=False)) if a != b), min(len(now), len(then)))
        alike = usage.input * same // (len(then) or 1)
        return min(usage.cache_read, alike) if alike >= _SHORTEST else 0


def read(refused: Refused) -> Read | Reading | None:
    """The request alone where nothing is like it; None where it is no LLM call."""
    asked = decode(refused.asked)
    if asked is None or refused.nearest is None:
        return asked
    nearest, then = decode(refused.nearest), decode(replace(refused.nearest, response=None))
    return Read(asked=asked, then=then, nearest=nearest) if nearest and then else asked
