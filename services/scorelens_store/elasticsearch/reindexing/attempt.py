"""One try to make one index anew; what it has copied is there for the next one."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from scorelens_store.elasticsearch.bulk import Bulk
from scorelens_store.elasticsearch.mapping import COPY_OF
from scorelens_store.elasticsearch.reindexing.copying import Copying
from scorelens_store.elasticsearch.reindexing.lock import ReindexError, ReindexLock
from scorelens_store.elasticsearch.reindexing.report import Result, Watcher
from scorelens_store.elasticsearch.reindexing.server import Server, taken_away
from scorelens_store.elasticsearch.reindexing.state import BY, OF, Index
from scorelens_store.errors import StoreUnavailableError

PATIENCE: Final = 300.0
"""Seconds for which the server may be away, or replicas be missing, before a run gives up."""
LONGEST_PAUSE: Final = 15.0

_CATCHING_UP: Final = 10
_FEW: Final = 1_000
"""Records that may be left to copy while writers wait."""
_ROUNDS: Final = 3
"""Times that writers are made to wait: only in the last are all records compared, if any was removed meanwhile."""


class VanishedError(Exception):
    """The index that was copied is no longer there, or another one has its name."""


class Attempt:
    """Makes the copy of an index, fills it, and puts it in place."""

    def __init__(
        self,
        server: Server,
        bulk: Bulk,
        lock: ReindexLock,
        index: Index,
        result: Result,
        watcher: Watcher,
        sleep: Callable[[float], None],
    ) -> None:
        self._server, self._bulk, self._lock, self._sleep = server, bulk, lock, sleep
        self._index, self._result, self._watcher = index, result, watcher
        self._copy = server.state().next_name(index)
        self._alias = f"{self._copy}-{lock.token}"
        self._template_aliases: dict[str, Any] = {}
        self._total, self._done = server.count(index.name), 0

    def run(self) -> None:
        """Do it all. Raises VanishedError, DivergedError, ReindexError, RecordRefusedError, StoreUnavailableError."""
        self._watcher.step("copying", 0, self._total)
        has_some = self._begin()
        copying = Copying(self._server.connection, self._bulk, self._index.name, self._alias, self._copied)
        self._fill(copying, has_some)
        self._await_replicas()
        for left in reversed(range(_ROUNDS)):
            self._watcher.step("comparing", self._total, self._total)
            mark = copying.checkpoint()
            self._result.add(copying.level())
            if self._finish(copying, mark, last=not left):
                return

    def _begin(self) -> bool:
        """Have a copy that is written to by our alias alone; tell whether an earlier try has made it."""
        self._lock.check()
        state = self._server.state()
        if state.is_taken(self._copy):
            raise ReindexError(
                f"there is an index {self._copy} that is no unfinished copy: was it restored without its aliases? Look "
                "what it has before you delete it"
            )
        template, made_by = self._server.template(self._copy)
        self._template_aliases = template.get("aliases", {})
        found = False
        for copy in state.copies(self._index.written_as):
            if (copy.name, copy.uuid, copy.template) == (self._copy, self._index.uuid, made_by):
                found = self._result.resumed = True
            else:
                self._server.drop(copy.name)
        if not found:
            if why := self._server.shortage(self._server.size(self._index.name)):
                raise ReindexError(f"{self._index.name} cannot be made anew: {why}")
            meta = {COPY_OF: self._index.written_as, OF: self._index.uuid, BY: made_by}
            self._server.make(self._copy, meta, state.age_settings(self._index.name))
        # Those of the template would have searches find records twice.
        others = [alias for alias in self._server.state().aliases(self._copy) if alias != self._alias]
        self._change_aliases(
            *({"remove": {"index": self._copy, "alias": alias}} for alias in others),
            {"add": {"index": self._copy, "alias": self._alias, "is_hidden": True}},
        )
        # Who stops us takes the lock first, and then the alias: either it is gone by now, or the alias will be.
        self._lock.check()
        return found

    def _fill(self, copying: Copying, has_some: bool) -> None:
        """Copy all, and what came meanwhile, until little is left."""
        mark = copying.checkpoint()
        self._result.add(copying.level() if has_some else copying.bring())
        for _ in range(_CATCHING_UP):
            next_mark = copying.checkpoint()
            came = copying.follow(mark)
            self._result.add(came)
            mark = next_mark
            if came.copied < _FEW:
                return

    def _await_replicas(self) -> None:
        """Wait until the loss of a server would lose no more than it does now."""
        limit = time.monotonic() + PATIENCE
        before, _ = self._server.replicas(self._index.name)
        there, all_there = self._server.replicas(self._copy)
        while there < before and not all_there:
            self._watcher.step("waiting for replicas of", self._total, self._total)
            if time.monotonic() > limit:
                raise ReindexError(
                    f"{self._copy} has fewer replicas than {self._index.name} after {PATIENCE:.0f} s: ask the server "
                    "why (GET /_cluster/allocation/explain); then the same command goes on from there"
                )
            self._sleep(1.0)
            there, all_there = self._server.replicas(self._copy)

    def _finish(self, copying: Copying, mark: int, *, last: bool) -> bool:
        """Let writers wait, complete the copy and put it in place; False where something was removed meanwhile."""
        self._server.note(self._copy, blocked=True)
        started, done = time.monotonic(), False
        try:
            if not self._server.block(self._index.name):
                raise VanishedError
            self._watcher.step("completing", self._total, self._total)
            # All that the original has is in the copy then, as it is; if it has as many, it has nothing else.
            self._result.add(copying.follow(mark))
            counts = copying.counts()
            if counts[0] != counts[1] and last:
                self._result.add(copying.level())
                counts = copying.counts()
                if counts[0] != counts[1]:
                    raise ReindexError(
                        f"{self._copy} does not become the same as {self._index.name} ({counts[1]:,} and "
                        f"{counts[0]:,} records): does something else write to it? --abort deletes it"
                    )
            if counts[0] == counts[1]:
                self._swap()
                self._result.to, self._result.records = self._copy, counts[0]
                done = True
        finally:
            if not done:
                self._let_writers_go_on()
            self._result.waited = round(self._result.waited + time.monotonic() - started, 3)
        if done:
            with suppress(ReindexError, StoreUnavailableError):  # the next run does it
                self._server.finish(self._copy)
        return done

    def _swap(self) -> None:
        """Put the copy in the place of the index."""
        state = self._server.state()
        found = state.index(self._index.written_as)
        if found is None or found.uuid != self._index.uuid:
            raise VanishedError
        if not found.blocked:
            raise StoreUnavailableError(f"somebody has lifted the write block of {found.name} meanwhile")
        kept = self._template_aliases | state.aliases(self._index.name)
        kept = {name: how for name, how in kept.items() if name != self._index.written_as} | {self._server.prefix: {}}
        # One change of the cluster's state: no search and no writer ever sees both, or none.
        self._change_aliases(
            {"remove": {"index": self._copy, "alias": self._alias, "must_exist": True}},
            {"remove_index": {"index": self._index.name}},
            {"add": {"index": self._copy, "alias": self._index.written_as}},
            *({"add": {"index": self._copy, "alias": name, **how}} for name, how in kept.items()),
        )

    def _change_aliases(self, *actions: dict[str, Any]) -> None:
        """Do all actions or none. A request that was sent to a second server may have been done by the first."""
        refused = ReindexError("")
        try:
            if self._server.change_aliases(actions):
                return
        except ReindexError as error:
            refused = error
        found = self._server.state().index(self._index.written_as)
        if found is None:
            raise VanishedError from refused
        if found.name != self._copy:
            raise refused if str(refused) else taken_away(self._copy)

    def _let_writers_go_on(self) -> None:
        """Lift our block, however long that takes."""
        limit, pause = time.monotonic() + PATIENCE, 1.0
        try:
            while True:
                try:
                    self._server.unblock(self._index.name)
                    with suppress(ReindexError):
                        self._server.note(self._copy, blocked=False)
                except StoreUnavailableError as error:
                    if time.monotonic() > limit:
                        raise
                    self._watcher.wait(error)
                    self._sleep(pause)
                    pause = min(2 * pause, LONGEST_PAUSE)
                else:
                    return
        except BaseException as exc:
            raise ReindexError(
                f"WRITES TO {self._index.name} ARE STILL BLOCKED, since this run could not lift its block: run it "
                "again, or with --abort, as soon as the server answers"
            ) from exc

    def _copied(self, records: int) -> None:
        self._done += records
        self._watcher.step("copying", min(self._done, self._total), self._total)
