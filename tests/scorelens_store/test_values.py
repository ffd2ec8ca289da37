"""What a record holds in each field, and how it is written, whatever shape its members have."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorelens_store.contract import Json
from scorelens_store.errors import RecordRefusedError
from scorelens_store.fields import FIELDS
from scorelens_store.values import encode, field_values, values_of
from tests.scorelens_store.records import make

NAMES = st.one_of(st.sampled_from(["a", "b.c", "x y", "*", "", "ä"]), st.text(max_size=5))
NUMBERS = st.floats(allow_nan=False, allow_infinity=False, width=32)
LONG = "x" * 9000
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**53), 2**53), NUMBERS, st.text(max_size=5)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner, max_size=3)),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=5), VALUES, max_size=5), st.data())
def test_members_that_are_json_already(record: dict[str, Any], data: st.DataObject) -> None:
    """Whichever members of a record are JSON already, it is written as the same record."""
    written = [name for name in record if data.draw(st.booleans())]
    mixed = {**record, **{name: Json(orjson.dumps(record[name])) for name in written}}
    assert orjson.loads(encode(mixed)) == record


def test_what_json_cannot_hold_is_refused_beside_json() -> None:
    """An infinite number is named, whatever members are JSON already."""
    with pytest.raises(RecordRefusedError, match=r"rpc.duration_ms is inf"):
        encode(make(1, rpc={"duration_ms": float("inf")}, calculation=Json(b"[null]")))


@given(st.dictionaries(NAMES, st.one_of(NUMBERS, st.integers(-5, 5)), max_size=6), st.lists(st.text(max_size=3)))
def test_values_all_at_once_are_those_one_by_one(numbers: dict[str, float], keywords: list[str]) -> None:
    """What is read of a whole record is what is read of each field alone, names that no field can have left out."""
    keywords.insert(len(keywords) // 2, LONG)
    record = make(1, score=numbers, tags=keywords, because=keywords * 2, flags=[])
    found = field_values(record)
    for field in FIELDS.values():
        assert found.get(field.name, []) == values_of(record, field)
    names = {f"score.{name}" for name in numbers if name and not any(part.isspace() or part == "*" for part in name)}
    assert {name for name in found if name.startswith("score.")} == names
    assert all(found[f"score.{name}"] == [number] for name, number in numbers.items() if f"score.{name}" in names)
    assert LONG not in found.get("tags", [])
