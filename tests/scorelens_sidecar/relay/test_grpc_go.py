"""A caller that uses grpc-go keeps its connection when the relay ends a call itself."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from grpc_health.v1 import health_pb2

from scorelens_sidecar.captured import End
from tests.scorelens_sidecar.relay.processes import relay, request, scorer
from tests.scorelens_sidecar.relay.wire import SCORE

OK, RESOURCE_EXHAUSTED, INTERNAL = 0, 8, 13
ROOT = Path(__file__).parents[3]

pytestmark = pytest.mark.go


@pytest.fixture(scope="module")
def load(go_tools: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The benchmark's caller."""
    go = shutil.which("go")
    if go is None:
        pytest.skip("the clients are there, but no Go to build this caller with")
    built = tmp_path_factory.mktemp("load") / "load"
    subprocess.run([go, "build", "-o", built, "."], cwd=ROOT / "bench" / "load", check=True, capture_output=True)
    return built


@pytest.fixture(scope="module")
def upstream() -> Iterator[str]:
    """A scorer for all tests of this file."""
    with scorer() as address:
        yield address


def _codes(load: Path, address: str, *calls: tuple[str, bytes]) -> dict[str, Any]:
    arguments = [text for method, body in calls for text in (method, body.hex())]
    ended = subprocess.run([load, "codes", address, *arguments], check=True, capture_output=True, text=True, timeout=90)
    found: dict[str, Any] = json.loads(ended.stdout)
    return found


def test_calls_go_on_after_an_answer_was_withheld(load: Path, tmp_path: Path, upstream: str) -> None:
    """A withheld answer fails its call with INTERNAL; the next one is answered on the same connection."""
    bad, good = ((SCORE, request(text).SerializeToString()) for text in ("broken=1", "calculations=5"))
    with relay(tmp_path, upstream) as running:
        found = _codes(load, running.address, bad, good, bad, bad, good)
        ends = [record.end for record in running.records()]
    assert found == {"codes": [INTERNAL, OK, INTERNAL, INTERNAL, OK], "connections": 1}
    assert ends == [End.WITHHELD, End.ANSWERED, End.WITHHELD, End.WITHHELD, End.ANSWERED]


def test_calls_go_on_after_one_was_refused(load: Path, tmp_path: Path, upstream: str) -> None:
    """A call that the full spool refuses fails with RESOURCE_EXHAUSTED; others go on on the same connection."""
    scoring = SCORE, request().SerializeToString()
    health = "/grpc.health.v1.Health/Check", health_pb2.HealthCheckRequest().SerializeToString()
    flags = ["--mode", "required", "--spool-bytes", "64KiB", "--segment-bytes", "64KiB"]
    with relay(tmp_path, upstream, *flags) as running:
        found = _codes(load, running.address, scoring, health, scoring, scoring, health)
    refused = RESOURCE_EXHAUSTED
    assert found == {"codes": [refused, OK, refused, refused, OK], "connections": 1}
