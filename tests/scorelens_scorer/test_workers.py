"""`scorelens scorer` as processes under load: drained, killed, started again."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import psutil
import pytest

from scorelens.v1.scorer_pb2 import Document, ListModelsRequest, ScoreRequest
from scorelens.v1.scorer_pb2_grpc import ScorerStub
from tests.end_to_end.processes import Component, wait_until

pytestmark = pytest.mark.heavy

OWN = "tests.scorelens_scorer.own_models"
ROOT = Path(__file__).parents[2]
Code = grpc.StatusCode
OWN_CONNECTION = [("grpc.use_local_subchannel_pool", 1)]


@contextmanager
def scorer(folder: Path, *arguments: str) -> Iterator[Component]:
    """Run a scorer as a process."""
    component = Component(folder, "scorelens_scorer", "--model", f"{OWN}:Loud", *arguments).start()
    try:
        yield component
    finally:
        component.stop()


class Callers:
    """Threads that call on connections of their own and count what became of each call."""

    def __init__(self, address: str, count: int = 8, documents: int = 40) -> None:
        self.became: Counter[grpc.StatusCode] = Counter()
        self.odd: list[str] = []
        self._address = address
        self._request = ScoreRequest(documents=[Document(id=str(place), text="X" * 500) for place in range(documents)])
        self._told = threading.Event()
        self._threads = [threading.Thread(target=self._call, daemon=True) for _ in range(count)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Let each end with the call it makes."""
        self._told.set()
        for thread in self._threads:
            thread.join(60)

    def answered(self, more: int = 100) -> Callable[[], bool]:
        """Return a condition: so many more calls have an answer."""
        enough = self.became[Code.OK] + more
        return lambda: self.became[Code.OK] >= enough

    def _call(self) -> None:
        with grpc.insecure_channel(self._address, OWN_CONNECTION) as channel:
            stub = ScorerStub(channel)
            while not self._told.is_set():
                try:
                    answer = stub.Score(self._request, timeout=30)
                    assert len(answer.results) == len(self._request.documents)
                    self.became[Code.OK] += 1
                except grpc.RpcError as error:
                    self.became[error.code()] += 1
                    if error.code() is not Code.UNAVAILABLE:
                        self.odd.append(f"{error.code()} {error.details()}")
                    self._told.wait(0.2)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_it_drains_under_load(tmp_path: Path, workers: str) -> None:
    """SIGTERM amid many calls: each is answered or, where it was not taken on, UNAVAILABLE; the status is 0."""
    with scorer(tmp_path, "--workers", workers) as running:
        callers = Callers(running.address)
        wait_until(callers.answered(), "calls are answered")
        assert running.process is not None
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(30) == 0
        callers.stop()
    assert not callers.odd
    assert callers.became[Code.OK] >= 100


def test_a_worker_that_is_killed_is_started_again(tmp_path: Path) -> None:
    """kill -9 of one of two: its callers connect to the other, and soon there are two again on the same port."""
    with scorer(tmp_path, "--workers", "2") as running:
        callers = Callers(running.address)
        wait_until(callers.answered(), "calls are answered")
        before = workers(running)
        assert len(before) == 2
        os.kill(before[0], signal.SIGKILL)
        wait_until(callers.answered(), "calls are answered again")
        wait_until(lambda: len(set(workers(running)) - {before[0]}) == 2, "there are two workers again")
        new = (set(workers(running)) - set(before)).pop()
        wait_until(lambda: connects_to(running.address, new), "new connections reach the new worker")
        callers.stop()
    assert not callers.odd


def test_workers_end_with_their_supervisor(tmp_path: Path) -> None:
    """kill -9 of the process that supervises them leaves no worker behind."""
    with scorer(tmp_path, "--workers", "2") as running:
        own = [psutil.Process(pid) for pid in workers(running)]
        running.kill()
        _, alive = psutil.wait_procs(own, 30)
        assert not alive


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_port_in_use_is_told(workers: str) -> None:
    """Another server's port is refused with one line that names the setting, also where ports can be shared."""
    with socket.create_server(("127.0.0.1", 0), reuse_port=True) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        command = [sys.executable, "-m", "scorelens_scorer", "--listen", listen, "--workers", workers]
        ended = subprocess.run(
            [*command, "--model", f"{OWN}:Loud"], cwd=ROOT, capture_output=True, text=True, timeout=60
        )
    assert ended.returncode == 2
    (line,) = ended.stderr.splitlines()
    assert f"setting --listen: cannot listen on {listen}" in line


def test_a_worker_that_cannot_start_says_why_once() -> None:
    """With several workers a wrong model is told as with one: one line, and the same status."""
    command = [sys.executable, "-m", "scorelens_scorer", "--listen", "127.0.0.1:0", "--workers", "2"]
    ended = subprocess.run(
        [*command, "--model", f"{OWN}:Collision"], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert (ended.returncode, ended.stderr.count("\n")) == (1, 1)
    assert "same id, refund" in ended.stderr


def workers(running: Component) -> list[int]:
    """Return the ids of the worker processes."""
    assert running.process is not None
    return [child.pid for child in psutil.Process(running.process.pid).children() if is_alive(child)]


def is_alive(process: psutil.Process) -> bool:
    """Tell whether a process has not ended."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def connects_to(address: str, pid: int) -> bool:
    """Tell whether a new connection reaches a certain process."""
    with grpc.insecure_channel(address, OWN_CONNECTION) as channel:
        ScorerStub(channel).ListModels(ListModelsRequest(), timeout=20)
        return any(
            connection.status == psutil.CONN_ESTABLISHED and connection.raddr in own_ends()
            for connection in psutil.Process(pid).net_connections("tcp")
        )


def own_ends() -> set[tuple[object, ...]]:
    """Return this process's ends of its connections."""
    return {tuple(each.laddr) for each in psutil.Process().net_connections("tcp") if each.laddr}
