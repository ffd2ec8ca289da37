"""The commands that read, on a console, by somebody who has a token and nothing else."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scorelens_client import AsyncClient, Client, NotAllowedError, UnavailableError
from scorelens_client.reading import Source, source_of
from scorelens_runtime.errors import SettingError
from scorelens_store.contract import Terms
from tests.scorelens_client.system import Ran, run
from tests.scorelens_console.records import record, records
from tests.scorelens_console.running import Running, running

HIDDEN = ("margin", "threshold", "because", "calculation")


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A console on records of which one was scored for another purpose."""
    stored = [*records(), record(70, purpose="replay")]
    with running(tmp_path_factory.mktemp("console"), stored) as found:
        yield found


class Person:
    """Somebody at a command line, who has a token in a file."""

    def __init__(self, console: Running, role: str, folder: Path) -> None:
        file = folder / "token"
        file.write_text(console.token(role))
        self._home = folder / "home"
        self.variables = {"SCORELENS_CONSOLE_URL": console.url, "SCORELENS_CONSOLE_TOKEN_FILE": str(file)}

    def run(self, *words: str, given: str = "") -> Ran:
        """Run a command."""
        return run(self._home, *words, given=given, variables=self.variables)


@pytest.fixture
def viewer(console: Running, tmp_path: Path) -> Person:
    """Somebody with a viewer's token."""
    return Person(console, "viewer", tmp_path)


@pytest.fixture
def scientist(console: Running, tmp_path: Path) -> Person:
    """Somebody with a data scientist's token."""
    return Person(console, "scientist", tmp_path)


def test_a_viewer_searches_and_pulls_without_a_store(viewer: Person, tmp_path: Path) -> None:
    """Documents with tags and probabilities are all that a token shows, on screen, as JSON and in files."""
    found = viewer.run("search", "refund AND kind:tweet", "--limit", "3")
    assert found.status == 0, found.err
    assert "Still no **refund** from Acme" in found.out
    assert found.err.startswith("12 documents match, 3 shown")
    for line in viewer.run("search", "kind:chat", "--json").lines:
        assert not set(HIDDEN) & set(line)
    assert viewer.run("search", "*", "--output", str(tmp_path / "all.csv"), "--score", "complaint").status == 0
    assert len((tmp_path / "all.csv").read_text().splitlines()) > 60
    pulled = viewer.run("pull", given="d-3\nnone\nhttps://example.org/4\n")
    assert [line["id"] for line in pulled.lines] == ["d-3", "d-4"]
    assert (pulled.status, pulled.err) == (1, "not found: none\n")
    words = viewer.run("words", "language:fr", "--against", "language:en", "--limit", "2", "--json")
    assert [line["count"] for line in words.lines] == [12, 12]


def test_a_viewer_is_told_what_is_for_data_scientists(viewer: Person, tmp_path: Path) -> None:
    """Nothing is passed over in silence, and nothing of it is shown."""
    shown = viewer.run("show", "d-3")
    assert shown.status == 0, shown.err
    assert "how this came about is for data scientists" in shown.out
    assert "Complaint" in shown.out
    for words in (["show", "d-3", "--all"], ["show", "d-3", "--tag", "complaint"], ["search", "margin.refund:>0"]):
        refused = viewer.run(*words)
        assert (refused.status, refused.out) == (1, "")
        assert "for data scientists" in refused.err
    exported = viewer.run("export", str(tmp_path / "out"))
    assert exported.status == 1
    assert "scorelens search --output" in exported.err
    assert not (tmp_path / "out").exists()
    nothing = viewer.run("search", "refnud")
    assert 'did you mean "refund"?' in nothing.err


def test_a_scientist_sees_through_a_console_what_the_store_has(
    scientist: Person, console: Running, tmp_path: Path
) -> None:
    """The same records, calculations and exports, also those of other purposes."""
    store = ("--store", str(console.folder.parent / "store"))
    for words in (
        ["search", "because:complaint*", "--limit", "4", "--json"],
        ["show", "d-3"],
        ["show", "d-70", "--json"],
    ):
        by_console, by_store = scientist.run(*words), scientist.run(*words, *store)
        assert by_console.status == 0, by_console.err
        assert by_console.out == by_store.out
    assert "sum = margin" in scientist.run("show", "d-3").out
    exported = scientist.run("export", str(tmp_path / "out"), "--json")
    assert exported.lines[0]["tables"] == {"documents": 60, "scores": 240, "terms": 1200}
    manifest = json.loads((tmp_path / "out" / "_scorelens" / "manifest.json").read_text())
    assert console.url in json.dumps(manifest)


def test_what_was_named_last_and_closest_is_read() -> None:
    """A flag wins over the variable, a store over the environment's console, and two flags are one too many."""
    named = {"SCORELENS_CONSOLE_URL": "https://console.example", "SCORELENS_CONSOLE_TOKEN": "scorelens_a"}

    def console_of(source: Source) -> str:
        return source.console.url if source.console else ""

    assert source_of(None, None, environment={}) == Source()
    assert console_of(source_of(None, None, environment=named)) == "https://console.example"
    assert console_of(source_of(None, "other.example", environment=named)) == "https://other.example"
    assert source_of("/store", None, environment=named) == Source("/store")
    with pytest.raises(SettingError, match="--console: a store and a console are named"):
        source_of("/store", "other.example", environment={})
    with pytest.raises(SettingError, match=r"--console: .* is not an address"):
        source_of(None, "ftp://a", environment={})


def test_who_has_no_token_is_told_how_to_get_one(viewer: Person) -> None:
    """Before anything is asked of anybody."""
    del viewer.variables["SCORELENS_CONSOLE_TOKEN_FILE"]
    found = viewer.run("search", "*")
    assert found.status == 2
    assert "scorelens console token create" in found.err


def test_the_client_reads_through_a_console(console: Running, tmp_path: Path) -> None:
    """Searching, counting, showing, pulling and scanning need a token and no store."""
    with Client(home=tmp_path, console=console.url, token=console.token("viewer")) as client:
        found = client.search("refund", limit=3)
        assert (found.total, len(found)) == (12, 3)
        assert found[0]["complaint"] == pytest.approx(found[0].raw["score"]["complaint"])
        assert client.count("kind:tweet") == 12
        assert client.aggregate(kinds=Terms("kind", 1))["kinds"]
        history = client.show("d-3")
        assert history.document.text.startswith("شكرا")
        assert history.calculations == ()
        for hidden in (lambda: history.calculation("complaint"), lambda: client.show("d-3", all_terms=True)):
            with pytest.raises(NotAllowedError, match="for data scientists"):
                hidden()
        assert [document.id for document in client.pull(["d-3", "d-4"])] == ["d-3", "d-4"]
        assert len(client.scan().to_reader("scores").read_all()) == 240
        assert client.words("language:fr", against="language:en").total == 12
        with pytest.raises(UnavailableError, match=r"this needs their store: Client\(store=…\)"):
            client.kibana_link("d-3")
    with Client(home=tmp_path, console=console.url, token=console.token("scientist")) as client:
        assert client.show("d-70").record.purpose == "replay"
        assert client.show("d-3").calculation("complaint").adds_up
    with pytest.raises(SettingError, match="token: it is for a console"):
        Client(token="scorelens_a")


async def _count(console: Running, home: Path) -> Any:
    async with AsyncClient(home=home, console=console.url, token=console.token("viewer")) as client:
        return await client.count(), [record.id async for record in client.scan("kind:tweet")]


def test_the_client_of_asyncio_does_as_well(console: Running, tmp_path: Path) -> None:
    """Under the same names."""

    count, scanned = asyncio.run(_count(console, tmp_path))
    assert (count, len(scanned)) == (60, 12)
