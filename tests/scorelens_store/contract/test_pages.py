"""Listings and scans of any length, as of one moment, in every store."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from scorelens_store.contract import PAGE, Hit, Hits, Selection, Sort, Store
from scorelens_store.errors import QueryError
from scorelens_store.query.parse import parse
from scorelens_store.query.tree import Everything
from tests.scorelens_store.conftest import STORES, open_kind
from tests.scorelens_store.naive import ordered
from tests.scorelens_store.records import START, make

EVERYTHING = Selection(Everything(), purposes=(), calls=True)
MANY = 2 * PAGE + 50
MOMENT = START.isoformat()
BORDERS = (0, 1, PAGE - 1, PAGE, PAGE + 1, 2 * PAGE, 2 * PAGE + 1, MANY, 10 * MANY)


def _varied(number: int) -> dict[str, Any]:
    """Make a record: many share their time or their values with others, and some have no value at all."""
    text = " ".join(("refund",) * (number % 7) + ("late",) * (number % 3) + ("bank",) * (number % 11))
    document = {"id": f"d-{number}", "kind": ("tweet", "chat", "blog")[number % 3], "text": text, "length": len(text)}
    return make(
        number,
        **({"@timestamp": MOMENT} if number % 3 == 0 else {}),
        document=document | ({"audience": number % 5 * 100} if number % 2 else {}),
        score={"complaint": number % 4 / 4} if number % 5 else {},
    )


RECORDS = [_varied(number) for number in range(MANY)]


@pytest.fixture(scope="module", params=STORES)
def many(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store of each kind that has several pages of records; tests leave it as it is."""
    for store in open_kind(request.param, request, tmp_path_factory.mktemp("many")):
        store.put(RECORDS[: MANY // 2])
        store.put(RECORDS[MANY // 2 :])
        yield store


@pytest.fixture
def changing(store: Store) -> Store:
    """A store that has more than a page of records and is the test's own."""
    store.put(RECORDS[: PAGE + 100])
    return store


def ids(hits: Iterator[Hit]) -> list[str]:
    """Return the record ids of hits in order."""
    return [hit.record["record"]["id"] for hit in hits]


def all_of(pages: Iterator[Hits]) -> list[Hit]:
    """Return all hits of pages."""
    return [hit for page in pages for hit in page.hits]


@pytest.mark.parametrize("field", ["@timestamp", "score.complaint", "audience", "kind", "id", "score.unknown"])
@pytest.mark.parametrize("descending", [True, False], ids=["desc", "asc"])
def test_pages_follow_the_order_of_a_field(many: Store, field: str, descending: bool) -> None:
    """Pages are all matches once: by the field, then time, then id, those without it last."""
    sort = Sort(field, descending)
    pages = list(many.pages(EVERYTHING, limit=10 * MANY, sort=sort))
    assert ids(iter(all_of(iter(pages)))) == ordered(RECORDS, sort)
    assert {page.total for page in pages} == {MANY}
    assert all(0 < len(page.hits) <= PAGE for page in pages)


@pytest.mark.parametrize("sort", [Sort("score.complaint"), Sort("@timestamp", descending=False)], ids=str)
def test_a_limit_anywhere_gives_the_first_hits(many: Store, sort: Sort) -> None:
    """A limit at, before and behind the border of a page gives so many hits, and the total of all matches."""
    expected = ordered(RECORDS, sort)
    for limit in BORDERS:
        pages = list(many.pages(EVERYTHING, limit=limit, sort=sort))
        assert ids(iter(all_of(iter(pages)))) == expected[:limit], limit
        assert {page.total for page in pages} == {MANY}


@pytest.mark.parametrize("query", ["refund OR late", "refund^3 OR bank", "kind:tweet", "*"])
@pytest.mark.parametrize("descending", [True, False], ids=["desc", "asc"])
def test_pages_by_relevance_are_what_one_search_lists(many: Store, query: str, descending: bool) -> None:
    """By relevance, pages of any length have the hits, weights and places of one long page, ties by time and id."""
    selection, sort = Selection(parse(query)), Sort(descending=descending)
    whole = many.search(selection, limit=1000, sort=sort)
    assert whole.total > PAGE or query == "kind:tweet"
    for limit in (PAGE + 1, 1000):
        found = all_of(many.pages(selection, limit=limit, sort=sort))
        assert ids(iter(found)) == ids(iter(whole.hits))[:limit]
        assert [hit.score for hit in found] == pytest.approx([hit.score for hit in whole.hits[:limit]], rel=1e-4)
    weights = [hit.score for hit in whole.hits]
    assert weights == sorted(weights, reverse=descending)


def test_every_page_has_its_snippets(many: Store) -> None:
    """Words are marked on later pages as on the first."""
    found = all_of(many.pages(Selection(parse("text:refund")), limit=1000, sort=Sort("audience"), highlight=True))
    assert len(found) > PAGE
    assert all("\x02refund\x03" in hit.highlights["document.text"][0] for hit in found)


def test_a_page_without_hits_has_the_total(many: Store) -> None:
    """Nothing found is one empty page; so is a limit of zero, with the number of matches."""
    (nothing,) = many.pages(Selection(parse("text:nowhere")), limit=1000)
    assert (nothing.total, list(nothing.hits)) == (0, [])
    (unlisted,) = many.pages(EVERYTHING, limit=0)
    assert (unlisted.total, list(unlisted.hits)) == (MANY, [])


def test_a_store_without_records_has_one_empty_page(store: Store) -> None:
    """Before the first record there is nothing, and no error."""
    (page,) = store.pages(EVERYTHING, limit=1000, sort=Sort("audience"))
    assert (page.total, list(page.hits)) == (0, [])
    assert list(store.scan(EVERYTHING)) == []


def test_an_order_that_is_none_is_refused(many: Store) -> None:
    """A field without an order is the error that it is for a search, before the first page."""
    with pytest.raises(QueryError, match="text"):
        next(many.pages(EVERYTHING, limit=1000, sort=Sort("text")))


@pytest.mark.parametrize("sort", [Sort("@timestamp"), Sort("audience", descending=False), Sort()], ids=str)
def test_pages_are_as_of_the_first_one(changing: Store, sort: Sort) -> None:
    """What is put, labelled and forgotten after the first page changes neither hits nor order nor total."""
    selection = Selection(parse("(text:* OR NOT text:*) OR refund"))
    before = ids(iter(changing.search(selection, limit=1000, sort=sort).hits))
    pages = changing.pages(selection, limit=1000, sort=sort)
    first = next(pages)
    changing.put(RECORDS[PAGE + 100 :])
    changing.annotate(before[-1], {"verdict": "late"})
    assert changing.forget(record_ids=[before[-2], before[0]]) == 2
    rest = list(pages)
    assert [*ids(iter(first.hits)), *ids(iter(all_of(iter(rest))))] == before
    assert {page.total for page in rest} == {first.total}
    assert rest[-1].hits[-1].record["labels"] == {}
    assert changing.count(selection) == MANY - 2


def test_a_scan_is_as_of_its_first_record(changing: Store) -> None:
    """What is put, labelled and forgotten after a scan began is not seen by it."""
    before = ordered(RECORDS[: PAGE + 100], Sort("@timestamp", descending=False))
    scan = changing.scan(EVERYTHING)
    first = next(scan)
    changing.put(RECORDS[PAGE + 100 :])
    changing.annotate(before[-1], {"verdict": "late"})
    changing.forget(record_ids=before[1:3])
    found = [first, *scan]
    assert [record["record"]["id"] for record in found] == before
    assert found[-1]["labels"] == {}


def test_a_scan_of_few_moments_goes_by_id(store: Store) -> None:
    """Records that have one time with many others come by their ids, and those of other times before and behind."""
    records = [make(number, **{"@timestamp": MOMENT}) for number in range(1300)]
    records += [make(number, **{"@timestamp": "2026-11-21T00:00:00Z"}) for number in range(1300, 2500)]
    records += [make(9000), make(9001, **{"@timestamp": "2020-01-01T00:00:00Z"})]
    store.put(records)
    found = [record["record"]["id"] for record in store.scan(EVERYTHING)]
    assert found == ordered(records, Sort("@timestamp", descending=False))


def test_a_scan_of_long_and_short_texts_has_them_all(store: Store) -> None:
    """Long texts among short ones are read in order, too."""
    long = "x" * 400_000
    texts = {number: long + str(number) if number % 40 == 7 else "short" for number in range(330)}
    store.put(
        [
            make(number, document={"id": f"d-{number}", "text": texts[number], "length": len(texts[number])})
            for number in texts
        ]
    )
    found = list(store.scan(EVERYTHING))
    assert [record["document"]["text"] for record in found] == list(texts.values())


def test_two_listings_of_one_reader_do_not_meet(many: Store) -> None:
    """Pages and scans that are read in turn are each whole."""
    pages = many.pages(EVERYTHING, limit=1000, sort=Sort("audience"))
    scan = many.scan(EVERYTHING)
    found: list[str] = []
    scanned: list[str] = []
    for page in pages:
        found += ids(iter(page.hits))
        scanned.append(next(scan)["record"]["id"])
    scanned += [record["record"]["id"] for record in scan]
    assert found == ordered(RECORDS, Sort("audience"))
    assert scanned == ordered(RECORDS, Sort("@timestamp", descending=False))
