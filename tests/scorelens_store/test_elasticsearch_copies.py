"""What is known about copies of indices, without a server."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorelens_store.elasticsearch.bulk import Change
from scorelens_store.elasticsearch.reindexing.copying import Version, pair, together
from scorelens_store.elasticsearch.reindexing.disk import in_words, shortage
from scorelens_store.elasticsearch.reindexing.state import State

GB = 2**30
places = st.sets(st.tuples(st.integers(0, 5), st.text("aZé😀", min_size=1, max_size=3)), max_size=12)


@given(places, places)
def test_two_indices_are_paired_record_by_record(left: set[tuple[int, str]], right: set[tuple[int, str]]) -> None:
    """Whatever two indices have, each record is seen exactly once, beside its twin where there is one."""

    def versions(places: set[tuple[int, str]]) -> list[Version]:
        return [Version(time, name, 1) for time, name in sorted(places)]

    seen = [[version and version.place for version in both] for both in pair(versions(left), versions(right))]
    assert [ours for ours, _ in seen if ours] == sorted(left)
    assert [theirs for _, theirs in seen if theirs] == sorted(right)
    assert {ours for ours, theirs in seen if ours == theirs} == left & right


def test_requests_are_bounded_in_records_and_bytes() -> None:
    """No more than five hundred records go together, and none after four million bytes."""
    small = [Change("index", "a", str(number), b"{}") for number in range(1_100)]
    assert list(map(len, together(small))) == [500, 500, 100]
    large = [Change("index", "a", str(number), b"x" * 3_000_000) for number in range(5)]
    assert list(map(len, together(large))) == [2, 2, 1]


def _disk(total: int, available: int, roles: list[str] | None = None) -> dict[str, Any]:
    disk = {"fs": {"total": {"total_in_bytes": total * GB, "available_in_bytes": available * GB}}}
    return disk if roles is None else disk | {"roles": roles}


@pytest.mark.parametrize(
    ("size", "disks", "fits"),
    [
        (40, [_disk(200, 60)], True),
        (45, [_disk(200, 60)], False),
        (45, [_disk(200, 60), _disk(200, 60, ["data_hot"])], True),
        (45, [_disk(200, 60), _disk(200, 60, ["master"])], False),
        (80, [_disk(10_000, 200)], True),
        (90, [_disk(10_000, 200)], False),
        (1, [], True),
    ],
)
def test_a_copy_never_brings_a_disk_to_where_indices_become_read_only(size: int, disks: list[Any], fits: bool) -> None:
    """Five per cent, or a hundred GB, are left after a copy that is a fifth larger than the index."""
    why = shortage(size * GB, {"nodes": {str(number): disk for number, disk in enumerate(disks)}})
    assert (not why) is fits
    assert not why or "GiB" in why


def test_bytes_are_told_in_words() -> None:
    """Sizes are shown as people read them."""
    assert [in_words(size) for size in (0, 999, 2048, 3.5 * GB, 2048 * GB)] == [
        "0 bytes",
        "999 bytes",
        "2.0 KiB",
        "3.5 GiB",
        "2.0 TiB",
    ]


def _index(aliases: str = "", **settings: Any) -> dict[str, Any]:
    return {"aliases": {alias: {} for alias in aliases.split()}, "settings": {"index": settings}}


def test_only_aliases_say_which_index_is_in_use() -> None:
    """A copy is in use once it has the writers' name; until then it is unfinished, whatever else it is called."""
    made = {"mappings": {"_meta": {"copy_of": "a-2026.11.20", "blocked": True}}}
    state = State("a", {"a-2026.11.20": _index("a", uuid="u"), "a-2026.11.20-2": _index("a a-2026.11.20-2-0f") | made})
    assert [(index.name, index.uuid, index.blocked) for index in state.in_use()] == [("a-2026.11.20", "u", False)]
    assert [(copy.name, copy.has_blocked) for copy in state.copies()] == [("a-2026.11.20-2", True)]
    swapped = State("a", {"a-2026.11.20-2": _index("a a-2026.11.20", blocks={"write": "true"}) | made})
    (index,) = swapped.in_use()
    assert (index.name, index.blocked, swapped.next_name(index)) == ("a-2026.11.20-2", True, "a-2026.11.20-3")
    assert swapped.copies() == []
    others = {"a-b-2026.11.20": _index("a-b"), "a-2026.nov": _index("a"), "a-forgotten": _index()}
    assert State("a", others).in_use() == []


def test_a_copy_is_as_old_as_its_original_for_a_lifecycle_policy() -> None:
    """An index with a policy hands on since when it counts, unless its name says so; one without gets no setting."""
    begun = {"index.lifecycle.origination_date": "17"}
    cases: list[tuple[dict[str, Any], dict[str, str]]] = [
        ({"creation_date": "17"}, {}),
        ({"creation_date": "17", "lifecycle": {"name": "p"}}, begun),
        ({"creation_date": "99", "lifecycle": {"name": "p", "origination_date": "17"}}, begun),
        ({"creation_date": "17", "lifecycle": {"name": "p", "parse_origination_date": "true"}}, {}),
    ]
    for settings, expected in cases:
        assert State("a", {"a-2026.11": _index("a", **settings)}).age_settings("a-2026.11") == expected
