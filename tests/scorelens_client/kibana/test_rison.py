"""Rison, the notation of Kibana's addresses."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorelens_reading.kibana.rison import Value, encode
from tests.scorelens_client.kibana.rison import decode

TEXTS = (
    st.text() | st.text("a'! :(),*@$-0é😀\"\\", max_size=8) | st.sampled_from(["", "-", "1", "now-10y", "!n", "null"])
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda parts: st.lists(parts, max_size=4) | st.dictionaries(TEXTS, parts, max_size=4),
    max_leaves=12,
)


@given(VALUES)
def test_what_is_written_comes_back(value: Value) -> None:
    """Any value is read back as it was, whatever signs are in its texts."""
    assert decode(encode(value)) == value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"time": {"from": "now-7d", "to": "now"}}, "(time:(from:now-7d,to:now))"),
        ({"columns": ["document.id", "tags"]}, "(columns:!(document.id,tags))"),
        ("it's!", "'it!'s!!'"),
        (["", "1", "-x", "a b"], "!('','1','-x','a b')"),
        ([True, False, None, 1.5, 1e30], "!(!t,!f,!n,1.5,1e30)"),
        ({"id": "0e5a8704-b6fa"}, "(id:'0e5a8704-b6fa')"),
    ],
    ids=["object", "array", "quotes", "texts", "words", "id"],
)
def test_the_notation_is_kibanas(value: Value, text: str) -> None:
    """Values are written as Kibana writes them into its own addresses."""
    assert encode(value) == text


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf], ids=str)
def test_numbers_that_cannot_be_written_are_refused(number: float) -> None:
    """What the notation has no sign for is an error."""
    with pytest.raises(ValueError, match="cannot be written"):
        encode(number)
