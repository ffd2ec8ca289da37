"""What becomes of spooled records, for each answer that a receiver may give."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from scorelens_runtime.errors import ScorelensError
from scorelens_sidecar.captured import CapturedCall
from scorelens_sidecar.dead_letters import read_dead_letters
from scorelens_sidecar.shipper import follower, otlp
from scorelens_sidecar.spans import decode
from scorelens_sidecar.spool.account import DestinationAccount, read_account
from scorelens_sidecar.spool.folders import relay_folder
from tests.scorelens_sidecar.shipper.conftest import Receiver, Running, record_ids, refuse, spool, until
from tests.scorelens_sidecar.spans.calls import media_document, scored_call

Ship = Callable[..., Running]
Code = grpc.StatusCode


def ids_of(calls: list[CapturedCall]) -> set[str]:
    """Return the ids that the records of calls must have."""
    return {scored.identity.record_id for call in calls for scored in decode(call, 2**24).documents}


def account(folder: Path, destination: str = "") -> DestinationAccount:
    """Return the account of one destination, the only one without a name."""
    accounts = read_account(relay_folder(folder))
    return next(each for each in accounts if each.destination == destination or not destination)


def settled(folder: Path, records: int, destination: str = "") -> Callable[[], bool]:
    """Return a condition: so many records are acknowledged and none is spooled."""

    def check() -> bool:
        accounts = [each for each in read_account(relay_folder(folder)) if destination in ("", each.destination)]
        return bool(accounts) and accounts[0].acknowledged == records and accounts[0].spooled == 0

    return check


def test_every_record_arrives_once_and_is_acknowledged(folder: Path, receiver: Receiver, ship: Ship) -> None:
    """What is spooled arrives once, and the account says so."""
    calls = [scored_call(number) for number in range(50)]
    spool(folder, calls)
    ship(receiver)
    until(settled(folder, 50))
    assert receiver.accepted == dict.fromkeys(ids_of(calls), 1)
    assert account(folder).adds_up


def test_all_relays_are_followed(folder: Path, receiver: Receiver, ship: Ship) -> None:
    """Records of every relay folder arrive, also of one that appears later."""
    early, late = [scored_call(1), scored_call(2)], [scored_call(3)]
    spool(folder, early[:1])
    spool(folder, early[1:], relay=1)
    ship(receiver)
    until(lambda: set(receiver.accepted) == ids_of(early))
    spool(folder, late, relay=2)
    until(lambda: set(receiver.accepted) == ids_of(early + late))


@pytest.mark.parametrize(
    "answer",
    [
        refuse(Code.UNAVAILABLE),
        refuse(Code.UNAVAILABLE, retry_after=0.05),
        refuse(Code.DEADLINE_EXCEEDED),
        refuse(Code.ABORTED),
        refuse(Code.RESOURCE_EXHAUSTED, retry_after=0.05),
        refuse(Code.UNAUTHENTICATED),
        refuse(Code.PERMISSION_DENIED),
        refuse(Code.UNIMPLEMENTED),
    ],
    ids=[
        "unavailable",
        "unavailable-told",
        "deadline",
        "aborted",
        "exhausted-told",
        "unauthenticated",
        "denied",
        "no-otlp",
    ],
)
def test_what_may_succeed_later_is_sent_again_whole(
    folder: Path, receiver: Receiver, ship: Ship, answer: object
) -> None:
    """Answers that say nothing against the records let them wait, and the same export goes again."""
    calls = [scored_call(number) for number in range(5)]
    receiver.script.extend([answer, answer])  # type: ignore[list-item]
    spool(folder, calls)
    ship(receiver)
    until(settled(folder, 5))
    assert receiver.accepted == dict.fromkeys(ids_of(calls), 1)
    sent = [sorted(record_ids(request)) for _, request, _ in receiver.exports]
    assert sent == [sent[0]] * 3
    assert not read_dead_letters(folder)


def test_waits_as_long_as_told(folder: Path, receiver: Receiver, ship: Ship) -> None:
    """The receiver's RetryInfo sets the pause before the next try."""
    receiver.script.append(refuse(Code.UNAVAILABLE, retry_after=0.7))
    spool(folder, [scored_call()])
    ship(receiver)
    until(settled(folder, 1))
    first, second = (time for time, _, _ in receiver.exports)
    assert second - first >= 0.7


def test_rejected_spans_are_counted_and_never_resent(folder: Path, receiver: Receiver, ship: Ship) -> None:
    """A partial success moves on and is counted as rejected."""

    def partly(
        receiver: Receiver, request: ExportTraceServiceRequest, context: grpc.ServicerContext
    ) -> ExportTraceServiceResponse:
        answer = ExportTraceServiceResponse()
        answer.partial_success.rejected_spans = 2
        answer.partial_success.error_message = "too odd"
        return answer

    receiver.script.append(partly)
    spool(folder, [scored_call(number) for number in range(5)])
    ship(receiver)
    until(settled(folder, 5))
    assert account(folder).rejected == 2
    assert len(receiver.exports) == 1


def test_large_exports_are_split(folder: Path, ship: Ship) -> None:
    """A receiver that takes only small messages gets everything in small ones."""
    small = Receiver()
    small.start(options=[("grpc.max_receive_message_length", 100_000)])
    try:
        documents = [[media_document(number) for number in range(40)] for _ in range(4)]
        calls = [scored_call(number, *batch) for number, batch in enumerate(documents)]
        spool(folder, calls)
        ship(small)
        until(settled(folder, 4))
        assert small.accepted == dict.fromkeys(ids_of(calls), 1)
        assert all(request.ByteSize() <= 100_000 for _, request, _ in small.exports)
        assert not read_dead_letters(folder)
    finally:
        small.stop()


def test_one_document_that_no_export_can_hold_is_a_dead_letter(folder: Path, ship: Ship) -> None:
    """A single span above the receiver's limit is put aside; its neighbours arrive."""
    small = Receiver()
    small.start(options=[("grpc.max_receive_message_length", 100_000)])
    try:
        huge = media_document(1)
        huge.id, huge.text = "huge", "x" * 200_000
        calls = [scored_call(0), scored_call(1, huge), scored_call(2)]
        spool(folder, calls)
        ship(small)
        until(settled(folder, 3))
        assert set(small.accepted) == ids_of([calls[0], calls[2]])
        (letter,) = read_dead_letters(folder)
        assert (letter.document_id, letter.record_id) == ("huge", *ids_of([calls[1]]))
        assert account(folder).dead_letters == 1
    finally:
        small.stop()


@pytest.mark.parametrize("code", [Code.INVALID_ARGUMENT, Code.INTERNAL], ids=str)
def test_one_bad_record_among_a_thousand(folder: Path, receiver: Receiver, ship: Ship, code: grpc.StatusCode) -> None:
    """The record that a receiver never takes is found and listed; all others arrive."""
    calls = [scored_call(number) for number in range(1000)]
    bad = next(iter(ids_of([calls[617]])))

    def picky(
        receiver: Receiver, request: ExportTraceServiceRequest, context: grpc.ServicerContext
    ) -> ExportTraceServiceResponse:
        if bad in record_ids(request):
            return refuse(code, "document 617 is odd")(receiver, request, context)
        receiver.accept(request)
        return ExportTraceServiceResponse()

    receiver.always = picky
    spool(folder, calls)
    ship(receiver)
    until(settled(folder, 1000))
    assert receiver.accepted == dict.fromkeys(ids_of(calls) - {bad}, 1)
    (letter,) = read_dead_letters(folder)
    assert (letter.record_id, letter.document_id) == (bad, "d-617")
    assert "document 617 is odd" in letter.reason
    assert account(folder).dead_letters == 1
    assert account(folder).adds_up


def test_a_record_that_cannot_become_a_span_is_a_dead_letter(folder: Path, receiver: Receiver, ship: Ship) -> None:
    """A record without a valid trace id is listed with the reason and holds up nobody."""
    calls = [scored_call(0), scored_call(1, trace_id=bytes(16)), scored_call(2)]
    spool(folder, calls)
    ship(receiver)
    until(settled(folder, 3))
    assert set(receiver.accepted) == ids_of([calls[0], calls[2]])
    (letter,) = read_dead_letters(folder)
    assert "trace id" in letter.reason


def test_a_receiver_that_is_away_gets_everything_when_it_is_back(folder: Path, receiver: Receiver, ship: Ship) -> None:
    """Records wait while nobody listens and arrive once somebody does; the state says why meanwhile."""
    receiver.stop()
    calls = [scored_call(number) for number in range(20)]
    spool(folder, calls)
    ship(receiver)

    def alarmed() -> bool:
        file = folder / "shipper.json"
        return file.exists() and json.loads(file.read_text())["destinations"][0]["state"] == "alarm"

    until(alarmed)
    assert account(folder).spooled == 20
    receiver.start()
    until(settled(folder, 20))
    assert set(receiver.accepted) == ids_of(calls)


def test_a_destination_that_is_down_holds_up_no_other(
    folder: Path, receiver: Receiver, other_receiver: Receiver, ship: Ship
) -> None:
    """Each destination has its own cursor."""
    other_receiver.stop()
    calls = [scored_call(number) for number in range(20)]
    spool(folder, calls)
    ship(receiver, other_receiver)
    until(settled(folder, 20, f"http://127.0.0.1:{receiver.port}"))
    assert account(folder, f"http://127.0.0.1:{other_receiver.port}").spooled == 20
    assert set(receiver.accepted) == ids_of(calls)
    other_receiver.start()
    until(settled(folder, 20, f"http://127.0.0.1:{other_receiver.port}"))
    assert set(other_receiver.accepted) == ids_of(calls)


def test_headers_are_sent_and_read_again_after_a_refusal(
    folder: Path, receiver: Receiver, ship: Ship, tmp_path: Path
) -> None:
    """A new credential in the headers file is used without a restart."""
    headers = tmp_path / "headers"
    headers.write_text("# for the receiver\nAuthorization: Bearer old\n")

    def guard(
        receiver: Receiver, request: ExportTraceServiceRequest, context: grpc.ServicerContext
    ) -> ExportTraceServiceResponse:
        if ("authorization", "Bearer new") in context.invocation_metadata():
            receiver.accept(request)
            return ExportTraceServiceResponse()
        headers.write_text("authorization: Bearer new\n")
        return refuse(Code.UNAUTHENTICATED)(receiver, request, context)

    receiver.always = guard
    spool(folder, [scored_call()])
    ship(receiver, otlp_headers_file=headers)
    until(settled(folder, 1))
    assert [metadata["authorization"] for _, _, metadata in receiver.exports] == ["Bearer old", "Bearer new"]


def test_stops_while_the_receiver_does_not_answer(folder: Path, receiver: Receiver, ship: Ship) -> None:
    """Told to stop, the shipper gives an export its time, ends, and leaves the records in the spool."""

    def hang(
        receiver: Receiver, request: ExportTraceServiceRequest, context: grpc.ServicerContext
    ) -> ExportTraceServiceResponse:
        until(lambda: not context.is_active())
        return ExportTraceServiceResponse()

    receiver.always = hang
    spool(folder, [scored_call()])
    running = ship(receiver, drain=0.2)
    until(lambda: bool(receiver.exports))
    running.stop()
    assert account(folder).spooled == 1


def test_a_call_larger_than_a_batch_is_acknowledged_when_all_of_it_arrived(
    folder: Path, receiver: Receiver, ship: Ship
) -> None:
    """A call with many documents goes in several exports, none above the limit, and counts once all are there."""
    call = scored_call(1, *(media_document(number) for number in range(300)))
    seen: list[int] = []

    def look(
        receiver: Receiver, request: ExportTraceServiceRequest, context: grpc.ServicerContext
    ) -> ExportTraceServiceResponse:
        seen.append(account(folder).acknowledged)
        receiver.accept(request)
        return ExportTraceServiceResponse()

    receiver.always = look
    spool(folder, [call])
    ship(receiver, batch_bytes=2**16)
    until(settled(folder, 1))
    assert len(seen) > 3
    assert set(seen) == {0}
    assert receiver.accepted == dict.fromkeys(ids_of([call]), 1)
    assert all(request.ByteSize() <= 2**16 + 512 for _, request, _ in receiver.exports)


def test_records_that_waited_too_long_are_given_up(
    folder: Path, receiver: Receiver, ship: Ship, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a receiver is away, the spool's age limit still holds, and the account says what expired."""
    monkeypatch.setattr(otlp, "PATIENCE", 0.1)
    monkeypatch.setattr(follower, "EXPIRE_EVERY", 0.0)
    receiver.stop()
    spool(folder, [scored_call(number) for number in range(3)])
    running = ship(receiver)
    until(lambda: (folder / "shipper.json").exists())
    running.stop()
    ship(receiver, spool_age=1.0)
    until(lambda: account(folder).dropped["expired"] == 3)
    assert account(folder).adds_up


def test_stale_records_do_not_stop_an_export_that_waits(
    folder: Path, receiver: Receiver, ship: Ship, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A shipper that looks up from waiting begins again where the cursor is and delivers everything once."""
    monkeypatch.setattr(otlp, "PATIENCE", 0.0)
    receiver.script.extend([refuse(Code.UNAVAILABLE)] * 3)
    calls = [scored_call(number) for number in range(5)]
    spool(folder, calls)
    ship(receiver, batch_calls=2)
    until(settled(folder, 5))
    assert receiver.accepted == dict.fromkeys(ids_of(calls), 1)


def test_a_calculation_log_that_cannot_be_opened_stops_the_start(folder: Path, receiver: Receiver, ship: Ship) -> None:
    """A log that cannot be written is an error that names the folder; nothing is lost by it."""
    spool(folder, [scored_call(number) for number in range(5)])
    log = folder / "calculations.jsonl"
    log.mkdir()
    with pytest.raises(ScorelensError, match="calculation log"):
        ship(receiver, log_bytes=10**6)
    log.rmdir()
    running = ship(receiver, log_bytes=10**6)
    until(settled(folder, 5, "calculation-log"))
    running.stop()
    assert len(log.read_bytes().splitlines()) == 5
