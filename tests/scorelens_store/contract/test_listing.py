"""Order, pages, snippets and scans, in every store."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from scorelens_store.contract import Hit, Reader, Selection, Sort, Store
from scorelens_store.errors import QueryError
from scorelens_store.query.parse import parse
from scorelens_store.query.tree import Everything
from tests.scorelens_store.naive import matches, ordered
from tests.scorelens_store.records import corpus, make, record_id

CORPUS = corpus()
EVERYTHING = Selection(Everything(), purposes=(), calls=True)
BEGIN, END = "\u0002", "\u0003"

SORTS = [
    Sort(name, descending)
    for name in (
        "@timestamp",
        "score.complaint",
        "margin.praise",
        "audience",
        "duration",
        "published",
        "kind",
        "author",
        "id",
        "customer",
        "length",
        "score.unknown",
    )
    for descending in (True, False)
]


def pages(store: Reader, selection: Selection, sort: Sort, size: int) -> Iterator[Hit]:
    """Yield all hits of a listing, page by page."""
    after: tuple[Any, ...] = ()
    while hits := store.search(selection, limit=size, sort=sort, after=after).hits:
        yield from hits
        after = hits[-1].sort


def ids(hits: Iterator[Hit]) -> list[str]:
    """Return the record ids of hits in order."""
    return [hit.record["record"]["id"] for hit in hits]


@pytest.mark.parametrize("sort", SORTS, ids=str)
def test_pages_follow_the_order_without_gap_or_repetition(filled: Reader, sort: Sort) -> None:
    """Pages of a listing together are all matches once, by the field, then time, then id, those without it last."""
    assert ids(pages(filled, EVERYTHING, sort, 17)) == ordered(CORPUS, sort)


def test_one_page_holds_everything(filled: Reader) -> None:
    """A limit beyond the number of matches returns them all, and the total says how many there are."""
    hits = filled.search(EVERYTHING, limit=1000, sort=Sort("score.complaint"))
    assert ids(iter(hits.hits)) == ordered(CORPUS, Sort("score.complaint"))
    assert hits.total == len(CORPUS)
    selection = Selection(parse("refund OR bank"), purposes=(), calls=True)
    found = filled.search(selection, limit=10**15)
    assert 0 < found.total == len(found.hits)
    assert [len(page.hits) for page in filled.pages(selection, limit=10**15)] == [found.total]


def test_limit_zero_only_counts(filled: Reader) -> None:
    """A limit of zero returns the total and no hits."""
    hits = filled.search(EVERYTHING, limit=0)
    assert (hits.total, list(hits.hits)) == (len(CORPUS), [])


def test_pages_by_relevance_hold_every_match_once(filled: Reader) -> None:
    """Pages by relevance are all matches once, the heaviest first."""
    selection = Selection(parse("refund OR bank OR mortgage OR kind:tweet"), purposes=(), calls=True)
    hits = list(pages(filled, selection, Sort(), 19))
    assert sorted(ids(iter(hits))) == sorted(
        record["record"]["id"] for record in CORPUS if matches(selection.query, record)
    )
    scores = [hit.score for hit in hits]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] > scores[-1]


def test_without_words_relevance_lists_the_newest_first(filled: Reader) -> None:
    """Where nothing weighs more than anything else, hits go by time, then id."""
    selection = Selection(parse("kind:*"), purposes=(), calls=True)
    records = [record for record in CORPUS if matches(selection.query, record)]
    assert ids(pages(filled, selection, Sort(), 23)) == ordered(records, Sort("@timestamp"))


def test_more_of_a_word_weighs_more(store: Store) -> None:
    """A short text full of a word comes before a long text that mentions it."""
    long = make(1, document={"id": "a", "text": "refund " + "and much else " * 50})
    short = make(2, document={"id": "b", "text": "refund refund"})
    store.put([long, short, make(3, document={"id": "c", "text": "nothing of it"})])
    assert ids(iter(store.search(Selection(parse("refund"))).hits)) == [record_id(2), record_id(1)]


def test_a_boost_brings_forward(store: Store) -> None:
    """A boosted word outweighs one that is not."""
    store.put([make(1, document={"id": "a", "text": "apple"}), make(2, document={"id": "b", "text": "pear"})])
    first = ids(iter(store.search(Selection(parse("apple^8 OR pear"))).hits))
    assert first == [record_id(1), record_id(2)]
    assert ids(iter(store.search(Selection(parse("apple OR pear^8"))).hits)) == first[::-1]


def test_many_records_of_one_moment_are_paged(store: Store) -> None:
    """Records with the same time and value are told apart by their ids."""
    store.put([make(number, **{"@timestamp": "2026-11-22T10:00:00Z"}) for number in range(60)])
    expected = sorted(record_id(number) for number in range(60))
    for sort in (Sort(), Sort("@timestamp"), Sort("kind"), Sort("duration"), Sort("score.x")):
        assert sorted(ids(pages(store, EVERYTHING, sort, 13))) == expected
    assert ids(pages(store, EVERYTHING, Sort("@timestamp", descending=False), 13)) == expected


def test_long_keywords_are_paged(store: Store) -> None:
    """Keywords of hundreds of characters with a long common beginning keep their order over pages."""
    uris = [f"https://example.org/{'path/é/' * 40}{number:03}" for number in range(7)]
    store.put([make(number, document={"id": uri, "text": ""}) for number, uri in enumerate(uris)])
    found = [hit.record["document"]["id"] for hit in pages(store, EVERYTHING, Sort("id", descending=False), 3)]
    assert found == uris
    assert store.count(Selection(parse(f'id:[* TO "{uris[2]}"}}'))) == 2
    assert store.count(Selection(parse(f'id:>="{uris[2]}"'))) == 5


@pytest.mark.parametrize("field", ["text", "tags", "because", "attributes.campaign", "labels.verdict", "nonsense"])
def test_fields_without_an_order_are_refused(filled: Reader, field: str) -> None:
    """Sorting by words, by several values or by an open keyword is a clear error."""
    with pytest.raises(QueryError, match=field):
        filled.search(EVERYTHING, sort=Sort(field))


def test_scan_goes_by_time_and_id(filled: Reader) -> None:
    """A scan yields every match, the oldest first, ties by id."""
    assert [record["record"]["id"] for record in filled.scan(EVERYTHING)] == ordered(
        CORPUS, Sort("@timestamp", descending=False)
    )


def test_scan_sees_the_store_as_it_was(store: Store) -> None:
    """Records that come after the first one was yielded are not part of a scan."""
    store.put([make(number) for number in range(5)])
    scan = store.scan(EVERYTHING)
    first = next(scan)
    store.put([make(number) for number in range(5, 9)])
    assert len([first, *scan]) == 5
    assert len(list(store.scan(EVERYTHING))) == 9


def test_scan_can_be_cancelled(filled: Reader) -> None:
    """A scan ends when its caller says so."""
    answers = iter([False, False, False, False, True])
    assert len(list(filled.scan(EVERYTHING, cancelled=lambda: next(answers)))) == 4


def marked(store: Store, query: str) -> dict[str, set[str]]:
    """Return the marked words of all hits by field."""
    found: dict[str, set[str]] = {}
    for hit in store.search(Selection(parse(query)), limit=50, highlight=True).hits:
        for field, snippets in hit.highlights.items():
            for snippet in snippets:
                parts = [part.split(END)[0] for part in snippet.split(BEGIN)[1:]]
                found.setdefault(field, set()).update(parts)
    return found


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("mortgage", {"document.title": {"Mortgage"}, "document.text": {"mortgage"}}),
        ("text:(still AND refunds)", {"document.text": {"Still", "refunds"}}),
        ("refund*", {"document.text": {"refunds"}}),
        ("mortgahe~1", {"document.title": {"Mortgage"}, "document.text": {"mortgage"}}),
        ("kind:tweet AND NOT mortgage", {}),
        ("kind:tweet AND title:mortgage", {"document.title": {"Mortgage"}}),
        ("title:mortgage^3 -offer", {"document.title": {"Mortgage"}}),
    ],
)
def test_snippets_mark_the_words_that_were_asked_for(store: Store, query: str, words: dict[str, set[str]]) -> None:
    """Snippets mark words, wildcards and near words in the fields that were asked, and nothing that was excluded."""
    store.put(
        [make(1, document={"id": "a", "kind": "tweet", "title": "My Mortgage", "text": "Still no refunds, mortgage"})]
    )
    assert marked(store, query) == words


def test_snippets_mark_the_words_of_a_phrase(store: Store) -> None:
    """Every word of a phrase is marked where the phrase stands."""
    store.put([make(1, document={"id": "a", "text": "no luck, still no refund"})])
    (hit,) = store.search(Selection(parse('text:"still no refund"')), highlight=True).hits
    plain = "".join(hit.highlights["document.text"]).replace(f"{END} {BEGIN}", " ")
    assert f"{BEGIN}still no refund{END}" in plain


def test_long_texts_are_shown_in_part(store: Store) -> None:
    """A match deep in a text of megabytes is shown with what stands around it."""
    text = "lorem ipsum " * 100_000 + "the needle here " + "dolor sit " * 100_000
    store.put([make(1, document={"id": "a", "text": text})])
    (hit,) = store.search(Selection(parse("needle")), highlight=True).hits
    snippets = hit.highlights["document.text"]
    assert any(f"{BEGIN}needle{END}" in snippet for snippet in snippets)
    assert all(len(snippet) < 2000 for snippet in snippets)


ODD = {
    "emoji": "\U0001f600" * 60_000,
    "one word": "needle" * 10_000,
    "no spaces": "needle,a.b" * 9_000,
    "accents": "a" + "\u0301" * 60_000,
    "zeros": "needle \0" * 9_000,
    "lines": "needle\r\n" * 9_000,
}


def test_no_text_fails_a_search_that_marks_its_words(store: Store) -> None:
    """Texts of tens of thousands of signs without a space, of emoji or of accents are listed with every query."""
    store.put(
        [
            make(number, document={"id": name, "kind": "tweet", "text": text, "length": len(text)})
            for number, (name, text) in enumerate(ODD.items())
        ]
    )
    for query in ("needle", "*eedl*", "needl~1", '"needle needle"', "\U0001f600"):
        hits = store.search(Selection(parse(f"kind:tweet OR {query}")), limit=50, highlight=True)
        assert hits.total == len(ODD)
        snippets = [snippet for hit in hits.hits for snippets in hit.highlights.values() for snippet in snippets]
        assert all(len(snippet) < 2000 for snippet in snippets)
        assert snippets


def test_text_cannot_pretend_to_be_marked(store: Store) -> None:
    """Marks that a text brings along are not mistaken for the store's."""
    store.put([make(1, document={"id": "a", "text": f"a {BEGIN}fake{END} needle"})])
    (hit,) = store.search(Selection(parse("text:needle")), highlight=True).hits
    assert "".join(hit.highlights["document.text"]).count(BEGIN) == 1
