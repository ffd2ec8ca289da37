"""`scorelens demo`: the whole system on a made-up corpus, shown step by step."""

from __future__ import annotations

import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.rule import Rule
from rich.text import Text

from scorelens_client.addresses import UpSettings
from scorelens_client.bulk.batches import Line, divide
from scorelens_client.bulk.flow import Flow
from scorelens_client.bulk.pace import Pace
from scorelens_client.bulk.sending import Sender, Sending
from scorelens_client.commands.show import print_record
from scorelens_client.commands.status import collect, print_status, spooled
from scorelens_client.commands.up import command_name, print_system, wait_for_ever
from scorelens_client.demo_store import apart
from scorelens_client.home import Home, System
from scorelens_client.listing import print_hit, print_listing
from scorelens_client.perception import perception, print_perception
from scorelens_client.reading import open_store
from scorelens_client.system import running, stop_on_signals
from scorelens_client.terminal import counted, notes, results
from scorelens_documents.documents import read_document
from scorelens_documents.rows import read_rows
from scorelens_reading.channel import open_channel
from scorelens_runtime.errors import ScorelensError
from scorelens_runtime.settings import options
from scorelens_store.contract import Reader, Selection, Sort
from scorelens_store.query.parse import parse

STORED_WITHIN = 120.0
LISTED = 12
KINDS = ("tweet", "chat", "blog", "article", "comment", "activity")


@click.command("demo")
@click.option(
    "--documents", type=click.IntRange(1, 1_000_000), default=3000, help="Size of the corpus.  [default: 3000]"
)
@click.option(
    "--seed", type=click.IntRange(0), default=1, help="Which corpus; the same seed makes the same.  [default: 1]"
)
@click.option("--exit", "leave", is_flag=True, help="End when everything was shown, instead of staying up.")
@click.option("--home", "folder", metavar="FOLDER", help="Keep the data in this folder.  [default: a temporary one]")
@options(UpSettings, "up")
def command(settings: UpSettings, documents: int, seed: int, leave: bool, folder: str | None) -> int:
    """Run the whole system on a made-up corpus: score it, list it, explain it, search it.

    Starts what `scorelens up` starts, in a temporary folder that is removed at the end, and stays up until Ctrl-C, so
    that one can look around from another terminal. With --exit it ends by itself; the status is 0 when everything was
    stored and adds up. In an Elasticsearch its records have a prefix of their own (scorelens-demo-…, removed at the
    end; with --home scorelens-demo, kept), unless URL#PREFIX names one.

    \b
    scorelens demo
    scorelens demo --documents 20000 --home ~/scorelens-demo
    scorelens demo --elasticsearch http://localhost:9200
    """
    stop_on_signals()
    console, out = notes(), results()
    try:
        with ExitStack() as stack:
            home = stack.enter_context(_home(folder))
            settings = stack.enter_context(apart(settings, console, kept=folder is not None))
            system = stack.enter_context(running(home, settings, console))
            print_system(out, home, system)
            well = _show(home, system, documents, seed, out, console)
            if leave:
                return 0 if well else 1
            _suggest(out, home, system)
            console.print("\nCtrl-C stops everything.", style="dim")
            wait_for_ever()
    except KeyboardInterrupt:
        console.print("stopped")
    return 0


@contextmanager
def _home(folder: str | None) -> Iterator[Home]:
    if folder:
        yield Home(Path(folder).expanduser().absolute())
        return
    with tempfile.TemporaryDirectory(prefix="scorelens-demo-", ignore_cleanup_errors=True) as made:
        yield Home(Path(made))


def _show(home: Home, system: System, documents: int, seed: int, out: Console, console: Console) -> bool:
    corpus = _corpus(documents, seed, console)
    _score(system, corpus, console)
    status = _wait_until_stored(home, system, console)
    with open_store(home) as reader:
        _title(out, "What the models said")
        print_listing(out, _mixed(reader))
        _title(out, "Reach and perception of brands")
        print_perception(out, perception(reader))
        _title(out, "Why: one document and its calculation")
        _explain_one(out, reader)
        _title(out, "Found again by words and score")
        _search_one(out, reader)
    _title(out, "What became of every call")
    print_status(out, status)
    return bool(status["healthy"]) and spooled(status) == 0


def _title(out: Console, text: str) -> None:
    out.print()
    out.print(Rule(text, align="left", style="dim"))
    out.print()


def _corpus(count: int, seed: int, console: Console) -> list[Line]:
    with console.status(f"making {count:,} documents ..."):
        command = [sys.executable, "-P", "-m", "scorelens_scorer.corpus", "--count", str(count), "--seed", str(seed)]
        made = subprocess.run(command, capture_output=True, check=False)
    if made.returncode:
        last = made.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise ScorelensError(f"the corpus could not be made: {' '.join(last)}")
    rows = read_rows(BytesIO(made.stdout), reject=_no_rejects)
    return [Line(row.number, row.source, read_document(row.values)) for row in rows]


def _no_rejects(number: int, _: bytes, field: str, reason: str) -> None:
    raise ScorelensError(f"line {number} of the corpus is wrong: {field}: {reason}")


def _score(system: System, corpus: list[Line], console: Console) -> None:
    started = time.monotonic()
    with counted(console) as bar, open_channel(system.sidecar) as channel:
        task = bar.add_task("scoring through the sidecar", total=len(corpus))
        pace = Pace()
        batches = divide(corpus)
        flow = Flow(Sender(channel, Sending(system.sidecar), pace), pace)
        for _, outcomes in flow.run(batches.take):
            for outcome in outcomes:
                if outcome.result is None:
                    raise ScorelensError(f"a document of the corpus was refused: {outcome.reason}")
            bar.advance(task, len(outcomes))
    seconds = time.monotonic() - started
    console.print(f"scored {len(corpus):,} documents in {seconds:.1f} s ({len(corpus) / seconds:,.0f}/s)")


def _wait_until_stored(home: Home, system: System, console: Console) -> dict[str, Any]:
    limit = time.monotonic() + STORED_WITHIN
    with console.status("storing what was scored ..."):
        while True:
            status = collect(home, system.indexer)
            if (status["sidecar"] and not spooled(status)) or time.monotonic() > limit:
                break
            time.sleep(0.2)
    if spooled(status):
        console.print(f"{spooled(status):,} calls are not stored yet; their records wait in the spool", style="yellow")
    return status


def _mixed(reader: Reader) -> list[dict[str, Any]]:
    """Choose a few documents of each kind."""
    each = max(1, LISTED // len(KINDS))
    found = [
        reader.search(Selection(parse(f"kind:{kind} AND tag:*")), limit=each, sort=Sort("document.audience")).hits
        for kind in KINDS
    ]
    return [hit.record for hits in found for hit in hits]


def _explain_one(out: Console, reader: Reader) -> None:
    for query in ("score.complaint:[0.6 TO 0.95] AND kind:tweet", "score.complaint:[0.6 TO 1]", "tag:*", "*"):
        hits = reader.search(Selection(parse(query)), limit=1, sort=Sort("score.complaint"))
        if hits.hits:
            record = hits.hits[0].record
            out.print(f"$ scorelens show {shlex.quote(record['document']['id'])}\n", style="bold")
            print_record(out, record, most_tags=2)
            return


def _search_one(out: Console, reader: Reader) -> None:
    query = "mortgage AND score.complaint:>0.5"
    hits = reader.search(Selection(parse(query)), limit=3, highlight=True)
    out.print(f"$ scorelens search {shlex.quote(query)}\n", style="bold")
    for hit in hits.hits:
        print_hit(out, hit)
    out.print(f"{hits.total:,} documents match")


def _suggest(out: Console, home: Home, system: System) -> None:
    name = command_name()
    _title(out, "Try next, in another terminal")
    steps = {
        f"export SCORELENS_HOME={shlex.quote(str(home.path))}": "where this system keeps its data",
        f"{name} search 'refund AND NOT tag:complaint'": "what did the model miss?",
        f"{name} search 'score.complaint:[0.4 TO 0.6]'": "close to the threshold",
        f"{name} search 'because:\"complaint:refund\"'": "tagged for this reason",
        f"{name} show DOCUMENT_ID --all": "every term of its calculation",
        f"{name} log 'score.complaint:>0.9'": "the calculation log, as it happens",
        f"{name} status": "the account again",
        f"grpcurl -plaintext {system.sidecar} list": "any gRPC client",
    }
    width = max(len(step) for step in steps) + 2
    for step, why in steps.items():
        out.print(Text(step.ljust(width)).append(f"# {why}", "dim"), soft_wrap=True)
