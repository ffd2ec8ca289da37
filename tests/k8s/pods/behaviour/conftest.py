"""Systems of the overlays in pods, with real scorers and models, and a line for each test on what became of calls."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.end_to_end.load import Load
from tests.k8s.pods.cluster import Cluster
from tests.k8s.pods.manifests import Manifests
from tests.k8s.pods.pod import HOME, Adapting
from tests.k8s.pods.running import Running
from tests.k8s.rendering import render
from tests.scorelens_client.system import MODELS

PACE = 0.1
"""Probes and minReadySeconds take a tenth of their time; so does the age of connections, which has to be less."""
AGE = "3s"
COPY_MODELS = ["cp", "-R", f"{MODELS}/.", f"{HOME}/models/"]
"""What the model image's container does, from the models that tests share."""
LINES = pytest.StashKey[list[str]]()

Start = Callable[..., Running]
Note = Callable[..., None]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start systems of overlays: `start("production", store="http://...")`."""
    made: list[Cluster] = []

    def run(overlay: str, store: str = "", replicas: int = 2) -> Running:
        cluster = Cluster(Manifests(tuple(render(overlay))), tmp_path / f"cluster-{len(made)}")
        made.append(cluster)
        scorer = {"SCORELENS_SCORER_MAX_CONNECTION_AGE": AGE, "SCORELENS_SCORER_MODEL": ""}  # the reference models
        trained = (MODELS / "media-tagger").is_dir()
        if overlay == "demo" or not trained:
            scorer["SCORELENS_SCORER_CACHE"] = str(MODELS)  # where they are trained once for all tests
        model = COPY_MODELS if trained else ["true"]
        adapting = Adapting(variables={"scorer": scorer}, runs={"model": model}, pace=PACE)
        return Running(cluster, store or str(tmp_path / "store"), adapting, replicas=replicas)

    yield run
    for cluster in made:
        cluster.close()


@pytest.fixture
def note(request: pytest.FixtureRequest) -> Note:
    """Print, when all tests have run, what became of a test's calls."""
    lines = request.config.stash.setdefault(LINES, [])

    def add(stored: int, *loads: Load) -> None:
        calls, failed = sum(load.calls for load in loads), sum(len(load.failed) for load in loads)
        answered = sum(len(load.answered) for load in loads)
        lines.append(
            f"{request.node.name}: {calls:,} calls, {failed} failed; {answered:,} documents answered, "
            f"{stored:,} in the store"
        )

    return add


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give each test the minutes that it takes to end pods in their own time."""
    for item in items:
        item.add_marker(pytest.mark.timeout(900))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the lines."""
    for line in terminalreporter.config.stash.get(LINES, []):
        terminalreporter.write_line(line)
