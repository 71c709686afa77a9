"""A new HTTP client was made for every LLM call: three and more, one between each call and the next, from one line. Or one client
opened a new connection for each, as was seen when it was recorded, though an earlier one had been free by then.

A client keeps connections and uses them again. A new one knows none: a TCP handshake, a TLS handshake and, before that, the
certificates of the whole world read from a file, 50 to 300 ms for each call, which a recording holds as latency and a
replay cannot take out again.

Make one client when the program starts and pass it on (`client = AsyncOpenAI()` at the top, or as an argument). SDK clients may
be used from several tasks and threads at once; per event loop there must be one of its own. A connection is kept only if its
answer was read to the end, and neither side says `Connection: close` or closes what idles (`max_keepalive_connections`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from pytest_agentperf.analyze.rules.rule import Rule
from pytest_agentperf.model.call import ModelCall
from pytest_agentperf.model.finding import Finding
from pytest_agentperf.model.profile import Profile

_OFTEN = 3


def find(profile: Profile) -> Iterator[Finding]:
    found = list(_clients(profile))
    yield from found or _connections(profile)


def _clients(profile: Profile) -> Iterator[Finding]:
    clients = profile.signals.clients if profile.signals else ()
    starts = [call.start_ns for call in profile.calls]
    for where, count in Counter(client.where for client in clients).items():
        made = [client.at_ns for client in clients if client.where == where]
        if count >= _OFTEN and len(starts) >= _OFTEN and _one_each(made, starts):
            yield RULE.finding(
                f"{count} HTTP clients were made for {len(starts)} LLM calls, each with handshakes of its own",
                fix="make one client and use it for all calls",
                calls=tuple(call.index for call in profile.calls),
                where=where,
            )


def _connections(profile: Profile) -> Iterator[Finding]:
    calls = [call for call in profile.calls if call.connection]
    if len(calls) < _OFTEN or any(call.connection == "reused" for call in calls):
        return
    avoidable = sum(any(_over(other, call) for other in calls) for call in calls)
    if avoidable >= _OFTEN - 1:
        yield RULE.finding(
            f"{len(calls)} LLM calls came over {len(calls)} connections, {avoidable} of them opened while an earlier one was free",
            fix="use one client for all calls and read its answers to their end, so that connections are kept",
            calls=tuple(call.index for call in calls),
        )


def _over(other: ModelCall, call: ModelCall) -> bool:
    return other.provider == call.provider and other.end_ns is not None and other.end_ns <= call.start_ns


def _one_each(made: list[int], starts: list[int]) -> bool:
    """As many clients as calls, or nearly; a client that was made first of all and then used would be one."""
    return len(made) >= 0.8 * len(starts) and max(made) >= sorted(starts)[len(starts) // 2]


RULE = Rule(
    code="AP202",
    name="client-per-call",
    headline="a new HTTP client, and so new connections, for every LLM call",
    find=find,
)
