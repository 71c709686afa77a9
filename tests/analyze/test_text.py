from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pytest_agentperf.analyze.text import cells, clip, pad, plain


@given(text=st.text(), width=st.integers(0, 20))
def test_a_clipped_text_fits(text: str, width: int) -> None:
    assert cells(clip(text, width)) <= width


@given(text=st.text())
def test_a_plain_text_is_one_printable_line(text: str) -> None:
    assert plain(text).isprintable()


def test_both_ends_of_a_name_stay() -> None:
    assert clip("test_conversation[gpt-5-nano]", 15) == "test_c..5-nano]"
    assert clip("short", 15) == "short"


def test_padding_counts_cells() -> None:
    assert pad("\u65e5\u672c", 6) == "\u65e5\u672c  "
    assert pad("e\u0301", 3, right=True) == "  e\u0301"
