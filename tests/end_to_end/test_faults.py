"""Whatever dies, every answered call is found exactly once, and the account adds up, in either kind of store.

What becomes of Elasticsearch itself is in test_elasticsearch.py.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import grpc
import pytest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from scorelens import conventions
from scorelens.v1 import scorer_pb2 as pb
from scorelens.v1 import scorer_pb2_grpc
from tests.end_to_end.load import Load
from tests.end_to_end.processes import wait_until
from tests.end_to_end.system import System
from tests.scorelens_client.system import store_of
from tests.scorelens_store.conftest import SYSTEMS

pytestmark = pytest.mark.heavy

SOME = 200

without_store = pytest.mark.parametrize("store", ["embedded"], indirect=True)
"""For what happens before there is anything to store."""


@pytest.fixture(params=SYSTEMS)
def store(request: pytest.FixtureRequest) -> Iterator[str]:
    """Name a store of each kind."""
    yield from store_of(request.param, request)


@pytest.fixture
def make_system(tmp_path: Path, store: str) -> Iterator[Callable[..., System]]:
    """Make systems that end with the test."""
    made: list[System] = []

    def make(*settings: str, indexer: bool = True) -> System:
        made.append(System(tmp_path, store, settings))
        return made[-1].start(indexer)

    yield make
    for system in made:
        system.__exit__()


def _load_on(system: System) -> Load:
    return Load(system.sidecar.address, pause=0.02)


@pytest.mark.parametrize("module", ["scorelens_sidecar.shipper", "scorelens_sidecar.relay"])
def test_a_killed_part_of_the_sidecar_loses_and_doubles_nothing(
    make_system: Callable[..., System], module: str
) -> None:
    """kill -9 of shipper or relay amid a load leaves every answered document in the store exactly once."""
    system = make_system()
    with _load_on(system) as load:
        load.until_answered(SOME)
        for _ in range(3):
            system.sidecar.kill_child(module)
            load.until_answered(SOME)
    system.settle()
    system.assert_each_once(load.answered)
    if module.endswith("shipper"):
        assert load.failed == []
    assert load.codes <= {grpc.StatusCode.UNAVAILABLE}


def test_a_killed_sidecar_and_indexer_lose_and_double_nothing(make_system: Callable[..., System]) -> None:
    """kill -9 of the whole sidecar, then of the indexer, amid a load, leaves every answered document exactly once."""
    system = make_system()
    with _load_on(system) as load:
        for part in (system.indexer, system.sidecar, system.indexer):
            load.until_answered(SOME)
            part.kill()
            part.start()
        load.until_answered(SOME)
    system.settle()
    system.assert_each_once(load.answered)
    assert load.codes <= {grpc.StatusCode.UNAVAILABLE}


def test_an_indexer_that_is_away_for_the_whole_load_gets_everything_later(make_system: Callable[..., System]) -> None:
    """Scoring goes on without an indexer, and everything arrives once it is there."""
    system = make_system(indexer=False)
    with _load_on(system) as load:
        load.until_answered(SOME)
    assert load.failed == []
    account = system.account()
    assert (account["acknowledged"], account["spooled"]) == (0, account["seen"])
    system.indexer.start()
    system.settle()
    system.assert_each_once(load.answered)


def test_a_resend_of_everything_stores_nothing_twice(make_system: Callable[..., System]) -> None:
    """A shipper that has lost its cursor sends all it finds again, and the store has every record once."""
    system = make_system()
    with _load_on(system) as load:
        load.until_answered(SOME)
    system.settle()
    before = system.found()
    system.sidecar.stop()
    _forget_what_was_sent(system.folder / "sidecar")
    system.sidecar.start()
    wait_until(lambda: system.indexer_account().duplicates >= len(load.answered), "the resend has arrived")
    assert system.found() == before
    system.assert_each_once(load.answered)


def _forget_what_was_sent(folder: Path) -> None:
    cursors = list(folder.rglob("cursors/*"))
    assert cursors
    for cursor in cursors:
        cursor.unlink()


@without_store
def test_a_full_spool_drops_and_counts_and_never_stops_scoring(make_system: Callable[..., System]) -> None:
    """With its quota used up the sidecar answers on; what it could not keep is in the account, the rest arrives."""
    system = make_system("--spool-bytes", "200KB", "--segment-bytes", "64KiB", indexer=False)
    with Load(system.sidecar.address) as load:
        wait_until(lambda: system.account()["dropped"]["quota"] > 50, "the spool is full and drops")
        load.until_answered(SOME)
    assert load.failed == []
    system.indexer.start()
    account = system.settle()
    assert account["dropped"]["quota"] > 50
    found = system.found()
    assert max(found.values()) == 1
    assert 0 < len(found) < len(load.answered)


@without_store
def test_a_required_record_that_does_not_fit_refuses_the_call(make_system: Callable[..., System]) -> None:
    """In required mode a full spool refuses calls instead of answering without a record."""
    system = make_system(
        "--mode",
        "required",
        "--spool-bytes",
        "400KB",
        "--segment-bytes",
        "64KiB",
        "--capture-limit",
        "64KiB",
        indexer=False,
    )
    with Load(system.sidecar.address) as load:
        wait_until(lambda: grpc.StatusCode.RESOURCE_EXHAUSTED in load.codes, "a call is refused")
    assert load.codes == {grpc.StatusCode.RESOURCE_EXHAUSTED}
    system.indexer.start()
    account = system.settle()
    system.assert_each_once(load.answered)
    assert account["dropped"]["disk"] == 0


def test_a_scorers_nonsense_for_one_document_harms_no_other(make_system: Callable[..., System]) -> None:
    """A calculation that does not fit together is found with a flag, beside the thousand that do."""
    system = make_system()
    names = [f"d-{number}" for number in range(1000)]
    with grpc.insecure_channel(system.sidecar.address) as channel:
        stub = scorer_pb2_grpc.ScorerStub(channel)
        for start in range(0, 1000, 50):
            batch = names[start : start + 50]
            texts = ["unstorable" if name == "d-500" else "good" for name in batch]
            documents = [pb.Document(id=name, text=text) for name, text in zip(batch, texts, strict=True)]
            stub.Score(pb.ScoreRequest(documents=documents), timeout=20)
    system.settle()
    system.assert_each_once(names)
    assert [record["document"]["id"] for record in system.search("flags:*")] == ["d-500"]


def test_one_bad_record_among_a_thousand_is_listed_and_the_others_arrive(make_system: Callable[..., System]) -> None:
    """A span that can never be a record is put aside as a dead letter that names it; the rest is stored."""
    system = make_system()
    names = [f"d-{number}" for number in range(1000)]
    spans = [_span(name, number) for number, name in enumerate(names)]
    rejected = system.export(spans)
    assert rejected == 1, system.dead_letters()[:2]
    found = system.found()
    assert [name for name in names if not found[name]] == ["d-500"]
    [letter] = system.dead_letters()
    assert letter.document_id == "d-500"
    assert conventions.TAG_PROBABILITIES in letter.reason


def _span(name: str, number: int) -> Span:
    """Return a span as anybody's exporter could send it; one has words where probabilities belong."""
    values: dict[str, str | Sequence[str | float | bool]] = {
        conventions.RECORD: conventions.RECORD_DOCUMENT,
        conventions.DOCUMENT_ID: name,
        conventions.DOCUMENT_TEXT: "good",
        conventions.MODEL_ID: "words",
        conventions.MODEL_VERSION: "1",
        conventions.TAG_IDS: ["praise"],
        conventions.TAG_SELECTED: [True],
        conventions.TAG_PROBABILITIES: ["likely" if name == "d-500" else 0.7],
    }
    return Span(
        trace_id=bytes(16 - 4) + (number + 1).to_bytes(4, "big"),
        span_id=(number + 1).to_bytes(8, "big"),
        start_time_unix_nano=time.time_ns(),
        end_time_unix_nano=time.time_ns(),
        attributes=[KeyValue(key=key, value=_value(value)) for key, value in values.items()],
    )


def _value(value: str | float | bool | Sequence[str | float | bool]) -> AnyValue:
    if isinstance(value, str):
        return AnyValue(string_value=value)
    if isinstance(value, bool):
        return AnyValue(bool_value=value)
    if isinstance(value, float):
        return AnyValue(double_value=value)
    return AnyValue(array_value=ArrayValue(values=[_value(each) for each in value]))
