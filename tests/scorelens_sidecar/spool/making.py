"""Records, settings and processes for the tests of the spool."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import strategies

from scorelens_sidecar.captured import CapturedCall, End, Part
from scorelens_sidecar.settings import SidecarSettings
from scorelens_sidecar.spool.account import DestinationAccount, read_account
from scorelens_sidecar.spool.reader import SpooledRecord, SpoolReader

ROOT = Path(__file__).parents[3]
DESTINATION = "http://127.0.0.1:4317"


def make_call(number: int = 0, size: int = 100, age: float = 0.0) -> CapturedCall:
    """Make a call that carries its number, and was recorded `age` seconds ago."""
    return CapturedCall(
        part=Part.UNARY,
        path=b"/scorelens.v1.Scorer/Score",
        trace_id=number.to_bytes(16, "big"),
        parent_id=b"",
        span_id=number.to_bytes(8, "big"),
        started_ns=time.time_ns() - int(age * 1e9),
        request=b"r%d" % number,
        answer=bytes(size),
        end=End.ANSWERED,
        status=0,
    )


def number_of(record: SpooledRecord) -> int:
    """Return the number that `make_call` put into a record."""
    return int(record.call.request[1:])


def make_settings(**values: Any) -> SidecarSettings:
    """Make settings that sync nothing, unless told otherwise."""
    return SidecarSettings(**{"fsync": "never", **values})


def read_all(reader: SpoolReader, batch: int = 100) -> list[SpooledRecord]:
    """Read and acknowledge until nothing is left."""
    records = []
    while found := reader.read(batch, 2**20):
        records += found
        reader.acknowledge(found[-1].position)
    return records


def account_of(folder: Path, destination: str = DESTINATION) -> DestinationAccount:
    """Return one destination's account."""
    return next(each for each in read_account(folder, [destination]) if each.destination == destination)


def segments(folder: Path) -> list[Path]:
    """List the segments of a folder, oldest first."""
    return sorted(folder.glob("*.segment"))


def start(module: str, *arguments: object, output: int = subprocess.PIPE) -> subprocess.Popen[bytes]:
    """Start a module of this package as a process."""
    return subprocess.Popen(
        [sys.executable, "-m", f"tests.scorelens_sidecar.spool.{module}", *map(str, arguments)],
        cwd=ROOT,
        stdout=output,
    )


def kill_after(process: subprocess.Popen[bytes], pause: float) -> list[bytes]:
    """Kill -9 a process some time after its first line; return the whole lines it wrote."""
    assert process.stdout
    first = process.stdout.readline()
    assert first, "the process ended before it did anything"
    time.sleep(pause)
    process.kill()
    written = first + process.stdout.read()
    process.wait()
    process.stdout.close()
    return written.split(b"\n")[:-1]


def wait_until(condition: Callable[[], bool], limit: float = 20.0) -> None:
    """Poll until a condition holds."""
    end = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < end, "did not happen in time"
        time.sleep(0.01)


_bytes = strategies.binary(max_size=40)
_long = strategies.integers(0, 2**64 - 1)
calls = strategies.builds(
    CapturedCall,
    part=strategies.sampled_from(Part),
    path=_bytes,
    trace_id=strategies.binary(min_size=16, max_size=16),
    parent_id=strategies.one_of(strategies.just(b""), strategies.binary(min_size=8, max_size=8)),
    span_id=strategies.binary(min_size=8, max_size=8),
    started_ns=_long,
    first_answer_us=_long,
    ended_us=_long,
    status=strategies.integers(0, 2**32 - 1),
    end=strategies.sampled_from(End),
    message_number=_long,
    request=strategies.binary(max_size=300),
    answer=strategies.binary(max_size=300),
    request_size=_long,
    answer_size=_long,
    request_messages=_long,
    answer_messages=_long,
    request_encoding=_bytes,
    answer_encoding=_bytes,
    request_sha256=_bytes,
    answer_sha256=_bytes,
    purpose=_bytes,
    user_agent=_bytes,
    sampling_probability=strategies.floats(0, 1),
)
