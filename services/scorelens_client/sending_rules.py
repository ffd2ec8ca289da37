"""What a scorer's refusal asks of whoever sent a batch: decisions without input or output, the same for all senders.

| the scorer says | what is done |
|---|---|
| UNAVAILABLE, DEADLINE_EXCEEDED, ABORTED | sent again after a pause |
| RESOURCE_EXHAUSTED that says when to come again, or that something is full or busy | the same |
| RESOURCE_EXHAUSTED, INVALID_ARGUMENT, INTERNAL, UNKNOWN | the batch is halved; what fails alone is rejected |
| NOT_FOUND and anything else | ends the run: no other batch would fare better |

RESOURCE_EXHAUSTED means a message that is too large as well as a server without room; where its words tell neither, the
batch is halved first, and the verdict says that it is in doubt.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Final

import grpc
from google.protobuf.message import DecodeError
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status

AGAIN: Final = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.ABORTED})
SMALLER: Final = frozenset(
    {
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.UNKNOWN,
    }
)
FIRST_PAUSE: Final = 0.1
LONGEST_PAUSE: Final = 5.0
LONGEST_TOLD_PAUSE: Final = 60.0
DETAILS_KEY: Final = "grpc-status-details-bin"
PUSHBACK_KEY: Final = "grpc-retry-pushback-ms"
TOO_LARGE: Final = re.compile(r"larger than|more than|too large|too many documents|exceeds|\bmax", re.IGNORECASE)
BUSY: Final = re.compile(r"\b(full|busy|queue|quota|overload|rate limit|try again|too many requests)", re.IGNORECASE)


class Remedy(Enum):
    """What may help after a refusal."""

    AGAIN = auto()
    SMALLER = auto()
    NONE = auto()


@dataclass(frozen=True)
class Verdict:
    """What may help, and how many seconds the server asks to wait before; None where it does not say.

    `is_busy` and `is_too_large` say what RESOURCE_EXHAUSTED meant; neither holds where that cannot be told.
    """

    remedy: Remedy
    told_pause: float | None = None
    is_busy: bool = False
    is_too_large: bool = False
    is_exhausted: bool = False

    @property
    def in_doubt(self) -> bool:
        """Tell whether the server had no room, or the message too much: it does not say."""
        return self.is_exhausted and not (self.is_busy or self.is_too_large)


def judge(error: grpc.RpcError) -> Verdict:
    """Tell what may help after a failed call."""
    told = told_pause(error)
    code = error.code()
    if code is grpc.StatusCode.RESOURCE_EXHAUSTED:
        return _judge_exhausted(error.details() or "", told)
    if code in AGAIN:
        return Verdict(Remedy.AGAIN, told)
    return Verdict(Remedy.SMALLER if code in SMALLER else Remedy.NONE)


def _judge_exhausted(details: str, told: float | None) -> Verdict:
    is_large = told is None and bool(TOO_LARGE.search(details))
    is_busy = told is not None or (not is_large and bool(BUSY.search(details)))
    return Verdict(Remedy.AGAIN if is_busy else Remedy.SMALLER, told, is_busy, is_large, is_exhausted=True)


def told_pause(error: grpc.RpcError) -> float | None:
    """Return the seconds of the pushback or the RetryInfo that came with a failed call; None without one."""
    trailers: Any = error.trailing_metadata() or ()
    for key, value in trailers:
        if key == PUSHBACK_KEY and str(value).isdigit():
            return min(int(value) / 1000, LONGEST_TOLD_PAUSE)
        if key == DETAILS_KEY and isinstance(value, bytes):
            return _retry_delay(value)
    return None


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
