"""A profile cut down to what baselines keep of it."""

from __future__ import annotations

from pytest_agentperf.judge.skeleton_reader import read_skeleton
from pytest_agentperf.judge.skeleton_text import write_skeleton
from pytest_agentperf.model.call import ModelCall
from pytest_agentperf.model.copying import replace
from pytest_agentperf.model.profile import Profile
from pytest_agentperf.model.span import SpanKind, upwards


def skeleton(profile: Profile) -> Profile:
    """What its lines in a baseline say of a profile (see `skeleton_text`), and how far its numbers judge.

    Calls are numbered from 0 and spans from 1. The messages of a prompt are two: the model's own together (role
    `assistant`), and all others without the results (role `user`, its digest that of all messages).
    """
    return replace(
        read_skeleton(profile.nodeid, write_skeleton(profile)),
        clock=profile.clock,
        unmodelled=profile.unmodelled,
        estimates_judge=profile.estimates_judge,
    )


def agents(profile: Profile) -> list[str]:
    """Of each call the innermost timer around it, else the tool that it works for; empty where there is neither."""
    spans = {span.id: span for span in profile.spans}

    def agent(call: ModelCall) -> str:
        around = list(upwards(spans, call.span))
        timers = [span.name for span in around if span.kind is SpanKind.TIMER]
        return next(iter([*timers, *(span.name for span in around)]), "")

    return [*map(agent, profile.calls)]
