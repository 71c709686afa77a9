"""The table of rules. A row here is run over every profile, listed, explained, and can fail tests."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module

from pytest_agentperf.analyze.rules.rule import Rule
from pytest_agentperf.model.finding import Finding
from pytest_agentperf.model.profile import Profile

_MODULES = (
    "ap101_sequential_tools",
    "ap102_turns_in_a_row",
    "ap103_tools_not_executed",
    "ap104_parallel_tools_off",
    "ap201_blocked_loop",
    "ap202_client_per_call",
    "ap203_interpreter_started",
    "ap204_rewritten_file",
    "ap205_reread_file",
    "ap206_heavy_import",
    "ap301_repeated_requests",
    "ap302_broken_prefix",
    "ap303_growing_prompts",
    "ap304_large_model",
    "ap305_retries",
    "ap306_not_streamed",
    "ap307_unused_tools",
    "ap401_repeated_work",
    "ap404_thresholds",
)
_EACH: tuple[Rule, ...] = tuple(import_module(f"{__package__}.{name}").RULE for name in _MODULES)
RULES = {rule.code: rule for rule in _EACH}


def matching(given: str) -> tuple[Rule, ...]:
    """What a code (`AP101`, in either case), the beginning of codes (`AP1`) or a name stands for; empty where it is unknown."""
    code, name = given.upper(), given.lower()
    return tuple(r for r in RULES.values() if name == r.name or (code[:2] == "AP" and r.code.startswith(code)))


def findings(profile: Profile) -> tuple[Finding, ...]:
    """What all rules find, in the order of their codes."""
    return tuple(found for rule in RULES.values() for found in rule.find(profile))


def examined(profile: Profile) -> Profile:
    """The profile with its findings."""
    return replace(profile, findings=findings(profile))


def index() -> str:
    """All rules, a line each."""
    return "".join(f"{r.code} {r.name}{'' if r.gating else ' (a hint)'}: {r.headline}\n" for r in RULES.values())
