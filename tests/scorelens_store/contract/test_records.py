"""Putting, labelling and removing records, in every store."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import orjson
import pytest

from scorelens_store.contract import Json, Outcome, Selection, Store
from scorelens_store.errors import RecordNotFoundError
from scorelens_store.query.parse import parse
from scorelens_store.query.tree import Everything
from tests.scorelens_store.records import START, corpus, make, record_id

EVERYTHING = Selection(Everything(), purposes=(), calls=True)


def outcomes(store: Store, records: list[dict[str, Any]]) -> list[Outcome]:
    """Put records and return what became of each."""
    return [result.outcome for result in store.put(records)]


def test_an_empty_store_answers(store: Store) -> None:
    """A store without any record counts nothing, lists nothing and knows nobody."""
    assert store.count(EVERYTHING) == 0
    assert store.search(EVERYTHING, highlight=True).total == 0
    assert list(store.scan(EVERYTHING)) == []
    assert store.get("nobody") is None
    assert store.put([]) == []
    assert store.available()


def test_records_come_back_as_they_were_put(store: Store) -> None:
    """A record is returned exactly as it was, whatever is not indexed included."""
    records = corpus(40)
    records[0]["calculation"] = [{"tag": "a", "value": [0.1, 1e300], "nested": {"deep": [None, True, "\u0000 é 😀"]}}]
    assert outcomes(store, copy.deepcopy(records)) == [Outcome.STORED] * 40
    for record in records:
        assert store.get(record["record"]["id"]) == record


def test_members_that_are_json_already_come_back_as_what_they_say(store: Store) -> None:
    """A record of which members were written as JSON before is the record that has them as they are."""
    calculation = [{"tag": "ä", "value": [0.1, None]}]
    record = make(1)
    outcomes(store, [{**record, "calculation": Json(orjson.dumps(calculation)), "more": Json(b'"null"')}])
    assert store.get(record_id(1)) == {**record, "calculation": calculation, "more": "null"}


def test_records_that_come_while_others_are_put(store: Store) -> None:
    """What comes during a put is put with it, each record once, and counted in its order."""
    again = make(1, tags=["other"])
    results = store.put([make(1), make(2)], iter([[make(3), again], [], [make(2), make(4)]]))
    stored, duplicate = Outcome.STORED, Outcome.DUPLICATE
    assert [result.outcome for result in results] == [stored, stored, stored, duplicate, duplicate, stored]
    assert store.count(EVERYTHING) == 4
    assert store.get(record_id(1)) == make(1)


def test_nothing_is_kept_of_a_put_that_others_cannot_join(store: Store) -> None:
    """Where what comes during a put fails, nothing of the put is stored, and the next one is like any other."""

    def failing() -> Iterator[list[dict[str, Any]]]:
        yield [make(2)]
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        store.put([make(1)], failing())
    assert store.count(EVERYTHING) == 0
    assert outcomes(store, [make(1), make(2)]) == [Outcome.STORED] * 2


def test_a_resend_changes_nothing(store: Store) -> None:
    """A record that is there already stays as it was, within one call and over several."""
    first, again = make(1), make(1, tags=["other"])
    assert outcomes(store, [first, again, make(2)]) == [Outcome.STORED, Outcome.DUPLICATE, Outcome.STORED]
    assert outcomes(store, [make(3), again]) == [Outcome.STORED, Outcome.DUPLICATE]
    assert store.get(record_id(1)) == first
    assert store.count(EVERYTHING) == 3


BAD: dict[str, Callable[[dict[str, Any]], object]] = {
    "no id": lambda record: record.pop("record"),
    "empty id": lambda record: record["record"].update(id=""),
    "no time": lambda record: record.pop("@timestamp"),
    "bad time": lambda record: record.update({"@timestamp": "yesterday"}),
    "score is text": lambda record: record.update(score={"complaint": "high"}),
    "score is NaN": lambda record: record.update(score={"complaint": math.nan}),
    "score is beyond 32 bits": lambda record: record.update(score={"complaint": 1e300}),
    "scores are a list": lambda record: record.update(score=[0.5]),
    "text is an object": lambda record: record["document"].update(text={"a": 1}),
    "kind is an object": lambda record: record["document"].update(kind={"a": 1}),
    "audience is a fraction": lambda record: record["document"].update(audience=1.5),
    "audience is beyond 64 bits": lambda record: record["document"].update(audience=2**63),
    "infinite number nobody indexes": lambda record: record.update(calculation=[{"intercept": math.inf}]),
    "half a character": lambda record: record["document"].update(text="\ud800"),
}


def test_bad_records_are_refused_and_the_others_are_stored(store: Store) -> None:
    """Records that can never be stored are each rejected with a reason; those beside them arrive."""
    records = [copy.deepcopy(make(number)) for number in range(2 * len(BAD))]
    for record, spoil in zip(records[::2], BAD.values(), strict=True):
        spoil(record)
    results = store.put(records)
    refused = {fault: result.outcome for fault, result in zip(BAD, results[::2], strict=True)}
    assert refused == dict.fromkeys(BAD, Outcome.REJECTED)
    assert all(result.reason for result in results[::2])
    assert {result.outcome for result in results[1::2]} == {Outcome.STORED}
    assert store.count(EVERYTHING) == len(BAD)


def test_large_and_strange_records_are_stored(store: Store) -> None:
    """Long texts, words and keywords, ten thousand attributes and unknown members harm no record."""
    records = [
        make(1, document={"id": "a", "text": "x" * 5000 + " needle " + "word " * 300_000}),
        make(2, document={"id": "b", "text": "", "source_uri": "https://example.org/" + "p" * 100_000}),
        make(3, document={"id": "c", "text": "ok", "attributes": {f"name {n}. {n}": "v" * 40 for n in range(10_000)}}),
        make(4, unknown={"some": [{"thing": 1}]}, tags=[f"t{n}" for n in range(5000)]),
        make(5, document={"id": "e\u0000'\"*\\", "text": "a\u0000b"}),
    ]
    assert outcomes(store, records) == [Outcome.STORED] * 5
    assert store.count(Selection(parse("needle"))) == 1
    assert store.get(record_id(2)) == records[1]
    assert store.count(Selection(parse("tag:t4999"))) == 1


def test_ten_thousand_tags_lose_no_record(store: Store) -> None:
    """Tags beyond what an index can hold stay in the record and are counted."""
    results = []
    for start in range(0, 10_000, 2_000):
        records = [
            make(
                start + part,
                **{"@timestamp": START.isoformat()},
                score={f"tag-{start + part + n}": 0.5 for n in range(400)},
            )
            for part in range(0, 2000, 400)
        ]
        results += store.put(records)
    assert {result.outcome for result in results} == {Outcome.STORED}
    assert sum(result.unmapped_fields for result in results) > 1000
    assert store.count(EVERYTHING) == 25
    last = store.get(record_id(9600))
    assert last is not None
    assert len(last["score"]) == 400
    assert store.count(Selection(parse("score.tag-7:>0.4"))) == 1


def test_labels_are_added_and_replaced(store: Store) -> None:
    """Labels are searchable once added; a label of the same name takes the place of the old one."""
    store.put([make(1), make(2)])
    store.annotate(record_id(1), {"verdict": "right", "sure": True, "weight": 0.5})
    store.annotate(record_id(1), {"verdict": "wrong"})
    found = store.get(record_id(1))
    assert found is not None
    assert found["labels"] == {"verdict": "wrong", "sure": True, "weight": 0.5}
    assert found == make(1, labels=found["labels"])
    for query, count in (
        ("label.verdict:wrong", 1),
        ("labels.verdict:right", 0),
        ("labels.sure:true", 1),
        ("labels.weight:0.5", 1),
        ("labels.verdict:*", 1),
        ("*", 2),
    ):
        assert store.count(Selection(parse(query))) == count, query


def test_a_late_resend_erases_no_label(store: Store) -> None:
    """Labels stay when the record is sent once more."""
    store.put([make(1)])
    store.annotate(record_id(1), {"verdict": "right"})
    assert outcomes(store, [make(1)]) == [Outcome.DUPLICATE]
    assert store.count(Selection(parse("labels.verdict:right"))) == 1


def test_labels_need_a_record(store: Store) -> None:
    """Labels for a record that is not there are refused."""
    with pytest.raises(RecordNotFoundError, match="nobody"):
        store.annotate("nobody", {"a": "b"})


def test_what_was_forgotten_stays_away(store: Store) -> None:
    """Forgetting removes records by id, document or customer, and a resend does not bring them back."""
    records = [
        make(1),
        make(2, document={"id": "same", "text": "a"}),
        make(3, document={"id": "same", "text": "b"}),
        make(4, customer={"id": "c-1"}),
        make(5, customer={"id": "c-2"}),
    ]
    store.put(records)
    assert store.forget(record_ids=[record_id(1)]) == 1
    assert store.forget(document_ids=["same"]) == 2
    assert store.forget(customer_ids=["c-1", "c-unknown"]) == 1
    assert store.forget(record_ids=[record_id(1)]) == 0
    assert [record["record"]["id"] for record in store.scan(EVERYTHING)] == [record_id(5)]
    assert outcomes(store, records) == [Outcome.FORGOTTEN] * 4 + [Outcome.DUPLICATE]
    assert outcomes(store, [make(6, customer={"id": "c-unknown"})]) == [Outcome.FORGOTTEN]
    assert outcomes(store, [make(7, document={"id": "c-1", "text": ""})]) == [Outcome.STORED]


def test_forgetting_nothing_removes_nothing(store: Store) -> None:
    """Empty lists and empty ids do not take the records along that have no such id."""
    store.put([make(1, customer={"id": ""})])
    assert store.forget() == 0
    assert store.forget(customer_ids=[""]) == 0
    assert store.count(EVERYTHING) == 1


def test_retention_removes_what_is_older(store: Store) -> None:
    """What is older than a moment goes; without a tombstone, it may come again."""
    records = [make(number, **{"@timestamp": (START + timedelta(days=number)).isoformat()}) for number in range(6)]
    store.put(records)
    before = datetime.fromisoformat(records[4]["@timestamp"]).replace(hour=0, minute=0)
    assert store.expire(before) == 4
    assert {record["document"]["id"] for record in store.scan(EVERYTHING)} == {"d-4", "d-5"}
    assert outcomes(store, records[:1]) == [Outcome.STORED]


def test_what_was_put_is_found_at_once(store: Store) -> None:
    """Every change is visible to the search after it."""
    for number in range(5):
        store.put([make(number)])
        assert store.count(EVERYTHING) == number + 1
        assert store.get(record_id(number)) is not None


def test_a_store_names_itself(store: Store) -> None:
    """The description says what kind of store it is."""
    assert any(kind in store.describe() for kind in ("embedded", "elasticsearch"))
