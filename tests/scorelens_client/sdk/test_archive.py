"""Reading a real store: the embedded one and Elasticsearch."""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from scorelens_client import Client, NotFoundError, QueryError, Record, ScorelensError, UnavailableError
from scorelens_store.contract import Statistics, Terms
from scorelens_store.open import open_store
from tests.scorelens_store.records import corpus

NUMBERS = itertools.count()
RECORDS = corpus(90)
EVERYTHING: dict[str, Any] = {"purposes": "all"}
DOCUMENTS = [record for record in RECORDS if "document" in record]


@pytest.fixture(scope="module", params=["embedded", "elasticsearch"])
def client(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """Open a client on a store that holds RECORDS."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "embedded":
            where = str(tmp_path_factory.mktemp("sdk") / "store")
        else:
            where = request.getfixturevalue("elasticsearch_url")
            patch.setenv("SCORELENS_ELASTICSEARCH_PREFIX", f"sdk-{next(NUMBERS)}-{id(request):x}")
            patch.setenv("SCORELENS_ELASTICSEARCH_PERIOD", "month")
        store = open_store(where)
        store.put(RECORDS)
        store.close()
        with Client(store=where) as opened:
            opened.count()
            yield opened


def test_search_counts_sorts_and_marks(client: Client) -> None:
    """The first hits in the order that was asked for, how many there are, and where they match."""
    found = client.search("text:refund", limit=3, sort="time:asc", **EVERYTHING)
    expected = [one for one in DOCUMENTS if "refund" in one["document"]["text"].lower().split()]
    assert found.total == client.count("text:refund", **EVERYTHING) == len(expected)
    assert len(found) == 3
    assert [record.time for record in found] == sorted(record.time for record in found)
    assert "\x02refund\x03" in found[0].highlights["document.text"][0].lower()


def test_search_is_for_production_unless_asked(client: Client) -> None:
    """Purposes and times narrow what is found."""
    production = sum(one["purpose"] == "production" for one in DOCUMENTS)
    assert client.count() == production
    assert client.count(purposes=("production", "test")) > production
    first = min(Record(one).time for one in DOCUMENTS)
    assert client.count(since=first, **EVERYTHING) == len(DOCUMENTS)
    assert client.count(until=first, **EVERYTHING) == 0
    assert client.count(until="2020-01-01") == 0


def test_a_record_reads_as_it_is_stored(client: Client) -> None:
    """Attributes of a record are what its JSON holds."""
    raw = next(one for one in DOCUMENTS if one["tags"] and one["labels"])
    (found,) = client.search(f"record.id:{raw['record']['id']}", **EVERYTHING)
    assert (found.id, found.document_id, found.kind) == (
        raw["record"]["id"],
        raw["document"]["id"],
        raw["document"]["kind"],
    )
    assert set(found.tags) == set(raw["tags"])
    assert {score.tag: score.probability for score in found.scores} == raw["score"]
    assert found.labels == raw["labels"]
    assert found.time.utcoffset() is not None
    with pytest.raises(NotFoundError):
        found.calculation()


def test_show_finds_a_document_by_its_own_and_its_records_id(client: Client) -> None:
    """All scores of a document, the newest first, and the one of a record."""
    mine = [one for one in DOCUMENTS if one["document"]["id"] == "d-10"]
    history = client.show("d-10")
    assert {record.id for record in history.records} == {one["record"]["id"] for one in mine}
    older = mine[0]["record"]["id"]
    assert client.show("d-10", record_id=older).record.id == client.show(older[:12]).record.id == older
    with pytest.raises(NotFoundError, match="no record of a document 'nobody'"):
        client.show("nobody")
    with pytest.raises(NotFoundError, match="has the record id 'ffff'"):
        client.show("d-10", record_id="ffff")


def test_pull_gives_documents_and_names_those_that_are_missing(client: Client) -> None:
    """Documents come in the order of their names, from ids, records, dicts and URIs."""
    record = client.show("d-4").record
    wanted: list[Any] = ["d-12", "nobody", record, {"document": {"id": "d-20"}}, "https://example.org/31?q=a&b"]
    found = client.pull(wanted)
    assert [document.id for document in found] == ["d-12", "d-4", "d-20", "d-15"]
    assert found.missing == ("nobody",)
    by_query = client.pull(query="kind:tweet", purposes="all")
    names = [one["document"]["id"] for one in DOCUMENTS if one["document"]["kind"] == "tweet"]
    assert sorted(document.id for document in by_query) == sorted(set(names))
    with pytest.raises(ScorelensError, match="name ids, or a query"):
        client.pull()
    with pytest.raises(ScorelensError, match=r"ids\[1\]: must be an id"):
        client.pull(["d-1", None])  # type: ignore[list-item]


def test_ids_may_be_the_numbers_of_a_table(client: Client) -> None:
    """What is a number in a DataFrame is a text in the store; what can be no id is refused by name."""
    numbers = pd.DataFrame({"id": [17, 18]})["id"]
    assert client.pull(numbers).missing == client.pull([17, 18]).missing == ("17", "18")
    assert client.pull(17).missing == ("17",)
    with pytest.raises(NotFoundError, match="no record of a document '17'"):
        client.show(numbers[0])
    with pytest.raises(ScorelensError, match="name: must be the id of a document or a record, not list"):
        client.show(["d-1"])  # type: ignore[arg-type]


def test_scan_yields_every_match_once_in_order_of_time(client: Client) -> None:
    """Records, record batches and Arrow streams hold the same."""
    found = list(client.scan(**EVERYTHING))
    assert sorted(record.id for record in found) == sorted(one["record"]["id"] for one in DOCUMENTS)
    assert [record.time for record in found] == sorted(record.time for record in found)
    batches = list(client.scan(**EVERYTHING).batches(size=20))
    assert [batch.num_rows for batch in batches[:-1]] == [20] * (len(batches) - 1)
    whole = client.scan(**EVERYTHING).to_reader("scores", size=7).read_all()
    assert whole.num_rows == sum(len(one["score"]) for one in DOCUMENTS)
    frame = pl.DataFrame(client.scan(**EVERYTHING).to_reader(tags=["praise"]))
    assert frame["record_id"].to_list() == [record.id for record in found]
    (nothing,) = client.scan("text:nowhere").batches()
    assert nothing.num_rows == 0
    assert isinstance(nothing, pa.RecordBatch)


def test_a_scan_can_be_left_and_cancelled(client: Client) -> None:
    """Leaving the block ends the scan; cancelling from another thread ends it before its next record."""
    with client.scan(**EVERYTHING) as scan:
        next(scan)
    assert list(scan) == []
    other = client.scan(**EVERYTHING)
    next(other)
    thread = threading.Thread(target=other.cancel)
    thread.start()
    thread.join()
    assert len(list(other)) == 0


def test_aggregations_are_named(client: Client) -> None:
    """Each aggregation is answered under the name that it was given."""
    found: Any = client.aggregate(kinds=Terms("document.kind"), reach=Statistics("document.audience"), **EVERYTHING)
    assert sum(bucket.count for bucket in found["kinds"]) == len(DOCUMENTS)
    assert found["reach"]["count"] == sum("audience" in one["document"] for one in DOCUMENTS)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"query": "kindd:tweet"}, QueryError, "did you mean kind"),
        ({"sort": "nothing"}, ScorelensError, "sort: no record has a field"),
        ({"sort": "text"}, QueryError, "cannot be sorted"),
        ({"limit": -1}, ScorelensError, "limit: must be a whole number"),
        ({"since": "soon"}, ScorelensError, "since: 'soon' is not a time"),
        ({"purposes": "practice"}, ScorelensError, "purposes: 'practice' is none of"),
    ],
)
def test_mistakes_are_named(client: Client, arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    """The error names the argument, or the place in the query."""
    with pytest.raises(error, match=message):
        client.search(**arguments)


def test_words_are_found_with_what_finds_their_records(client: Client) -> None:
    """Each word has its counts and shares on both sides, and a query that finds as many records."""
    words = client.words("text:(refund OR bank)", against="document.text:*", least=2, **EVERYTHING)
    assert {"refund", "bank"} <= {word.word for word in words}
    assert words.total == client.count("text:(refund OR bank)", **EVERYTHING) == words.examined
    assert words.total + words.others == client.count("document.text:*", **EVERYTHING)
    for word in words:
        assert word.count == client.count(word.query, **EVERYTHING)
        assert (word.share, word.other_share) == (word.count / words.total, word.other_count / words.others)
    assert [word.score for word in words] == sorted((word.score for word in words), reverse=True)
    (reason, *_) = client.words("tag:complaint", field="because", limit=1, purposes=("production", "test"))
    assert reason.word.startswith("complaint:")
    assert reason.query == f'tag:complaint because:"{reason.word}"'
    assert len(client.words("text:nowhere")) == 0


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"field": "nothing"}, ScorelensError, "field: no record has a field 'nothing'"),
        ({"field": "score.complaint"}, ScorelensError, "field: score.complaint is of type float"),
        ({"limit": 0}, ScorelensError, "limit: must be a whole number from 1 to 1,000, not 0"),
        ({"limit": 1001}, ScorelensError, "limit: must be a whole number from 1 to 1,000, not 1001"),
        ({"least": 0}, ScorelensError, "least: must be a whole number of at least 1, not 0"),
        ({"against": "kindd:tweet"}, QueryError, "did you mean kind"),
    ],
)
def test_mistakes_in_asking_for_words_are_named(
    client: Client, arguments: dict[str, Any], error: type[Exception], message: str
) -> None:
    """The error names the argument, or the place in the query."""
    with pytest.raises(error, match=message):
        client.words("refund", **arguments)


def test_one_client_reads_from_many_threads(client: Client) -> None:
    """Searches of several threads at once get the same answer."""
    found: list[int] = []
    threads = [
        threading.Thread(target=lambda: found.append(client.search("refund", **EVERYTHING).total)) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(found) == 8
    assert len(set(found)) == 1


def test_a_store_that_is_away_is_an_error_for_people() -> None:
    """An Elasticsearch that does not answer is named."""
    with pytest.raises(UnavailableError, match=r"127\.0\.0\.1:1"):
        Client(store="http://127.0.0.1:1").count()


def test_the_system_of_a_folder_is_found_again_when_it_moves(tmp_path: Path) -> None:
    """A client goes to the store that a folder's system used last."""
    first, second = tmp_path / "first", tmp_path / "second"
    for number, where in enumerate((first, second)):
        store = open_store(where)
        store.put(DOCUMENTS[: 10 * (number + 1)])
        store.close()
    run = tmp_path / "home" / "run"
    run.mkdir(parents=True)
    with Client(home=tmp_path / "home") as client:
        for where, count in ((first, 10), (second, 20)):
            (run / "store").write_text(str(where))
            assert client.count(**EVERYTHING) == count


def test_records_are_json(client: Client) -> None:
    """`raw` is the whole record, as `scorelens search --json` prints it."""
    record = next(client.scan(**EVERYTHING))
    assert json.loads(json.dumps(record.raw))["record"]["id"] == record.id
