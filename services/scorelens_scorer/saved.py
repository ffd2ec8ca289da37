"""Models in folders: `manifest.json`, which people can read, beside `model.skops`, which holds arrays and no code.

Nothing in a folder is ever run or unpickled: the skops file must hold nothing but strings, numbers, lists, mappings and
NumPy arrays, and have the hash that the manifest names.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import asdict
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import numpy as np
import skops.io

from scorelens_scorer.errors import ModelRefusedError
from scorelens_scorer.features import Features
from scorelens_scorer.features.activity import ActivityFeatures
from scorelens_scorer.features.text import TextFeatures
from scorelens_scorer.linear_model import LinearModel
from scorelens_scorer.tags import Tag

FORMAT: Final = 1
MANIFEST: Final = "manifest.json"
PARTS: Final = "model.skops"
CARD: Final = "card.md"
PICTURE: Final = "quality.png"
BELONGING: Final = (MANIFEST, PARTS, CARD, PICTURE)
"""The files of a folder; what was trained by hand may lack the last two."""

LARGEST: Final = 2 * 2**30
"""Most bytes that a model's parts may have, unpacked."""


def save(model: LinearModel, folder: Path, beside: Mapping[str, bytes] | None = None) -> None:
    """Write a model into a folder that must not exist or be empty; it is there whole or not at all.

    `beside` has the content of further files by name. Where another process wrote the folder first, that one stays.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        parts = {
            "features": model.features.parts() if isinstance(model.features, TextFeatures) else [],
            "coefficients": model.coefficients,
            "intercepts": model.intercepts,
        }
        skops.io.dump(parts, made / PARTS, compression=zipfile.ZIP_DEFLATED, compresslevel=1)
        (made / MANIFEST).write_text(_readable(_manifest(model, made / PARTS)) + "\n", encoding="utf-8")
        for name, content in (beside or {}).items():
            (made / name).write_bytes(content)
        os.replace(made, folder)  # noqa: PTH105 - Path.replace says the same
    except OSError:
        if not (folder / MANIFEST).exists():
            raise
    finally:
        shutil.rmtree(made, ignore_errors=True)


def load(folder: Path) -> LinearModel:
    """Read a model from a folder. Raises ModelRefusedError that says what is wrong with it."""
    manifest = read_manifest(folder)
    parts = _read_parts(folder, str(manifest.get("sha256")))
    try:
        return _model(manifest, parts)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ModelRefusedError(f"model folder {folder}: its parts do not fit together: {error!r}") from error


def _manifest(model: LinearModel, parts: Path) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "id": model.id,
        "version": model.version,
        "description": model.description,
        "kinds": list(model.kinds),
        "reads": "text" if isinstance(model.features, TextFeatures) else "activity",
        "tags": [asdict(tag) for tag in model.tags],
        "sha256": hashlib.sha256(parts.read_bytes()).hexdigest(),
        "facts": dict(model.facts),
    }


def _readable(manifest: Mapping[str, Any]) -> str:
    """Write JSON that people can read in any script, and that can do nothing to a terminal."""
    text = json.dumps(manifest, indent=2, ensure_ascii=False)
    return "".join(c if c == "\n" or c.isprintable() else json.dumps(c)[1:-1] for c in text)


def read_manifest(folder: Path) -> Mapping[str, Any]:
    """Read what a folder says of its model. Raises ModelRefusedError."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelRefusedError(f"model folder {folder}: {MANIFEST} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise ModelRefusedError(f"model folder {folder}: {MANIFEST} is not JSON: {error}") from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise ModelRefusedError(f"model folder {folder}: {MANIFEST} is not of format {FORMAT}")
    return manifest


def _read_parts(folder: Path, expected: str) -> Mapping[str, Any]:
    path = folder / PARTS
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelRefusedError(f"model folder {folder}: {PARTS} cannot be read: {error.strerror}") from error
    if hashlib.sha256(content).hexdigest() != expected:
        raise ModelRefusedError(
            f"model folder {folder}: {PARTS} is damaged or was changed: its hash is not the manifest's"
        )
    _check_size(folder, content)
    untrusted = _guarded(folder, lambda: skops.io.get_untrusted_types(data=content))
    if untrusted:
        raise ModelRefusedError(
            f"model folder {folder}: {PARTS} holds types that are not trusted: {', '.join(sorted(untrusted))}"
        )
    parts = _guarded(folder, lambda: skops.io.loads(content, trusted=[]))
    if not isinstance(parts, dict):
        raise ModelRefusedError(f"model folder {folder}: {PARTS} does not hold the parts of a model")
    return parts


def _check_size(folder: Path, content: bytes) -> None:
    archive = _guarded(folder, lambda: zipfile.ZipFile(BytesIO(content)))
    size = sum(entry.file_size for entry in archive.infolist())
    if size > LARGEST:
        raise ModelRefusedError(f"model folder {folder}: {PARTS} unpacks to {size} bytes, more than {LARGEST}")


def _guarded(folder: Path, read: Callable[[], Any]) -> Any:
    """Read what may be damaged, which makes the libraries raise almost anything."""
    try:
        return read()
    except Exception as error:
        raise ModelRefusedError(f"model folder {folder}: {PARTS} cannot be read: {type(error).__name__}") from error


def _model(manifest: Mapping[str, Any], parts: Mapping[str, Any]) -> LinearModel:
    features: Features = TextFeatures.of_parts(parts["features"]) if _reads_text(manifest) else ActivityFeatures()
    coefficients = np.ascontiguousarray(parts["coefficients"], dtype=np.float64)
    intercepts = np.asarray(parts["intercepts"], dtype=np.float64)
    tags = tuple(Tag(**tag) for tag in manifest["tags"])
    if coefficients.shape != (len(features.names), len(tags)) or intercepts.shape != (len(tags),):
        raise ValueError(f"{coefficients.shape} coefficients for {len(features.names)} features and {len(tags)} tags")
    if not (np.isfinite(coefficients).all() and np.isfinite(intercepts).all()):
        raise ValueError("a coefficient is not finite")
    return LinearModel(
        id=str(manifest["id"]),
        version=str(manifest["version"]),
        description=str(manifest["description"]),
        tags=tags,
        kinds=tuple(map(str, manifest["kinds"])),
        features=features,
        coefficients=coefficients,
        intercepts=intercepts,
        facts=manifest.get("facts") or {},
    )


def _reads_text(manifest: Mapping[str, Any]) -> bool:
    reads = manifest["reads"]
    if reads not in ("text", "activity"):
        raise ValueError(f"it reads {reads!r}, not text or activity")
    return bool(reads == "text")
