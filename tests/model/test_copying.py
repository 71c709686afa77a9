"""Copies of frozen values."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given

from pytest_agentperf.model.copying import replace
from pytest_agentperf.model.profile import Profile
from pytest_agentperf.model.usage import Usage
from samples import profiles, trip


@given(profiles())
def test_a_copy_is_that_of_dataclasses(profile: Profile) -> None:
    """Which is the same value still."""
    for value in (profile, *profile.calls, *profile.spans):
        changes = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)[-2:]}
        assert replace(value, **changes) == dataclasses.replace(value, **changes) == value


def test_changes() -> None:
    call = trip().calls[0]
    changed = replace(call, model="other", usage=Usage(input=1))
    assert (changed.model, changed.usage) == ("other", Usage(input=1))
    assert changed == dataclasses.replace(call, model="other", usage=Usage(input=1))
    assert replace(trip(), notes=("new",)).notes == ("new",)


@pytest.mark.parametrize("value", [Usage(), trip()])
def test_a_field_that_there_is_not_is_refused(value: object) -> None:
    with pytest.raises(TypeError, match="nonsense"):
        replace(value, nonsense=1)
