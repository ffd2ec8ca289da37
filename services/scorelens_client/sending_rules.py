"""What a scorer's refusal asks of whoever sent a batch: decisions without input or output, the same for all senders.

| the scorer says | what is done |
|---|---|
| UNAVAILABLE, DEADLINE_EXCEEDED, ABORTED; RESOURCE_EXHAUSTED that says when to come again | sent again after a pause |
| RESOURCE_EXHAUSTED, INVALID_ARGUMENT, INTERNAL | the batch is halved; a document that fails alone is rejected |
| NOT_FOUND and anything else | ends the run: no other batch would fare better |
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

import grpc
from google.protobuf.message import DecodeError
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status

AGAIN: Final = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.ABORTED})
SMALLER: Final = frozenset(
    {grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.INTERNAL}
)
FIRST_PAUSE: Final = 0.1
LONGEST_PAUSE: Final = 5.0
LONGEST_TOLD_PAUSE: Final = 60.0
DETAILS_KEY: Final = "grpc-status-details-bin"


class Remedy(Enum):
    """What may help after a refusal."""

    AGAIN = auto()
    SMALLER = auto()
    NONE = auto()


@dataclass(frozen=True)
class Verdict:
    """What may help, and how many seconds the server asks to wait before; None where it does not say."""

    remedy: Remedy
    told_pause: float | None = None


def judge(error: grpc.RpcError) -> Verdict:
    """Tell what may help after a failed call."""
    told = told_pause(error)
    code = error.code()
    if code in AGAIN or (told is not None and code is grpc.StatusCode.RESOURCE_EXHAUSTED):
        return Verdict(Remedy.AGAIN, told)
    return Verdict(Remedy.SMALLER if code in SMALLER else Remedy.NONE)


def told_pause(error: grpc.RpcError) -> float | None:
    """Return the seconds of the RetryInfo that came with a failed call; None without one."""
    details = dict(error.trailing_metadata() or ()).get(DETAILS_KEY)
    return _retry_delay(details) if isinstance(details, bytes) else None


def pause_before(attempt: int, told: float | None = None) -> float:
    """Return the seconds to wait before the given attempt (1 is the first repetition): growing, with jitter."""
    if told is not None:
        return told
    longest: float = min(FIRST_PAUSE * 2 ** min(attempt - 1, 10), LONGEST_PAUSE)
    return longest * random.uniform(0.5, 1.0)  # noqa: S311


def _retry_delay(details: bytes) -> float | None:
    try:
        for detail in Status.FromString(details).details:
            info = RetryInfo()
            if detail.Unpack(info):
                seconds: float = info.retry_delay.seconds + info.retry_delay.nanos / 1e9
                return min(max(seconds, 0.0), LONGEST_TOLD_PAUSE)
    except DecodeError:
        pass
    return None
