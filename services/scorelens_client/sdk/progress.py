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
Tell = Callable[[int], None]

EVERY: Final = 0.1
"""Seconds between two looks at the bar."""


def watched(items: Iterable[Item], total: int, doing: str, unit: str) -> Iterator[Item]:
    """Yield items and show how many of them there were."""
    with _bar(total, doing, unit) as tell:
        count, told = 0, 0.0
        for item in items:
            yield item
            count += 1
            if (now := time.monotonic()) - told > EVERY:
                tell(count)
                told = now
        tell(count)


def _bar(total: int, doing: str, unit: str) -> AbstractContextManager[Tell]:
    display = _notebook_display()
    if display is not None:
        return nullcontext(_in_notebook(display, total, doing, unit))
    return _in_terminal(total, doing, unit) if sys.stderr.isatty() else nullcontext(lambda _: None)


def _notebook_display() -> Any:
    """Return what shows things in a notebook, None outside of one."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    if shell is None or not hasattr(shell, "kernel"):
        return None
    return sys.modules["IPython.display"]


def _in_notebook(display: Any, total: int, doing: str, unit: str) -> Tell:
    def shown(count: int) -> Any:
        bar = element("progress", " ", value=count, max=max(total, 1))
        return display.HTML(element("div", bar, f" {doing}: {count:,} of {total:,} {unit}"))

    handle = display.display(shown(0), display_id=True)
    return lambda count: handle.update(shown(count))


@contextmanager
def _in_terminal(total: int, doing: str, unit: str) -> Iterator[Tell]:
    try:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
    except ModuleNotFoundError as error:
        raise MissingExtraError("progress=True needs rich: pip install 'scorelens[client]'") from error
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn(unit))
    with Progress(*columns, TimeRemainingColumn(elapsed_when_finished=True), console=Console(file=sys.stderr)) as bar:
        task = bar.add_task(doing, total=total)
        yield lambda count: bar.update(task, completed=count)
