"""Cassettes: vcrpy's format, options, filters, serializers and persisters, under taps and a matcher of ours.

Other than vcrpy's, they leave streams alone and keep their timing, are safe under threads, find an answer by hash, and
end an agent whose request was not recorded.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Generator, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any

from vcr.cassette import CassetteContextDecorator
from vcr.config import VCR
from vcr.record_mode import RecordMode as VcrMode

from pytest_agentperf.record.adopt import OPENER
from pytest_agentperf.record.cassette_file import Persister
from pytest_agentperf.record.cassette_tape import Tape
from pytest_agentperf.record.closed import OPTION as ALLOWED_HOSTS
from pytest_agentperf.record.closed import NetworkClosed
from pytest_agentperf.record.include_usage import CHOICES
from pytest_agentperf.record.include_usage import OPTION as INCLUDE_USAGE
from pytest_agentperf.record.match import matching
from pytest_agentperf.record.miss import CassetteMiss
from pytest_agentperf.record.mode import CassetteError, RecordMode

__all__ = ["CassetteError", "CassetteMiss", "NetworkClosed", "RecordMode", "opened_by", "upgrade", "use_cassette"]

_VCR_MODES = {mode: VcrMode("new_episodes" if mode is RecordMode.NEW else mode.value) for mode in RecordMode}
_OURS = {VcrMode.ANY: RecordMode.NEW, **{theirs: ours for ours, theirs in _VCR_MODES.items()}}
_DEFAULT_MATCH_ON = VCR().match_on


def use_cassette(
    path: str,
    *,
    record_mode: RecordMode | str,
    vcr_config: Mapping[str, Any],
    extra_paths: Sequence[str] = (),
    house: Mapping[str, Any] | None = None,
) -> AbstractContextManager[Tape]:
    """Open a cassette for `@pytest.mark.vcr`, named as pytest-recording names it: suffix by serializer, long names cut.

    `vcr_config`: options of `vcr.VCR.use_cassette`; its `record_mode` is overruled, and it knows
    `agentperf_match_ignore`, `agentperf_match_normalize`, `agentperf_allowed_hosts` and `agentperf_include_usage` beside
    them. `extra_paths`: more cassettes to replay from. `house`: what the session says of every cassette, under the same
    names; `vcr_config` adds to it, or wins.
    """
    path = _short_enough(path, vcr_config.get("serializer", ".yaml"))
    path = VCR.ensure_suffix(f".{vcr_config.get('serializer', 'yaml')}")(path)
    opener: AbstractContextManager[Tape] = _open(
        VCR(), RecordMode(record_mode), house or {}, {**vcr_config, "path": path}, extra_paths
    )
    return opener


def upgrade(vcr: VCR, record_mode: RecordMode | str | None = None) -> None:
    """Make a VCR object of somebody else, pytest-recording's or pytest-vcr's, open cassettes of ours.

    `record_mode` overrules what the object and its users say; None leaves it to them.
    """
    setattr(vcr, OPENER, partial(opened_by, vcr, record_mode, {}))


def opened_by(
    vcr: VCR,
    record_mode: RecordMode | str | None,
    house: Mapping[str, Any],
    /,
    *,
    with_current_defaults: bool = False,
    **kwargs: Any,
) -> CassetteContextDecorator:
    """What `vcr.use_cassette(**kwargs)` gives in place of vcrpy's own: a context manager and a decorator.

    Options are read when it is entered, as vcrpy does it; `with_current_defaults` reads them at once.
    """
    mode = None if record_mode is None else RecordMode(record_mode)
    if with_current_defaults:
        options = _options(vcr, mode, house, kwargs, ())
        return _Opener(Tape, lambda: dict(options))
    return _open(vcr, mode, house, kwargs, ())


def _open(
    vcr: VCR,
    mode: RecordMode | None,
    house: Mapping[str, Any],
    kwargs: Mapping[str, Any],
    extra_paths: Sequence[str],
) -> CassetteContextDecorator:
    return _Opener(Tape, partial(_options, vcr, mode, house, kwargs, extra_paths))


def _options(
    vcr: VCR,
    mode: RecordMode | None,
    house: Mapping[str, Any],
    kwargs: Mapping[str, Any],
    extra_paths: Sequence[str],
) -> dict[str, Any]:
    """vcrpy's options for a cassette, with our mode, matcher, redaction and persister in them."""
    said = kwargs.get("record_mode")
    options: dict[str, Any] = vcr.get_merged_config(
        **{name: v for name, v in kwargs.items() if name != "record_mode" or not mode}
    )
    if mode is not None:
        options["record_mode"] = _VCR_MODES[mode]
        if said is not None and said not in (mode, _VCR_MODES[mode], _VCR_MODES[mode].value):
            options["note"] = f"record_mode={said!r} of a cassette does not count: --agentperf-record={mode} does"
    if _leaves_matching_to_us(vcr, kwargs):
        options["match_on"] = [matching(house, kwargs)]
    options["allowed_hosts"] = [*house.get(ALLOWED_HOSTS, ()), *kwargs.get(ALLOWED_HOSTS, ())]
    options["include_usage"] = usage = kwargs.get(INCLUDE_USAGE) or house.get(INCLUDE_USAGE) or CHOICES[0]
    if usage not in CHOICES:
        raise CassetteError(f"{INCLUDE_USAGE}: expected one of {', '.join(CHOICES)}, got {usage!r}")
    options["persister"] = Persister(options["persister"], _OURS[options["record_mode"]], extra_paths)
    return options


def _leaves_matching_to_us(vcr: VCR, kwargs: Mapping[str, Any]) -> bool:
    """No `match_on` of the user; or one that asks for all that our matcher compares and nothing else."""
    names = tuple(kwargs.get("match_on", vcr.match_on))
    if kwargs.get("additional_matchers"):
        return False
    if "match_on" not in kwargs and names == tuple(_DEFAULT_MATCH_ON):
        return True
    asked = {name for whole in names for name in (_DEFAULT_MATCH_ON[1:] if whole in ("uri", "url") else (whole,))}
    return asked == {*_DEFAULT_MATCH_ON, "body"}


def _short_enough(path: str, serializer: str) -> str:
    """A name that the file system takes, and the one that pytest-recording gives."""
    folder, name = os.path.split(path)
    longest = os.pathconf(".", "PC_NAME_MAX") if hasattr(os, "pathconf") else 255
    if len(name) + len(serializer) <= longest:
        return path
    digest = hashlib.md5(name.encode(), usedforsecurity=False).hexdigest()
    return str(Path(folder, f"{name[: longest - len(serializer) - len(digest) - 3]}...{digest}"))


class _Opener(CassetteContextDecorator):  # type: ignore[misc]  # vcrpy is not typed
    """vcrpy's context manager; where saving is refused, its patches go all the same."""

    def _patch_generator(self, cassette: Tape) -> Generator[Tape]:
        self._patches = self._patched(cassette)
        return self._patches

    def _patched(self, cassette: Tape) -> Generator[Tape]:
        try:
            yield from super()._patch_generator(cassette)
        finally:
            cassette.release()

    def __exit__(self, *exc_info: object) -> None:
        try:
            super().__exit__(*exc_info)
        finally:
            self._patches.close()
