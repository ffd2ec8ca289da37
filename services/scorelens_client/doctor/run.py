"""Running checks: all at the same time, told in their order, none for longer than its limit."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from scorelens_client.doctor.findings import Finding, fail
from scorelens_runtime.errors import ScorelensError


@dataclass(frozen=True)
class Group:
    """Checks of one part that follow from each other; they run one after the other."""

    part: str
    check: Callable[[], Iterable[Finding]]
    _found: queue.SimpleQueue[Finding | None] = field(default_factory=queue.SimpleQueue)

    def start(self) -> None:
        """Begin, in a thread that nobody waits for at the end: what hangs in the system cannot be interrupted."""
        threading.Thread(target=self._run, name=f"doctor {self.part}", daemon=True).start()

    def findings(self, limit: float) -> Iterator[Finding]:
        """Yield what is found; give up when nothing is for `limit` seconds."""
        while True:
            try:
                finding = self._found.get(timeout=limit)
            except queue.Empty:
                yield fail(
                    self.part,
                    "time",
                    f"a check did not end within {limit:g} s",
                    "is the network or a disk hanging? --limit gives it longer",
                )
                return
            if finding is None:
                return
            yield finding

    def _run(self) -> None:
        try:
            for finding in self.check():
                self._found.put(finding)
        except ScorelensError as error:
            self._found.put(fail(self.part, "error", str(error), ""))
        except Exception as error:  # a fault of one check must not hide what the others find
            text = f"unexpected {type(error).__name__}: {error}"
            self._found.put(fail(self.part, "error", text, "this is a fault of the doctor; please report it"))
        finally:
            self._found.put(None)


def examine(groups: Sequence[Group], limit: float) -> Iterator[Finding]:
    """Start all groups and yield what they find, group by group in order."""
    for group in groups:
        group.start()
    for group in groups:
        yield from group.findings(limit)
