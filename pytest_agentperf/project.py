"""What a project says of all its tests: options and `agentperf.yaml` as values. Mistakes are told as usage errors."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, cast

import pytest

from pytest_agentperf.options import Config, Settings

if TYPE_CHECKING:
    from pytest_agentperf.judge.findings import Policy
    from pytest_agentperf.judge.limits_file import LimitsFile
    from pytest_agentperf.model.profile import Thresholds
    from pytest_agentperf.price.cost import OwnPrice
    from pytest_agentperf.record.default_latency import Rule


class Project:
    """Each value is read when somebody first asks for it. Raises pytest.UsageError."""

    def __init__(self, config: Config, settings: Settings) -> None:
        self.config = config
        self.settings = settings

    def read(self) -> None:
        """All of it now: before the first test is when a mistake is told best."""
        _ = self.thresholds, self.policy, self.own_prices, self.latency_rules, self.epoch, self.house

    @cached_property
    def thresholds(self) -> Thresholds | None:
        """None: nobody set any."""
        if not self.settings.thresholds:
            return None
        from pytest_agentperf.model.profile import Thresholds

        names = {"llm": "llm_ms", "tool": "tool_ms", "calls": "calls", "share": "cost_share"}
        values = {}
        for word in self.settings.thresholds.split():
            name, _, value = word.partition("=")
            if name not in names or not value.isdecimal():
                raise pytest.UsageError(
                    f"agentperf_thresholds: expected llm=3000 tool=1000 calls=20 share=60, got {word!r}"
                )
            values[names[name]] = int(value)
        return Thresholds(**values)

    @cached_property
    def policy(self) -> Policy | None:
        """What findings mean to tests without a marker of their own."""
        if not (self.settings.fail_on or self.settings.ignore):
            return None
        from pytest_agentperf.judge.findings import Policy, UnknownRule, read_codes

        codes = {}
        for key, given in (("agentperf_fail_on", self.settings.fail_on), ("agentperf_ignore", self.settings.ignore)):
            try:
                codes[key] = read_codes(given)
            except UnknownRule as problem:
                raise pytest.UsageError(f"{key}: {problem}") from None
        return Policy(
            fail_on=codes["agentperf_fail_on"],
            ignore=codes["agentperf_ignore"],
            text=f"agentperf_fail_on={self.settings.fail_on}",
        )

    @cached_property
    def limits_file(self) -> LimitsFile | None:
        path = self.config.rootpath / self.settings.limits_path
        if not path.exists():
            if "limits_path" in self.settings.asked:
                raise pytest.UsageError(f"agentperf_limits: there is no file {path}")
            return None
        from pytest_agentperf.judge.limits_file import LimitsFileError, read_limits_file

        try:
            return read_limits_file(path, self.settings.limits_path)
        except LimitsFileError as problem:
            raise pytest.UsageError(str(problem)) from None

    @cached_property
    def own_prices(self) -> dict[str, OwnPrice]:
        prices = self.limits_file.prices if self.limits_file else {}
        if self.settings.prices:
            from pytest_agentperf.judge.limits_file import LimitsFileError, read_prices

            try:
                prices = prices | read_prices(self.settings.prices, "agentperf_prices")
            except LimitsFileError as problem:
                raise pytest.UsageError(str(problem)) from None
        if not prices:
            return {}
        from pytest_agentperf.price.cost import OwnPrice

        return {model: OwnPrice(**numbers) for model, numbers in prices.items()}

    @cached_property
    def latency_rules(self) -> tuple[Rule, ...]:
        if not self.settings.default_latency:
            return ()
        from pytest_agentperf.record.default_latency import read_rules

        try:
            return read_rules(self.settings.default_latency)
        except ValueError as problem:
            raise pytest.UsageError(f"agentperf_default_latency: {problem}") from None

    @cached_property
    def epoch(self) -> float | Literal["now", "recorded"]:
        """Where the wall clock of a test in virtual time starts, in s since 1970 if it is a date."""
        if self.settings.wall_clock in ("now", "recorded"):
            return cast('Literal["now", "recorded"]', self.settings.wall_clock)
        from datetime import UTC, datetime

        try:
            date = datetime.fromisoformat(self.settings.wall_clock)
        except ValueError:
            raise pytest.UsageError(
                "agentperf_wall_clock: expected now, recorded, or a date such as 2025-01-31 or 2025-01-31T12:00:00Z, "
                f"got {self.settings.wall_clock!r}"
            ) from None
        return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()

    @cached_property
    def record_mode(self) -> str:
        """Of every cassette in a measured test: ours if it was asked for, else another recorder's flag, else `none`."""
        if "record" in self.settings.asked:
            return self.settings.record
        theirs = next(
            filter(None, (self.config.getoption(name, None) for name in ("record_mode", "vcr_record"))), "none"
        )
        return {"new_episodes": "new", "any": "new", "rewrite": "new"}.get(theirs, theirs)

    @cached_property
    def house(self) -> dict[str, Any]:
        """What the session says of every cassette, as `vcr_config` would."""
        rules = {f"agentperf_{name}": getattr(self.settings, name) for name in ("match_ignore", "match_normalize")}
        others = {f"agentperf_{name}": getattr(self.settings, name) for name in ("allowed_hosts", "include_usage")}
        if any(rules.values()):
            from pytest_agentperf.record.match import matching
            from pytest_agentperf.record.mode import CassetteError

            try:
                matching(rules)
            except CassetteError as problem:
                ini = self.config.inipath
                raise pytest.UsageError(f"{ini.name if ini else 'environment'}: {problem}") from None
        return rules | others
