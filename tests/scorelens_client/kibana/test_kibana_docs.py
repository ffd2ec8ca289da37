"""docs/kibana.md, and links to Kibana, on a real server."""

from __future__ import annotations

import json
import re
import secrets
import shlex
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import click
import pytest
from click.testing import CliRunner

from scorelens_client import AsyncClient, Client, NotFoundError, ScorelensError
from scorelens_client.commands.kibana import command as kibana_command
from scorelens_client.commands.search import command as search_command
from scorelens_client.commands.show import command as show_command
from scorelens_runtime.errors import SettingError
from scorelens_runtime.main import scorelens
from scorelens_store.elasticsearch import ElasticsearchSettings
from scorelens_store.elasticsearch.dead_letter_index import open_dead_letters
from scorelens_store.elasticsearch.dead_letters import dead_letters_name
from scorelens_store.open import open_store
from tests.scorelens_client.kibana.rison import decode
from tests.scorelens_client.kibana.server import FakeKibana, serving
from tests.scorelens_store.conftest import drop
from tests.scorelens_store.records import make

TEXT = (Path(__file__).parents[3] / "docs" / "kibana.md").read_text()
QUERIES = re.findall(r"```lucene\n(.*?)\n```", TEXT, re.DOTALL)
OF_LETTERS = re.findall(r"```lucene dead-letters\n(.*?)\n```", TEXT, re.DOTALL)
LINES = "\n".join(re.findall(r"```sh\n(.*?)\n```", TEXT, re.DOTALL)).replace("\\\n", "").splitlines()
COMMANDS = [*LINES, *re.findall(r"`(scorelens [^`]+)`", TEXT)]
Ask = Callable[[str], set[str]]

SAID = make(
    1,
    document={"id": "tweet-1-000760", "kind": "tweet", "text": "Still no refund of 18.99", "audience": 12_000},
    tags=["complaint", "negative"],
    because=["complaint:still no", "negative:no"],
    score={"complaint": 0.8, "negative": 0.9},
    margin={"complaint": 1.4, "negative": 2.0},
    threshold={"complaint": 0.35, "negative": 0.5},
    labels={"verdict": "wrong"},
    customer={"id": 'c "1"'},
)
NEAR = make(
    2,
    document={"id": "blog-2", "kind": "blog", "text": "A refund came", "audience": 10},
    score={"complaint": 0.4},
    margin={"complaint": -0.4},
    threshold={"complaint": 0.35},
    model={"id": "media-tagger", "version": "2"},
    flags=["does_not_add_up"],
)
REPLAYED = make(
    3,
    purpose="replay",
    document=SAID["document"],
    tags=["complaint"],
    score={"complaint": 0.6},
    margin={"complaint": 0.4},
    threshold={"complaint": 0.5},
    model={"id": "media-tagger", "version": "2"},
)
CALL = make(
    4,
    record={"id": "f" * 32, "type": "call"},
    rpc={"service": "scorelens.v1.Scorer", "method": "Score", "status": "UNAVAILABLE", "duration_ms": 1.0},
    document=None,
    tags=None,
    score=None,
)
RECORDS = [SAID, NEAR, REPLAYED, CALL]
LETTERS: dict[str, dict[str, Any]] = {
    "a": {
        "indexer": {"id": "one"},
        "document": {"id": "d"},
        "reason": "failed to parse field [document.author.number]",
    },
    "b": {"indexer": {"id": "one"}, "reason": "the span has no start"},
}


@pytest.fixture(scope="module")
def store(elasticsearch_url: str) -> Iterator[str]:
    """Address of a store on a server that has a few records."""
    prefix = f"test-{secrets.token_hex(6)}"
    writer = open_store(elasticsearch_url, ElasticsearchSettings(prefix=prefix, period="month", replicas="0"))
    writer.put(RECORDS)
    with closing(open_dead_letters(f"{elasticsearch_url}#{prefix}", "one")) as shown:
        shown.mirror({})
        shown.mirror(LETTERS)
    yield f"{elasticsearch_url}#{prefix}"
    writer.close()
    drop(elasticsearch_url, prefix)


@pytest.fixture(scope="module")
def ask(store: str) -> Ask:
    """Asks the server as Kibana does; returns the ids of the records that match."""
    url, _, prefix = store.partition("#")

    def run(query: str, first: str = "*", last: str = "*", index: str = prefix) -> set[str]:
        lucene = {"query_string": {"query": query, "analyze_wildcard": True}}
        time = {"range": {"@timestamp": {"gte": first, "lte": last}}} if first != "*" else {"match_all": {}}
        body = {"query": {"bool": {"filter": [lucene, time]}}, "_source": False, "size": 100}
        request = urllib.request.Request(
            f"{url}/{index}/_search", json.dumps(body).encode(), {"content-type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return {hit["_id"] for hit in json.load(answer)["hits"]["hits"]}

    return run


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A Kibana is named, and nothing else of whoever runs the tests counts."""
    monkeypatch.setenv("SCORELENS_HOME", str(tmp_path))
    monkeypatch.setenv("SCORELENS_KIBANA_URL", "https://kibana.example:5601")
    for name in ("SPACE", "USERNAME", "API_KEY", "CONSOLE_URL"):
        monkeypatch.delenv(f"SCORELENS_KIBANA_{name}", raising=False)


def shown_by(address: str, ask: Ask) -> set[str]:
    """Return the ids of the records that the page of an address shows."""
    parts = dict(part.split("=", 1) for part in urlsplit(address.strip()).fragment.partition("?")[2].split("&"))
    time, state = decode(unquote(parts["_g"]))["time"], decode(unquote(parts["_a"]))
    assert state["query"]["language"] == "lucene"
    return ask(state["query"]["query"], time["from"], time["to"])  # type: ignore[call-arg]


def link_in(output: str) -> str:
    """Return the address that a command printed."""
    found = re.search(r"^in Kibana: (\S+)$", output, re.MULTILINE)
    assert found, output
    return found[1]


def ids(*records: dict[str, dict[str, str]]) -> set[str]:
    """Return the ids of records."""
    return {record["record"]["id"] for record in records}


@pytest.mark.parametrize("query", QUERIES)
def test_queries_of_the_page_find_something_and_leave_something(ask: Ask, query: str) -> None:
    """Each query of the page finds some of a few records that have what the page speaks of, and not all."""
    assert 0 < len(ask(query)) < len(RECORDS)


@pytest.mark.parametrize("query", OF_LETTERS)
def test_queries_of_dead_letters_find_some_of_them(store: str, ask: Ask, query: str) -> None:
    """Those of the other data view find some letters, and not all."""
    index = dead_letters_name(store.partition("#")[2])
    assert ask(query, index=index) == {"one-a"}  # type: ignore[call-arg]


def test_there_are_queries() -> None:
    """The queries are where the test looks for them."""
    assert len(QUERIES) > 12
    assert len(OF_LETTERS) == 1


@pytest.mark.parametrize("line", [line for line in COMMANDS if line.startswith("scorelens ")])
def test_commands_of_the_page_are_commands(line: str) -> None:
    """Each command of the page has the options and arguments that the page gives it."""
    words = shlex.split(line.replace("[", "").replace("]", ""), comments=True)[1:]
    command: click.Command = scorelens
    while isinstance(command, click.Group):
        name = words.pop(0)
        found = command.get_command(click.Context(command), name)
        assert found is not None, name
        command = found
    if words:  # a name alone is how a text speaks of a command
        command.make_context(line, words)


def test_the_page_shows_what_the_import_prints(store: str) -> None:
    """Each line of the import that the page shows is one that it prints, for the tags that it names."""
    shown = re.search(r"```text\n(created the space.*?)\n```", TEXT, re.DOTALL)
    assert shown
    first, *lines = shown[1].replace("https://kibana.example:5601", "KIBANA").splitlines()
    with serving(FakeKibana()) as kibana:
        arguments = ["import", "--url", kibana.url, "--store", store, "--space", "marketing"]
        result = CliRunner().invoke(kibana_command, [*arguments, "--create-space"], standalone_mode=False)
    assert result.exception is None
    printed = result.output.replace(kibana.url, "KIBANA").replace(store.partition("#")[2], "scorelens")
    for line in (first, *lines):
        if "..." not in line and "objects" not in line:
            assert line.split() in [one.split() for one in printed.splitlines()], line


def test_show_links_to_all_scores_of_the_document(store: str, ask: Ask) -> None:
    """The link of `show` shows every score of the document and no other, or the one whose record was named."""
    for name, records in (("tweet-1-000760", (SAID, REPLAYED)), (SAID["record"]["id"], (SAID,))):
        printed = CliRunner().invoke(show_command, [name, "--store", store])
        assert printed.exception is None
        assert shown_by(link_in(printed.stdout), ask) == ids(*records)


@pytest.mark.parametrize(
    "query",
    ["refund", "model:media-tagger AND NOT tag:complaint", 'customer:"c \\"1\\""', "time:>2020 score.complaint:>=0.4"],
    ids=["word", "short names", "quotes", "time"],
)
def test_search_links_to_the_same_records(store: str, ask: Ask, query: str) -> None:
    """The link of `search` shows exactly the records that the search found."""
    printed = CliRunner().invoke(search_command, [query, "--store", store])
    found = CliRunner().invoke(search_command, [query, "--store", store, "--json"])
    expected = {json.loads(line)["record"]["id"] for line in found.stdout.splitlines()}
    assert expected
    assert shown_by(link_in(printed.stderr), ask) == expected
    assert "kibana" not in found.output


def test_search_says_where_kibana_finds_others(store: str) -> None:
    """What Kibana cannot say exactly is said beside the link, and a query too long for an address has none."""
    printed = CliRunner().invoke(search_command, ['"refund still"~3', "--store", store])
    assert "in any order" in printed.stderr
    long = CliRunner().invoke(search_command, [" OR ".join(f"word{number}" for number in range(400)), "--store", store])
    assert "too long for an address" in long.stderr


def test_no_link_without_a_kibana(store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no Kibana is named, nothing speaks of one."""
    monkeypatch.delenv("SCORELENS_KIBANA_URL")
    assert "Kibana" not in CliRunner().invoke(show_command, ["blog-2", "--store", store]).output
    assert "Kibana" not in CliRunner().invoke(search_command, ["refund", "--store", store]).output
    with Client(store=store) as client, pytest.raises(SettingError, match="SCORELENS_KIBANA_URL"):
        client.kibana_link("blog-2")


def test_open_prints_the_address(store: str, ask: Ask) -> None:
    """`kibana open` prints where a document, a query or the dashboard is."""

    def opened(*words: str) -> str:
        result = CliRunner().invoke(kibana_command, ["open", *words, "--store", store], standalone_mode=False)
        assert result.exception is None
        return result.stdout

    assert shown_by(opened("blog-2"), ask) == ids(NEAR)
    assert shown_by(opened("--query", "tag:complaint"), ask) == ids(SAID)
    assert shown_by(opened("--query", "tag:complaint", "--purpose", "all"), ask) == ids(SAID, REPLAYED)
    assert "/app/dashboards#/view/" in opened()
    missing = CliRunner().invoke(kibana_command, ["open", "nobody", "--store", store])
    assert "no record of a document 'nobody'" in str(missing.exception)


async def _links(store: str) -> list[str]:
    async with AsyncClient(store=store) as client:
        return [await client.kibana_link("blog-2"), await client.kibana_link(query="tag:complaint")]


def test_clients_give_the_same_links(store: str, ask: Ask, tmp_path: Path) -> None:
    """Both clients return the address of a document or a query; what cannot be is an error."""
    import asyncio

    with Client(store=store) as client:
        links = [client.kibana_link("blog-2"), client.kibana_link(query="tag:complaint")]
        with pytest.raises(NotFoundError):
            client.kibana_link("nobody")
        with pytest.raises(ScorelensError, match="not both"):
            client.kibana_link("blog-2", query="x")
        assert shown_by(client.kibana_link(), ask) == ids(SAID, NEAR)
    assert asyncio.run(_links(store)) == links
    assert [shown_by(link, ask) for link in links] == [ids(NEAR), ids(SAID)]
    with Client(store=tmp_path) as client, pytest.raises(SettingError, match="which Kibana cannot read"):
        client.kibana_link("blog-2")


def test_tags_of_the_store_get_panels(store: str) -> None:
    """Without --tag, the import makes panels for the tags that the store has."""
    with serving(FakeKibana()) as kibana:
        arguments = ["import", "--url", kibana.url, "--store", store, "--json"]
        result = CliRunner().invoke(kibana_command, arguments, standalone_mode=False)
        assert result.exception is None
        assert set(json.loads(result.stdout)["tags"]) == {"complaint", "negative"}
        assert any("score.negative" in json.dumps(one) for one in kibana.spaces["default"].values())
