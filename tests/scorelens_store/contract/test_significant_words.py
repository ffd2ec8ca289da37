"""Which words mark some records against others, in every store."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scorelens_store import significance
from scorelens_store.contract import Reader, Selection, SignificantWord, SignificantWords, Store
from scorelens_store.errors import QueryError
from scorelens_store.fields import DEFAULT_FIELDS, FIELDS, find_field
from scorelens_store.query.parse import parse
from scorelens_store.query.tree import Everything
from scorelens_store.selection import complete
from tests.scorelens_store.conftest import READERS, filled_with
from tests.scorelens_store.naive import significant_words
from tests.scorelens_store.records import START, make, record_id

COMMON = ["the", "of", "and", "we", "was", "it", "on", "for", "not", "today"]
OF_TAG = {
    "complaint": ["refund", "still", "awful", "3.14", "can't", "😠", "Straße"],
    "praise": ["thanks", "great", "t.example", "日本", "naïve", "👍🏽", "İstanbul"],
    "mortgage": ["house", "rate", "wi-fi", "x²", "คำไทย"],
}
TAGS = tuple(OF_TAG)
MANY = 1_100


def _corpus(size: int = 360) -> list[dict[str, Any]]:
    """Return records whose words, reasons and other values go with their tags, more or less."""
    chance = random.Random(5)
    return [_record(number, chance) for number in range(size)]


def _record(number: int, chance: random.Random) -> dict[str, Any]:
    if number % 40 == 7:
        call = {"end": "reset_by_client", "error": "refund"}
        return make(number, record={**make(number)["record"], "type": "call"}, call=call, document=None, tags=None)
    tags = [tag for tag in TAGS if chance.random() < 0.3]
    own = [word for tag in tags for word in OF_TAG[tag] if chance.random() < 0.5]
    words = [chance.choice(COMMON) for _ in range(chance.randrange(8))] + own
    chance.shuffle(words)
    cut = chance.randrange(len(words) + 1)
    part, rest = words[:cut], words[cut:]
    in_title = number % 3 == 0
    document = {
        "id": f"d-{number}",
        "kind": "chat" if "complaint" in tags and chance.random() < 0.7 else "tweet",
        "title": " ".join(part) if in_title else "",
        "text": " ".join(rest if in_title or number % 3 == 1 else words),
        "author": 'Ann "the" \\ o*' if "praise" in tags else f"author-{number % 50}",
        "source": "support chat" if "complaint" in tags and chance.random() < 0.5 else "",
        "attributes": {"campaign": "a b" if "mortgage" in tags else "x", "dotted.name": "v"},
    }
    return make(
        number,
        document=document,
        purpose=chance.choice(("production", "production", "replay")),
        activity={"type": ["salary"], "text": [" ".join(part), "salary"]} if number % 3 == 1 else None,
        tags=tags,
        because=[f"{tag}:{word}" for tag in tags for word in own],
        labels={"verdict": chance.choice(("right", "wrong")), "sure": "praise" in tags}
        if chance.random() < 0.6
        else {},
    )


CORPUS = _corpus()
SEVERAL = tuple(FIELDS[name] for name in DEFAULT_FIELDS)


@pytest.fixture(scope="module", params=READERS)
def words(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    """A store of each kind with the corpus in it, in several commits; tests leave it as it is."""
    yield from filled_with(CORPUS, 60, request, tmp_path_factory.mktemp("words"))


def selection(query: str, **options: Any) -> Selection:
    """Return a selection of all purposes."""
    return Selection(parse(query), **{"purposes": (), **options})


def expected(mine: Selection, against: Selection, field: str = "", least: int = 3) -> list[SignificantWord]:
    """Return what a plain reading of the corpus gives."""
    found = find_field(field) if field else None
    rows = significant_words(CORPUS, complete(mine), complete(against), (found,) if found else SEVERAL)
    return [SignificantWord(*row) for row in rows if row[1] >= least]


def plain(found: SignificantWords) -> list[tuple[str, int, int]]:
    """Return words with their counts."""
    return [(one.word, one.count, one.other_count) for one in found.words]


def same(found: Sequence[SignificantWord], wanted: Sequence[SignificantWord]) -> bool:
    """Tell whether words are the same in the same order, with the same counts and about the same scores."""
    assert [replace(one, score=0) for one in found] == [replace(one, score=0) for one in wanted]
    return [one.score for one in found] == pytest.approx([one.score for one in wanted])


QUERIES = (
    "tag:complaint",
    "tag:praise",
    "tag:mortgage label.verdict:wrong",
    "label.verdict:wrong",
    "kind:chat OR tag:mortgage",
    "refund",
    "NOT tag:*",
    "attributes.campaign:x",
    "because:complaint*",
    "purpose:replay",
    "record:call",
    "*",
    "nowhere",
)
ASKED = """
title text activity.text tags because source author kind label.verdict labels.sure attributes.campaign id
attributes.dotted.name attributes.none activity.type
"""


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    mine=st.sampled_from(QUERIES),
    against=st.sampled_from(QUERIES),
    field=st.sampled_from(["", *ASKED.split()]),
    limit=st.integers(1, 40),
    least=st.integers(1, 12),
)
def test_any_two_queries_are_compared_as_they_say(
    words: Reader, mine: str, against: str, field: str, limit: int, least: int
) -> None:
    """Words, counts, scores and order are those of a plain reading, whatever is compared by whatever field."""
    sides = selection(mine), selection(against)
    found = words.significant_words(*sides, field=field, limit=limit, least=least)
    assert same(found.words, expected(*sides, field=field, least=least)[:limit])
    assert found.total == words.count(sides[0])
    assert found.examined in (0, found.total)
    assert found.others_examined in (0, found.others)


def test_words_mark_what_they_came_with(words: Reader) -> None:
    """The words of a tag are found, of titles, texts and activity together, and no common ones."""
    found = words.significant_words(selection("tag:complaint"))
    assert {one.word for one in found.words} == {"refund", "still", "awful", "3.14", "can't", "😠", "straße"}
    assert all(one.count / found.total > 2 * one.other_count / found.others for one in found.words)


def test_a_record_counts_once_however_often_it_has_a_word(store: Store) -> None:
    """A word in title and text, or twice in one, is in one record."""
    repeated = {"id": "a", "title": "Refund", "text": "refund, REFUND and refund"}
    store.put([make(number, document=repeated) for number in range(8)])
    store.put([make(number, document={"id": "b", "text": "and so on"}) for number in range(8, 40)])
    assert plain(store.significant_words(selection("id:a"))) == [("refund", 8, 0)]


def test_the_others_are_without_the_records_themselves(words: Reader) -> None:
    """What a selection is compared with leaves the selection out, so that its totals are all there is, once."""
    narrow, wide = selection("tag:complaint label.verdict:wrong"), selection("tag:complaint")
    found = words.significant_words(narrow, wide, field="label.verdict")
    assert (found.total, found.total + found.others) == (words.count(narrow), words.count(wide))
    assert [(one.word, one.count) for one in found.words] == [("wrong", found.total)]


def test_without_others_it_is_everything_else_of_the_same_times_and_purposes(words: Reader) -> None:
    """Times and purposes hold for both sides; a query that names its purpose is compared with all of them."""
    since = START + timedelta(minutes=7 * 100)
    mine = selection("tag:praise", since=since, until=since + timedelta(days=1), purposes=("production",))
    both = replace(mine, query=Everything())
    found = words.significant_words(mine)
    assert found.total + found.others == words.count(both) < len(CORPUS) / 2
    assert same(found.words, expected(mine, both))
    named = words.significant_words(Selection(parse("purpose:replay")))
    assert named.total + named.others == words.count(Selection(Everything(), purposes=()))
    calls = words.significant_words(Selection(parse("record:call")), field="record.type")
    assert calls.total + calls.others == words.count(Selection(Everything(), calls=True))


@pytest.mark.parametrize(
    ("mine", "against"),
    [("nowhere", "*"), ("*", "nowhere"), ("tag:praise", "tag:praise AND label.verdict:*"), ("*", "*")],
)
def test_an_empty_side_has_no_words(words: Reader, mine: str, against: str) -> None:
    """Where there are no records, or no others, both totals say so and no word is a mark."""
    found = words.significant_words(selection(mine), selection(against))
    assert (found.total, found.others, found.words) == (
        words.count(selection(mine)),
        0 if mine != "nowhere" else words.count(selection("*")),
        (),
    )


def test_an_empty_store_has_no_words(store: Store) -> None:
    """Before the first record there is nothing to compare, and no error."""
    for field in ("", "because"):
        assert store.significant_words(selection("*"), field=field) == SignificantWords(0, 0, 0, 0, ())


def test_what_could_be_chance_is_left_out(words: Reader) -> None:
    """Labels that were given at random have no words, whatever differs a little."""
    assert not words.significant_words(selection("label.verdict:wrong"), selection("label.verdict:*")).words


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"field": "nonsense"}, "there is no field 'nonsense'"),
        ({"field": "audience"}, "document.audience is of type integer"),
        ({"field": "score.complaint"}, "score.complaint is of type float"),
        ({"field": "time"}, "@timestamp is of type date"),
        ({"limit": 0}, "the limit of words is from 1 to 1,000, not 0"),
        ({"limit": 1001}, "not 1,001"),
        ({"least": 0}, "a word is in at least 1 record, not 0"),
    ],
)
def test_questions_that_make_no_sense_are_refused(words: Reader, options: dict[str, Any], reason: str) -> None:
    """Numbers, dates, unknown fields and amounts of nothing are clear errors."""
    with pytest.raises(QueryError, match=reason):
        words.significant_words(selection("*"), **options)


def test_as_many_words_as_can_be_asked_for(store: Store) -> None:
    """A thousand words of one text come back, counted, in order."""
    text = " ".join(f"w{number:04}" for number in range(MANY))
    store.put([make(number, document={"id": "a", "text": text}) for number in range(6)])
    store.put([make(number, document={"id": "b", "text": "so on"}) for number in range(6, 30)])
    found = store.significant_words(selection("id:a"), limit=significance.MOST)
    assert plain(found) == [(f"w{number:04}", 6, 0) for number in range(significance.MOST)]


def test_removed_records_have_no_words(store: Store) -> None:
    """What was forgotten is neither read nor counted."""
    store.put([make(number, document={"id": f"a-{number}", "text": "refund"}, tags=["x"]) for number in range(12)])
    store.put([make(number, document={"id": f"b-{number}", "text": "so on"}) for number in range(12, 40)])
    store.forget(document_ids=["a-0", "a-1", "b-12"])
    found = store.significant_words(selection("tag:x"))
    assert (found.total, found.others, plain(found)) == (10, 27, [("refund", 10, 0)])


def test_counts_are_of_all_records(words: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of many records some are read; the words that are found are counted in all of them."""
    monkeypatch.setattr(significance, "EXAMINED", 60)
    mine, others = selection("tag:praise"), selection("*")
    found = words.significant_words(mine, limit=4)
    assert (found.examined, found.others_examined) == (60, 60)
    assert found.total > 60
    assert same(found.words, expected(mine, others)[:4])


def test_the_records_with_the_least_ids_are_read(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sample is the same in every store, so that they find the same words."""
    monkeypatch.setattr(significance, "EXAMINED", 20)
    ranks = {one: rank for rank, one in enumerate(sorted(map(record_id, range(60))))}
    texts = ["first" if ranks[record_id(number)] < 20 else "last" for number in range(60)]
    store.put([make(number, document={"id": "a", "text": text}) for number, text in enumerate(texts)])
    store.put([make(number, document={"id": "b", "text": "so on"}) for number in range(60, 120)])
    assert plain(store.significant_words(selection("id:a"))) == [("first", 20, 0)]


def test_a_sample_that_misleads_is_put_right_by_the_counts(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """What marks the records of the sample alone, or fewer than were asked for, is no mark of all."""
    monkeypatch.setattr(significance, "EXAMINED", 20)
    mine, others = (sorted(range(start, start + 60), key=record_id) for start in (0, 60))
    texts = [("mine", number, "misleading rare" if rank < 20 else "so on") for rank, number in enumerate(mine)]
    texts += [("others", number, "so on" if rank < 20 else "misleading") for rank, number in enumerate(others)]
    store.put([make(number, document={"id": side, "text": text}) for side, number, text in texts])
    assert plain(store.significant_words(selection("id:mine"))) == [("rare", 20, 0)]
    assert not store.significant_words(selection("id:mine"), least=21).words


def test_of_long_texts_the_beginning_is_read(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Words beyond the beginning of a text are not looked for, and fewer records are read where texts are long."""
    monkeypatch.setattr(significance, "LONGEST", 200)
    monkeypatch.setattr(significance, "CHARACTERS", 1_000)
    long = "early " + "and so on " * 30_000 + "late"
    store.put([make(number, document={"id": "a", "text": long, "length": len(long)}) for number in range(8)])
    store.put([make(number, document={"id": "b", "text": "and so on"}) for number in range(8, 40)])
    found = store.significant_words(selection("id:a"))
    assert plain(found) == [("early", 8, 0)]
    assert (found.total, found.examined, found.others_examined) == (8, 5, 32)


def test_a_long_word_is_found_by_its_pieces(store: Store) -> None:
    """What is cut in the index is cut in the same way when it is looked for."""
    store.put([make(number, document={"id": "a", "text": "x" * 600}) for number in range(8)])
    store.put([make(number, document={"id": "b", "text": "so on"}) for number in range(8, 40)])
    assert plain(store.significant_words(selection("id:a"))) == [("x" * 90, 8, 0), ("x" * 255, 8, 0)]
