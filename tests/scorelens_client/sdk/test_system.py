"""The SDK on a whole system: found by its folder, as the documentation and the notebook show it."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from scorelens_client import Client
from tests.scorelens_client.system import RunningSystem, environment, store_of
from tests.scorelens_store.conftest import SYSTEMS

ROOT = Path(__file__).parents[3]
NOTEBOOK = ROOT / "docs" / "notebooks" / "first_look.ipynb"
GUIDE = ROOT / "docs" / "sdk.md"


@pytest.fixture(scope="module", params=SYSTEMS)
def store(request: pytest.FixtureRequest) -> Iterator[str]:
    """Name a store of each kind."""
    yield from store_of(request.param, request)


@pytest.fixture(scope="module")
def system(store: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSystem]:
    """Run a system that the environment names."""
    running = RunningSystem(tmp_path_factory.mktemp("sdk") / "home", store).start()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SCORELENS_HOME", str(running.home))
        yield running
    running.stop()


def outputs(notebook: Any, kind: str) -> list[str]:
    """Return all outputs of one type."""
    found = [output.get("data", {}) for cell in notebook.cells for output in cell.get("outputs", ())]
    return [data[kind] for data in found if kind in data]


# The kernel warns of its own socket, asyncio of a loop that the library closes late.
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_the_notebook_runs_and_shows_the_picture(system: RunningSystem, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every cell runs on a new system, and the calculation of a document is drawn."""
    for name, value in environment(system.home).items():
        monkeypatch.setenv(name, value)
    notebook = nbformat.read(NOTEBOOK, 4)  # type: ignore[no-untyped-call]
    for cell in notebook.cells:
        cell.pop("outputs", None)
        if cell.cell_type == "code":
            cell.outputs = []
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    (picture,) = outputs(notebook, "image/svg+xml")
    assert "still no" in picture
    assert len(outputs(notebook, "text/html")) >= 4


def test_the_notebook_is_committed_with_what_it_shows() -> None:
    """A reader who does not run it sees the tables and the picture, and nothing of the machine it ran on."""
    notebook = nbformat.read(NOTEBOOK, 4)  # type: ignore[no-untyped-call]
    (picture,) = outputs(notebook, "image/svg+xml")
    assert picture.startswith("<svg ")
    assert len(outputs(notebook, "text/html")) >= 4
    assert all(cell.outputs for cell in notebook.cells if cell.cell_type == "code" and "close" not in cell.source)
    assert not re.search(r"/home/|/root|/tmp|/Users|/work", NOTEBOOK.read_text("utf-8"))
    assert not any(output.output_type == "error" for cell in notebook.cells for output in cell.get("outputs", ()))


def test_the_guide_runs_as_it_stands_there(
    system: RunningSystem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The blocks of Python in docs/sdk.md run one after the other."""
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", GUIDE.read_text("utf-8"), re.DOTALL)
    names: dict[str, Any] = {}
    printed = io.StringIO()
    with redirect_stdout(printed):
        for block in blocks:
            exec(compile(block, GUIDE.name, "exec"), names)
    assert "'complaint'" in printed.getvalue()
    names["client"].close()


def test_calculations_can_be_completed_afterwards(system: RunningSystem) -> None:
    """show(all_terms=True) scores the document again and brings every term, adding up to the stored margin."""
    with Client(home=system.home) as client:
        client.score({"id": "whole", "text": "Still no refund and no answer, this bank is awful and slow again"})
        system.settle()
        stored = client.show("whole").calculation("complaint")
        whole = client.show("whole", all_terms=True).calculation("complaint")
    assert len(whole.terms) == len(stored.terms) + stored.remainder_terms
    assert (whole.remainder_terms, whole.adds_up) == (0, True)
    assert whole.margin == pytest.approx(stored.margin)
