"""Finding models that are not kept in the registry: module:attribute, a folder, or an entry point."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterable
from importlib.metadata import entry_points
from pathlib import Path
from typing import Final

from scorelens_runtime.errors import ScorelensError
from scorelens_scorer.errors import ModelRefusedError
from scorelens_scorer.saved import MANIFEST, load
from scorelens_scorer.training.recipes import RECIPES

GROUP: Final = "scorelens.models"
"""Group of the entry points by which installed packages offer models."""


def find(name: str, kept: Iterable[str] = ()) -> object:
    """Return the model of a name. Raises ModelRefusedError; it tells names that are `kept` elsewhere, too."""
    if _is_folder(name):
        return load(Path(name).expanduser())
    if ":" in name:
        return _import(name)
    offered = entry_points(group=GROUP)
    if name in offered.names:
        return _make(name, offered[name].load)
    known = ", ".join(sorted({*RECIPES, *kept, *offered.names}))
    raise ModelRefusedError(
        f"setting --model: {name!r} is no folder with a {MANIFEST}, no module:attribute, and none of {known}"
    )


def _is_folder(name: str) -> bool:
    return "/" in name or (Path(name) / MANIFEST).exists()


def _import(name: str) -> object:
    module, _, attribute = name.partition(":")
    here = str(Path.cwd())
    if here not in sys.path:  # as `python -m` has it, so that a model beside the user is found
        sys.path.append(here)

    def read() -> object:
        found: object = importlib.import_module(module)
        for part in attribute.split("."):
            found = getattr(found, part)
        return found

    return _make(name, read)


def _make(name: str, read: object) -> object:
    """Read what a name stands for; a class or function without arguments is called."""
    try:
        found = read()  # type: ignore[operator]
        return found() if isinstance(found, type) or not hasattr(found, "score") else found
    except ScorelensError:
        raise
    except Exception as error:
        raise ModelRefusedError(
            f"setting --model: {name!r} cannot be loaded: {type(error).__name__}: {error}"
        ) from error
