"""The admin port of a real scorer, alone and of several processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import grpc
import psutil
import pytest

from scorelens.v1.scorer_pb2 import Document, ScoreRequest
from scorelens.v1.scorer_pb2_grpc import ScorerStub
from scorelens_scorer.metrics import METRICS
from tests.end_to_end.processes import ROOT, Component, wait_until
from tests.scraping import assert_defined, get, is_ready, objection, scrape, value

OWN = "tests.scorelens_scorer.own_models"
CALLS = "scorelens_scorer_call_duration_seconds_count"
OWN_CONNECTION = [("grpc.use_local_subchannel_pool", 1)]


def admin_of(running: Component) -> str:
    """Return where the admin port is, once the log has it."""
    served = [json.loads(line) for line in running.said().splitlines() if '"admin"' in line and "unix:" not in line]
    return str(served[-1]["admin"])


@contextmanager
def scorer(folder: Path, *arguments: str, model: str = "Loud") -> Iterator[Component]:
    """Run a scorer as a process with an admin port."""
    own = ("--model", f"{OWN}:{model}", "--admin", "127.0.0.1:0")
    component = Component(folder, "scorelens_scorer", *own, *arguments).start()
    try:
        yield component
    finally:
        component.stop()


def score(address: str, documents: int, text: str = "Hello") -> None:
    """Score some documents on a connection of its own."""
    request = ScoreRequest(documents=[Document(id=str(place), text=text) for place in range(documents)])
    with grpc.insecure_channel(address, OWN_CONNECTION) as channel:
        ScorerStub(channel).Score(request, timeout=30)


def test_calls_documents_and_models_are_counted(tmp_path: Path) -> None:
    """What callers did is what the metrics say, by method and status; a refused request counts as one."""
    with scorer(tmp_path) as running:
        for _ in range(3):
            score(running.address, 5)
        with pytest.raises(grpc.RpcError):
            score(running.address, 0)
        admin = admin_of(running)
        assert is_ready(admin)
        found = scrape(admin)
    assert_defined(found, METRICS)
    assert value(found, CALLS, method="scorelens.v1.Scorer/Score", status="OK") == 3
    assert value(found, CALLS, status="INVALID_ARGUMENT") == 1
    assert value(found, "scorelens_scorer_documents_total", model="loud", version="1") == 15
    assert value(found, "scorelens_scorer_batch_documents_sum", model="loud") == 15
    assert value(found, "scorelens_scorer_batch_duration_seconds_count", model="loud") == 3
    assert value(found, "scorelens_scorer_model", model="loud", version="1", in_use="yes") == 1
    assert value(found, "scorelens_scorer_queue_documents") == 0
    assert value(found, "scorelens_scorer_queue_limit") == 10_000
    assert value(found, "scorelens_scorer_refused_total") == 0


@pytest.mark.heavy
def test_workers_share_one_port(tmp_path: Path) -> None:
    """With several processes one admin port shows each one's series; a killed one is replaced in them."""
    with scorer(tmp_path, "--workers", "2") as running:
        admin = admin_of(running)

        def counted() -> float:
            return value(scrape(admin), "scorelens_scorer_documents_total")

        for _ in range(8):
            score(running.address, 1)
        assert counted() == 8
        found = scrape(admin)
        assert_defined(found, METRICS, more_labels=["worker"])
        assert {sample.labels["worker"] for sample in found["scorelens_scorer_model"].samples} == {"1", "2"}
        assert running.process
        children = psutil.Process(running.process.pid).children()
        os.kill(children[0].pid, signal.SIGKILL)
        wait_until(lambda: value(scrape(admin), "scorelens_scorer_model") == 1, "the killed one is missing")
        assert is_ready(admin)  # the other one serves
        wait_until(lambda: value(scrape(admin), "scorelens_scorer_model") == 2, "it is there again")


@pytest.mark.parametrize("workers", ["1", pytest.param("2", marks=pytest.mark.heavy)])
def test_not_ready_from_the_moment_it_drains(tmp_path: Path, workers: str) -> None:
    """On SIGTERM readiness ends while calls in flight are answered; the process lives until they are."""
    with scorer(tmp_path, "--workers", workers, model="UntilFile") as running:
        admin = admin_of(running)
        wait_until(lambda: is_ready(admin), "the scorer is ready")
        with ThreadPoolExecutor(1) as pool:
            call = pool.submit(score, running.address, 1, str(tmp_path / "go"))
            wait_until(
                lambda: value(scrape(admin), "scorelens_scorer_queue_documents") == 1, "the call is being answered"
            )
            assert running.process
            running.process.send_signal(signal.SIGTERM)
            wait_until(lambda: not is_ready(admin), "the scorer is not ready any more")
            assert objection(admin) == "draining"
            assert get(admin, "/livez")[0] == 200
            assert not call.done()
            (tmp_path / "go").touch()
            call.result()
        assert running.process.wait(30) == 0


def test_a_port_in_use_is_told(tmp_path: Path) -> None:
    """An admin port that is taken stops the start with one line that names the setting."""
    with scorer(tmp_path) as running:
        admin = admin_of(running)
        command = [sys.executable, "-m", "scorelens_scorer", "--model", f"{OWN}:Loud", "--admin", admin]
        ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 2
    assert ended.stderr == f"scorelens: setting --admin: cannot listen on {admin}: Address already in use\n"
