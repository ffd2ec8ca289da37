"""The table of receivers' answers, row by row."""

from __future__ import annotations

import grpc
import pytest

from scorelens_runtime.errors import SettingError
from scorelens_sidecar.shipper.backoff import LONGEST, Backoff
from scorelens_sidecar.shipper.receiver import read_headers
from scorelens_sidecar.shipper.verdict import CERTAINLY_TAKEN, Failure, Refuse, Split, Wait, judge, read_told_wait

Code = grpc.StatusCode
LARGE = CERTAINLY_TAKEN + 1


@pytest.mark.parametrize("code", list(Code))
def test_every_status_has_a_verdict(code: grpc.StatusCode) -> None:
    """No status lets the shipper move on without the receiver having taken the spans."""
    verdict = judge(Failure(code), LARGE)
    later = {Code.UNAVAILABLE, Code.DEADLINE_EXCEEDED, Code.ABORTED, Code.CANCELLED}
    alarm = {Code.UNAUTHENTICATED, Code.PERMISSION_DENIED, Code.UNIMPLEMENTED}
    if code in later | alarm:
        assert isinstance(verdict, Wait)
        assert verdict.alarm == (code in alarm)
    elif code is Code.RESOURCE_EXHAUSTED:
        assert isinstance(verdict, Split)
    else:
        assert isinstance(verdict, Refuse)
        assert verdict.doubtful == (code in {Code.INTERNAL, Code.UNKNOWN})


def test_exhausted_means_size_or_load() -> None:
    """Without RetryInfo a large export is split; one that any receiver takes waits, unless the text speaks of size."""
    assert judge(Failure(Code.RESOURCE_EXHAUSTED, told_wait=2.5), LARGE) == Wait("RESOURCE_EXHAUSTED", 2.5)
    assert isinstance(judge(Failure(Code.RESOURCE_EXHAUSTED, "queue is full"), 100), Wait)
    assert isinstance(judge(Failure(Code.RESOURCE_EXHAUSTED, "message larger than max (9 vs. 8)"), 100), Split)


@pytest.mark.parametrize(
    ("text", "alarm", "names"),
    [
        ("failed to connect to all addresses; Connection refused", True, "refused"),
        ("Ssl handshake failed: CERTIFICATE_VERIFY_FAILED", True, "--otlp-ca"),
        ("the store is away", False, "store"),
    ],
)
def test_connection_and_certificate_errors_raise_an_alarm(text: str, alarm: bool, names: str) -> None:
    """What a person has to mend is told apart from what passes."""
    verdict = judge(Failure(Code.UNAVAILABLE, text), 100)
    assert isinstance(verdict, Wait)
    assert verdict.alarm is alarm
    assert names in verdict.reason


@pytest.mark.parametrize("details", [b"", b"\xff\xff\xff", b"\x08\x0e"])
def test_details_without_retry_info_tell_nothing(details: bytes) -> None:
    """Broken or foreign details are no wait at all."""
    assert read_told_wait(details) is None


def test_backoff_grows_to_a_bound_and_starts_anew() -> None:
    """Pauses double with jitter, never exceed the longest, and are short again after a success."""
    backoff = Backoff()
    pauses = [backoff.next() for _ in range(50)]
    assert pauses[0] < 0.25 < 1 < max(pauses) <= LONGEST
    backoff.reset()
    assert backoff.next() < 0.25


@pytest.mark.parametrize("line", ["no colon", "naïve: x", "grpc-timeout: 1", "x-bin: 1", "a b: c", "key: wört"])
def test_wrong_headers_are_named_by_line_and_never_shown(tmp_path: object, line: str) -> None:
    """A wrong line of the headers file is told by its number, because it may be a secret."""
    path = tmp_path / "headers"  # type: ignore[operator]
    path.write_text(f"ok: 1\n{line}\n")
    with pytest.raises(SettingError, match="--otlp-headers-file: line 2 of ") as caught:
        read_headers(path)
    assert line not in str(caught.value)
