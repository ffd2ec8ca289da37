"""`scorelens score`: documents from a file through the sidecar."""

from __future__ import annotations

import os
import time
from pathlib import Path

import click
from rich.console import Console

from scorelens_client.bulk.resuming import calls
from scorelens_client.bulk.run import Job, Run
from scorelens_client.bulk.sending import Sending
from scorelens_client.bulk.watching import documents, tag_table
from scorelens_client.home import Home
from scorelens_client.options import home_option, json_option
from scorelens_client.terminal import notes, results
from scorelens_documents.columns import Columns
from scorelens_documents.forms import FORMS
from scorelens_runtime.endpoint import Endpoint
from scorelens_runtime.errors import SettingError

LONG = 10.0
"""How many seconds a run takes before what it found out about the rate is worth telling."""

STORED_WITHIN = 1.5
"""How many seconds to wait at the end until everything can be searched."""


@click.command("score")
@click.argument("file", metavar="FILE|-")
@click.option("--target", metavar="HOST:PORT", help="Sidecar or scorer to call.  [default: the running system's]")
@click.option("--model", default="", help="Model to score with.  [default: chosen by each document's kind]")
@click.option("--model-version", default="", help="Version of the model; needs --model.  [default: the one in use]")
@click.option(
    "--purpose",
    type=click.Choice(("production", "explain", "replay", "test")),
    default="production",
    help="Recorded with the call; listings show production.  [default: production]",
)
@click.option(
    "--column",
    "columns",
    multiple=True,
    metavar="FIELD=COLUMN",
    help="Fill a field from a column of another name, or with - from none; may be repeated.",
)
@click.option("--format", "form", type=click.Choice(FORMS), help="What the file is.  [default: told by its name]")
@click.option(
    "--delimiter", metavar="CHARACTER", help="What separates the cells of a CSV file.  [default: told by its header]"
)
@click.option("--output", metavar="FILE", help="Write results to a .jsonl, .csv or .parquet file.")
@click.option("--rejects", metavar="FILE", help="Where rows go that were not scored.  [default: FILE.rejects.jsonl]")
@click.option("--full", is_flag=True, help="Add the calculations to --json and to --output FILE.jsonl.")
@click.option("--restart", is_flag=True, help="Begin anew where an interrupted run would go on.")
@click.option("--anyway", is_flag=True, help="Go on after an interruption even if documents may be scored twice.")
@click.option(
    "--batch", type=click.IntRange(1, 100_000), help="Documents in a call.  [default: what gives the best rate]"
)
@click.option("--parallel", type=click.IntRange(1, 64), help="Calls in flight.  [default: what gives the best rate]")
@click.option(
    "--patience",
    type=click.FloatRange(0),
    default=60.0,
    metavar="SECONDS",
    help="How long to try again while nobody answers, or the scorer is busy.  [default: 60]",
)
@json_option("Print one JSON line per document instead of a summary.")
@home_option
def command(
    file: str,
    target: str | None,
    model: str,
    model_version: str,
    purpose: str,
    columns: tuple[str, ...],
    form: str | None,
    delimiter: str | None,
    output: str | None,
    rejects: str | None,
    full: bool,
    restart: bool,
    anyway: bool,
    batch: int | None,
    parallel: int | None,
    patience: float,
    as_json: bool,
    home: Home,
) -> int:
    """Score the documents of a file, or of standard input (-).

    A file is JSONL, CSV, TSV or Parquet, by the end of its name (the first three also with .gz); of any size. Each row
    is one document, with the fields of the contract:

    \b
    {"id": "d-17", "kind": "tweet", "text": "Still no refund", "audience": 1200}
    {"id": "c-4", "kind": "activity", "customer_id": "c-4",
     "events": [{"type": "salary", "time": "2026-11-01T08:00:00Z", "amount": 2100}]}

    Fields: id, kind, title, text, language, author, source, source_uri, audience, published_time, customer_id, events
    and attributes (an object). Any other field is kept as an attribute, a list joined by commas, so that one can
    search for it: {"campaign": "x"} is found by attributes.campaign:x. A cell of a table holds events as JSON.

    A row that is not a document is reported with its number and the field at fault and written to the file of
    rejects; all others are scored, and the exit status is 1.

    After Ctrl-C, kill -9 or a lost scorer, the same command goes on where it stopped and scores nothing twice.
    Standard input is scored from its beginning each time.

    \b
    scorelens score documents.jsonl
    scorelens score export.csv --column text=body --column id=url
    scorelens score export.csv --column published_time=-    keeps times in another form as an attribute
    scorelens score warehouse.parquet --output results.parquet
    zcat documents.jsonl.gz | scorelens score - --batch 500
    scorelens score documents.jsonl --json | jq -r '.document_id + " " + .tags[0].tag'
    """
    job = Job(
        file,
        Sending("", model, model_version, purpose, full, patience=patience),
        home,
        _target(target),
        Columns.parse(columns),
        form or "",
        _delimiter(delimiter),
        batch,
        parallel,
        _rejects(file, rejects),
        Path(output) if output else None,
        full,
        as_json,
        restart,
        anyway,
    )
    _check(job)
    console = notes()
    run = Run(job, console)
    run.run()
    if not run.complete:
        raise KeyboardInterrupt
    _summarise(run, job, console)
    return 1 if run.rejects.count else 0


def _check(job: Job) -> None:
    if job.sending.model_version and not job.sending.model:
        raise click.UsageError("--model-version needs --model")
    if job.full and not job.as_json and (job.output is None or job.output.suffix.lower() != ".jsonl"):
        raise click.UsageError("--full needs --json or --output FILE.jsonl")
    written = {"--output": job.output, "--rejects": job.rejects}
    for option, path in written.items():
        if path and path.resolve() == Path(job.file).resolve():
            raise click.UsageError(f"{option} {path} is the file that is read; name another one")
    if job.output and job.rejects and job.output.resolve() == job.rejects.resolve():
        raise click.UsageError(f"--output and --rejects are both {job.output}; name two files")


def _target(target: str | None) -> str:
    try:
        return target if target and Endpoint.parse(target) else ""
    except SettingError as error:
        raise SettingError(f"--target: {error}") from error


def _delimiter(text: str | None) -> str:
    delimiter = {"\\t": "\t", "tab": "\t"}.get(text or "", text or "")
    if len(delimiter) > 1 or delimiter in ('"', "\n", "\r"):
        raise click.UsageError(f"--delimiter {text}: give one character, such as ';', or tab")
    return delimiter


def _rejects(file: str, named: str | None) -> Path | None:
    if named:
        path = Path(named)
        if not _can_be_written(path):
            raise SettingError(f"--rejects {named} cannot be written; name another file")
        return path
    if not Path(file).is_file():
        return None
    beside = Path(file + ".rejects.jsonl")
    return beside if _can_be_written(beside) else Path(beside.name)


def _can_be_written(path: Path) -> bool:
    return os.access(path if path.exists() else path.parent, os.W_OK) and not path.is_dir()


def _summarise(run: Run, job: Job, console: Console) -> None:
    watching, progress = run.watching, run.progress
    now = "" if watching.scored == progress.scored else f", {watching.scored:,} of them now,"
    console.print(
        f"scored {documents(progress.scored)}{now} in {watching.seconds:.1f} s ({watching.rate:,.0f}/s)", soft_wrap=True
    )
    if watching.seconds > LONG and not (job.batch and job.parallel):
        console.print(
            f"the rate was best with about {run.pace.size:,} documents in a call, {run.pace.parallel} calls in flight"
        )
    if run.rejects.count:
        where = f"; see {run.rejects.path}" if run.rejects.path else ""
        lines = "1 line was" if run.rejects.count == 1 else f"{run.rejects.count:,} lines were"
        console.print(f"{lines} not scored{where}", style="red", soft_wrap=True)
    if job.output:
        console.print(f"results are in {job.output}", soft_wrap=True)
    if not job.target and progress.scored:
        _say_what_can_be_searched(job.home, console)
    if not job.as_json and progress.tags:
        results().print(tag_table(progress))


def _say_what_can_be_searched(home: Home, console: Console) -> None:
    limit = time.monotonic() + STORED_WITHIN
    while (seen := calls(home)) and seen.spooled and time.monotonic() < limit:
        time.sleep(0.1)
    if seen and seen.spooled:
        left = "1 call is" if seen.spooled == 1 else f"{seen.spooled:,} calls are"
        console.print(
            f"{left} still on the way to the store; `scorelens status` tells when all can be searched", soft_wrap=True
        )
    elif seen:
        console.print("all of it can be searched now")
