"""Promoting and rolling back while a real scorer process answers calls."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import grpc
import pytest
from click.testing import CliRunner, Result

from scorelens.v1.scorer_pb2 import Document, ListModelsRequest, ScoreRequest
from scorelens.v1.scorer_pb2_grpc import ScorerStub
from scorelens_runtime.errors import ScorelensError
from scorelens_scorer.commands.models import command as models_command
from scorelens_scorer.commands.promote import command as promote_command
from scorelens_scorer.errors import ModelRefusedError
from scorelens_scorer.linear_model import LinearModel
from scorelens_scorer.lineup import Lineup
from scorelens_scorer.registry.history import History
from scorelens_scorer.registry.kept import Registry
from scorelens_scorer.registry.presence import living
from scorelens_scorer.registry.promoting import NotServedError, promote
from scorelens_scorer.saved import MANIFEST, PARTS, save
from tests.scorelens_scorer.small_models import keep, small

ROOT = Path(__file__).parents[3]
LIMIT = 60.0


@contextmanager
def scorer(cache: Path, *arguments: str) -> Iterator[str]:
    """Run a scorer process; yield its address."""
    command = [sys.executable, "-m", "scorelens_scorer", "--listen", "127.0.0.1:0", "--cache", str(cache), *arguments]
    log = cache.with_name("scorer.log")
    with log.open("wb") as file, subprocess.Popen(command, cwd=ROOT, stderr=file) as started:
        try:
            yield until(lambda: address_in(log), started)
        finally:
            started.send_signal(signal.SIGTERM)
            started.wait(30)


def address_in(log: Path) -> str:
    """Return the address that a scorer logged, empty until it did."""
    lines = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
    return next((line["address"] for line in lines if line["message"] == "serving" and "address" in line), "")


def until(look: Callable[[], str], runs: subprocess.Popen[bytes] | None = None) -> str:
    """Wait until something is there."""
    limit = time.monotonic() + LIMIT
    while time.monotonic() < limit and (runs is None or runs.poll() is None):
        found = look()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError("it did not come about in time")


def run(cache: Path, *arguments: str, command: click.Command = promote_command) -> Result:
    """Run a command of scorelens on a folder of models."""
    return CliRunner().invoke(command, [*arguments, "--cache", str(cache)])


def process(cache: Path, command: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command as a process of its own."""
    words = [sys.executable, "-m", "scorelens_runtime", command, *arguments, "--cache", str(cache)]
    return subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=LIMIT)


class Callers:
    """Several callers that score all the time, and what each answer named: when it was asked, and the version."""

    def __init__(self, address: str, count: int = 4) -> None:
        self.answers: list[tuple[float, str]] = []
        self.failures: list[str] = []
        self._stopped = threading.Event()
        self._threads = [threading.Thread(target=self._call, args=(address, place)) for place in range(count)]
        for thread in self._threads:
            thread.start()

    def _call(self, address: str, place: int) -> None:
        request = ScoreRequest(documents=[Document(id=str(n), text="refund now") for n in range(5 + 40 * place)])
        with grpc.insecure_channel(address) as channel:
            stub = ScorerStub(channel)
            while not self._stopped.is_set():
                asked = time.monotonic()
                try:
                    answer = stub.Score(request, timeout=LIMIT)
                except grpc.RpcError as error:
                    self.failures.append(str(error))
                    return
                versions = {result.model.version for result in answer.results}
                if len(versions) != 1 or len(answer.results) != len(request.documents):
                    self.failures.append(f"{versions}, {len(answer.results)} results")
                self.answers.append((asked, versions.pop()))

    def since(self, start: float, count: int = 20) -> set[str]:
        """Return the versions of the answers to calls that began after a moment, once there are some."""
        until(lambda: "yes" if self.failures or len([1 for asked, _ in self.answers if asked > start]) > count else "")
        return {version for asked, version in self.answers if asked > start}

    def stop(self) -> None:
        """End all callers."""
        self._stopped.set()
        for thread in self._threads:
            thread.join(LIMIT)


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """Return a folder with three versions of a model, the first in use."""
    keep(tmp_path / "models", "1-a", "2-b", "3-c")
    registry = Registry(tmp_path / "models")
    registry.change("small", lambda history: history.promote("1-a", "2026-11-22T10:00:00Z", "ada"))
    return tmp_path / "models"


@pytest.mark.heavy
def test_calls_go_on_while_versions_change(cache: Path) -> None:
    """No call fails, each answer names one version, and after promote or rollback returns only the new one answers."""
    with scorer(cache, "--model", "small", "--workers", "2") as address:
        until(lambda: "yes" if len(living(cache)) == 2 else "")
        callers = Callers(address)
        try:
            assert callers.since(0) == {"1-a"}
            for arguments, version in ((("2-b",), "2-b"), (("3-c",), "3-c"), (("--rollback",), "2-b")):
                before = {version for _, version in callers.answers[-1:]}
                start = time.monotonic()
                done = run(cache, "small", *arguments)
                assert f"small {version} is in use" in done.output
                assert "served by 2 processes" in done.output
                assert callers.since(time.monotonic()) == {version}
                assert callers.since(start, 0) <= before | {version}
        finally:
            callers.stop()
        assert not callers.failures
        with grpc.insecure_channel(address) as channel:
            stub = ScorerStub(channel)
            asked = ScoreRequest(documents=[Document(text="now")], model="small", model_version="1-a")
            assert stub.Score(asked).results[0].model.version == "1-a"
            assert [model.version for model in stub.ListModels(ListModelsRequest()).models] == ["2-b", "1-a"]
    assert not living(cache)


def test_a_damaged_version_is_refused_and_changes_nothing(cache: Path) -> None:
    """promote exits with 1 and says why; the history and what is served stay."""
    content = bytearray((cache / "small" / "2-b" / PARTS).read_bytes())
    content[len(content) // 2] ^= 1
    (cache / "small" / "2-b" / PARTS).write_bytes(content)
    history = Registry(cache).history("small")
    done = process(cache, "promote", "small", "2-b")
    assert (done.returncode, done.stdout) == (1, "")
    assert "damaged or was changed" in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) == 2  # what it does, and why it did not
    assert Registry(cache).history("small") == history


class Spoiling(Registry):
    """Spoils each version right after it was tried."""

    def load(self, model: str, version: str) -> LinearModel:
        """Load a version, then spoil it."""
        found = super().load(model, version)
        (self.place(model, version) / MANIFEST).write_text("{")
        return found


def test_a_version_that_turns_bad_leaves_the_old_one_serving(cache: Path) -> None:
    """Where a process cannot load what promote had tried, all keep the old one, and promote takes its change back."""
    with scorer(cache, "--model", "small") as address:
        with pytest.raises(NotServedError, match=r"could not load it: .*not JSON.*; 1-a stays in use"):
            promote(Spoiling(cache), "small", "2-b", LIMIT)
        assert Registry(cache).history("small").version == "1-a"
        with grpc.insecure_channel(address) as channel:
            answer = ScorerStub(channel).Score(ScoreRequest(documents=[Document(text="now")]))
        assert answer.results[0].model.version == "1-a"
        until(lambda: "yes" if not living(cache)[0]["models"]["small"]["refused"] else "")
        log = cache.with_name("scorer.log").read_text()
    assert log.count("cannot be served") == 1


def test_without_a_scorer_it_takes_effect_at_the_next_start(cache: Path) -> None:
    """promote says so, and a scorer that starts then serves what was promoted."""
    assert "takes effect when one starts" in run(cache, "small", "2-b").output
    with scorer(cache, "--model", "small") as address, grpc.insecure_channel(address) as channel:
        answer = ScorerStub(channel).Score(ScoreRequest(documents=[Document(text="now")]))
    assert answer.results[0].model.version == "2-b"


def test_a_folder_is_kept_and_promoted(cache: Path, tmp_path: Path) -> None:
    """A saved model from elsewhere is copied; another model or another content of a kept version is refused."""
    save(small("9-z"), tmp_path / "candidate")
    assert run(cache, "small", str(tmp_path / "candidate")).exit_code == 0
    assert Registry(cache).load("small", "9-z").version == "9-z"
    save(small("1-a", kinds=("chat",)), tmp_path / "other")
    assert "another model than" in str(run(cache, "small", str(tmp_path / "other")).exception)
    assert "is 'small'" in str(run(cache, "large", str(tmp_path / "candidate")).exception)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["small", "7-x"], "kept are: 1-a, 2-b, 3-c"),
        (["small", "../1-a"], "manifest.json cannot be read"),
        (["../small", "1-a"], "cannot be the id"),
        (["small"], "--rollback"),
        (["small", "1-a", "--rollback"], "--rollback"),
        (["small", "--rollback"], "no version before"),
        (["nothing", "--rollback"], "no version before"),
    ],
)
def test_what_cannot_be_promoted_is_said(cache: Path, arguments: list[str], text: str) -> None:
    """The line names what is wrong, and nothing changes."""
    done = run(cache, *arguments)
    assert isinstance(done.exception, ScorelensError | SystemExit)
    assert text in f"{done.exception} {done.output}"
    assert Registry(cache).history("small").version == "1-a"


def test_a_damaged_history_is_named(cache: Path) -> None:
    """in-use.json that cannot be read stops promote and the start of a scorer with a line that names it."""
    (cache / "small" / "in-use.json").write_text("{")
    with pytest.raises(ScorelensError, match=r"in-use\.json is damaged"):
        promote(Registry(cache), "small", "2-b", LIMIT)
    with pytest.raises(ModelRefusedError, match=r"in-use\.json is damaged"):
        Lineup(("small",), cache).load()


def test_models_lists_what_is_kept_and_served(cache: Path) -> None:
    """Each version has a line; the one in use says since when, by whom and which process serves it."""
    with scorer(cache, "--model", "small"):
        lines = [json.loads(line) for line in run(cache, "--json", command=models_command).stdout.splitlines()]
        shown = run(cache, command=models_command).output
    assert {line["version"] for line in lines} == {"1-a", "2-b", "3-c"}
    (in_use,) = (line for line in lines if line["in_use"])
    assert (in_use["version"], in_use["since"], in_use["by"]) == ("1-a", "2026-11-22T10:00:00Z", "ada")
    assert in_use["served_by"]
    assert "2026-11-22 10:00" in shown
    assert run(cache.with_name("none"), command=models_command).exit_code == 0


def test_changes_at_once_lose_none(cache: Path) -> None:
    """Threads that promote at the same time each leave their change in the history."""
    registry = Registry(cache)

    def change(number: int) -> None:
        registry.change("small", lambda history: history.promote(f"{number}-x", "", "ada"))

    threads = [threading.Thread(target=change, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    history = registry.history("small")
    assert {change.version for change in history.changes[1:]} == {f"{number}-x" for number in range(20)}
    assert history != History()
