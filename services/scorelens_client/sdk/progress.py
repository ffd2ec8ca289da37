"""Progress of long work, in terminals and notebooks; nothing where nobody watches."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Final, TypeVar

from scorelens_reading.markup import element
from scorelens_runtime.errors import MissingExtraError

Item = TypeVar("Item")
Tell = Callable[[int, float], None]
"""Takes how many there were, and how many in a second."""

EVERY: Final = 0.1
NOTE_EVERY: Final = 10.0
"""Seconds between two looks at the bar, and between two lines where there is none."""


def watched(
    items: Iterable[Item], total: int, doing: str, unit: str, say: Callable[[str], None] | None = None
) -> Iterator[Item]:
    """Yield items and show how many of them there were: as a bar, or where nobody watches as a line now and then."""
    started = noted = time.monotonic()
    with _bar(total, doing, unit) as tell:
        count, told = 0, 0.0
        for item in items:
            yield item
            count += 1
            if (now := time.monotonic()) - told <= EVERY:
                continue
            told = now
            if tell is not None:
                tell(count, count / max(now - started, 1e-3))
            elif say is not None and now - noted > NOTE_EVERY:
                noted = now
                say(_line(count, max(total, count), now - started, doing, unit))
        if tell is not None:
            tell(count, count / max(time.monotonic() - started, 1e-3))


def _line(count: int, total: int, seconds: float, doing: str, unit: str) -> str:
    left = int((total - count) * seconds / count)
    share = f"{count / total:.0%}, {count / seconds:,.0f}/s, about {left // 60}:{left % 60:02} min left"
    return f"{doing}: {count:,} of {total:,} {unit} so far ({share})"


def _bar(total: int, doing: str, unit: str) -> AbstractContextManager[Tell | None]:
    display = _notebook_display()
    if display is not None:
        return nullcontext(_in_notebook(display, total, doing, unit))
    return _in_terminal(total, doing, unit) if sys.stderr.isatty() else nullcontext()


def _notebook_display() -> Any:
    """Return what shows things in a notebook, None outside of one."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    if shell is None or not hasattr(shell, "kernel"):
        return None
    return sys.modules["IPython.display"]


def _in_notebook(display: Any, total: int, doing: str, unit: str) -> Tell:
    def shown(count: int, rate: float) -> Any:
        bar = element("progress", " ", value=count, max=max(total, 1))
        return display.HTML(element("div", bar, f" {doing}: {count:,} of {total:,} {unit}, {rate:,.0f}/s"))

    handle = display.display(shown(0, 0.0), display_id=True)
    return lambda count, rate: handle.update(shown(count, rate))


@contextmanager
def _in_terminal(total: int, doing: str, unit: str) -> Iterator[Tell]:
    try:
        from scorelens_client.terminal import notes
        from scorelens_client.terminal import progress as progress_bar
    except ModuleNotFoundError as error:
        raise MissingExtraError("progress=True needs rich: pip install 'scorelens[client]'") from error
    with progress_bar(notes(), unit) as bar:
        task = bar.add_task(doing, total=total, count=0, rate=0.0)
        yield lambda count, rate: bar.update(task, total=max(total, count), completed=count, count=count, rate=rate)
