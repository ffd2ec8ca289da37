"""The demo, from the file systems of the images: each part a container of its own, as Kubernetes runs it."""

from __future__ import annotations

import json
import math
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.end_to_end.processes import wait_until
from tests.tools.containers import Image, Server

HOME = "/var/lib/scorelens"
STORE = f"{HOME}/store"
DOCUMENTS = 200


class System:
    """A scorer, a sidecar, an indexer and a console as containers, and volumes of theirs."""

    def __init__(self, images: Mapping[str, Image], home: Callable[[str], Path], logs: Path) -> None:
        self.images, self.home, self.logs = images, home, logs
        self.store = home("store")
        self.scorer = self._server("scorer", "scorer")
        self.indexer = self._server("indexer", "indexer", "--store", STORE)
        self.sidecar = self._server("sidecar", "sidecar")
        self.console = self._server("console", "console", "serve", "--store", STORE)
        self.servers = (self.scorer, self.indexer, self.sidecar, self.console)
        self.client = {HOME: home("client"), STORE: self.store, "/tmp": home("temporary")}

    def _server(self, component: str, *arguments: str) -> Server:
        mounts = {HOME: self.home(component), "/tmp": self.home(f"{component}-temporary")}
        if component in ("indexer", "console"):
            mounts[STORE] = self.store
        listen = ("--listen", "127.0.0.1:0")
        return Server(self.images[component], *arguments, *listen, mounts=mounts, log=self.logs / f"{component}.log")

    def start(self) -> None:
        """Start all parts, the sidecar last, since the addresses of the others are known only then."""
        self.scorer.start()
        self.indexer.start()
        self.sidecar.arguments += ("--upstream", self.scorer.address, "--otlp", self.indexer.address)
        self.sidecar.start()
        self.console.start()

    def ask(self, *arguments: str) -> str:
        """Return what a command of the client's image prints."""
        return self.images["client"].scorelens(*arguments, mounts=self.client)


@pytest.fixture
def system(images: Mapping[str, Image], home: Callable[[str], Path], tmp_path: Path) -> Iterator[System]:
    """The whole system."""
    system = System(images, home, tmp_path)
    with ExitStack() as stack:
        for server in system.servers:
            stack.callback(server.kill)
        system.start()
        yield system


def test_the_demo_runs_from_the_images(system: System) -> None:
    """A file is scored through the sidecar, found again by word and score, and its calculation adds up."""
    corpus = ("-m", "scorelens_scorer.corpus", "--count", str(DOCUMENTS), "--seed", "3")
    made = system.images["scorer"].run("python", *corpus)
    assert made.returncode == 0, made.stderr
    (system.client["/tmp"] / "documents.jsonl").write_text(made.stdout)

    system.ask("score", "/tmp/documents.jsonl", "--target", system.sidecar.address)
    everything = ("search", "*", "--limit", str(2 * DOCUMENTS), "--json", "--store", STORE)
    wait_until(lambda: len(system.ask(*everything).splitlines()) == DOCUMENTS, "every document can be found", 180)
    found = system.ask("search", "tag:complaint AND score.complaint:>0.5", "--store", STORE, "--json")
    documents = [json.loads(line) for line in found.splitlines()]
    assert documents
    first = documents[0]
    shown = system.ask("show", first["document"]["id"], "--tag", "complaint", "--store", STORE)
    assert "sum = margin" in shown
    assert "selected" in shown
    (why,) = [each for each in first["calculation"] if each["tag"] == "complaint"]
    margin = why["intercept"] + sum(why["contribution"]) + why["remainder"]
    assert math.isclose(margin, why["margin"], rel_tol=1e-4)
    assert math.isclose(1 / (1 + math.exp(-why["margin"])), why["probability"], rel_tol=1e-4)
    assert f"{why['probability']:.4f}" in shown
    with urllib.request.urlopen(f"http://{system.console.address.removeprefix('http://')}/", timeout=30) as page:
        assert b"scorelens" in page.read()

    for server in reversed(system.servers):
        assert server.stop() == 0, server.said()
