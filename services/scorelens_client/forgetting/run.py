"""One forgetting, place by place, in an order in which nothing comes back.

Tombstones first, at the store and in each sidecar's folder: whatever is on its way from there on is refused when it
arrives. Then what lies in files. At the end the store once more, for dead letters that came meanwhile, and its files.
A place that cannot be reached is told and leaves the others to be done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scorelens_client.audit import Audit, Place
from scorelens_client.forgetting import indexer, sidecar
from scorelens_client.forgetting.ids import Ids, join
from scorelens_client.home import Home
from scorelens_client.reading import open_store
from scorelens_reading.naming import named
from scorelens_runtime.errors import MissingExtraError, ScorelensError
from scorelens_store.contract import Reader, Selection
from scorelens_store.forgettable import find_long
from scorelens_store.query.tree import Any as AnyOf
from scorelens_store.query.tree import Node

STORE, STORE_FILES = "store", "files of the store"
SPOOL, LOG, LETTERS = "spool", "calculation_log", "dead_letters"
Step = Callable[[str, int, int], None]
"""Hears what is being done, how much of it is, and of how much; zeros where that is not known."""


@dataclass(frozen=True)
class Plan:
    """What to forget and where: `exports` and `sidecars` are folders, `indexer` an address or None for the system's."""

    home: Home
    ids: Ids
    sidecars: Sequence[Path]
    exports: Sequence[Path]
    indexer: str | None = None


@dataclass
class Outcome:
    """What was done or would be, and to whom else the documents went."""

    places: list[Place] = field(default_factory=list)
    sent_to: list[str] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        """Tell whether nothing is left anywhere."""
        return not any(place.left for place in self.places)

    def attempt(self, place: str, action: Callable[[], int]) -> None:
        """Do something at a place and note how much was removed there, or why it could not be."""
        try:
            self.places.append(Place(place, action()))
        except (ScorelensError, OSError) as error:
            self.places.append(Place(place, left=str(error)))


def look(plan: Plan) -> Outcome:
    """Find out how many things are concerned, and change nothing."""
    outcome = Outcome()
    names = _names(plan)
    outcome.attempt(STORE, lambda: _count(plan, join(plan.ids, names)))
    for folder in plan.sidecars:
        _at_sidecar(plan, folder, outcome, dry_run=True)
    outcome.places += [Place(_export(folder), None) for folder in plan.exports]
    return outcome


def run(plan: Plan, step: Step) -> Outcome:
    """Forget, and write the audit line. Raises ScorelensError where that cannot be written."""
    outcome = Outcome()
    everywhere = join(plan.ids, _names(plan))
    plan.home.make()
    with ExitStack() as stack:
        address = _reached(plan, stack, outcome)
        if address:
            step("removing from the store", 0, 0)
            outcome.attempt(STORE, lambda: indexer.forget(address, everywhere))
        for folder in plan.sidecars:
            step(f"clearing {folder}", 0, 0)
            _at_sidecar(plan, folder, outcome)
        for folder in plan.exports:
            step(f"clearing {folder}", 0, 0)
            outcome.attempt(_export(folder), lambda folder=folder: _forget_export(folder, everywhere))  # type: ignore[misc]
        if address and outcome.places[0].place == STORE and not outcome.places[0].left:
            outcome.attempt(STORE_FILES, lambda: _purge(address, everywhere, step))
    Audit(plan.home.path).add(plan.ids, outcome.places)
    return outcome


def count_in(reader: Reader, ids: Ids) -> int:
    """Return how many records of a store have any of the ids; one that several lists name may count twice."""
    long = find_long(reader, {f"{kind}.id": some for kind, some in ids.items()})
    nodes = [named("record.id", *long)] if long else []
    for kind, some in ids.items():
        parts = [some[start : start + indexer.AT_ONCE] for start in range(0, len(some), indexer.AT_ONCE)]
        nodes += [named(f"{kind}.id", *part) for part in parts]
    return sum(_matching(reader, node) for node in _together(nodes))


def _together(nodes: Sequence[Node]) -> Iterator[Node]:
    """Ask at once for what few ids name, so that nothing counts twice."""
    if 1 < len(nodes) <= 4:
        yield AnyOf(tuple(nodes))
    else:
        yield from nodes


def _matching(reader: Reader, node: Node) -> int:
    return reader.count(Selection(node, purposes=(), calls=True))


def _names(plan: Plan) -> Ids:
    """Return the names that redaction gave in place of ids; a sidecar that cannot tell is named when its turn comes."""
    found: list[Ids] = []
    for folder in plan.sidecars:
        try:
            found.append(sidecar.names(folder, plan.ids))
        except ScorelensError:
            continue
    return join(*found)


def _count(plan: Plan, ids: Ids) -> int:
    if not indexer.is_stored(plan.home):
        return 0
    with open_store(plan.home) as reader:
        return count_in(reader, ids)


def _reached(plan: Plan, stack: ExitStack, outcome: Outcome) -> str:
    """Return the indexer's address, empty where none is needed or none can be had."""
    if not plan.indexer and not indexer.is_stored(plan.home):
        outcome.places.append(Place(STORE))
        return ""
    try:
        return stack.enter_context(indexer.reach(plan.home, plan.indexer))
    except ScorelensError as error:
        outcome.places.append(Place(STORE, left=f"{error}; only the indexer changes a store: name it with --indexer"))
        return ""


def _at_sidecar(plan: Plan, folder: Path, outcome: Outcome, *, dry_run: bool = False) -> None:
    place, system = f"sidecar {folder}", plan.home.running()
    try:
        report = sidecar.forget(folder, plan.ids, dry_run=dry_run)
    except ScorelensError as error:
        outcome.places.append(Place(place, left=str(error)))
        return
    removed = {SPOOL: report[SPOOL]["documents"], LOG: report[LOG], LETTERS: report[LETTERS]}
    outcome.places += [Place(f"{place}: {name.replace('_', ' ')}", count) for name, count in removed.items()]
    outcome.places += [Place(each["place"], left=each["reason"]) for each in report["left"]]
    own = {LOG.replace("_", "-"), f"http://{plan.indexer}", f"http://{system.indexer}" if system else ""}
    outcome.sent_to += [one for one in report["destinations"] if one not in own | set(outcome.sent_to)]


def _export(folder: Path) -> str:
    return f"export {folder}"


def _forget_export(folder: Path, ids: Ids) -> int:
    if not folder.is_dir():
        raise ScorelensError(
            "the folder is not there: name where it is now with --export, or take it out of exports.json if it is gone"
        )
    try:
        from scorelens_store.tables import forget
    except ModuleNotFoundError as error:
        raise MissingExtraError(f"{error.name} is not installed: pip install 'scorelens[client]'") from error
    lists: dict[str, Any] = {f"{kind}_ids": some for kind, some in ids.items()}
    return forget(folder, **lists)


def _purge(address: str, ids: Ids, step: Step) -> int:
    removed = indexer.forget(address, ids)
    for done, total in indexer.purge(address):
        step("clearing the files of the store", done, total)
    return removed
