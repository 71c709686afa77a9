"""How long an answer takes of which nobody knows it: what a team states by model, for cassettes without times.

One rule a line (or `;`), the first that fits a model counts: `GLOB: MS`, `GLOB: MS + MS_PER_OUTPUT_TOKEN`, or without a
glob for all models:

    gpt-4o*: 400 + 12
    600 + 20
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from pytest_agentperf.decode.decoder import decode, is_streamed
from pytest_agentperf.model.exchange import Exchange, Origin, Request, Response, Timing
from pytest_agentperf.price.tokens import estimate
from pytest_agentperf.record.replay import Answer

_RULE = re.compile(r"(?:(?P<glob>\S.*?)\s*:\s*)?(?P<ms>\d+(?:\.\d+)?)(?:\s*\+\s*(?P<per_token>\d+(?:\.\d+)?))?")
_MOST_PIECES = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    glob: str
    """Of the model's name, in lower case."""
    first_ns: int
    """Until the first token."""
    per_token_ns: int
    """For each token of output."""


def read_rules(text: str) -> tuple[Rule, ...]:
    """Raises ValueError that names the line and the form."""
    return tuple(_rule(line.strip()) for line in re.split(r"[\n;]", text) if line.strip())


def _rule(line: str) -> Rule:
    match = _RULE.fullmatch(line)
    if match is None:
        raise ValueError(f"expected `MODEL: MS + MS_PER_OUTPUT_TOKEN`, such as `gpt-4o*: 400 + 12`, got {line!r}")
    return Rule(
        glob=(match["glob"] or "*").lower(),
        first_ns=round(float(match["ms"]) * 1e6),
        per_token_ns=round(float(match["per_token"] or 0) * 1e6),
    )


def timed(answer: Answer, request: Request, rules: Sequence[Rule]) -> Answer:
    """The answer with the times that the rules give it: MODELLED, where its end is unknown and a rule fits.

    A stream comes in equal pieces between its first token, stated or by rule, and its end.
    """
    if answer.timing is not Timing.UNKNOWN and answer.end_ns is not None:
        return answer
    response = Response(status=answer.status, headers=answer.headers, body=answer.body)
    model, tokens = _model_and_tokens(request, response)
    rule = next((rule for rule in rules if fnmatchcase(model.lower(), rule.glob)), None)
    if model == "" or rule is None:
        return answer
    first_ns = rule.first_ns if answer.timing is Timing.UNKNOWN else answer.headers_ns
    end_ns = first_ns + rule.per_token_ns * tokens
    if not is_streamed(request, response):
        first_ns = end_ns
    return replace(
        answer,
        headers_ns=first_ns,
        pieces=_pieces(answer.body, first_ns, end_ns),
        end_ns=end_ns,
        timing=Timing.MODELLED,
    )


def _model_and_tokens(request: Request, response: Response) -> tuple[str, int]:
    """Empty for what is no LLM call."""
    reading = decode(Exchange(request=request, response=response, origin=Origin.REPLAYED))
    if reading is None:
        return "", 0
    usage = reading.call.usage
    tokens = usage.output if usage is not None else None
    if tokens is None and reading.call.error is None:
        tokens = estimate(reading).output
    return reading.call.model, tokens or 0


def _pieces(body: bytes, first_ns: int, end_ns: int) -> tuple[tuple[int, bytes], ...]:
    count = min(_MOST_PIECES, len(body)) if end_ns > first_ns else min(1, len(body))
    if count < 2:
        return ((end_ns, body),) if body else ()
    bounds = [len(body) * n // count for n in range(count + 1)]
    pause_ns = (end_ns - first_ns) / (count - 1)
    return tuple((first_ns + round(n * pause_ns), body[bounds[n] : bounds[n + 1]]) for n in range(count))
