"""The reference models, trained on first use and kept in a folder."""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scorelens_scorer.errors import ModelRefusedError
from scorelens_scorer.linear_model import LinearModel
from scorelens_scorer.saved import load, save
from scorelens_scorer.training.recipes import RECIPES, version

_log = logging.getLogger(__name__)
PATIENCE = 2.0
"""Seconds after which a person at a terminal is told what takes so long."""


def is_kept(name: str, cache: Path) -> bool:
    """Tell whether a reference model is in the cache, so that it need not be trained."""
    return (cache / name / version()).exists()


def reference_model(name: str, cache: Path) -> LinearModel:
    """Load a reference model from the cache, and train it first where it is not there or cannot be read."""
    folder = cache / name / version()
    if folder.exists():
        try:
            return load(folder)
        except ModelRefusedError as error:
            _log.warning("training again what cannot be read", extra={"model": name, "reason": str(error)})
            folder.rename(folder.with_name(f".refused-{folder.name}-{time.time_ns()}"))
    started = time.monotonic()
    _log.info("training", extra={"model": name, "folder": str(folder)})
    with _patience(f"training {name}"):
        model = RECIPES[name]()
    _log.info("trained", extra={"model": name, "seconds": round(time.monotonic() - started, 1)})
    try:
        save(model, folder)
    except OSError as error:
        raise ModelRefusedError(
            f"model {name} cannot be kept in {folder}: {error.strerror} (setting --cache)"
        ) from error
    return load(folder)


@contextmanager
def _patience(doing: str) -> Iterator[None]:
    """Show people a line that moves while something takes long."""
    if not sys.stderr.isatty():
        yield
        return
    done = threading.Event()
    line = threading.Thread(target=_show, args=(doing, done), daemon=True)
    line.start()
    try:
        yield
    finally:
        done.set()
        line.join()


def _show(doing: str, done: threading.Event) -> None:
    started = time.monotonic()
    wait, shown = PATIENCE, False
    while not done.wait(wait):
        wait, shown = 0.2, True
        sys.stderr.write(f"\r{doing} ... {time.monotonic() - started:.0f} s ")
        sys.stderr.flush()
    if shown:
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()
