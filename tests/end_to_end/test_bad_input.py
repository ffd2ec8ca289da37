"""Whatever comes in from callers and scorers: a defined answer, nothing leaks, and what was answered is found."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from scorelens.v1 import scorer_pb2 as pb
from scorelens.v1 import scorer_pb2_grpc
from tests.end_to_end.odd_scorer import SECRET, SHAPES
from tests.end_to_end.processes import Component
from tests.end_to_end.system import System

FULL = (("scorelens-view", "full"),)
PASSED = {"usual", "last", "twice", "long tag", "nothing"}
"""Shapes of an answer that a caller gets without calculations; the others are withheld."""
WITH_SCORES = PASSED - {"nothing"}

HOSTILE_IDS = [
    "",
    " ",
    "quo\"te's",
    "a:b AND c",
    "w*ld?",
    "new\nline",
    "nul\0byte",
    "../..",
    "\u202ertl שלום",
    "😀",
    "i" * 100_000,
    "é" * 40_000,
]
BROKEN_TIMES = [(2**63 - 1, 0), (-(2**63), 0), (9_223_372_036_854, 0), (0, -1), (0, 2**31 - 1), (253_402_300_800, 0)]


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """One system, with a scorer that can misbehave, for the tests of this file."""
    with odd_system(tmp_path_factory.mktemp("odd")) as running:
        yield running.start()


def odd_system(folder: Path, *settings: str) -> System:
    """Return a system with a scorer that can misbehave."""
    made = System(folder, settings=settings)
    made.scorer = Component(folder, "tests.end_to_end.odd_scorer")
    return made


class Caller:
    """One connection that keeps bytes as they came."""

    def __init__(self, channel: grpc.Channel) -> None:
        self.score = scorer_pb2_grpc.ScorerStub(channel).Score
        self._raw: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary("/scorelens.v1.Scorer/Score")

    def ask(self, name: str, how: str, metadata: tuple[tuple[str, str], ...] = ()) -> bytes | grpc.StatusCode:
        """Score one document whose text says how to answer; return the bytes or the status."""
        request = pb.ScoreRequest(documents=[pb.Document(id=name, kind="shape", text=how)]).SerializeToString()
        try:
            return self._raw(request, timeout=30, metadata=metadata, wait_for_ready=True)
        except grpc.RpcError as error:
            return error.code()


@pytest.fixture
def caller(system: System) -> Iterator[Caller]:
    """A caller of the sidecar on a connection of its own."""
    with grpc.insecure_channel(system.sidecar.address, LARGE) as channel:
        yield Caller(channel)


LARGE = [("grpc.max_receive_message_length", -1), ("grpc.use_local_subchannel_pool", 1)]


def test_calculations_never_reach_who_did_not_ask(system: System, caller: Caller) -> None:
    """However a scorer shapes its answer, calculations do not go on, the call is recorded, and the next one works."""
    for name in [packed + shape for shape in SHAPES for packed in ("", "gzip ")]:
        answer = caller.ask(name, name)
        assert isinstance(answer, bytes) == (name.removeprefix("gzip ") in PASSED), name
        if isinstance(answer, bytes):
            assert SECRET not in answer, name
            assert not pb.ScoreResponse.FromString(answer).HasField("calculations"), name
        assert isinstance(caller.ask(f"after {name}", "usual"), bytes), name
    system.settle()
    recorded = {record["document"]["id"]: record for record in system.search("kind:shape")}
    for shape in WITH_SCORES:
        for name in (shape, f"gzip {shape}", f"after {shape}"):
            assert recorded[name]["calculation"], name
    assert max(system.found().values()) == 1


def test_calculations_reach_nobody_where_callers_may_not_ask(tmp_path: Path) -> None:
    """With --clients-may-ask no even a caller that asks gets none, and they are recorded all the same."""
    with odd_system(tmp_path, "--clients-may-ask", "no").start() as closed:
        with grpc.insecure_channel(closed.sidecar.address, LARGE) as channel:
            caller = Caller(channel)
            for shape in SHAPES:
                answer = caller.ask(shape, shape, metadata=FULL)
                assert not isinstance(answer, bytes) or SECRET not in answer
                assert isinstance(caller.ask(f"after {shape}", "usual", metadata=FULL), bytes)
        closed.settle()
        for record in closed.search("id:after*"):
            assert record["calculation"]


def test_what_a_scorer_refuses_is_refused_in_its_words(system: System, caller: Caller) -> None:
    """A status without an answer goes through, and the call is found with it."""
    assert caller.ask("refused", "refuses") is grpc.StatusCode.FAILED_PRECONDITION
    system.settle()
    assert [r["rpc"]["status"] for r in system.search("record:call AND status:FAILED_PRECONDITION")]


def test_a_scorer_that_dies_midway_is_told_as_unavailable(tmp_path: Path) -> None:
    """The caller can try again, the call is recorded as lost, and a scorer that is back is used."""
    with odd_system(tmp_path).start() as mortal:
        with grpc.insecure_channel(mortal.sidecar.address, LARGE) as channel:
            caller = Caller(channel)
            assert isinstance(caller.ask("before", "usual"), bytes)
            assert caller.ask("last", "dies") is grpc.StatusCode.UNAVAILABLE
            mortal.scorer.kill()
            mortal.scorer.start()
            assert isinstance(caller.ask("after", "usual"), bytes)
        mortal.settle()
        mortal.assert_each_once(["before", "after"])
        [lost] = mortal.search("record:call")
        assert lost["call"]["end"] in ("connection_lost", "reset_by_server")


def test_no_document_is_lost_for_what_it_holds(system: System, caller: Caller) -> None:
    """Ids, times, numbers, attributes and words of any sort come through whole, each once."""
    attributes = {
        "a.b": "1",
        "": "2",
        "n\0l": "3",
        "k" * 50_000: "4",
        "a": "5",
        "v": "v" * 50_000,
        "..": "6",
        "_id": "7",
    }
    documents = [pb.Document(id=name, kind=name, author=name, customer_id=name, text="good") for name in HOSTILE_IDS]
    documents += [
        pb.Document(id=f"t{number}", text="good", published_time=Timestamp(seconds=seconds, nanos=nanos))
        for number, (seconds, nanos) in enumerate(BROKEN_TIMES)
    ]
    documents += [
        pb.Document(id=f"n{number}", text="good", audience=audience)
        for number, audience in enumerate((-1, -(2**63), 2**63 - 1))
    ]
    documents += [
        pb.Document(id="attributes", text="good", attributes=attributes),
        pb.Document(id="many attributes", text="good", attributes={f"key {n}": "x" for n in range(10_000)}),
        pb.Document(id="events", events=[pb.ActivityEvent(type="salary", amount=1e308, balance=-1e308)] * 10_000),
        pb.Document(id="words", text="nul \0 escape \x1b[31m marks \ufeff\uffff\U0010ffff"),
        pb.Document(id="same", text="one"),
        pb.Document(id="same", text="two"),
    ]
    caller.score(pb.ScoreRequest(documents=documents), timeout=60)
    system.settle()
    assert [letter.reason for letter in system.dead_letters()] == []
    found = system.found()
    assert {document.id: found[document.id] for document in documents} == {
        document.id: 1 + (document.id == "same") for document in documents
    }
    [whole] = system.search('id:"attributes"')
    assert whole["document"]["attributes"] == attributes


def test_documents_beyond_the_capture_limit_are_all_found(tmp_path: Path) -> None:
    """Of messages larger than what is captured the documents are found, with a flag and what was kept of them."""
    with odd_system(tmp_path, "--capture-limit", "64KiB").start() as small:
        with grpc.insecure_channel(small.sidecar.address, LARGE) as channel:
            score = Caller(channel).score
            score(pb.ScoreRequest(documents=[pb.Document(id="long", text="good good " + "word " * 40_000)]), timeout=30)
            many = [pb.Document(id=f"many-{number}", text="good and bad") for number in range(200)]
            score(pb.ScoreRequest(documents=many), timeout=30)
        small.settle()
        small.assert_each_once(["long", *(document.id for document in many)])
        [long] = small.search("id:long")
        assert long["flags"] == ["text_truncated"]
        assert long["score"]["praise"] > 0.5
        assert 50_000 < len(long["document"]["text"]) < 70_000
        cut = small.search("id:many*")
        assert {flag for record in cut for flag in record["flags"]} == {"answer_truncated"}
        assert {record["document"]["text"] for record in cut} == {"good and bad"}
        with_scores = [record for record in cut if record.get("calculation")]
        assert 0 < len(with_scores) < 200
        assert all(set(record["score"]) == {"praise", "complaint"} for record in with_scores)
