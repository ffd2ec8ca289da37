"""`scorelens score`: documents from a file through the sidecar."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import click
from google.protobuf.json_format import MessageToDict
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from scorelens_client.batches import Line, batches
from scorelens_client.channel import open_channel
from scorelens_client.home import Home
from scorelens_client.lines import read_lines
from scorelens_client.options import home_option, json_option
from scorelens_client.rejects import Rejects
from scorelens_client.sending import Scored, Sender, Sending
from scorelens_client.terminal import notes, print_json, progress, results
from scorelens_runtime.errors import ScorelensError

BATCH_BYTES = 4 * 2**20
NOTE_EVERY = 10.0


@click.command("score")
@click.argument("file", metavar="FILE.jsonl|-")
@click.option("--target", metavar="HOST:PORT", help="Sidecar or scorer to call.  [default: the running system's]")
@click.option("--model", default="", help="Model to score with.  [default: chosen by each document's kind]")
@click.option("--model-version", default="", help="Version of the model; needs --model.  [default: the one in use]")
@click.option(
    "--purpose",
    type=click.Choice(("production", "explain", "replay", "test")),
    default="production",
    help="Recorded with the call; listings show production.  [default: production]",
)
@click.option("--batch", type=click.IntRange(1, 100_000), default=100, help="Documents in a call.  [default: 100]")
@click.option("--parallel", type=click.IntRange(1, 64), default=4, help="Calls in flight.  [default: 4]")
@click.option(
    "--patience",
    type=click.FloatRange(0),
    default=60.0,
    metavar="SECONDS",
    help="How long to try again while nobody answers.  [default: 60]",
)
@click.option("--rejects", metavar="FILE", help="Where lines go that were not scored.  [default: FILE.rejects.jsonl]")
@click.option("--full", is_flag=True, help="Add the calculations to --json.")
@json_option("Print one JSON line per document instead of a summary.")
@home_option
def command(
    file: str,
    target: str | None,
    model: str,
    model_version: str,
    purpose: str,
    batch: int,
    parallel: int,
    patience: float,
    rejects: str | None,
    full: bool,
    as_json: bool,
    home: Home,
) -> int:
    """Score the documents of a JSONL file, or of standard input (-).

    Each line is one document, with the fields of the contract:

    \b
    {"id": "d-17", "kind": "tweet", "text": "Still no refund", "audience": 1200}
    {"id": "c-4", "kind": "activity", "customer_id": "c-4",
     "events": [{"type": "salary", "time": "2026-11-01T08:00:00Z", "amount": 2100}]}

    Fields: id, kind, title, text, language, author, source, source_uri, audience, published_time, customer_id, events
    and attributes (an object). Any other field is kept as an attribute, a list joined by commas, so that one can
    search for it: {"campaign": "x"} is found by attributes.campaign:x.

    A line that is not a document is reported with its number and the field at fault and written to the file of
    rejects; all others are scored, and the exit status is 1.

    \b
    scorelens score documents.jsonl
    zcat documents.jsonl.gz | scorelens score - --batch 500
    scorelens score documents.jsonl --json | jq -r '.document_id + " " + .tags[0].tag'
    """
    if model_version and not model:
        raise click.UsageError("--model-version needs --model")
    address = target or home.require_running().sidecar
    sending = Sending(address, model, model_version, purpose, full, parallel=parallel, patience=patience)
    console = notes()
    kept = Path(rejects) if rejects else None if file == "-" else Path(file + ".rejects.jsonl")
    with ExitStack() as stack:
        source = stack.enter_context(_open(file))
        bad = Rejects(console, kept)
        stack.callback(bad.close)
        bar = stack.enter_context(progress(console, "documents"))
        channel = stack.enter_context(open_channel(address))
        run = Run(bar, console, None if file == "-" else Path(file).stat().st_size)
        stack.enter_context(_saying_how_far(run, console))
        lines = run.watch(read_lines(source, bad.add))
        for outcomes in Sender(channel, sending).score(batches(lines, batch, BATCH_BYTES)):
            for outcome in outcomes:
                if outcome.result is None:
                    bad.add(outcome.line.number, outcome.line.source, "", outcome.reason)
                elif as_json:
                    print_json(_as_json(outcome))
            run.count(outcomes)
        run.finish()
    _summarise(run, bad, console, as_json)
    return 1 if bad.count else 0


class Run:
    """Keeps the figures of a run and the bar that shows them."""

    def __init__(self, bar: Progress, console: Console, size: int | None) -> None:
        self.scored = 0
        self.tags: Counter[tuple[str, str]] = Counter()
        self.started = self._noted = time.monotonic()
        self._bar, self._console, self._size = bar, console, size
        self._task = bar.add_task("scoring", total=size, count=0, rate=0.0)
        self._read = 0

    @property
    def seconds(self) -> float:
        """How long it has taken so far."""
        return time.monotonic() - self.started

    def watch(self, lines: Iterator[Line]) -> Iterator[Line]:
        """Count the bytes of lines that are taken."""
        for line in lines:
            self._read += len(line.source) + 1
            yield line

    def count(self, outcomes: list[Scored]) -> None:
        """Count a batch that was answered and show where the run stands."""
        for outcome in outcomes:
            if outcome.result is not None:
                self.scored += 1
                self.tags.update((tag.group, tag.title or tag.tag) for tag in outcome.result.tags if tag.selected)
        self._bar.update(
            self._task,
            completed=self._read if self._size else None,
            count=self.scored,
            rate=self.scored / max(self.seconds, 1e-3),
        )
        if self._bar.disable and time.monotonic() - self._noted > NOTE_EVERY:
            self._noted = time.monotonic()
            share = f"{min(self._read / self._size, 1):.0%}, " if self._size else ""
            self._console.print(f"scored {self.scored:,} documents so far ({share}{self.scored / self.seconds:,.0f}/s)")

    def finish(self) -> None:
        """Fill the bar."""
        self._bar.update(self._task, total=self._size or 1, completed=self._size or 1)


@contextmanager
def _saying_how_far(run: Run, console: Console) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        answers = f"{run.scored:,} document{'' if run.scored == 1 else 's'}"
        console.print(f"interrupted after the answers for {answers}; those are recorded", style="yellow")
        raise


def _open(file: str) -> BinaryIO:
    if file == "-":
        return sys.stdin.buffer
    try:
        return Path(file).open("rb")
    except OSError as error:
        raise ScorelensError(f"cannot read {file}: {error.strerror}") from error


def _as_json(outcome: Scored) -> dict[str, Any]:
    value: dict[str, Any] = {"line": outcome.line.number}
    for message in (outcome.result, outcome.calculation):
        if message is not None:
            part = MessageToDict(message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)
            value |= part if message is outcome.result else {"calculation": part["tags"]}
    return value


def _summarise(run: Run, bad: Rejects, console: Console, as_json: bool) -> None:
    rate = f"{run.scored / run.seconds:,.0f}" if run.seconds else "-"
    console.print(f"scored {run.scored:,} document{'' if run.scored == 1 else 's'} in {run.seconds:.1f} s ({rate}/s)")
    if bad.count:
        where = f"; see {bad.path}" if bad.path else ""
        lines = "1 line was" if bad.count == 1 else f"{bad.count:,} lines were"
        console.print(f"{lines} not scored{where}", style="red", soft_wrap=True)
    if not as_json and run.tags:
        results().print(_tag_table(run))


def _tag_table(run: Run) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name, side in (("group", "left"), ("tag", "left"), ("documents", "right"), ("share", "right")):
        table.add_column(name, justify=side)  # type: ignore[arg-type]
    for (group, title), count in sorted(run.tags.items(), key=lambda item: (item[0][0], -item[1])):
        table.add_row(group, title, f"{count:,}", f"{count / run.scored:.1%}")
    return table
