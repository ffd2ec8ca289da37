"""What a person sees of a run: a bar, or lines where nobody watches, and the figures at the end."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.table import Table

from scorelens_client.bulk.journal import Progress
from scorelens_client.terminal import progress as progress_bar

NOTE_EVERY = 10.0


class Watching:
    """Shows where a run stands; `size` is the bytes of its file, None where unknown."""

    def __init__(self, console: Console, progress: Progress, size: int | None) -> None:
        self._console, self._progress, self._size = console, progress, size
        self._bar = progress_bar(console, "documents")
        self._task = self._bar.add_task("scoring", total=size, completed=progress.read, count=progress.scored, rate=0.0)
        self._before = progress.scored
        self.started = self._noted = time.monotonic()

    @property
    def seconds(self) -> float:
        """How long it has taken so far."""
        return time.monotonic() - self.started

    @property
    def scored(self) -> int:
        """Documents that were scored now."""
        return self._progress.scored - self._before

    @property
    def rate(self) -> float:
        """Documents in a second."""
        return self.scored / max(self.seconds, 1e-3)

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Show the bar for the time of the block."""
        with self._bar:
            yield

    def update(self) -> None:
        """Show what the progress says now."""
        done = min(self._progress.read, self._size) if self._size else None
        self._bar.update(self._task, completed=done, count=self._progress.scored, rate=self.rate)
        if self._bar.disable and time.monotonic() - self._noted > NOTE_EVERY:
            self._noted = time.monotonic()
            share = f"{done / self._size:.0%}, " if done and self._size else ""
            left = f", {self._left(done)} left" if done and self._size else ""
            self._console.print(
                f"scored {documents(self._progress.scored)} so far ({share}{self.rate:,.0f}/s{left})", soft_wrap=True
            )

    def finish(self) -> None:
        """Fill the bar."""
        self._bar.update(self._task, total=self._size or 1, completed=self._size or 1)

    def _left(self, done: int) -> str:
        seconds = int((self._size or 0) - done) * self.seconds / max(done, 1)
        minutes, rest = divmod(int(seconds), 60)
        return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"


def documents(count: int) -> str:
    """Name a number of documents."""
    return f"{count:,} document{'' if count == 1 else 's'}"


def tag_table(progress: Progress) -> Table:
    """Count the tags that were given."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name, side in (("group", "left"), ("tag", "left"), ("documents", "right"), ("share", "right")):
        table.add_column(name, justify=side)  # type: ignore[arg-type]
    for (group, title), count in sorted(progress.tags.items(), key=lambda item: (item[0][0], -item[1])):
        table.add_row(group, title, f"{count:,}", f"{count / progress.scored:.1%}")
    return table
