"""What somebody may not see tells nothing, whatever they ask: two stores that differ in it alone answer the same."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from scorelens_console.access.archive import Archive
from scorelens_console.access.identity import Identity, Role
from scorelens_console.access.policy import is_open_to_viewers
from scorelens_console.access.trail import Trail
from scorelens_console.errors import BadRequestError, NotAllowedError
from scorelens_store.contract import (
    Aggregation,
    DateHistogram,
    Histogram,
    Percentiles,
    Record,
    Selection,
    Sort,
    Statistics,
    Store,
    Terms,
)
from scorelens_store.errors import QueryError
from scorelens_store.fields import ALIASES, FIELDS, OPEN_FIELDS, find_field
from scorelens_store.open import open_store
from scorelens_store.query.parse import parse
from scorelens_store.query.tree import All, Equals, Everything, Exists, Node, Not, Range, Wildcard
from scorelens_store.query.tree import Any as AnyOf
from tests.scorelens_console.twins import MODELS, twin

REFUSALS = (NotAllowedError, BadRequestError, QueryError)
VIEWER = Identity("ada", {"*": Role.VIEWER}, "test")
OPEN_NAMES = ("complaint", "refund", "negative", "campaign", "k8s.pod.name", "verdict", "by", "none")
NAMES = (*FIELDS, *ALIASES, *(prefix + name for prefix in OPEN_FIELDS for name in OPEN_NAMES), "nothing.such")
VALUES: dict[str, list[Any]] = {
    "keyword": ["tweet", "complaint", "media-tagger", "production", "replay", "does_not_add_up", "right", "OK", "c-1"],
    "text": ["refund", "thanks", "card"],
    "float": [-2.0, 0.1, 0.5, 0.9, 3.0],
    "integer": [0, 100, 3000],
}


class Twins(NamedTuple):
    """Two stores that are alike but for what viewers may not see."""

    first: Store
    second: Store


@pytest.fixture(scope="module")
def twins(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Twins]:
    """Two stores that are alike but for what viewers may not see."""
    stores = Twins(*(_filled(tmp_path_factory.mktemp("twin"), seed) for seed in (1, 2)))
    yield stores
    for store in stores:
        store.close()


def _filled(folder: Path, seed: int) -> Store:
    store = open_store(folder)
    assert {str(result.outcome) for result in store.put(twin(seed))} == {"stored"}
    return store


@st.composite
def nodes(draw: st.DrawFn, depth: int = 3) -> Node:
    """Return queries by any field, hidden ones as well."""
    kind = draw(st.sampled_from(("leaf", "leaf", "all", "any", "not"))) if depth else "leaf"
    if kind in ("all", "any"):
        parts = tuple(draw(st.lists(nodes(depth - 1), min_size=2, max_size=3)))
        return All(parts) if kind == "all" else AnyOf(parts)
    if kind == "not":
        return Not(draw(nodes(depth - 1)))
    field = find_field(draw(st.sampled_from(NAMES[:-1])))
    assert field is not None
    if field.type not in VALUES or draw(st.booleans()):
        return draw(st.one_of(st.just(Everything()), st.just(Exists(field))))
    value = draw(st.sampled_from(VALUES[field.type]))
    if isinstance(value, float | int):
        return Range(field, value, None)
    return draw(st.one_of(st.just(Equals(field, value)), st.just(Wildcard(field, value[:3] + "*"))))


selections = st.builds(
    Selection,
    nodes(),
    purposes=st.sampled_from((("production",),) * 5 + ((), ("replay",), ("production", "replay"))),
    calls=st.sampled_from((False, False, False, True)),
)
sorts = st.builds(Sort, st.one_of(st.none(), st.sampled_from(NAMES)), st.booleans())
aggregations: st.SearchStrategy[Aggregation] = st.one_of(
    st.builds(Terms, st.sampled_from(NAMES), st.integers(1, 20), st.sampled_from(("", "margin.complaint", "audience"))),
    st.builds(Histogram, st.sampled_from(NAMES), st.just(0.25)),
    st.builds(DateHistogram, st.just("@timestamp"), st.just(3600), st.sampled_from(("", "threshold.refund"))),
    st.builds(Statistics, st.sampled_from(NAMES)),
    st.builds(Percentiles, st.sampled_from(NAMES)),
)
roles = st.dictionaries(st.sampled_from(("*", *MODELS)), st.sampled_from((Role.NONE, Role.VIEWER)), min_size=1)
mixed = st.dictionaries(st.sampled_from(("*", *MODELS)), st.sampled_from(tuple(Role)), min_size=1)


def viewers(kinds: st.SearchStrategy[dict[str, Role]] = roles) -> st.SearchStrategy[Identity]:
    """Return people with these roles."""
    return st.builds(Identity, st.just("ada"), kinds, st.just("test"))


def answer(ask: Callable[[Archive], Any], store: Store, identity: Identity) -> Any:
    """Return what somebody gets, or how they are refused, in a form that can be compared."""
    try:
        return json.dumps(ask(Archive(store, identity, Trail())), default=_plain, sort_keys=True)
    except REFUSALS as error:
        return type(error), str(error)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return vars(value) if hasattr(value, "__dataclass_fields__") else list(value)


@settings(max_examples=120)
@given(viewers(), selections, sorts, st.booleans())
@example(VIEWER, Selection(parse('because:"complaint:refund"')), Sort(), True)
@example(VIEWER, Selection(parse("margin.complaint:>0")), Sort(), False)
@example(VIEWER, Selection(Everything()), Sort("threshold.complaint"), False)
@example(VIEWER, Selection(Everything(), calls=True, purposes=()), Sort("@timestamp"), False)
def test_searches_tell_viewers_nothing_hidden(
    twins: Twins, identity: Identity, selection: Selection, sort: Sort, highlight: bool
) -> None:
    """Hits, their order, their snippets, where a page goes on, and what an error says are the same for both stores."""

    def ask(archive: Archive) -> Any:
        first = archive.search(selection, limit=7, sort=sort, highlight=highlight)
        after = first.hits[-1].sort if first.hits else ()
        return first, archive.search(selection, limit=7, sort=sort, after=after), archive.count(selection)

    assert answer(ask, twins.first, identity) == answer(ask, twins.second, identity)


@settings(max_examples=120)
@given(viewers(), selections, st.lists(aggregations, min_size=1, max_size=3))
@example(VIEWER, Selection(Everything()), [Terms("tags", 5, "margin.complaint")])
@example(VIEWER, Selection(Everything()), [DateHistogram("@timestamp", 3600, "threshold.refund")])
@example(VIEWER, Selection(Everything()), [Terms("because")])
def test_counts_tell_viewers_nothing_hidden(
    twins: Twins, identity: Identity, selection: Selection, several: list[Aggregation]
) -> None:
    """Buckets, sums and statistics are the same for both stores."""

    def ask(archive: Archive) -> Any:
        return archive.aggregate(selection, {str(place): one for place, one in enumerate(several)})

    assert answer(ask, twins.first, identity) == answer(ask, twins.second, identity)


@settings(max_examples=50)
@given(viewers(), selections, st.one_of(st.none(), selections), st.sampled_from(("", *NAMES)))
def test_words_and_whole_records_tell_viewers_nothing_hidden(
    twins: Twins, identity: Identity, selection: Selection, against: Selection | None, field: str
) -> None:
    """Marking words, scans and pages are the same for both stores."""

    def ask(archive: Archive) -> Any:
        pages = list(archive.pages(selection, limit=300, highlight=True))
        return pages, archive.scan(selection), archive.significant_words(selection, against, field=field, least=1)

    assert answer(ask, twins.first, identity) == answer(ask, twins.second, identity)


@settings(max_examples=30)
@given(viewers())
def test_records_show_viewers_nothing_hidden(twins: Twins, identity: Identity) -> None:
    """A record by its id is the same from both stores, and of the right models only."""
    for record in twin(1):
        found = [Archive(store, identity, Trail()).get(record["record"]["id"]) for store in twins]
        assert json.dumps(found[0], sort_keys=True) == json.dumps(found[1], sort_keys=True)
        seen = identity.role(record["model"]["id"]) >= Role.VIEWER and record["record"]["type"] == "document"
        assert (found[0] is not None) == (seen and record["purpose"] == "production")


@settings(max_examples=120)
@given(viewers(mixed), selections, sorts)
def test_a_scientist_of_one_model_is_a_viewer_of_the_others(
    twins: Twins, identity: Identity, selection: Selection, sort: Sort
) -> None:
    """Records of models for which somebody is no scientist never come with more than viewers see, or by more."""

    def of_others(archive: Archive) -> Any:
        hits = archive.search(selection, limit=200, sort=sort, highlight=True).hits
        return [hit for hit in hits if identity.role(hit.record["model"]["id"]) < Role.SCIENTIST]

    first, second = (answer(of_others, store, identity) for store in twins)
    assert first == second


@settings(max_examples=40)
@given(viewers(mixed), selections)
def test_the_outline_shows_no_document(twins: Twins, identity: Identity, selection: Selection) -> None:
    """Without a trail there is nothing to leave an audit line of."""
    archive = Archive(twins.first, identity, Trail()).outline
    try:
        found: list[Record] = [hit.record for hit in archive.search(selection, limit=50, highlight=True).hits]
    except REFUSALS:
        return
    for record in found:
        assert not {"document", "customer", "activity", "calculation", "because"} & record.keys()


def test_everything_that_is_shown_leaves_a_trail(twins: Twins) -> None:
    """Each way to read documents counts them."""
    trail = Trail()
    archive = Archive(twins.first, Identity("ada", {"*": Role.SCIENTIST}, "test"), trail)
    everything = Selection(Everything())
    found = archive.search(everything, limit=3).hits
    archive.get(found[0].record["record"]["id"])
    assert trail.documents == 4
    next(archive.scan(everything))
    list(archive.pages(everything, limit=2))
    assert trail.documents == 7
    assert trail.is_due
    assert len(trail.line()["record_ids"]) >= 3
    assert not trail.is_due


@pytest.mark.parametrize(
    "place",
    [
        (1,),
        (1, 2, 3),
        ("x", 5, "a"),
        ({}, 5, "a"),
        ([], 5, "a"),
        (True, 5, "a"),
        (0.5, 10**30, "a"),
        (0.5, 5, None),
        (float("nan"), 5, "a"),
        (float("inf"), 5, "a"),
        (0.5, True, "a"),
    ],
)
def test_a_made_up_place_is_refused(twins: Twins, place: tuple[Any, ...]) -> None:
    """Where a page goes on is checked before a store sees it."""
    for sort in (Sort(), Sort("score.complaint"), Sort("audience")):
        with pytest.raises(BadRequestError, match="after: "):
            Archive(twins.first, VIEWER, Trail()).search(Selection(Everything()), sort=sort, after=place)


def test_what_viewers_may_search_by_is_a_short_list() -> None:
    """A field that records gain one day is hidden until somebody decides otherwise."""
    hidden = {name for name in FIELDS if not is_open_to_viewers(name)}
    assert hidden == {
        *("record.type", "purpose", "trace.id", "span.id", "rpc.service", "rpc.method", "rpc.status", "call.end"),
        *("call.truncated", "because", "service.name", "service.instance.id", "deployment.environment.name", "flags"),
        *("schema_version", "rpc.request_bytes", "rpc.answer_bytes", "message.number", "rpc.duration_ms"),
        "sampling.probability",
    }
    assert {prefix for prefix in OPEN_FIELDS if is_open_to_viewers(prefix + "x")} == {"score.", "document.attributes."}


def test_who_has_no_role_is_told_so(twins: Twins) -> None:
    """Nobody is told of a role that would not help them."""
    nobody = Identity("eve", {"*": Role.NONE}, "test")
    with pytest.raises(NotAllowedError, match="eve has no role for any model"):
        Archive(twins.first, nobody, Trail()).count(Selection(Everything()))
