"""Which tags a row has."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorelens_runtime.errors import SettingError
from scorelens_scorer.training.own.hints import hints
from scorelens_scorer.training.own.labels import Names, check, lookup, parse, tags_of


def read(option: str, values: list[Any], separator: str | None = None) -> list[list[str]]:
    """Return the tags of rows with one value each."""
    return [sorted(tags) for tags in tags_of(parse([option]), [(value,) for value in values], separator)]


@pytest.mark.parametrize(
    ("values", "separator", "expected"),
    [
        (["a", "b", "", None], None, [["a"], ["b"], [], []]),
        (["a;b", "c", "c; a ;"], None, [["a", "b"], ["c"], ["a", "c"]]),
        (["a|b;c", "c|d"], None, [["a", "b;c"], ["c", "d"]]),
        (["loans, cards", "x"], None, [["loans, cards"], ["x"]]),
        (["loans, cards", "x"], ",", [["cards", "loans"], ["x"]]),
        (["a;b", "c"], "", [["a;b"], ["c"]]),
        (['["a", "b"]', "[]", "[draft] c"], None, [["a", "b"], [], ["[draft] c"]]),
        (["['a', 'b']", "['a']", "[None]"], None, [["a", "b"], ["a"], ["[None]"]]),
        (["['a' 'b c'\n \"it's\"]", '["a" "b]'], None, [["a", "b c", "it's"], ['["a" "b]']]),
        ([["a", "b"], [], None, "c"], None, [["a", "b"], [], [], ["c"]]),
        ([1, 5, 3.0], None, [["1"], ["5"], ["3"]]),
        ([1, 0, None, True], None, [["col"], [], [], ["col"]]),
        (["1", "0", ""], None, [["col"], [], []]),
        (["Yes", "no"], None, [["col"], []]),
        (["0", "0"], None, [["0"], ["0"]]),
        (["Ω ≠ 1", "данные|数据"], None, [["Ω ≠ 1"], ["данные", "数据"]]),
    ],
)
def test_cells_name_tags(values: list[Any], separator: str | None, expected: list[list[str]]) -> None:
    """Lists, JSON, separators and columns of 0 and 1 are all read as people mean them."""
    assert read("col", values, separator) == expected


@pytest.mark.parametrize(
    ("rule", "values", "expected"),
    [
        ("bad=stars<3", [1, "2.5", 3], [True, True, False]),
        ("bad=stars<=3", [3, 3.1], [True, False]),
        ("cold=degrees<-0.5", [-1, 0], [True, False]),
        ("mixed=-0.5<=s<=0.5", [-0.5, 0.6, -0.6, 0], [True, False, False, True]),
        ("much = how many >= 1e3", ["1000", 999], [True, False]),
        ("same=lang==de", ["de", "en"], [True, False]),
        ("other=lang!=de", ["de", "en"], [False, True]),
        ("one=n==1", ["1.0", 2], [True, False]),
    ],
)
def test_rules_over_a_column(rule: str, values: list[Any], expected: list[bool]) -> None:
    """A rule compares numbers, or words for equality; a range has both ends."""
    tag = rule.partition("=")[0].strip()
    assert read(rule, values) == [[tag] if held else [] for held in expected]


def test_a_column_may_look_like_almost_anything() -> None:
    """Names without a comparison are columns; a dotted name looks inside objects."""
    assert parse(["a=b", "my tags"]) == [Names("a=b"), Names("my tags")]
    assert lookup({"attributes": {"topic": "x"}, "a.b": 1}, "attributes.topic") == "x"
    assert lookup({"a.b": 1}, "a.b") == 1
    assert lookup({"a": "text"}, "a.b") is None


@pytest.mark.parametrize("text", ["x=a<b", "=a<1", "x=<1", "x=1<a", "x=a<1<b"])
def test_wrong_rules_are_refused(text: str) -> None:
    """The option is named with what is wrong with it."""
    with pytest.raises(SettingError, match="--tags"):
        parse([text])


@pytest.mark.parametrize(
    ("option", "value", "text"),
    [
        ("bad=stars<3", "many", "not a number: 'many'"),
        ("bad=stars<3", None, "is empty"),
        ("bad=stars<3", float("nan"), "not a number"),
        ("bad=stars<3", True, "not a number"),
        ("col", {"a": 1}, "a tag or a list of tags; a part of it is named col.a"),
        ("col", [["a"]], "a tag or a list"),
        ("col", "\ud800", "half a character"),
    ],
)
def test_a_value_that_says_nothing_is_named(option: str, value: object, text: str) -> None:
    """The reason is told, so that the row can be put right."""
    with pytest.raises(ValueError, match=text):
        check(parse([option])[0], value)


@given(st.lists(st.one_of(st.none(), st.text(), st.integers(), st.floats(), st.booleans(), st.lists(st.text()))))
def test_any_values_make_tags(values: list[Any]) -> None:
    """Whatever a column holds, each row has a set of tags that are not empty."""
    for tags in read("col", values):
        assert all(tags)


@pytest.mark.parametrize(
    ("option", "values", "separator", "said"),
    [
        ("col", ["a", "b, a", "b"], None, "'b, a' is read as one tag, .*--separator ,"),
        ("col", ["a, b", "b, a"], None, "'a, b' is read as one tag"),
        ("col", ["Smith, J.", "Doe, A.", "a"], None, ""),
        ("col", ["a", "b, a", "b"], "", ""),
        ("col", ["a;c", "b, a", "b"], None, ""),
        ("col", ["['a', 'b']", '["b", "a"]'], None, ""),
        ("col", [number / 8 for number in range(30)] + [None], None, "30 different numbers, .*'high=col>=1.8125'"),
        ("col", [str(number) for number in range(30)], None, "30 different numbers"),
        ("col", [1, 2, 3, 4, 5], None, ""),
        ("col", [True, False, None], None, ""),
        ("col", [["a"], ["b"]], None, ""),
        ("high=col>3", [number / 8 for number in range(30)], None, ""),
    ],
)
def test_what_is_likely_meant_otherwise_is_said(
    option: str, values: list[Any], separator: str | None, said: str
) -> None:
    """Lists between commas and columns of numbers are pointed at; names that merely have commas are not."""
    found = list(hints(parse([option]), [(value,) for value in values], separator))
    assert len(found) == bool(said)
    assert re.search(said, "".join(found))
