"""The commands on a running system, typed as a person does."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.scorelens_client.system import (
    ANY_PORTS,
    RunningSystem,
    command,
    environment,
    run,
    spawn,
    store_of,
    wait_until,
)
from tests.scorelens_store.conftest import SYSTEMS
from tests.scorelens_store.server import ask, reply

DOCUMENTS: list[dict[str, Any]] = [
    {
        "id": "d-1",
        "kind": "tweet",
        "text": "Still no refund for my mortgage, this is terrible",
        "audience": 1200,
        "campaign": "x",
    },
    {
        "id": "d-2",
        "kind": "comment",
        "text": "I love my new account, the card is great",
        "published_time": "2026-11-01T10:00:00Z",
    },
    {
        "id": "d-3",
        "kind": "chat",
        "title": "Hello",
        "text": "A mortgage question \u2013 caf\u00e9 \U0001f600",
        "truth": ["a", "b"],
    },
    {
        "id": "d-4",
        "kind": "activity",
        "customer_id": "c-4",
        "events": [{"type": "salary", "time": "2026-11-01T08:00:00Z", "amount": 2100.5, "balance": 10.0}],
    },
]


def jsonl(documents: list[dict[str, Any]]) -> str:
    """Return documents as lines."""
    return "".join(json.dumps(document) + "\n" for document in documents)


@pytest.fixture(scope="module", params=SYSTEMS)
def store(request: pytest.FixtureRequest) -> Iterator[str]:
    """Name a store of each kind."""
    yield from store_of(request.param, request)


@pytest.fixture(scope="module")
def system(store: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSystem]:
    """Run a system that has scored DOCUMENTS."""
    running = RunningSystem(tmp_path_factory.mktemp("client") / "home", store).start()
    scored = running.run("score", "-", given=jsonl(DOCUMENTS))
    assert scored.status == 0, scored.err
    running.settle()
    yield running
    status, said = running.stop()
    assert status == 0, said
    assert "Traceback" not in said


def test_the_folder_runs_one_system(system: RunningSystem) -> None:
    """A second system on the folder is refused with the folder and the process that holds it."""
    refused = system.run("up")
    assert refused.status == 1
    assert str(system.home) in refused.err
    assert str(system.found()["pid"]) in refused.err
    assert len(refused.err.splitlines()) == 1


def test_search_finds_by_words_and_fields(system: RunningSystem) -> None:
    """Words are found and marked, fields of any kind narrow the search, and the total is said."""
    found = system.run("search", "mortgage AND kind:tweet")
    assert found.status == 0
    assert "d-1" in found.out
    assert "**mortgage**" in found.out
    assert "1 document matches" in found.err
    assert system.run("search", "attributes.campaign:x", "--json").lines[0]["document"]["id"] == "d-1"
    assert [
        one["document"]["id"] for one in system.run("search", "*", "--sort", "audience", "--limit", "1", "--json").lines
    ] == ["d-1"]


def test_search_finds_by_score_and_by_reason(system: RunningSystem) -> None:
    """What the record says of its scores and reasons finds it again."""
    (record,) = system.run("search", "id:d-1", "--json").lines
    tag, score = max(record["score"].items(), key=lambda item: item[1])
    assert "d-1" in system.run("search", f"score.{tag}:>={score - 0.001}").out
    for reason in record["because"][:1]:
        assert "d-1" in system.run("search", f'because:"{reason}"').out


def test_search_prints_one_whole_record_per_line(system: RunningSystem) -> None:
    """The record on a line has the document as it was sent, in every script."""
    (record,) = system.run("search", "id:d-3", "--json").lines
    assert record["document"]["text"] == DOCUMENTS[2]["text"]
    assert record["document"]["attributes"] == {"truth": "a, b"}


def test_a_query_that_cannot_be_read_shows_the_place(system: RunningSystem) -> None:
    """The error has the query and a caret below the place."""
    wrong = system.run("search", "mortgage AND (kind:tweet")
    assert wrong.status == 1
    assert wrong.out == ""
    query, caret = wrong.err.splitlines()[-2:]
    assert query.strip() == "mortgage AND (kind:tweet"
    assert query[caret.index("^")] == "("


def test_times_narrow_the_search(system: RunningSystem) -> None:
    """Since and until are about when a document was scored."""
    assert "4 documents match" in system.run("search", "*", "--since", "1h", "--limit", "0").err
    assert "0 documents match" in system.run("search", "*", "--until", "2026-01-01", "--limit", "0").err
    assert "--since" in system.run("search", "*", "--since", "yesterday").err


@pytest.mark.parametrize("width", [80, 120])
def test_show_explains_a_document(system: RunningSystem, width: int) -> None:
    """The document, its scores and a calculation that ends in its probability and the threshold are shown."""
    (record,) = system.run("search", "id:d-1", "--json").lines
    tag = record["calculation"][0]["tag"]
    shown = system.run("show", "d-1", "--tag", tag, width=width)
    assert shown.status == 0, shown.err
    for part in ("d-1", "tweet", "Still no refund", record["model"]["id"], "(intercept)", "sum = margin", "threshold"):
        assert part in shown.out
    assert f"{record['margin'][tag]:+.4f}" in shown.out
    assert f"{record['score'][tag]:.4f}" in shown.out
    assert max(map(len, shown.out.splitlines())) <= width


def test_show_takes_the_record_id_that_it_prints(system: RunningSystem) -> None:
    """The beginning of a record id, as the table of scores shows it, names that score; a shorter one does not."""
    (record,) = system.run("search", "id:d-2", "--json").lines
    shown = record["record"]["id"][:12]
    assert shown in system.run("show", "d-2").out
    assert "I love my new account" in system.run("show", shown).out
    assert system.run("show", "d-2", "--record", shown).status == 0
    assert system.run("show", shown[:4]).status == 1


def test_a_search_that_finds_nothing_says_why(system: RunningSystem) -> None:
    """A typo in a field is answered with the field that was meant, on standard error."""
    found = system.run("search", "score.complant:>0", "--json")
    assert (found.status, found.out) == (0, "")
    assert "did you mean score.complaint?" in found.err


def test_the_log_starts_with_as_many_matching_lines_as_asked_for(system: RunningSystem) -> None:
    """Earlier lines that match are looked for beyond those that do not."""
    following = spawn(system.home, "log", "id:d-1", "--lines", "1")
    assert following.stdout
    assert json.loads(following.stdout.readline())["document"]["id"] == "d-1"
    following.terminate()
    following.communicate(timeout=30)


def test_show_all_scores_again_with_every_term(system: RunningSystem) -> None:
    """Every term is there, adds up to the margin that was recorded, and the new call is no production call."""
    (record,) = system.run("search", "id:d-1", "--json").lines
    (whole,) = system.run("show", "d-1", "--all", "--json").lines
    for before, after in zip(record["calculation"], whole["calculation"], strict=True):
        assert after["remainder_terms"] == 0
        assert len(after["feature"]) == len(before["feature"]) + before["remainder_terms"]
        total = math.fsum((after["intercept"], after["remainder"], *after["contribution"]))
        assert math.isclose(total, before["margin"], rel_tol=1e-6, abs_tol=1e-6)
    system.settle()
    assert len(system.run("search", "id:d-1", "--json").lines) == 1
    again = system.run("search", "id:d-1", "--purpose", "explain", "--json").lines
    assert again
    assert "explain" in system.run("show", "d-1").out


def test_show_finds_a_record_by_its_own_id(system: RunningSystem) -> None:
    """A record id leads to the document, too, and one that is nowhere is said."""
    (record,) = system.run("search", "id:d-2", "--json").lines
    assert "d-2" in system.run("show", record["record"]["id"]).out
    missing = system.run("show", "nowhere")
    assert (missing.status, missing.out) == (1, "")
    assert "'nowhere'" in missing.err


def test_the_log_has_a_line_per_document(system: RunningSystem) -> None:
    """Each scored document is one JSON line, and a query about scores chooses among them."""
    lines = system.run("log", "--no-follow").lines
    assert {line["document"]["id"] for line in lines if line["purpose"] == "production"} >= {"d-1", "d-2", "d-3", "d-4"}
    assert {line["document"]["id"] for line in system.run("log", "kind:chat", "--no-follow").lines} == {"d-3"}
    assert system.run("log", "--no-follow", "--until", "2026-01-01").out == ""


def test_the_log_says_that_it_has_no_words(system: RunningSystem) -> None:
    """A query for words is refused instead of finding nothing."""
    refused = system.run("log", "mortgage", "--no-follow")
    assert refused.status == 1
    assert "scorelens search" in refused.err


def test_the_log_is_followed(system: RunningSystem) -> None:
    """A line arrives while the command runs, and Ctrl-C ends it quietly."""
    following = spawn(system.home, "log", "id:followed")
    try:
        system.run("score", "-", "--purpose", "test", given=jsonl([{"id": "followed", "text": "x"}]))
        assert following.stdout
        assert json.loads(following.stdout.readline())["document"]["id"] == "followed"
        following.send_signal(signal.SIGINT)
        _, said = following.communicate(timeout=30)
        assert said.strip() == ""
    finally:
        following.kill()


def test_pull_gives_the_documents_back(system: RunningSystem) -> None:
    """Ids and lines of the log lead to the documents as they were sent."""
    pulled = system.run("pull", given="d-1\n\nd-4\n")
    assert pulled.status == 0, pulled.err
    tweet, activity = pulled.lines
    assert tweet == {
        **{name: DOCUMENTS[0][name] for name in ("id", "kind", "text", "audience")},
        "attributes": {"campaign": "x"},
    }
    assert activity == DOCUMENTS[3]
    log = system.run("log", "kind:chat", "--no-follow").out
    assert [one["id"] for one in system.run("pull", given=log).lines] == ["d-3"]


def test_pull_names_what_is_missing(system: RunningSystem) -> None:
    """A document that is nowhere is named, the others are there, and the status is 1."""
    pulled = system.run("pull", given='nowhere\nd-2\n"d-3"\n')
    assert pulled.status == 1
    assert [one["id"] for one in pulled.lines] == ["d-2", "d-3"]
    assert "nowhere" in pulled.err
    assert "line 1" in system.run("pull", given="{}\n").err
    binary = subprocess.run(
        command("pull"), input=b"\xff\xfe\nd-1\n", capture_output=True, env=environment(system.home), check=False
    )
    assert json.loads(binary.stdout)["id"] == "d-1"


def test_pull_takes_a_query(system: RunningSystem) -> None:
    """A query pulls each matching document once."""
    assert sorted(one["id"] for one in system.run("pull", "mortgage", "--since", "1h").lines) == ["d-1", "d-3"]


def test_pull_says_when_a_query_finds_nothing(system: RunningSystem) -> None:
    """An id that was typed as a query is answered with where ids go, and nothing is printed for pipes."""
    pulled = system.run("pull", "d-17")
    assert (pulled.status, pulled.lines) == (0, [])
    assert "0 documents match; ids go on standard input" in pulled.err
    assert "no record has" in pulled.err


def test_pull_asks_a_resolver_of_ones_own(system: RunningSystem, tmp_path: Path) -> None:
    """The system that owns the documents answers in place of the store."""
    (tmp_path / "crm.py").write_text(
        "from scorelens.v1.scorer_pb2 import Document\n"
        "class Crm:\n"
        "    def resolve(self, references):\n"
        "        for reference in references:\n"
        "            if reference.document_id != 'gone':\n"
        "                yield reference, Document(id=reference.document_id, text='live')\n"
    )
    done = subprocess.run(
        command("pull", "--resolver", "crm:Crm"),
        input=b"a\ngone\n",
        capture_output=True,
        env=environment(system.home)
        | {"PYTHONPATH": os.pathsep.join((str(tmp_path), os.environ.get("PYTHONPATH", "")))},
        check=False,
    )
    assert json.loads(done.stdout) == {"id": "a", "text": "live"}
    assert done.returncode == 1
    wrong = system.run("pull", "--resolver", "nowhere:Crm", given="a\n")
    assert wrong.status == 1
    assert wrong.err.startswith("scorelens: --resolver")


def test_bad_lines_are_put_aside_and_the_rest_is_scored(system: RunningSystem, tmp_path: Path) -> None:
    """Every line that cannot be scored is reported with number and field, and the status is 1."""
    good = [{"id": f"good-{number}", "text": "x"} for number in range(5)]
    lines = jsonl(good).encode().splitlines()
    lines[1:1] = [
        b"no json",
        b'{"id": "n", "audience": -1}',
        b'{"id": "t", "text": 5}',
        b'{"id": "u", "text": "\xff"}',
        b"",
    ]
    path = tmp_path / "documents.jsonl"
    path.write_bytes(b"\n".join(lines))
    scored = system.run("score", str(path), "--purpose", "test", "--batch", "2", "--json")
    assert scored.status == 1
    assert [one["document_id"] for one in scored.lines] == [one["id"] for one in good]
    rejects = [json.loads(line) for line in (tmp_path / "documents.jsonl.rejects.jsonl").read_text().splitlines()]
    assert [(one["line"], one["field"]) for one in rejects] == [(2, ""), (3, "audience"), (4, "text"), (5, "")]
    assert all(f"line {number}: " in scored.err for number in (2, 3, 4, 5))


def test_an_interrupted_run_says_how_far_it_came(system: RunningSystem) -> None:
    """Ctrl-C ends a run with the status of an interrupt and the number of documents that were answered."""
    scoring = spawn(system.home, "score", "-", "--batch", "1", "--purpose", "test", "--json", stdin=subprocess.PIPE)
    assert scoring.stdin
    assert scoring.stdout
    scoring.stdin.write(jsonl([{"id": f"i-{number}", "text": "x"} for number in range(20)]))
    scoring.stdin.flush()
    assert json.loads(scoring.stdout.readline())["document_id"] == "i-0"
    scoring.send_signal(signal.SIGINT)
    _, said = scoring.communicate(timeout=30)
    assert scoring.returncode == 130
    assert "interrupted after the answers for" in said


def test_score_says_what_it_did(system: RunningSystem) -> None:
    """Without --json, the tags that were given are counted."""
    scored = system.run("score", "-", "--purpose", "test", given=jsonl(DOCUMENTS))
    assert scored.status == 0
    assert "scored 4 documents" in scored.err


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("score", "nowhere.jsonl"), "nowhere.jsonl"),
        (("score", "-", "--model-version", "1"), "--model"),
        (("score", "-", "--model", "nowhere"), "nowhere"),
        (("score", "-", "--target", "localhost"), "HOST:PORT"),
        (("score", "-", "--target", "127.0.0.1:1", "--patience", "0"), "127.0.0.1:1"),
        (("search", "*", "--sort", "nowhere"), "--sort"),
        (("show", "d-1", "--tag", "nowhere"), "--tag"),
        (("up", "--sidecar", "here"), "SCORELENS_SIDECAR_LISTEN"),
        (("log", "--file", "/nowhere", "--no-follow"), "/nowhere"),
    ],
)
def test_errors_are_one_line_that_names_the_fault(
    system: RunningSystem, arguments: tuple[str, ...], reason: str
) -> None:
    """Whatever is wrong is said without a stack trace, with a status that is not zero."""
    wrong = system.run(*arguments, given=jsonl(DOCUMENTS[:1]))
    assert wrong.status != 0
    assert reason in wrong.err
    assert "Traceback" not in wrong.err


def test_a_reader_that_has_seen_enough_is_no_error(system: RunningSystem) -> None:
    """A closed pipe ends a command without a word."""
    listing = spawn(system.home, "search", "*", "--json", "--limit", "1000", "--purpose", "all")
    assert listing.stdout
    listing.stdout.close()
    assert listing.stderr
    assert "rror" not in listing.stderr.read()
    listing.wait(30)
    listing.stderr.close()


def test_a_full_disk_is_said_in_a_line(system: RunningSystem) -> None:
    """Output that cannot be written ends a command with the reason."""
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            command("search", "*", "--json"),
            stdout=full,
            stderr=subprocess.PIPE,
            env=environment(system.home),
            check=False,
        )
    assert done.returncode != 0
    assert b"No space left" in done.stderr
    assert b"Traceback" not in done.stderr


def test_the_account_adds_up(system: RunningSystem) -> None:
    """Sidecar and indexer account for every call and span."""
    status = system.settle()
    assert status["healthy"]
    assert status["adds_up"]
    account = status["indexer"]
    assert account["received"] == sum(
        account[name] for name in ("stored", "duplicates", "forgotten", "dead_letters", "ignored", "refused")
    )
    shown = system.run("status", width=80)
    assert shown.status == 0
    assert shown.out.count("adds up") == 3
    letters = system.run("dead-letters")
    assert (letters.status, letters.err) == (0, "no dead letters of the sidecar and indexer\n")


def test_an_indexer_elsewhere_is_named_by_the_environment(system: RunningSystem, tmp_path: Path) -> None:
    """In a home where nothing runs it is asked all the same; of what could not be asked nothing is said to be well."""
    alone = RunningSystem(tmp_path).run("dead-letters")
    assert alone.status == 1
    assert "no dead letters" not in alone.err
    variables = environment(tmp_path) | {"SCORELENS_CONSOLE_INDEXER": f"http://{system.found()['indexer']}"}
    named, status = (
        subprocess.run(command(*words), capture_output=True, text=True, env=variables, check=False)
        for words in (("dead-letters",), ("status", "--json"))
    )
    assert "no dead letters of the indexer\n" in named.stderr
    assert "the sidecar could not be asked" in named.stderr
    assert json.loads(status.stdout)["indexer"]["adds_up"]


def test_a_part_that_dies_is_started_again_at_the_same_address(system: RunningSystem) -> None:
    """kill -9 of the indexer is survived: it comes back where it was, and what is scored meanwhile is stored."""
    address = system.found()["indexer"]
    old = indexer_of(system)
    old.kill()
    scored = system.run("score", "-", "--purpose", "replay", given=jsonl([{"id": "meanwhile", "text": "x"}]))
    assert scored.status == 0
    wait_until(lambda: indexer_of(system).pid != old.pid, "another indexer runs")
    assert system.settle()["indexer"] is not None
    assert system.found()["indexer"] == address
    assert len(system.run("search", "id:meanwhile", "--purpose", "all", "--json").lines) == 1


def indexer_of(system: RunningSystem) -> psutil.Process:
    """Return the indexer's process."""
    assert system.process
    children = psutil.Process(system.process.pid).children()
    found = [child for child in children if child.status() != psutil.STATUS_ZOMBIE and "indexer" in child.cmdline()]
    return found[0] if found else psutil.Process(system.process.pid)


def test_data_survives_a_restart_and_is_read_without_a_system(tmp_path: Path) -> None:
    """What was scored is found after a stop, without any process, and again after the next start."""
    system = RunningSystem(tmp_path / "home").start()
    assert system.run("score", "-", given=jsonl(DOCUMENTS)).status == 0
    status, said = system.stop()
    assert status == 0, said
    assert not (system.home / "run" / "system.json").exists()
    assert "4 documents match" in system.run("search", "*", "--limit", "0").err
    assert len(system.run("log", "--no-follow").lines) == 4
    down = system.run("status")
    assert down.status == 1
    assert "no system runs" in down.out
    assert "adds up" in down.out
    system.start()
    try:
        assert "4 documents match" in system.run("search", "*", "--limit", "0").err
        assert system.settle()["healthy"]
    finally:
        system.stop()


def test_a_part_that_cannot_start_stops_everything_with_its_reason(tmp_path: Path) -> None:
    """The reason is said in a line, and no process is left behind."""
    done = subprocess.run(
        command("up", *ANY_PORTS),
        capture_output=True,
        text=True,
        env=environment(tmp_path / "home") | {"SCORELENS_SIDECAR_SAMPLE": "2"},
        timeout=170,
        check=False,
    )
    assert done.returncode == 1
    assert "--sample" in done.stderr
    assert "Traceback" not in done.stderr
    assert run(tmp_path / "home", "status").status == 1


def test_commands_say_how_to_start_a_system(tmp_path: Path) -> None:
    """On a folder where nothing runs and nothing is, the way to begin is named."""
    assert "scorelens up" in run(tmp_path / "home", "score", "-").err
    found = run(tmp_path / "home", "search", "x")
    assert found.status == 1
    assert "scorelens up" in found.err


def test_scoring_without_a_system_leaves_no_results(tmp_path: Path) -> None:
    """Where no system runs, not even an empty file of results is left."""
    file = tmp_path / "x.jsonl"
    file.write_text(jsonl(DOCUMENTS))
    assert run(tmp_path / "home", "score", str(file), "--output", str(tmp_path / "results.csv")).status == 1
    assert not list(tmp_path.glob("results*"))


@pytest.mark.parametrize("kind", SYSTEMS)
def test_the_demo_shows_everything_and_ends(tmp_path: Path, kind: str, request: pytest.FixtureRequest) -> None:
    """The demo scores, lists, explains and finds documents of its corpus, and ends with status 0; nothing is left."""
    where = [*ANY_PORTS, "--console", "127.0.0.1:0"]
    url = request.getfixturevalue("elasticsearch_url") if kind == "elasticsearch" else ""
    shown = run(
        tmp_path / "unused", "demo", "--exit", "--documents", "300", *where, *(["--elasticsearch", url] if url else ())
    )
    assert shown.status == 0, shown.err
    assert shown.out.count("/signin?code=") == 2
    assert "scored 300 documents" in shown.err
    for part in ("tweet", "sum = margin", "documents match", "adds up", "$ scorelens search"):
        assert part in shown.out
    assert "Traceback" not in shown.err
    if url:
        assert f"{url}#scorelens-demo-" in shown.out
        assert ask(url, "GET", "/scorelens-demo-*?expand_wildcards=all") == {}
        assert reply(url, "GET", "/_component_template/scorelens-demo-*")[0] == 404
