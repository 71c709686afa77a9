"""`vcr.use_cassette` in a test's own code opens cassettes of ours too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from types import ModuleType
from typing import Any

from pytest_agentperf.record.imports import on_import
from pytest_agentperf.record.mode import RecordMode

OPENER = "_use_cassette"
"""Every way to open a cassette of `vcr.VCR` goes through this method of it."""


@contextmanager
def adopting(record_mode: RecordMode | str | None = None, house: Mapping[str, Any] | None = None) -> Iterator[None]:
    """Whatever `vcr.VCR` object opens a cassette in this block, it is ours. vcrpy is not loaded for it.

    `record_mode` overrules what the code says; None leaves it as it says. `house`: see `cassette.use_cassette`. A decorator
    counts from when it is applied.
    """
    with ExitStack() as undo:

        def adopt(config: ModuleType) -> None:
            def _use_cassette(vcr: Any, **kwargs: Any) -> Any:
                from pytest_agentperf.record.cassette import opened_by

                return opened_by(vcr, record_mode, house or {}, **kwargs)

            undo.callback(setattr, config.VCR, OPENER, getattr(config.VCR, OPENER))
            setattr(config.VCR, OPENER, _use_cassette)

        undo.enter_context(on_import(["vcr.config"], adopt))
        yield
