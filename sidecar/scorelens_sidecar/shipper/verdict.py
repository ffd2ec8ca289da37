"""What a receiver's answer means for the spans that were sent. Pure; docs/shipper.md has the table."""

from __future__ import annotations

import re
from dataclasses import dataclass

import grpc
from google.protobuf.message import DecodeError
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status

DETAILS_KEY = "grpc-status-details-bin"
LONGEST_TOLD_WAIT = 3600.0
CERTAINLY_TAKEN = 64 * 2**10
"""Bytes that every receiver takes: a smaller export is refused for the receiver's load, not for its size."""

_LATER = frozenset(
    (
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.ABORTED,
        grpc.StatusCode.CANCELLED,
    )
)
_MISCONFIGURED = {
    grpc.StatusCode.UNAUTHENTICATED: "the receiver does not know these credentials; see --otlp-headers-file",
    grpc.StatusCode.PERMISSION_DENIED: "the receiver does not permit these credentials; see --otlp-headers-file",
    grpc.StatusCode.UNIMPLEMENTED: "the receiver does not speak OTLP; see --otlp",
}
_DOUBTFUL = frozenset((grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN))
_TOO_LARGE = re.compile(r"larger than max|exceeds maximum size|too large", re.IGNORECASE)
_CONNECTION = re.compile(
    r"failed to connect|certificate|handshake|resol(?:ve|ution)|name or service|socket closed|"
    r"connection (?:refused|reset)",
    re.IGNORECASE,
)
_CERTIFICATE = re.compile(r"certificate|handshake|ssl|tls", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Failure:
    """How an export failed: gRPC's status, its text, and how many seconds the receiver asks to wait, if it does."""

    code: grpc.StatusCode
    text: str = ""
    told_wait: float | None = None


@dataclass(frozen=True, slots=True)
class Wait:
    """Send the same again later; `alarm` when a person has to do something first."""

    reason: str
    seconds: float | None = None
    alarm: bool = False


@dataclass(frozen=True, slots=True)
class Split:
    """Send in smaller parts; a single span that is refused like this never goes."""

    reason: str


@dataclass(frozen=True, slots=True)
class Refuse:
    """At least one of the spans can never be taken; `doubtful` when it may be the receiver that is at fault."""

    reason: str
    doubtful: bool = False


Verdict = Wait | Split | Refuse


def judge(failure: Failure, size: int) -> Verdict:
    """Tell what to do about a failed export of `size` bytes."""
    code, reason = failure.code, _reason(failure)
    if code in _MISCONFIGURED:
        return Wait(f"{_MISCONFIGURED[code]} ({reason})", failure.told_wait, alarm=True)
    if code is grpc.StatusCode.RESOURCE_EXHAUSTED:
        return _judge_exhausted(failure, reason, size)
    if code in _LATER:
        return _judge_later(failure, reason)
    return Refuse(reason, doubtful=code in _DOUBTFUL)


def read_told_wait(details: bytes) -> float | None:
    """Return the seconds of the RetryInfo in a serialised google.rpc.Status; None without one."""
    try:
        status = Status.FromString(details)
        for detail in status.details:
            info = RetryInfo()
            if detail.Unpack(info):
                seconds: float = info.retry_delay.seconds + info.retry_delay.nanos / 1e9
                return min(max(seconds, 0.0), LONGEST_TOLD_WAIT)
    except DecodeError:
        pass
    return None


def _judge_exhausted(failure: Failure, reason: str, size: int) -> Verdict:
    if failure.told_wait is not None:
        return Wait(reason, failure.told_wait)
    if size > CERTAINLY_TAKEN or _TOO_LARGE.search(failure.text):
        return Split(reason)
    return Wait(reason)


def _judge_later(failure: Failure, reason: str) -> Verdict:
    connection = failure.code is grpc.StatusCode.UNAVAILABLE and _CONNECTION.search(failure.text)
    if connection and _CERTIFICATE.search(failure.text):
        reason = f"the receiver's certificate is not trusted, or it does not speak TLS; see --otlp-ca ({reason})"
    return Wait(reason, failure.told_wait, alarm=bool(connection))


def _reason(failure: Failure) -> str:
    text = " ".join(failure.text.split())[:300]
    return f"{failure.code.name}: {text}" if text else failure.code.name
