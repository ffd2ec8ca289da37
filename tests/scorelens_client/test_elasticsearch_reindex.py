"""`scorelens elasticsearch reindex` on a real server, as an administrator types it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from scorelens_store.contract import Outcome
from scorelens_store.errors import StoreUnavailableError
from tests.scorelens_client.system import Ran, command, environment
from tests.scorelens_store.records import make, record_id
from tests.scorelens_store.reindexing import EVERYTHING, FIRST, SECOND, Prefix, everything, of_first

pytestmark = pytest.mark.heavy

ROOT = Path(__file__).parents[2]


class Server(Prefix):
    """A prefix on a server, and the command for it."""

    folder: Path

    def reindex(self, *arguments: str, **variables: str) -> Ran:
        """Run the command."""
        line = command("elasticsearch", "reindex", *arguments, "--store", f"{self.url}#{self.settings.prefix}")
        own = {f"SCORELENS_ELASTICSEARCH_{name.upper()}": value for name, value in variables.items()}
        own |= {"SCORELENS_ELASTICSEARCH_REPLICAS": "0"}
        done = subprocess.run(line, capture_output=True, env=environment(self.folder, 160) | own, check=False)
        return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())


@pytest.fixture
def server(elasticsearch_url: str, tmp_path: Path) -> Iterator[Server]:
    """A prefix with forty records of one day and five of the next."""
    prefix = Server(elasticsearch_url)
    prefix.folder = tmp_path
    yield prefix
    prefix.close()


def test_an_administrator_indexes_anew(server: Server) -> None:
    """A dry run shows which indices and why, the run does it, and afterwards there is nothing to do."""
    assert "run `scorelens elasticsearch setup` first" in server.reindex("--all-old", analyzer="simple").err
    server.setup(analyzer="simple")
    dry = server.reindex("--all-old", "--dry-run", analyzer="simple")
    assert (dry.status, dry.err) == (0, "")
    assert re.search(rf"{server.index} +{server.index}-2 +40 +\d", dry.out)
    assert "document.text.analyzed" in dry.out
    assert set(server.names()) == {FIRST, SECOND}
    done = server.reindex("--all-old", analyzer="simple")
    assert (done.status, done.err) == (0, "")
    assert f"{server.index} → {server.index}-2: 40 records, the same in both; writers waited for " in done.out
    assert set(server.names()) == {f"{FIRST}-2", f"{SECOND}-2"}
    assert server.reindex("--all-old", analyzer="simple").out == "nothing to do: no index needs it\n"
    assert server.store.count(EVERYTHING) == 45


def test_programs_read_json(server: Server) -> None:
    """--json has sizes and reasons before, and what was done after."""
    planned = json.loads(server.reindex("--index", server.index, "--dry-run", "--json").out)
    (line,) = planned["indices"]
    assert (line["index"], line["to"], line["records"]) == (server.index, f"{server.index}-2", 40)
    assert line["bytes"] > 1000
    assert (planned["shortage"], planned["dry_run"]) == (None, True)
    done = json.loads(server.reindex("--index", f"{server.settings.prefix}-{FIRST}", "--json").out)
    (result,) = done["indices"]
    assert (result["to"], result["records"], result["copied"], done["failed"]) == (f"{server.index}-2", 40, 40, [])


def test_one_that_cannot_be_taken_keeps_no_other_from_it(server: Server) -> None:
    """An index with a record that the templates refuse is told and left as it was, the others are made anew."""
    server.store.put([make(80, document={"id": "d-80", "text": "good", "kind": "7"}, **{"@timestamp": of_first(80)})])
    server.store.forget(record_ids=[record_id(number) for number in range(40, 45)])
    server.store.put([make(50, document={"id": "d-50", "text": "good", "kind": "7"})])
    custom = {"template": {"mappings": {"properties": {"document": {"properties": {"kind": {"type": "long"}}}}}}}
    server.connection.change("PUT", f"/_component_template/{server.settings.prefix}@custom", custom)
    done = server.reindex("--all")
    assert done.status == 1
    assert "cannot be indexed as the templates say now" in done.err
    assert f"{server.settings.prefix}-{SECOND} → " in done.out
    assert f"not finished, {server.index}-2: `scorelens elasticsearch reindex --abort`" in done.out
    assert set(server.names()) == {FIRST, f"{FIRST}-2", f"{SECOND}-2"}
    assert server.reindex("--abort").out == f"deleted the unfinished copy {server.index}-2\n"
    assert set(server.names()) == {FIRST, f"{SECOND}-2"}


def test_one_of_four_is_chosen(server: Server) -> None:
    """Without a choice, or with two, nothing is done."""
    for wrong in ((), ("--all", "--abort")):
        assert server.reindex(*wrong).status == 2
    assert "no index nothing" in server.reindex("--index", "nothing").err


def _start(server: Server, *signals: str) -> subprocess.Popen[bytes]:
    line = [
        sys.executable,
        "-m",
        "tests.scorelens_client.reindexing",
        f"{server.url}#{server.settings.prefix}",
        *signals,
    ]
    own = {"PYTHONSAFEPATH": "", "SCORELENS_ELASTICSEARCH_REPLICAS": "0"}
    return subprocess.Popen(line, cwd=ROOT, env={**os.environ, **own}, stderr=subprocess.PIPE)


def test_kill_9_while_writers_wait_loses_nothing(server: Server) -> None:
    """After kill -9 at the worst moment writers keep what they have until the next run, which goes on from there."""
    with _start(server, "KILL") as killed:
        assert killed.wait(120) == -signal.SIGKILL, killed.stderr and killed.stderr.read()
    before = everything(server.store)
    late = make(70, **{"@timestamp": of_first(70)})
    with pytest.raises(StoreUnavailableError, match="--abort"):
        server.store.put([late])
    done = json.loads(server.reindex("--all", "--json").out)
    assert [(result["resumed"], result["copied"]) for result in done["indices"]] == [(True, 0), (False, 5)]
    assert server.store.put([late])[0].outcome is Outcome.STORED
    assert server.store.put(before[:1])[0].outcome is Outcome.DUPLICATE
    assert server.store.count(EVERYTHING) == 46


@pytest.mark.parametrize("name", ["INT", "TERM"])
def test_a_signal_lets_writers_go_on(server: Server, name: str) -> None:
    """Ctrl-C and SIGTERM while writers wait lift the block, say so, and leave the copy to the next run."""
    with _start(server, name) as stopped:
        _, said = stopped.communicate(timeout=120)
    assert stopped.returncode == 130
    assert b"interrupted: every index is as it was" in said
    assert server.blocked() == []
    assert server.store.put([make(70, **{"@timestamp": of_first(70)})])[0].outcome is Outcome.STORED
    assert server.reindexing().unfinished() == [f"{server.index}-2"]
