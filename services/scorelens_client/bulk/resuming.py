"""Going on where an interrupted run stopped: the same file, the same way, nothing scored twice."""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console

from scorelens_client.bulk import doubt
from scorelens_client.bulk.batches import Batch, Batcher
from scorelens_client.bulk.fingerprint import Fingerprint
from scorelens_client.bulk.journal import Journal, Progress
from scorelens_client.bulk.watching import NOTE_EVERY, documents
from scorelens_client.home import Home
from scorelens_client.parts import attempt, sidecar_account
from scorelens_client.reading import open_store
from scorelens_documents.errors import FileError
from scorelens_runtime.errors import ScorelensError, UnavailableError
from scorelens_store.contract import Reader

EVERYTHING = 2**62


@dataclass
class Kept:
    """How far the run came, and the journal that keeps it; without one for standard input."""

    progress: Progress
    journal: Journal | None = None
    recovered: list[Batch] = field(default_factory=list)

    def before(self, batch: Batch) -> None:
        """Note a batch that is about to be sent; those that are in doubt are noted already."""
        if not any(batch is one for one in self.recovered):
            self.progress.flying.append(_entry(batch))
            self.note()

    def note(self) -> None:
        """Note how things stand."""
        if self.journal:
            self.journal.note(self.progress)

    def close(self) -> None:
        """Let go of the journal."""
        if self.journal:
            self.journal.close()


def keep(home: Home, file: str, options: dict[str, Any], restart: bool, console: Console) -> Kept:
    """Find out how far an earlier run of a file came, or begin a new one.

    Raises ScorelensError where the file changed meanwhile, or another process scores it.
    """
    fresh = Progress(run=secrets.token_hex(16))
    path = Path(file)
    if file == "-" or not path.is_file():
        return Kept(fresh)
    name = str(path.resolve())
    key = hashlib.sha256(json.dumps([name, options], sort_keys=True).encode()).hexdigest()[:16]
    try:
        home.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        now = Fingerprint.of(path)
        header = {"file": name, "fingerprint": now.write()}
        journal = Journal(home.score / f"{path.name[:80]}.{key}.progress", header)
    except OSError as error:
        console.print(
            f"how far this run comes is not kept, so it could not be resumed: {error.strerror}: {error.filename}",
            style="yellow",
            soft_wrap=True,
        )
        return Kept(fresh)
    earlier = None if restart else journal.read()
    if earlier is None:
        return Kept(fresh, journal)
    _refuse_another(file, earlier[0], earlier[1], now)
    return Kept(earlier[1], journal)


def recover(kept: Kept, batcher: Batcher, home: Home, has_store: bool, console: Console, anyway: bool = False) -> None:
    """Find out what became of batches that were sent and not noted as answered.

    Raises UnavailableError where the store should know and cannot be waited for, unless documents may be scored twice.
    """
    progress = kept.progress
    if not progress.flying:
        return
    batches = []
    for _, last, count in progress.flying:
        batch = batcher.take(EVERYTHING, EVERYTHING, until=last)
        if batch is None or len(batch.lines) != count:
            raise FileError("the file is not the one that was interrupted; score all of it anew with --restart")
        batches.append(batch)
    answers = _ask(progress.run, batches, home, anyway, console) if has_store else _cannot_ask(batches, console)
    kept.recovered = [part for batch in batches for part in doubt.divide(batch, answers)]
    progress.flying = [_entry(batch) for batch in kept.recovered]
    kept.note()


def calls(home: Home) -> doubt.Calls | None:
    """Return how many calls the sidecar saw, and how many of them are still on their way to the store.

    Other receivers of the sidecar, and those it sent to before, may lag behind for good; the indexer's is what counts.
    """
    account, _ = attempt(lambda: sidecar_account(home.sidecar))
    if account is None:
        return None
    system = home.running()
    destinations = [one for relay in account["relays"] for one in relay["destinations"]]
    stores = [one for one in destinations if system and one["destination"].partition("://")[2] == system.indexer] or [
        one for one in destinations if one["destination"] != "calculation-log" and one["configured"]
    ]
    return doubt.Calls(sum(one["seen"] for one in stores), sum(one["spooled"] for one in stores))


def _ask(run: str, batches: Sequence[Batch], home: Home, anyway: bool, console: Console) -> doubt.Answers:
    def search(ask: Callable[[Reader], doubt.Answers]) -> doubt.Answers:
        try:
            with open_store(home) as reader:
                return ask(reader)
        except ScorelensError:
            if anyway:
                return {}
            raise

    count = sum(len(batch.lines) for batch in batches)
    asking = f"asking the store which of {documents(count)} were scored already"
    console.print(asking, style="dim")
    with _waiting(console) as say:
        answers, settled = doubt.look_up(run, batches, search, lambda: calls(home), say)
    if settled:
        console.print(f"{len(answers):,} of them were")
    elif anyway:
        console.print(f"up to {documents(count - len(answers))} may be scored twice", style="yellow")
    else:
        raise UnavailableError(
            f"{documents(count - len(answers))} may have been scored already, which only the store can tell, and what "
            "was scored has not reached it: see `scorelens status` and try again later, or score them now with --anyway"
        )
    return answers


@contextmanager
def _waiting(console: Console) -> Iterator[Callable[[int], None]]:
    """Yield what shows how many calls are waited for: at once, or now and then where nobody watches."""
    noted = time.monotonic()
    with console.status("") as status:

        def say(left: int) -> None:
            nonlocal noted
            on_its_way = "1 call is still on its way" if left == 1 else f"{left:,} calls are still on their way"
            text = f"waiting for the store: {on_its_way} there"
            status.update(text + " ...")
            if not console.is_terminal and time.monotonic() - noted > NOTE_EVERY:
                noted = time.monotonic()
                console.print(text)

        yield say


def _cannot_ask(batches: Sequence[Batch], console: Console) -> doubt.Answers:
    count = sum(len(batch.lines) for batch in batches)
    console.print(f"no store can be asked, so up to {documents(count)} may be scored twice", style="yellow")
    return {}


def _refuse_another(file: str, header: dict[str, Any], progress: Progress, now: Fingerprint) -> None:
    try:
        differs = Fingerprint.read(header["fingerprint"]).differs(now)
    except (KeyError, TypeError):
        differs = "what was noted of it cannot be read"
    if differs:
        raise FileError(
            f"{file} changed since its scoring was interrupted after {documents(progress.rows)}: {differs}; bring the "
            "file back as it was, or score all of it anew with --restart"
        )


def _entry(batch: Batch) -> tuple[int, int, int]:
    return (batch.lines[0].number if batch.lines else batch.last, batch.last, len(batch.lines))
