"""What differs from the baseline: numbers of one test, and the causes behind the numbers of many."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pytest_agentperf.model.number import Number


class Verdict(StrEnum):
    REGRESSION = "regression"
    """Worse by more than the threshold: it fails the test."""
    ACCEPTED = "accepted"
    """That, in a run that writes it into the baseline (`--agentperf-update`)."""
    NOT_JUDGED = "not judged"
    """That, but of a number that does not gate; `Change.why` says why."""
    WITHIN = "within"
    """Worse or better by no more than the threshold, or of a metric that has none."""
    BETTER = "better"
    """By more than the threshold."""
    UNRECORDED = "unrecorded"
    """That, under `--agentperf-ratchet`: it fails the test until it is recorded."""

    @property
    def fails(self) -> bool:
        return self in (Verdict.REGRESSION, Verdict.UNRECORDED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A number of a test that is not what the baseline says."""

    metric: str
    """A name in `METRICS`."""
    was: Number | None
    now: Number | None
    """Money is priced with one table on both sides. None: unknown on that side."""
    limit: Number | None
    """The most (or where higher is better, the least) that the threshold allows; None where nothing is allowed or asked."""
    unit: str
    verdict: Verdict
    why: str = ""
    """A clause, where the verdict needs one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What a cause adds to a metric. The shares of all causes of a test add up to the change of its number, exactly."""

    metric: str
    amount: Number
    unit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """One thing that the run does otherwise than its baseline."""

    kind: str
    """A row of the table in `judge/kinds/table.py`."""
    key: tuple[str, ...]
    """With the kind: what makes two edits, in whichever tests, the same cause."""
    what: str
    """The subject of the sentence; where there is nothing to count, all of it. `{of}` is where the agents stand, `{tools}`
    where the tools do."""
    agents: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    each: tuple[int, ...] = ()
    """By how much, once for each call or execution."""
    unit: str = ""
    calls: tuple[int, ...] = ()
    """Positions in the run of the calls where it shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """An edit on the way from a test's baseline to its run, and what it adds to each metric."""

    edit: Edit
    shares: tuple[Share, ...]

    @property
    def amounts(self) -> dict[str, Number]:
        """By metric."""
        return {share.metric: share.amount for share in self.shares}


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A test that a cause changed."""

    nodeid: str
    shares: tuple[Share, ...]
    calls: tuple[int, ...] = ()
    """`ModelCall.index` of the calls of this run where it shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """One reason why numbers changed, over all tests that it changed."""

    kind: str
    """`system-prompt`, `extra-turn`, ...: a row of the table in `judge/kinds/table.py`."""
    key: str
    """Equal for what has the same cause, in every run; holds no numbers that drift."""
    sentence: str
    """What happened and what it costs, for people."""
    shares: tuple[Share, ...]
    """Summed over the tests, costliest metric first; those that make no sum (time to first token) are left out."""
    hits: tuple[Hit, ...]
    """The worst first."""
    smallest: str = ""
    """Node id of the test with the fewest LLM calls: the quickest to look at."""
    where: str = ""
    """`path:line` of what changed, or of the worst test; empty where nobody knows."""
    gating: bool = True
    """It is part of what failed a test; else it is told."""
    better: bool = False
    """It makes no number worse."""
    accepted: bool = False
    """The baseline of this tree has it already, that of the merge base not yet."""

    @property
    def tests(self) -> tuple[str, ...]:
        return tuple(hit.nodeid for hit in self.hits)
