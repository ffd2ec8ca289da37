"""One run over a file: rows in, outcomes to where they belong, how far it came noted at every step."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Console

from scorelens_client.bulk.batches import Bad, Batch, Batcher, Scored
from scorelens_client.bulk.flow import Flow, Told
from scorelens_client.bulk.interrupt import InputEnded, Interrupt
from scorelens_client.bulk.outcome import as_json
from scorelens_client.bulk.output import Output
from scorelens_client.bulk.pace import Pace
from scorelens_client.bulk.resuming import Kept, keep, recover
from scorelens_client.bulk.sending import Sender, Sending
from scorelens_client.bulk.watching import Watching, documents
from scorelens_client.home import Home
from scorelens_client.rejects import Rejects
from scorelens_client.terminal import clean, print_json
from scorelens_documents.columns import Columns
from scorelens_documents.errors import FileError
from scorelens_documents.rows import open_rows
from scorelens_documents.unread import overlooked
from scorelens_reading.channel import open_channel
from scorelens_runtime.errors import ScorelensError


@dataclass(frozen=True)
class Job:
    """What to score and how; `target` is empty for the system that runs in `home`."""

    file: str
    sending: Sending
    home: Home
    target: str = ""
    columns: Columns = Columns()
    form: str = ""
    delimiter: str = ""
    batch: int | None = None
    parallel: int | None = None
    rejects: Path | None = None
    output: Path | None = None
    full: bool = False
    as_json: bool = False
    restart: bool = False
    anyway: bool = False

    @property
    def options(self) -> dict[str, Any]:
        """What makes a run another one, beside the file."""
        sending = self.sending
        return {
            "target": self.target,
            "model": [sending.model, sending.model_version],
            "purpose": sending.purpose,
            "columns": dict(self.columns.named),
            "form": [self.form, self.delimiter],
            "full": self.full,
            "output": str(self.output.absolute()) if self.output else "",
            "rejects": str(self.rejects.absolute()) if self.rejects else "",
        }


class Run:
    """Scores a file to its end, or to an interruption, after which `complete` is false."""

    def __init__(self, job: Job, console: Console) -> None:
        self._job, self._console = job, console
        self._told = Told()
        self._interrupt = Interrupt(self._told, console, can_wait=not Path(job.file).is_file())
        self._looked = False
        self.complete = False

    def run(self) -> None:
        """Score. Raises ScorelensError, KeyboardInterrupt at a second Ctrl-C."""
        job = self._job
        with ExitStack() as stack:
            self._output = Output(job.output, job.full) if job.output else None
            batcher = Batcher(job.columns)
            kept = self._keep(stack)
            after = kept.progress.row
            rows = stack.enter_context(
                open_rows(job.file, reject=batcher.reject, form=job.form, after=after, delimiter=job.delimiter)
            )
            batcher.feed(job.columns.checked(rows), lambda: rows.read)
            address = job.target or job.home.require_running().sidecar
            self._open_files(stack)
            if after or kept.progress.flying:
                self._console.print(f"continuing after {documents(kept.progress.scored)}; --restart would begin anew")
                self._recover(kept, batcher, address)
            self.watching = Watching(self._console, self.progress, rows.size)
            self._score(address, batcher, kept, stack)
            if self.complete:
                self._finish(kept)

    def _keep(self, stack: ExitStack) -> Kept:
        job = self._job
        if Path(job.file).is_file():
            with open_rows(job.file, reject=_ignore, form=job.form, delimiter=job.delimiter):
                pass  # a file that cannot be read leaves nothing behind
        kept = keep(job.home, job.file, job.options, job.restart, self._console)
        stack.callback(kept.close)
        self.progress = kept.progress
        return kept

    def _open_files(self, stack: ExitStack) -> None:
        progress = self.progress
        self.rejects = Rejects(self._console, self._job.rejects, progress.rejected, progress.rejects)
        stack.callback(self.rejects.close)
        if self._output:
            self._output.open(progress.output)
            stack.callback(self._output.close)

    def _recover(self, kept: Kept, batcher: Batcher, address: str) -> None:
        try:
            recover(kept, batcher, self._job.home, self._has_store(address), self._console, self._job.anyway)
        except KeyboardInterrupt:
            self._say_interrupted(kept)
            raise

    def _score(self, address: str, batcher: Batcher, kept: Kept, stack: ExitStack) -> None:
        job = self._job
        pace = self.pace = Pace(job.batch, job.parallel)
        channel = stack.enter_context(open_channel(address))
        sender = Sender(channel, replace(job.sending, address=address, run=self.progress.run), pace)
        known = iter(kept.recovered)
        flow = Flow(sender, pace, self._told)

        def take(most: int) -> Batch | None:
            try:
                with self._interrupt.reading():
                    batch = next(known, None) or batcher.take(most)
            except InputEnded:
                self._told.stop.set()
                return None
            if batch and not self._looked:
                self._look(batch)
            return batch

        try:
            with self._interrupt.heeded(), self.watching.shown():
                for batch, outcomes in flow.run(take, kept.before):
                    self._take_down(batch, outcomes, kept)
                if flow.finished:
                    self.watching.finish()
        except KeyboardInterrupt:
            self._say_interrupted(kept)
            raise
        except ScorelensError:
            self._say_how_to_go_on(kept)
            raise
        self.complete = flow.finished
        if not self.complete:
            self._say_interrupted(kept)

    def _look(self, batch: Batch) -> None:
        """Say so where the first documents have nothing to read, since their text has another name."""
        self._looked = True
        column = overlooked(line.document for line in batch.lines)
        if column:
            first = "the first document has" if len(batch.lines) == 1 else "the first documents have"
            self._console.print(
                f"{first} no text, title or events: a column of another name is named by --column, such as "
                f"--column text={clean(column)}",
                style="yellow",
                soft_wrap=True,
            )

    def _take_down(self, batch: Batch, outcomes: Sequence[Scored], kept: Kept) -> None:
        progress = self.progress
        for item in _in_order(batch, outcomes):
            if isinstance(item, Bad):
                self.rejects.add(item.number, item.source, item.field, item.reason)
            elif item.result is None:
                field = self._job.columns.column_of(item.field)
                self.rejects.add(item.line.number, item.line.source, field, item.reason)
        if self._job.as_json:
            self._print(outcomes)
        if self._output:
            self._output.write(outcomes)
            progress.output = self._output.position
        for result in (outcome.result for outcome in outcomes if outcome.result is not None):
            progress.scored += 1
            progress.tags.update((tag.group, tag.title or tag.tag) for tag in result.tags if tag.selected)
        progress.row, progress.read = batch.last, batch.read
        progress.rejected, progress.rejects = self.rejects.count, self.rejects.position
        del progress.flying[:1]
        kept.note()
        self.watching.update()

    def _print(self, outcomes: Sequence[Scored]) -> None:
        try:
            for outcome in outcomes:
                if outcome.result is not None:
                    print_json(as_json(outcome, self._job.full))
            sys.stdout.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            raise ScorelensError(f"cannot write to standard output: {error.strerror}") from error

    def _finish(self, kept: Kept) -> None:
        if not self.progress.rows and self._job.file != "-":
            if kept.journal:
                kept.journal.remove()
            raise FileError(f"{self._job.file} holds no documents")
        if self._output:
            with self._console.status(f"writing {self._job.output} ..."):
                self._output.finish()
        self.rejects.finish()
        if kept.journal:
            kept.journal.remove()

    def _has_store(self, address: str) -> bool:
        system = self._job.home.running()
        return system is not None and address == system.sidecar

    def _say_interrupted(self, kept: Kept) -> None:
        on = "; the same command goes on from there" if kept.journal else "; those are recorded"
        answers = documents(self.progress.scored)
        self._console.print(f"interrupted after the answers for {answers}{on}", style="yellow", soft_wrap=True)

    def _say_how_to_go_on(self, kept: Kept) -> None:
        if kept.journal and self.progress.rows:
            self._console.print(
                f"{documents(self.progress.scored)} were scored; the same command goes on from there",
                style="yellow",
                soft_wrap=True,
            )


def _in_order(batch: Batch, outcomes: Sequence[Scored]) -> Iterator[Bad | Scored]:
    everything: list[Bad | Scored] = [*batch.bad, *outcomes]
    return iter(sorted(everything, key=_row) if batch.bad else outcomes)


def _row(item: Bad | Scored) -> int:
    return item.number if isinstance(item, Bad) else item.line.number


def _ignore(*_: object) -> None:
    """Hear of no bad row."""
