"""Times as spans, attributes and log lines write them."""

from __future__ import annotations

from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp


def rfc3339(time: Timestamp) -> str:
    """Write a protobuf time in UTC; raises ValueError outside the years 1 to 9999."""
    return time.ToJsonString()


def rfc3339_of_ns(unix_ns: int) -> str:
    """Write nanoseconds of Unix time in UTC with microseconds."""
    seconds, rest = divmod(unix_ns, 1_000_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest // 1000:06d}Z"
