"""Indexing records anew while they are read and written."""

from __future__ import annotations

import itertools
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from scorelens_runtime.errors import ScorelensError
from scorelens_store.contract import Outcome, Selection
from scorelens_store.elasticsearch import number_fields
from scorelens_store.elasticsearch.connection import Connection
from scorelens_store.elasticsearch.errors import NoAnswerError
from scorelens_store.elasticsearch.mapping import VERSION
from scorelens_store.elasticsearch.reindexing import attempt, copying, run
from scorelens_store.elasticsearch.reindexing.lock import ReindexError
from scorelens_store.elasticsearch.reindexing.server import Server
from scorelens_store.errors import RecordRefusedError, StoreUnavailableError
from scorelens_store.query.parse import parse
from tests.scorelens_store.files import data_folder, files_with
from tests.scorelens_store.records import make, record_id
from tests.scorelens_store.reindexing import EVERYTHING, FIRST, SECOND, Prefix, Watcher, everything, of_first
from tests.tools import spoiling
from tests.tools.proxy import Answer, Fault, proxied

pytestmark = pytest.mark.heavy


@pytest.fixture
def server(elasticsearch_url: str) -> Iterator[Prefix]:
    """A prefix with forty records of one day and five of the next."""
    prefix = Prefix(elasticsearch_url)
    yield prefix
    prefix.close()


@contextmanager
def _alongside(prefix: Prefix, work: Any) -> Iterator[None]:
    """Do something again and again on a store of its own while the block runs."""
    done, failures = threading.Event(), list[BaseException]()

    def repeat() -> None:
        store = prefix.open()
        try:
            while not done.is_set():
                work(store)
        except BaseException as error:
            failures.append(error)
        finally:
            store.close()

    thread = threading.Thread(target=repeat)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join(60)
    assert not failures, failures


def test_an_index_becomes_another_with_the_same_records(server: Prefix) -> None:
    """Under the old name lies a new index, and again another one; everything else goes on as before."""
    before = everything(server.store)
    assert server.run().to == f"{server.index}-2"
    assert server.names()[f"{FIRST}-2"] == {server.index, server.settings.prefix}
    assert everything(server.store) == before
    assert _meta(server, f"{server.index}-2") == {"version": VERSION, "analyzer": "standard"}
    server.store.put([make(50, **{"@timestamp": of_first(50)})])
    assert server.store.put([before[0]])[0].outcome is Outcome.DUPLICATE
    server.store.annotate(record_id(4), {"verdict": "right"})
    again = server.run(name=f"{server.index}-2")
    assert (again.to, again.records, again.resumed) == (f"{server.index}-3", 41, False)
    assert set(server.names()) == {f"{FIRST}-3", SECOND}
    assert server.blocked() == []
    assert server.store.forget(document_ids=["d-5"]) == 1
    server.store.annotate(record_id(6), {"verdict": "late"})
    assert (server.store.get(record_id(4)) or {})["labels"] == {"verdict": "right"}
    assert server.store.put([before[5]])[0].outcome is Outcome.FORGOTTEN
    assert server.store.expire(datetime(2026, 11, 21, tzinfo=UTC)) == 40
    assert set(server.names()) == {SECOND}
    server.store.put([make(51, **{"@timestamp": of_first(51)})])
    assert set(server.names()) == {FIRST, SECOND}


def _meta(server: Prefix, index: str) -> Any:
    return server.connection.request("GET", f"/{index}/_mapping")[index]["mappings"]["_meta"]


def test_an_index_that_was_restored_without_aliases_is_never_deleted(server: Prefix) -> None:
    """What was in use is told from an unfinished copy although nothing reads it; also if its run was killed then."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Server, "finish", lambda self, name: None)
        server.run()
    assert "copy_of" in _meta(server, f"{server.index}-2")
    with server.reindexing().held():
        assert "copy_of" not in _meta(server, f"{server.index}-2")
    names = {"index": f"{server.index}-2", "aliases": [server.index, server.settings.prefix]}
    server.connection.change("POST", "/_aliases", {"actions": [{"remove": names}]})
    server.store.put([make(73, **{"@timestamp": of_first(73)})])
    assert server.reindexing().abort() == []
    with pytest.raises(ReindexError, match="restored without its aliases"):
        server.run()
    assert server.reindexing().server.count(f"{server.index}-2") == 40


def test_a_change_of_the_mapping_takes_effect(server: Prefix, monkeypatch: pytest.MonkeyPatch) -> None:
    """More number fields, or another analyzer within fields, are searched once an index was made anew.

    A writer notices in time that it need no longer count what is not searched.
    """
    few = server.open(number_fields=3)
    server.setup(number_fields=3)
    tags = {f"tag{number}": 0.5 for number in range(9)}
    part = {"@timestamp": "2026-11-25T10:00:00Z", "score": tags}
    assert few.put([make(60, **part)])[0].unmapped_fields == 6
    selection = Selection(parse("score.tag8:>0.1"))
    assert few.count(selection) == 0
    server.setup(number_fields=50, analyzer="whitespace")
    assert server.run(name=f"{server.settings.prefix}-2026.11.25").records == 1
    assert few.count(selection) == 1
    assert few.put([make(61, **part)])[0].unmapped_fields == 6
    monkeypatch.setattr(number_fields, "_ASK_AGAIN", -1.0)
    assert few.put([make(62, **part)])[0].unmapped_fields == 0
    found = server.connection.request("GET", f"/{server.settings.prefix}-2026.11.25/_mapping")
    text = next(iter(found.values()))["mappings"]["properties"]["document"]["properties"]["text"]
    assert text["fields"]["analyzed"]["analyzer"] == "whitespace"
    few.close()


def test_nothing_is_lost_while_records_come_change_and_go(server: Prefix, monkeypatch: pytest.MonkeyPatch) -> None:
    """Records, labels and forgetting go on during two runs; what was answered holds afterwards, and nothing else.

    Labels and forgetting outlast the moments in which writes wait, and no reader misses a record that stays.
    """
    monkeypatch.setattr(copying, "_TOGETHER", 10)
    monkeypatch.setattr(attempt, "_FEW", 0)
    stored: set[str] = {record_id(number) for number in range(45)}
    labelled: dict[str, str] = {record_id(3): "wrong"}
    gone: set[str] = set()
    counter = itertools.count(100)

    def write(store: Any) -> None:
        number = next(counter)
        records = [make(number + part * 10_000, **{"@timestamp": of_first(number % 60)}) for part in range(3)]
        first, second, third = (record["record"]["id"] for record in records)
        while True:
            with suppress(StoreUnavailableError):
                store.put(records)
                break
        store.annotate(first, {"verdict": f"v{number}"})
        assert store.forget(record_ids=[second]) == 1
        stored.update((first, third))
        gone.add(second)
        labelled[first] = f"v{number}"

    def read(store: Any) -> None:
        assert store.get(record_id(3))["labels"] == {"verdict": "wrong"}
        assert store.count(Selection(parse(f"record.id:({record_id(1)} OR {record_id(44)})"))) == 2

    monkeypatch.setattr(run, "merge_removed", lambda *_: iter(()))  # it takes half a minute, and has a test of its own
    with _alongside(server, write), _alongside(server, read):
        results = [server.run(), server.run()]
    assert len(gone) > 3
    found = everything(server.store)
    ids = [record["record"]["id"] for record in found]
    assert len(ids) == len(set(ids))
    assert set(ids) == stored
    labels = {record["record"]["id"]: record["labels"]["verdict"] for record in found if record["labels"]}
    assert labels == labelled
    assert [result.to for result in results] == [f"{server.index}-2", f"{server.index}-3"]
    assert server.blocked() == []


def test_what_is_forgotten_in_the_last_moment_is_gone(
    server: Prefix, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What was copied and is forgotten after the last look is found all the same, and is in no file of the copy.

    Its file is not waited for in vain while other records are labelled.
    """
    monkeypatch.setattr(attempt, "_ROUNDS", 2)
    words = [secrets.token_hex(24) for _ in range(3)]
    server.store.put(
        [
            make(60 + number, **{"@timestamp": of_first(number)}, document={"id": f"d-{number}", "text": word})
            for number, word in enumerate(words)
        ]
    )
    level, looks = copying.Copying.level, itertools.count()

    def forgotten_behind(self: copying.Copying) -> Any:
        done = level(self)
        if (look := next(looks)) < 2:
            server.store.forget(record_ids=[record_id(60 + look)])
        return done

    monkeypatch.setattr(copying.Copying, "level", forgotten_behind)
    numbers = itertools.count()
    with _alongside(server, lambda store: store.annotate(record_id(7), {"verdict": f"v{next(numbers)}"})):
        result = server.run()
    assert (result.to, result.records, result.removed, result.unmerged) == (f"{server.index}-2", 41, 2, "")
    assert {record["record"]["id"] for record in everything(server.store)} == set(map(record_id, [*range(45), 62]))
    folder = data_folder(server.store, tmp_path)
    assert [bool(files_with(folder, word)) for word in words] == [False, False, True]


class _KilledError(Exception):
    """The process is gone."""


def _kill_after(requests: int, monkeypatch: pytest.MonkeyPatch, connection: Connection) -> None:
    """Let so many requests that change anything through; all later ones, of whatever kind, never happen."""
    send, left, lock = connection.send, requests, threading.Lock()
    reads = ("/_search", "/_pit", "/_refresh", "/_simulate_index")

    def counted(method: str, path: str, *rest: Any, **options: Any) -> Any:
        nonlocal left
        with lock:
            changes = method != "GET" and not any(read in path for read in reads)
            if left < 0 or (left == 0 and changes):
                left = -1
                raise _KilledError
            left -= changes
        return send(method, path, *rest, **options)

    monkeypatch.setattr(connection, "send", counted)


def test_a_run_that_is_killed_anywhere_is_completed(server: Prefix, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed between any two of its changes, a run leaves every record readable, and the next one completes it."""
    monkeypatch.setattr(copying, "_TOGETHER", 25)
    before = everything(server.store)
    for steps in itertools.count():
        with monkeypatch.context() as patch:
            _kill_after(steps, patch, server.connection)
            killed = True
            with suppress(_KilledError, ReindexError):
                server.run()
                killed = False
        assert everything(server.store) == before, steps
        if not killed:
            break
        server.run()
        assert everything(server.store) == before, steps
        assert server.blocked() == [], steps
        assert sum(name.startswith(FIRST) for name in server.names()) == 1, steps
        assert server.store.put([before[0]])[0].outcome is Outcome.DUPLICATE
    assert steps >= 8
    assert server.connection.request("GET", f"/{server.settings.prefix}-reindexing") is None


def _stop_at(step: str) -> Watcher:
    """Return a watcher whose process ends when its run comes to a step."""

    def at(what: str) -> None:
        if what == step:
            raise _KilledError

    return Watcher(at)


def _killed(server: Prefix, step: str, **options: Any) -> None:
    with pytest.raises(_KilledError):
        server.run(_stop_at(step), **options)


def test_a_run_that_ends_early_lets_writers_go_on(server: Prefix) -> None:
    """Whatever ends a run while writes are blocked, the block is lifted, and what was copied serves the next run."""
    _killed(server, "completing")
    assert server.blocked() == []
    assert server.store.put([make(70, **{"@timestamp": of_first(70)})])[0].outcome is Outcome.STORED
    result = server.run()
    assert (result.resumed, result.copied, result.records) == (True, 1, 41)


def test_what_a_run_leaves_that_could_not_end_can_be_undone(server: Prefix, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that could not lift its block says so, and writers wait and say what to do; aborting undoes all of it."""
    monkeypatch.setattr(attempt, "PATIENCE", -1.0)
    with monkeypatch.context() as patch:

        def cut_off(what: str) -> None:
            if what == "completing":
                away = NoAnswerError("it is away", sent=False)
                patch.setattr(server.connection, "send", lambda *rest, **options: (_ for _ in ()).throw(away))

        with pytest.raises(ReindexError, match=r"WRITES TO .* ARE STILL BLOCKED"):
            server.run(Watcher(cut_off))
    assert server.blocked() == [server.index]
    with pytest.raises(StoreUnavailableError, match=r"takes no writes: .*reindex.*--abort") as caught:
        server.store.put([make(70, **{"@timestamp": of_first(70)})])
    assert caught.value.retry_after == 1.0
    other = server.reindexing()
    assert other.unfinished() == [f"{server.index}-2"]
    assert other.abort() == [f"{server.index}-2"]
    assert set(server.names()) == {FIRST, SECOND}
    assert server.store.put([make(70, **{"@timestamp": of_first(70)})])[0].outcome is Outcome.STORED


@pytest.mark.parametrize("step", ["copying", "completing"])
@pytest.mark.parametrize("taken", [False, True], ids=["aborted", "taken over"])
def test_a_run_that_was_stopped_elsewhere_harms_nothing(server: Prefix, step: str, taken: bool) -> None:
    """A run that goes on after another one took over, or it was aborted, writes nothing, swaps nothing, blocks nothing.

    What is put after the other one lifted the block stays.
    """
    stopped: list[Any] = []

    def stop(what: str) -> None:
        if what != step or stopped:
            return
        stopped.append(what)
        other = server.reindexing()
        if taken:
            server.connection.change("DELETE", f"/{server.settings.prefix}-reindexing")
            with other.held():
                stopped.append(other.reindex(other.find(server.index), Watcher()).to)
        else:
            stopped.append(other.abort())
        server.store.put([make(70, **{"@timestamp": of_first(70)})])

    with pytest.raises(ReindexError, match=r"another run, or --abort|alias"):
        server.run(Watcher(stop))
    assert stopped[1] == (f"{server.index}-2" if taken else [f"{server.index}-2"][: step != "copying"])
    assert set(server.names()) == {f"{FIRST}-2" if taken else FIRST, SECOND}
    assert server.blocked() == []
    ids = [record["record"]["id"] for record in everything(server.store)]
    assert sorted(ids) == sorted(map(record_id, [*range(45), 70]))


def test_a_copy_of_other_templates_is_made_anew(server: Prefix) -> None:
    """What a killed run has copied by templates that have changed since is not used."""
    _killed(server, "comparing")
    server.setup(analyzer="simple")
    assert server.run().copied == 40
    server.setup()
    _killed(server, "comparing")
    assert server.run().copied == 0


def test_setup_leaves_an_unfinished_copy_alone(server: Prefix) -> None:
    """Setting up while a copy is there gives it no alias, so that no search finds a record twice."""
    _killed(server, "comparing")
    server.setup()
    assert server.settings.prefix not in server.names()[f"{FIRST}-2"]
    assert server.store.count(EVERYTHING) == 45


def test_aliases_of_an_administrator_go_with_the_records(server: Prefix) -> None:
    """Aliases that an index or the templates have are those of its successor, and find no record twice meanwhile."""
    own, custom = f"{server.settings.prefix}-tweets", f"{server.settings.prefix}-more"
    filtered = {"filter": {"term": {"document.kind": "tweet"}}}
    add = {"add": {"index": server.index, "alias": own, **filtered}}
    server.connection.change("POST", "/_aliases", {"actions": [add]})
    server.connection.change(
        "PUT", f"/_component_template/{server.settings.prefix}@custom", {"template": {"aliases": {custom: {}}}}
    )

    def look(what: str) -> None:
        if what == "comparing":
            assert server.names()[f"{FIRST}-2"].isdisjoint({own, custom, server.settings.prefix, server.index})

    server.run(Watcher(look))
    found = server.connection.request("GET", f"/{server.index}-2/_alias")[f"{server.index}-2"]["aliases"]
    assert found == {own: filtered, custom: {}, server.index: {}, server.settings.prefix: {}}


def test_an_index_that_cannot_be_taken_stays_as_it_is(server: Prefix) -> None:
    """A record that the templates of now refuse ends the run with its id; the index stays in use, open to writers."""
    custom = {"template": {"mappings": {"properties": {"document": {"properties": {"kind": {"type": "long"}}}}}}}
    name = f"{server.settings.prefix}@custom"
    server.connection.change("PUT", f"/_component_template/{name}", custom)
    with pytest.raises(RecordRefusedError, match=r"cannot be indexed as the templates say now"):
        server.run()
    assert server.store.put([make(71, **{"@timestamp": of_first(71)})])[0].outcome is Outcome.STORED
    assert server.store.count(EVERYTHING) == 46
    assert server.reindexing().abort() == [f"{server.index}-2"]


def test_a_block_of_somebody_else_stays(server: Prefix) -> None:
    """A write block that no run has set is told, and neither lifted by a run nor by aborting one."""
    server.run()
    server.connection.change("PUT", f"/{server.index}-2/_block/write")
    with pytest.raises(ReindexError, match="write block that somebody has set"):
        server.run()
    server.reindexing().abort()
    assert server.blocked() == [f"{server.index}-2"]


def test_an_index_that_nobody_knows_is_told(server: Prefix) -> None:
    """A wrong name is answered with names that there are; a foreign index in the way is never deleted."""
    with pytest.raises(ReindexError, match=FIRST):
        server.run(name="nothing-2026.11.20")
    server.connection.change("PUT", f"/{server.index}-2")
    with pytest.raises(ReindexError, match="that is no unfinished copy"):
        server.run()
    assert f"{FIRST}-2" in server.names()


def test_a_second_run_is_kept_out(server: Prefix) -> None:
    """While another machine's run goes on a second one is refused, until it is aborted."""
    lock = f"{server.settings.prefix}-reindexing"
    body = {"mappings": {"_meta": {"host": "elsewhere", "pid": 1, "since": "2026-11-22T10:00:00"}}}
    server.connection.change("PUT", f"/{lock}", body)
    with pytest.raises(ReindexError, match=r"on elsewhere, process 1; if it does not any more: .* --abort"):
        server.run()
    server.reindexing().abort()
    assert server.run().to == f"{server.index}-2"


@pytest.mark.parametrize("step", ["copying", "completing"])
def test_retention_may_remove_an_index_meanwhile(server: Prefix, step: str) -> None:
    """An index that goes while it is copied takes its copy along, and is not made anew."""

    def expire(what: str) -> None:
        if what == step:
            server.store.expire(datetime(2026, 11, 21, tzinfo=UTC))

    assert server.run(Watcher(expire)).to == ""
    assert set(server.names()) == {SECOND}


def test_an_index_that_comes_again_is_another_one(server: Prefix) -> None:
    """Where retention removed an index and a late record made it again, the copy has that record alone."""

    def replace(what: str) -> None:
        if what == "comparing" and server.store.get(record_id(1)):
            assert server.store.expire(datetime(2026, 11, 21, tzinfo=UTC)) == 40
            server.store.put([make(72, **{"@timestamp": of_first(72)})])

    result = server.run(Watcher(replace))
    assert (result.to, result.records) == (f"{server.index}-2", 1)
    assert server.store.get(record_id(72)) is not None
    assert server.blocked() == []


def test_a_disk_that_fills_up_is_given_room(server: Prefix) -> None:
    """Where the server makes the copy read-only since its disk is full, the copy is deleted and the run ends."""

    def fill(what: str) -> None:
        if what == "comparing":
            full = {"index.blocks.read_only_allow_delete": True}
            server.connection.change("PUT", f"/{server.index}-2/_settings", full)
            server.store.put([make(70, **{"@timestamp": of_first(70)})])

    with pytest.raises(ReindexError, match="disk is nearly full"):
        server.run(Watcher(fill))
    assert set(server.names()) == {FIRST, SECOND}
    assert server.store.count(EVERYTHING) == 46


def test_an_index_without_room_for_its_copy_is_not_begun(server: Prefix, monkeypatch: pytest.MonkeyPatch) -> None:
    """What would fill the disks is refused before anything is made."""
    reindexing = server.reindexing()
    monkeypatch.setattr(reindexing.server, "size", lambda name: 2**60)
    with reindexing.held(), pytest.raises(ReindexError, match=r"its copy takes about 1,258,291\.2 TiB"):
        reindexing.reindex(reindexing.find(server.index), Watcher())
    assert set(server.names()) == {FIRST, SECOND}


def test_a_copy_waits_for_as_many_replicas_as_its_original_has(server: Prefix, monkeypatch: pytest.MonkeyPatch) -> None:
    """With one server and no replica before, a copy that is to have one replaces the index without it."""
    server.setup(replicas="1")
    assert server.run().to == f"{server.index}-2"
    monkeypatch.setattr(attempt, "PATIENCE", -1.0)
    replicas = Server.replicas

    def fewer(self: Any, name: str) -> tuple[float, bool]:
        there, all_there = replicas(self, name)
        return (there if name.endswith("-3") else there + 1), all_there

    monkeypatch.setattr(Server, "replicas", fewer)
    with pytest.raises(ReindexError, match="fewer replicas"):
        server.run()
    assert server.blocked() == []


def _behind(server: Prefix, fault: Fault, *more: str) -> Iterator[Connection]:
    with proxied(server.url) as proxy:
        connection = Connection(",".join([proxy.url, *more]), server.settings)
        proxy.fault = fault
        yield connection
        connection.close()


def _twice(path: str, fault: Fault) -> Fault:
    """Spoil the first and the third request to a path."""
    numbers = itertools.count()
    return lambda request: fault(request) if path in request.path and next(numbers) in (0, 2) else request.forward()


@pytest.mark.parametrize(
    ("path", "fault"),
    [
        *((path, "unanswered") for path in ("/_bulk", "/_block", "/_aliases", "-2?wait")),
        *((path, "refused") for path in ("/_aliases", "_seq_no")),
    ],
)
def test_an_outage_at_any_moment_is_outlasted(server: Prefix, path: str, fault: str) -> None:
    """A server that breaks off, having done what was asked or not, is asked again; no record is different after it."""
    before = everything(server.store)
    faults: dict[str, Fault] = {
        "unanswered": spoiling.unanswered,
        "refused": lambda request: Answer(503, b"{}", spoiling.JSON),
    }
    watcher = Watcher()
    for connection in _behind(server, _twice(path, faults[fault])):
        assert server.run(watcher, connection=connection).to == f"{server.index}-2"
    assert everything(server.store) == before
    assert server.blocked() == []
    assert set(server.names()) == {f"{FIRST}-2", SECOND}


def test_a_change_that_two_servers_are_asked_for_is_made_once(server: Prefix) -> None:
    """A swap that the first server did without an answer, and the second one refuses, is a swap."""
    before = everything(server.store)
    watcher = Watcher()
    fault = _twice("/_aliases", spoiling.unanswered)
    for connection in _behind(server, fault, server.url):
        assert server.run(watcher, connection=connection).to == f"{server.index}-2"
    assert everything(server.store) == before
    assert set(server.names()) == {f"{FIRST}-2", SECOND}


def test_a_scan_never_misses_what_was_indexed_anew_meanwhile(server: Prefix) -> None:
    """A scan that began before an index was replaced, the second time as well, ends with an error and not early."""
    for _ in range(2):
        scan = server.store.scan(EVERYTHING)
        rows = [next(scan)]
        server.run()
        with suppress(ScorelensError):
            rows += scan
            assert len(rows) == 45
