"""Indexing records anew while they are read and written."""

from __future__ import annotations

import itertools
import secrets
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorelens_runtime.errors import ScorelensError
from scorelens_store.contract import Outcome, Selection
from scorelens_store.elasticsearch import ElasticsearchSettings, ElasticsearchStore, copying, reindex
from scorelens_store.elasticsearch.connection import Connection
from scorelens_store.elasticsearch.copying import pair
from scorelens_store.elasticsearch.reindex import ReindexError, Reindexing
from scorelens_store.elasticsearch.setup import Setup
from scorelens_store.errors import RecordRefusedError, StoreUnavailableError
from scorelens_store.query.parse import parse
from scorelens_store.query.tree import Everything
from tests.scorelens_store.conftest import drop
from tests.scorelens_store.records import START, make, record_id

EVERYTHING = Selection(Everything(), purposes=(), calls=True)
FIRST = "2026.11.20"


class Server:
    """One prefix on a server, and ways to look at it and to lose it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.settings = ElasticsearchSettings(prefix=f"test-{secrets.token_hex(6)}", replicas="0")
        self.connection = Connection(url, self.settings)
        self.store = self.open()
        self.index = f"{self.settings.prefix}-{FIRST}"

    def open(self, **changes: Any) -> ElasticsearchStore:
        """Open the store as another process would."""
        return ElasticsearchStore(self.url, replace(self.settings, **changes))

    def reindexing(self) -> Reindexing:
        """Begin a run."""
        return Reindexing(self.connection, self.settings)

    def setup(self, **changes: Any) -> None:
        """Set the server up as settings say."""
        setup = Setup(self.connection, replace(self.settings, **changes))
        setup.apply(setup.plan())

    def run(self, name: str = "") -> reindex.Result:
        """Reindex one index from beginning to end."""
        reindexing = self.reindexing()
        with reindexing.held():
            return reindexing.reindex(reindexing.find(name or self.index))

    def names(self) -> dict[str, set[str]]:
        """Return all indices of the prefix, but for that of tombstones, with their aliases."""
        found = self.connection.request("GET", f"/{self.settings.prefix}-*?filter_path=*.aliases&expand_wildcards=all")
        return {
            name.removeprefix(f"{self.settings.prefix}-"): set(each.get("aliases", {}))
            for name, each in (found or {}).items()
            if not name.endswith("-forgotten")
        }

    def blocked(self) -> list[str]:
        """Return the indices that have a write block."""
        found = self.connection.request(
            "GET", f"/{self.settings.prefix}-*/_settings?filter_path=*.settings.index.blocks"
        )
        return sorted(found or {})


@pytest.fixture
def server(elasticsearch_url: str) -> Iterator[Server]:
    """A prefix with forty records of one day and five of the next."""
    server = Server(elasticsearch_url)
    server.store.put([make(number, **{"@timestamp": _of_first(number)}) for number in range(40)])
    server.store.put([make(number) for number in range(40, 45)])
    server.store.annotate(record_id(3), {"verdict": "wrong"})
    yield server
    server.store.close()
    server.connection.close()
    drop(elasticsearch_url, server.settings.prefix)


def _of_first(number: int) -> str:
    return (START + timedelta(minutes=number, microseconds=number)).isoformat()


def _all(store: ElasticsearchStore) -> list[Any]:
    return list(store.scan(EVERYTHING))


places = st.sets(st.tuples(st.integers(0, 5), st.text("aZé😀", min_size=1, max_size=3)), max_size=12)


@given(places, places)
def test_two_indices_are_paired_record_by_record(left: set[tuple[int, str]], right: set[tuple[int, str]]) -> None:
    """Whatever two indices have, each record is seen exactly once, beside its twin where there is one."""

    def rows(places: set[tuple[int, str]]) -> list[dict[str, Any]]:
        return [{"sort": [time, 7], "_id": name} for time, name in sorted(places)]

    pairs = pair(rows(left), rows(right))
    seen = [[(row["sort"][0], row["_id"]) if row else None for row in both] for both in pairs]
    assert [ours for ours, _ in seen if ours] == sorted(left)
    assert [theirs for _, theirs in seen if theirs] == sorted(right)
    assert {ours for ours, theirs in seen if ours == theirs} == left & right


def test_an_index_becomes_another_with_the_same_records(server: Server) -> None:
    """Under the old name lies a new index, and again another one; everything else goes on as before."""
    before = _all(server.store)
    assert server.run().to == f"{server.index}-2"
    assert server.names()[f"{FIRST}-2"] == {server.index, server.settings.prefix}
    assert _all(server.store) == before
    server.store.put([make(50, **{"@timestamp": _of_first(50)})])
    assert server.store.put([before[0]])[0].outcome is Outcome.DUPLICATE
    server.store.annotate(record_id(4), {"verdict": "right"})
    again = server.run(f"{server.index}-2")
    assert (again.to, again.records) == (f"{server.index}-3", 41)
    assert set(server.names()) == {f"{FIRST}-3", "2026.11.21"}
    assert server.blocked() == []
    assert server.store.forget(document_ids=["d-5"]) == 1
    server.store.annotate(record_id(6), {"verdict": "late"})
    assert (server.store.get(record_id(4)) or {})["labels"] == {"verdict": "right"}
    assert server.store.put([before[5]])[0].outcome is Outcome.FORGOTTEN
    assert server.store.expire(datetime(2026, 11, 21, tzinfo=UTC)) == 40
    assert set(server.names()) == {"2026.11.21"}
    server.store.put([make(51, **{"@timestamp": _of_first(51)})])
    assert set(server.names()) == {FIRST, "2026.11.21"}


def test_a_change_of_the_mapping_takes_effect(server: Server) -> None:
    """More number fields, or another analyzer within fields, are searched once an index was made anew."""
    few = server.open(number_fields=3)
    setup = Setup(server.connection, few.settings)
    setup.apply(setup.plan())
    tags = {f"tag{number}": 0.5 for number in range(9)}
    few.put([make(60, **{"@timestamp": "2026-11-25T10:00:00Z"}, score=tags)])
    selection = Selection(parse("score.tag8:>0.1"))
    assert few.count(selection) == 0
    server.setup(number_fields=50, analyzer="whitespace")
    assert server.run(f"{server.settings.prefix}-2026.11.25").records == 1
    assert few.count(selection) == 1
    found = server.connection.request("GET", f"/{server.settings.prefix}-2026.11.25/_mapping")
    text = next(iter(found.values()))["mappings"]["properties"]["document"]["properties"]["text"]
    assert text["fields"]["analyzed"]["analyzer"] == "whitespace"
    few.close()


def test_nothing_is_lost_while_records_come_change_and_go(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Records, labels and forgetting go on during two runs; what was answered holds afterwards, and nothing else."""
    monkeypatch.setattr(copying, "_TOGETHER", 10)
    monkeypatch.setattr(reindex, "_FEW", 0)
    stored: set[str] = {record_id(number) for number in range(45)}
    labelled: dict[str, str] = {record_id(3): "wrong"}
    gone: set[str] = set()
    done, failures = threading.Event(), list[BaseException]()
    counter = itertools.count(100)

    def patiently(change: Any) -> Any:
        while True:
            with suppress(StoreUnavailableError):
                return change()

    def write() -> None:
        store = server.open()
        try:
            while not done.is_set():
                number = next(counter)
                records = [make(number + part * 10_000, **{"@timestamp": _of_first(number % 60)}) for part in range(3)]
                ids = [record["record"]["id"] for record in records]
                patiently(lambda records=records: store.put(records))
                patiently(lambda ids=ids, number=number: store.annotate(ids[0], {"verdict": f"v{number}"}))
                patiently(lambda ids=ids: store.forget(record_ids=[ids[1]]))
                stored.update(ids)
                labelled[ids[0]] = f"v{number}"
                gone.add(ids[1])
        except BaseException as error:
            failures.append(error)
        finally:
            store.close()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        results = [server.run(), server.run()]
    finally:
        done.set()
        writer.join(30)
    assert not failures
    assert len(gone) > 3
    server.connection.change("POST", f"/{server.settings.prefix}/_refresh")
    found = _all(server.store)
    ids = [record["record"]["id"] for record in found]
    assert len(ids) == len(set(ids))
    assert set(ids) == stored - gone
    labels = {record["record"]["id"]: record["labels"]["verdict"] for record in found if record["labels"]}
    assert labels == {one: verdict for one, verdict in labelled.items() if one not in gone}
    assert [result.to for result in results] == [f"{server.index}-2", f"{server.index}-3"]
    assert server.blocked() == []


class _KilledError(Exception):
    """The process is gone."""


def _kill_after(requests: int, monkeypatch: pytest.MonkeyPatch, connection: Connection, *, answered: bool) -> None:
    """Let so many requests that change anything through; all later ones, of whatever kind, never happen.

    Where `answered` is false, the last one is done by the server and never answered.
    """
    send, left, lock = connection.send, requests, threading.Lock()

    def counted(method: str, path: str, *rest: Any, **options: Any) -> Any:
        nonlocal left
        with lock:
            changes = method != "GET" and not path.partition("?")[0].endswith(("/_search", "/_pit", "/_refresh"))
            if left < 0 or (left == 0 and changes):
                if left == 0 and not answered:
                    send(method, path, *rest, **options)
                left = -1
                raise _KilledError
            left -= changes
        return send(method, path, *rest, **options)

    monkeypatch.setattr(connection, "send", counted)


@pytest.mark.parametrize("answered", [True, False], ids=["before", "after"])
def test_a_run_that_is_killed_anywhere_is_completed(
    server: Server, monkeypatch: pytest.MonkeyPatch, answered: bool
) -> None:
    """Killed before or after any of its changes, a run leaves every record readable, and the next one completes it."""
    monkeypatch.setattr(copying, "_TOGETHER", 25)
    before = _all(server.store)
    steps, generation = 0, 1
    while True:
        with monkeypatch.context() as patch:
            _kill_after(steps, patch, server.connection, answered=answered)
            try:
                server.run()
            except _KilledError:
                killed = True
            else:
                killed = False
        assert _all(server.store) == before, steps
        if not killed:
            generation += 1
            break
        server.run()
        assert _all(server.store) == before, steps
        assert server.blocked() == [], steps
        here = [name for name in server.names() if name.startswith(FIRST)]
        assert len(here) == 1, steps
        assert server.store.put([before[0]])[0].outcome is Outcome.DUPLICATE
        steps += 1
    assert steps >= 8


def test_what_a_killed_run_leaves_can_be_undone(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Aborting lifts the block and deletes the copy; until then writers are told to wait."""
    with monkeypatch.context() as patch:
        swap = Reindexing._swap

        def killed(self: Reindexing, *arguments: Any) -> bool:
            patch.setattr(server.connection, "send", lambda *rest, **options: (_ for _ in ()).throw(_KilledError))
            return swap(self, *arguments)

        patch.setattr(Reindexing, "_swap", killed)
        with pytest.raises(_KilledError):
            server.run()
    assert server.blocked() == [server.index]
    with pytest.raises(StoreUnavailableError, match="read-only"):
        server.store.put([make(70, **{"@timestamp": _of_first(70)})])
    other = server.reindexing()
    assert other.unfinished() == [f"{server.index}-2"]
    assert other.abort() == [f"{server.index}-2"]
    assert set(server.names()) == {FIRST, "2026.11.21"}
    assert server.store.put([make(70, **{"@timestamp": _of_first(70)})])[0].outcome is Outcome.STORED


def test_a_copy_of_other_templates_is_made_anew(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a killed run has copied by templates that have changed since is not used."""
    monkeypatch.setattr(Reindexing, "_finish", lambda *rest: (_ for _ in ()).throw(_KilledError))
    with pytest.raises(_KilledError):
        server.run()
    monkeypatch.undo()
    server.setup(analyzer="simple")
    assert server.run().copied == 40
    server.setup()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Reindexing, "_finish", lambda *rest: (_ for _ in ()).throw(_KilledError))
        with pytest.raises(_KilledError):
            server.run()
    assert server.run().copied == 0


def test_setup_leaves_an_unfinished_copy_alone(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Setting up while a copy is there gives it no alias, so that no search finds a record twice."""
    monkeypatch.setattr(Reindexing, "_finish", lambda *rest: (_ for _ in ()).throw(_KilledError))
    with pytest.raises(_KilledError):
        server.run()
    server.setup()
    assert server.names()[f"{FIRST}-2"] == set()
    assert server.store.count(EVERYTHING) == 45


def test_an_index_that_cannot_be_taken_stays_as_it_is(server: Server) -> None:
    """A record that the templates of now refuse ends the run with its id; the index stays in use, open to writers."""
    custom = {"template": {"mappings": {"properties": {"document": {"properties": {"kind": {"type": "long"}}}}}}}
    name = f"{server.settings.prefix}@custom"
    server.connection.change("PUT", f"/_component_template/{name}", custom)
    with pytest.raises(RecordRefusedError, match=r"cannot be indexed as the templates say now"):
        server.run()
    assert server.store.put([make(71, **{"@timestamp": _of_first(71)})])[0].outcome is Outcome.STORED
    assert server.store.count(EVERYTHING) == 46
    assert server.reindexing().abort() == [f"{server.index}-2"]


def test_a_block_of_somebody_else_stays(server: Server) -> None:
    """A write block that no run has set is told, and neither lifted by a run nor by aborting one."""
    server.connection.change("PUT", f"/{server.index}/_block/write")
    with pytest.raises(ReindexError, match="write block that somebody has set"):
        server.run()
    server.reindexing().abort()
    assert server.blocked() == [server.index]


def test_an_index_that_nobody_knows_is_told(server: Server) -> None:
    """A wrong name is answered with names that there are; a foreign index in the way is never deleted."""
    with pytest.raises(ReindexError, match=FIRST):
        server.run("nothing-2026.11.20")
    server.connection.change("PUT", f"/{server.index}-2")
    with pytest.raises(ReindexError, match="that no reindex has made"):
        server.run()
    assert f"{FIRST}-2" in server.names()


def test_a_second_run_is_kept_out(server: Server) -> None:
    """While another machine's run goes on a second one is refused, until it is aborted."""
    lock = f"{server.settings.prefix}-reindexing"
    body = {"mappings": {"_meta": {"host": "elsewhere", "pid": 1, "since": "2026-11-22T10:00:00"}}}
    server.connection.change("PUT", f"/{lock}", body)
    with pytest.raises(ReindexError, match=r"on elsewhere, process 1; if it does not any more: .* --abort"):
        server.run()
    server.reindexing().abort()
    assert server.run().to == f"{server.index}-2"


def test_retention_may_remove_an_index_meanwhile(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """An index that goes while it is copied takes its copy along, and is not made anew."""
    finish = Reindexing._finish

    def expired(self: Reindexing, *arguments: Any) -> bool:
        server.store.expire(datetime(2026, 11, 21, tzinfo=UTC))
        return finish(self, *arguments)

    monkeypatch.setattr(Reindexing, "_finish", expired)
    assert server.run().to == ""
    assert set(server.names()) == {"2026.11.21"}


def test_a_scan_never_misses_what_was_indexed_anew_meanwhile(server: Server) -> None:
    """A scan that began before an index was replaced, the second time as well, ends with an error and not early."""
    for _ in range(2):
        scan = server.store.scan(EVERYTHING)
        rows = [next(scan)]
        server.run()
        with suppress(ScorelensError):
            rows += scan
            assert len(rows) == 45
