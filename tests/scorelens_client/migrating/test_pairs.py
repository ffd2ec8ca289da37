"""Two sides next to each other."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from scorelens_client.migrating.pairs import label_changes, pair, together
from tests.scorelens_store.records import make

keys = st.sets(st.tuples(st.integers(0, 5), st.text("aZé😀", min_size=1, max_size=3)), max_size=12)


def _record(key: tuple[int, str]) -> dict[str, Any]:
    return make(0, **{"@timestamp": f"2026-11-22T10:00:00.00000{key[0]}Z"}, record={"id": key[1], "type": "document"})


def _key(record: dict[str, Any]) -> tuple[int, str]:
    return int(record["@timestamp"][-2]), record["record"]["id"]


@given(keys, keys)
def test_every_record_comes_once_with_its_twin(left: set[tuple[int, str]], right: set[tuple[int, str]]) -> None:
    """Whatever each side has, each record is seen exactly once, and beside its twin where there is one."""
    pairs = list(pair(map(_record, sorted(left)), map(_record, sorted(right))))
    assert [_key(ours) for ours, _ in pairs if ours] == sorted(left)
    assert [_key(theirs) for _, theirs in pairs if theirs] == sorted(right)
    assert {_key(ours) for ours, theirs in pairs if ours and theirs} == left & right
    assert all(_key(ours) == _key(theirs) for ours, theirs in pairs if ours and theirs)


def test_labels_are_compared_by_value_and_type() -> None:
    """A label that is missing is told from one that has another value; true, 1 and 1.0 are different labels."""
    ours = make(1, labels={"new": "a", "same": 1, "other": True})
    assert label_changes(ours, make(1, labels={"same": 1, "other": 1, "own": "x"})) == ({"new": "a"}, {"other": True})
    assert label_changes(make(1, labels=None), make(1, labels={"own": "x"})) == ({}, {})


def test_batches_are_bounded_in_records_and_characters() -> None:
    """No batch has more than a thousand records, or goes on after four million characters."""
    assert [len(batch) for batch in together(map(make, range(2_100)))] == [1000, 1000, 100]
    long = [make(number, document={"id": "d", "text": "x" * 1_500_000}) for number in range(7)]
    assert [len(batch) for batch in together(long)] == [3, 3, 1]
    assert list(together([])) == []
