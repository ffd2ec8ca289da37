"""The versions of models that are kept on this machine, as far as their small files tell; no model is loaded."""

from __future__ import annotations

import json
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from scorelens_client.doctor.findings import Finding, fail, ok, skipped, warn
from scorelens_client.doctor.places import Places

MANIFEST: Final = "manifest.json"
IN_USE: Final = "in-use.json"
_PARTS: Final = "model.skops"
_REFERENCE: Final = ("media-tagger", "offer-ranker")
"""Models that are trained anew where no version of them is kept."""


def kept_models(places: Places) -> Iterator[Finding]:
    """Check the folder of the models, where there is one."""
    folder = places.folder("models")
    if folder is None or not folder.path.is_dir():
        yield skipped("models", "kept", "run the doctor where the models are, or set SCORELENS_SCORER_CACHE")
        return
    models = sorted(each for each in folder.path.iterdir() if each.is_dir() and not each.name.startswith("."))
    sound = 0
    for model in models:
        for version in sorted(path.parent for path in model.glob(f"*/{MANIFEST}") if path.parent.name[0] != "."):
            if wrong := _wrong(model.name, version):
                advice = f"`scorelens promote {model.name} VERSION` takes another, --rollback the one before"
                yield fail("models", "kept", f"{model.name} {version.name} cannot be served: {wrong}", advice)
            else:
                sound += 1
        yield from _in_use(model)
    if sound:
        yield ok("models", "kept", f"{sound:,} {'version' if sound == 1 else 'versions'} in {folder.path} can be read")
    elif not models:
        yield warn(
            "models",
            "kept",
            f"no model is kept in {folder.path}",
            "the scorer trains its reference models at its start",
        )


def _wrong(model: str, folder: Path) -> str:
    found, reason = _read(folder / MANIFEST)
    if reason:
        return reason
    if (found.get("id"), found.get("version")) != (model, folder.name):
        return f"its manifest says {found.get('id')} {found.get('version')}"
    try:
        content = (folder / _PARTS).read_bytes()
    except OSError as error:
        return f"{_PARTS} cannot be read: {error.strerror}"
    return "" if sha256(content).hexdigest() == found.get("sha256") else f"{_PARTS} is damaged or was changed"


def _in_use(model: Path) -> Iterator[Finding]:
    path = model / IN_USE
    if not path.exists():
        return
    found, reason = _read(path)
    version = str(found.get("version", ""))
    if reason:
        yield fail("models", "in use", f"{path}: {reason}", "repair it, or remove it and promote again")
    elif version and not (model / version / MANIFEST).is_file():
        advice = f"bring that version back, or `scorelens promote {model.name} VERSION` takes another"
        yield fail("models", "in use", f"{model.name} {version} is in use and is not kept", advice)
    elif version or model.name in _REFERENCE:
        yield ok("models", "in use", f"{model.name} {version or 'of this release'}")


def _read(path: Path) -> tuple[dict[str, Any], str]:
    try:
        found = json.loads(path.read_bytes())
    except OSError as error:
        return {}, f"{path.name} cannot be read: {error.strerror}"
    except ValueError:
        return {}, f"{path.name} is damaged"
    return (found, "") if isinstance(found, dict) else ({}, f"{path.name} is damaged")
