"""What the relay's own code costs a call: no sockets, no peers, the same bytes each time.

    python -m bench.relay_core [--calls N] [--rounds N] [--traced] [--profile]

Feeds a connection what grpc-go sends: requests of 500 bytes, answers of 6 KB whose calculations are in field 1, window
updates and pings now and then. A read holds one call or eight. Prints microseconds of CPU a call, the least of the
rounds, with a recorder that keeps nothing and with a real spool; then how many Python functions a call takes. With
`--profile`, also where the time goes.
"""

from __future__ import annotations

import argparse
import cProfile
import gc
import pstats
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import hpack

from scorelens_sidecar.captured import CapturedCall
from scorelens_sidecar.recorder import DropReason, Recorder
from scorelens_sidecar.relay import frames as h2
from scorelens_sidecar.relay.__main__ import GARBAGE_THRESHOLD
from scorelens_sidecar.relay.capture import Capture
from scorelens_sidecar.relay.connection import Connection
from scorelens_sidecar.settings import SidecarSettings
from scorelens_sidecar.spool.writer import SpoolWriter

REQUEST_BYTES, RESULT_BYTES, CALCULATION_BYTES = 500, 1000, 5000
QUIET_CALLS = 16
"""Calls between two window updates of either peer, with a ping: a quarter of a window at this size of answers."""
SHAPES = (1, 8)
"""Calls in a read."""
INDEXED_CALLS = 2
"""Calls after which the peers' header blocks are nothing but indexed fields."""

REQUEST = {
    ":method": "POST",
    ":scheme": "http",
    ":path": "/scorelens.v1.Scorer/Score",
    ":authority": "127.0.0.1:50051",
    "content-type": "application/grpc",
    "user-agent": "grpc-go/1.76.0",
    "te": "trailers",
}
TRACED = ("traceparent", "grpc-timeout")
"""Fields that differ between calls, with `--traced`."""
ANSWER = {":status": "200", "content-type": "application/grpc"}
TRAILERS = {"grpc-status": "0", "grpc-message": ""}


class Nowhere(Recorder):
    """Takes records and keeps nothing."""

    def append(self, calls: Sequence[CapturedCall]) -> bool:
        """Forget records."""
        return True

    def drop(self, reason: DropReason, calls: int = 1) -> None:
        """Forget what was dropped."""
        sys.exit(f"dropped {calls}: {reason}")

    def sample_out(self, calls: int = 1) -> None:
        """Forget what was left out."""

    def reserve(self, size: int) -> bool:
        """Have room."""
        return True

    def release(self, size: int) -> None:
        """Have room."""


class Exchange(NamedTuple):
    """What one read of each side holds."""

    requests: bytes
    answers: bytes


def field(number: int, size: int) -> bytes:
    """Encode a length-delimited field of some size below 16 KB."""
    length = bytes([size]) if size < 128 else bytes([size & 127 | 128, size >> 7])
    return bytes([number << 3 | 2]) + length + bytes(size)


def message(payload: bytes) -> bytes:
    """Put gRPC's prefix before a message."""
    return b"\0" + len(payload).to_bytes(4, "big") + payload


class Peers:
    """What the caller and the upstream of one connection send."""

    def __init__(self, traced: bool) -> None:
        self._client, self._upstream = hpack.Encoder(), hpack.Encoder()
        self._request, self._traced = message(field(1, REQUEST_BYTES)), traced
        self._answer = message(field(1, CALCULATION_BYTES) + field(2, RESULT_BYTES))
        self._calls = 0

    def exchange(self, calls: int) -> Exchange:
        """Build the reads of the next calls."""
        requests, answers = [], []
        for _ in range(calls):
            stream = 2 * self._calls + 1
            requests.append(
                h2.frame(h2.HEADERS, h2.END_HEADERS, stream, self._client.encode(list(self._fields().items())))
            )
            requests.append(h2.frame(h2.DATA, h2.END_STREAM, stream, self._request))
            answers.append(h2.frame(h2.HEADERS, h2.END_HEADERS, stream, self._upstream.encode(list(ANSWER.items()))))
            answers.append(h2.frame(h2.DATA, 0, stream, self._answer))
            trailers = self._upstream.encode(list(TRAILERS.items()))
            answers.append(h2.frame(h2.HEADERS, h2.END_HEADERS | h2.END_STREAM, stream, trailers))
            if self._calls % QUIET_CALLS == 0:
                read = QUIET_CALLS * RESULT_BYTES
                requests += [h2.window_update(0, read), h2.frame(h2.PING, 0, 0, bytes(8))]
                answers += [h2.frame(h2.PING, h2.ACK, 0, bytes(8)), h2.window_update(0, QUIET_CALLS * REQUEST_BYTES)]
            self._calls += 1
        return Exchange(b"".join(requests), b"".join(answers))

    def _fields(self) -> dict[str, str]:
        if not self._traced:
            return REQUEST
        trace = f"00-{self._calls + 1:032x}-{self._calls + 1:016x}-01"
        return REQUEST | dict(zip(TRACED, (trace, f"{9_000_000 - self._calls}u"), strict=True))


def feed(connection: Connection, exchanges: Sequence[Exchange]) -> None:
    """Pass exchanges through a connection, and take what it has for its peers as the sockets' side does."""
    to_client, to_upstream = connection.to_client, connection.to_upstream
    for requests, answers in exchanges:
        connection.from_client(requests)
        b"".join(to_upstream)
        to_upstream.clear()
        connection.from_upstream(answers)
        b"".join(to_client)
        to_client.clear()
        if to_upstream:
            b"".join(to_upstream)
            to_upstream.clear()


class Bench:
    """One shape of load, with one recorder."""

    def __init__(self, recorder: Recorder, calls: int, in_a_read: int, traced: bool) -> None:
        self._capture = Capture(SidecarSettings(), recorder)
        peers = Peers(traced)
        self._first = peers.exchange(INDEXED_CALLS)
        self._exchanges = [peers.exchange(in_a_read) for _ in range(calls // in_a_read)]
        self.calls = len(self._exchanges) * in_a_read

    def connection(self) -> Connection:
        """Begin a connection whose peers know each other's header fields."""
        connection = Connection(self._capture)
        connection.from_client(h2.PREFACE + h2.frame(h2.SETTINGS, 0, 0))
        connection.from_upstream(h2.frame(h2.SETTINGS, 0, 0))
        feed(connection, [self._first])
        return connection

    def run(self) -> float:
        """Return microseconds of CPU a call."""
        connection = self.connection()
        before = time.process_time()
        feed(connection, self._exchanges)
        spent = time.process_time() - before
        if connection.closed or connection.calls:
            sys.exit(f"the calls did not end: {connection.failure}")
        return spent / self.calls * 1e6

    def profile(self) -> pstats.Stats:
        """Return what cProfile counts."""
        connection = self.connection()
        profile = cProfile.Profile()
        profile.runcall(feed, connection, self._exchanges)
        return pstats.Stats(profile)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--calls", type=int, default=800, help="in a round; short rounds find quiet moments")
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--traced", action="store_true", help="give every call a traceparent and a deadline of its own")
    parser.add_argument("--profile", action="store_true", help="print where the time goes, with eight calls a read")
    options = parser.parse_args()
    gc.set_threshold(GARBAGE_THRESHOLD)
    with tempfile.TemporaryDirectory() as folder:
        settings = SidecarSettings(fsync="never", segment_bytes=2**40, spool_bytes=2**50)
        spool = SpoolWriter(Path(folder) / "relay-0", settings)
        for in_a_read in SHAPES:
            bare, whole = (Bench(recorder, options.calls, in_a_read, options.traced) for recorder in (Nowhere(), spool))
            least = [min(bench.run() for _ in range(options.rounds)) for bench in (bare, whole)]
            stats = whole.profile()
            print(
                f"{in_a_read} calls a read: {least[0]:.1f} us a call, {least[1]:.1f} with the spool,"
                f" {stats.total_calls / whole.calls:.1f} function calls"  # type: ignore[attr-defined]
            )
        spool.close()
    if options.profile:
        stats.sort_stats("tottime").print_stats(40)


if __name__ == "__main__":
    main()
