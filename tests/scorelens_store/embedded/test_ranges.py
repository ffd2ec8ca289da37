"""Keyword ranges as regular expressions."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from scorelens_store.contract import Selection
from scorelens_store.embedded import open_writer
from scorelens_store.embedded.translate import _before_patterns, _between_patterns, after_patterns
from scorelens_store.query.parse import parse
from tests.scorelens_store.records import make

TEXTS = st.text(st.sampled_from(["a", "b", "z", "\0", "é", "\ud7ff", "\ue000", "\U0010ffff", ".", "\n"]), max_size=4)


def is_matched(patterns: list[str], text: str) -> bool:
    """Tell whether one of several patterns matches a whole text."""
    python = [re.sub(r"\\x\{([0-9A-F]+)\}", lambda code: f"\\U{int(code[1], 16):08X}", pattern) for pattern in patterns]
    return any(re.fullmatch(pattern, text) for pattern in python)


@given(TEXTS, TEXTS, TEXTS, st.booleans(), st.booleans())
def test_patterns_match_what_lies_between(text: str, low: str, high: str, with_low: bool, with_high: bool) -> None:
    """The patterns of one bound and of two match exactly the texts on the right side of them."""
    above, below = text > low or (with_low and text == low), text < high or (with_high and text == high)
    assert is_matched(after_patterns(low, with_low), text) == above
    assert is_matched(_before_patterns(high, with_high), text) == below
    assert is_matched(_between_patterns(low, high, with_low, with_high), text) == (above and below)


def test_the_index_knows_the_expressions(tmp_path: object) -> None:
    """The index's own engine reads them as Python's does, for values of any characters."""
    store = open_writer(str(tmp_path))
    values = ["", "a", "a\nb", "ab", "a\0", "é", "z.", "\U0010ffff", "\ue000"]
    store.put([make(number, document={"id": value, "text": ""}) for number, value in enumerate(values)])
    for low, high in (("a", "b"), ("a", "ab"), ("", "z"), ("é", "\U0010ffff")):
        query = f'id:["{low}" TO "{high}"]'
        assert store.count(Selection(parse(query))) == sum(low <= value <= high for value in values), query
    store.close()
