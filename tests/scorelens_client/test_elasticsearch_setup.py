"""`scorelens elasticsearch setup` on a real server, as an administrator types it."""

from __future__ import annotations

import re
import secrets
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.k8s.pods.service import Forwarder
from tests.scorelens_client.system import Ran, command, environment
from tests.scorelens_store.conftest import drop
from tests.scorelens_store.server import ask, reply
from tests.tools.ports import free_port

Setup = Callable[..., Ran]


@pytest.fixture(scope="module")
def prefix(elasticsearch_url: str) -> Iterator[str]:
    """A prefix of the module's own."""
    name = f"admin-{secrets.token_hex(6)}"
    yield name
    drop(elasticsearch_url, name)


@pytest.fixture
def setup(tmp_path: Path) -> Setup:
    """Run the command with some variables and arguments."""

    def run(*arguments: str, **variables: str) -> Ran:
        own = {f"SCORELENS_ELASTICSEARCH_{name.upper()}": value for name, value in variables.items()}
        line = command("elasticsearch", "setup", *arguments)
        done = subprocess.run(line, capture_output=True, env=environment(tmp_path) | own, check=False)
        return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())

    return run


def test_an_administrator_sets_up(setup: Setup, elasticsearch_url: str, prefix: str) -> None:
    """A dry run shows what would be made, setting up makes it, and afterwards there is nothing to do."""
    store = f"{elasticsearch_url}#{prefix}"
    dry = setup("--store", store, "--dry-run")
    assert (dry.status, dry.err) == (0, "")
    assert f"would create index template {prefix}\n" in dry.out
    assert reply(elasticsearch_url, "GET", f"/_index_template/{prefix}")[0] == 404
    done = setup("--store", store)
    assert f"created index template {prefix}\n" in done.out
    assert reply(elasticsearch_url, "GET", f"/_index_template/{prefix}")[0] == 200
    assert "nothing to do: all of it is as the settings say\n" in setup(url=elasticsearch_url, prefix=prefix).out


def test_a_changed_setting_is_shown_from_what_to_what(setup: Setup, elasticsearch_url: str, prefix: str) -> None:
    """People read `from → to`, programs JSON; indices that keep what they have are named, and what would change it."""
    setup(url=elasticsearch_url, prefix=prefix)
    name = f"{prefix}-2026.11.22"
    ask(elasticsearch_url, "PUT", f"/{name}")
    ask(elasticsearch_url, "PUT", f"/{name}/_settings", {"index": {"highlight": {"max_analyzed_offset": 9}}})
    dry = setup("--dry-run", url=elasticsearch_url, prefix=prefix, shards="2", analyzer="stop")
    assert "    settings.number_of_shards: 1 → 2\n" in dry.out
    assert "    highlight.max_analyzed_offset: 9 → 2147483647\n" in dry.out
    assert f"not in place: index {name}\n" in dry.out
    assert "scorelens elasticsearch reindex" in dry.out
    (told,) = setup("--json", url=elasticsearch_url, prefix=prefix, shards="2", analyzer="stop").lines
    assert [told["prefix"], told["dry_run"], told["newer"]] == [prefix, False, None]
    changed = {step["what"]: {change["name"]: change for change in step["changes"]} for step in told["steps"]}
    assert changed[f"index {name}"]["document.text.analyzed"]["from"] is None
    assert {step["action"] for step in told["steps"]} == {"change"}
    (left,) = told["left"]
    assert (left["index"], left["reindex"]) == (name, True)
    assert left["settings"] == [{"name": "number_of_shards", "from": "1", "to": "2"}]
    mapping = ask(elasticsearch_url, "GET", f"/{name}/_mapping")[name]["mappings"]
    assert mapping["properties"]["document"]["properties"]["text"]["fields"]["analyzed"]["analyzer"] == "stop"
    again = setup(url=elasticsearch_url, prefix=prefix, shards="2", analyzer="stop")
    assert "nothing to do" in again.out
    assert "document.text.analyzed" in again.out


@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        ({"analyzer": "klingon"}, "SCORELENS_ELASTICSEARCH_ANALYZER: .*no analyzer 'klingon'"),
        ({"source_mode": "synthetic"}, "SCORELENS_ELASTICSEARCH_SOURCE_MODE: 'synthetic' would change records"),
        ({"codec": "zip"}, "SCORELENS_ELASTICSEARCH_CODEC: 'zip' is not one of default, best_compression"),
        ({"refresh": "soon"}, "SCORELENS_ELASTICSEARCH_REFRESH: 'soon' is not a duration"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_what_cannot_be_set_up_is_one_line(
    setup: Setup, elasticsearch_url: str, variables: dict[str, str], reason: str
) -> None:
    """A wrong setting is named with what to do, changes nothing, and is no stack trace."""
    prefix = f"admin-{secrets.token_hex(6)}"
    ran = setup(url=elasticsearch_url, prefix=prefix, **variables)
    assert ran.status not in (0, 70)
    assert ran.err.count("\n") == 1
    assert re.search(reason, ran.err)
    assert reply(elasticsearch_url, "GET", f"/_index_template/{prefix}")[0] == 404


def test_without_elasticsearch_it_says_how_to_name_one(setup: Setup) -> None:
    """A system that keeps its records in a folder needs none of this; the message says what to give."""
    ran = setup()
    assert ran.status != 0
    assert "no Elasticsearch: name one, --store https://host:9200" in ran.err
    assert ran.out == ""


def test_a_server_that_is_starting_is_waited_for(tmp_path: Path, elasticsearch_url: str, prefix: str) -> None:
    """With --wait it says what it waits for, and goes on when the server answers."""
    port = free_port()
    store = f"http://127.0.0.1:{port}#{prefix}"
    line = command("elasticsearch", "setup", "--wait", "60s", "--store", store)
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(tmp_path)) as waiting:
        assert waiting.stderr
        assert waiting.stdout
        assert b"waiting for it for up to 60 s" in waiting.stderr.readline()
        server = urlsplit(elasticsearch_url)
        forwarder = Forwarder("127.0.0.1", {port: lambda: [(str(server.hostname), server.port or 80)]})
        try:
            assert f"prefix {prefix}" in waiting.stdout.read().decode()
            assert waiting.wait(60) == 0
        finally:
            forwarder.close()


def test_a_server_that_stays_away_is_waited_for_no_longer(setup: Setup) -> None:
    """The time that was given ends the wait; a time that is none is refused."""
    ran = setup("--wait", "1s", "--store", f"http://127.0.0.1:{free_port()}")
    assert ran.status == 1
    assert "Connection refused" in ran.err
    assert "setting --wait: 'soon' is not a duration" in setup("--wait", "soon").err
