"""What `kubectl apply -k` would send, as the Go module of kustomize renders it."""

from __future__ import annotations

import copy
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

from tests.tools import go

K8S: Final = Path(__file__).parents[2] / "k8s"
OVERLAYS: Final = ("demo", "production", "existing-model")

Manifest = dict[str, Any]


def render(name: str) -> list[Manifest]:
    """Return the objects of an overlay, or of a folder below k8s/. Raises MissingPartError where there is no Go."""
    overlay = K8S / "overlays" / name
    return build(overlay if overlay.is_dir() else K8S / name)


def build(folder: Path) -> list[Manifest]:
    """Return the objects that a folder with a kustomization stands for. Raises MissingPartError."""
    return copy.deepcopy(_loaded(folder))


def of_kind(manifests: list[Manifest], *kinds: str) -> Iterator[Manifest]:
    """Yield the objects of some kinds."""
    return (manifest for manifest in manifests if manifest["kind"] in kinds)


def named(manifests: list[Manifest], kind: str, name: str) -> Manifest:
    """Return the one object of a kind and a name, which may go on with the hash of its contents."""
    (found,) = (each for each in of_kind(manifests, kind) if each["metadata"]["name"].startswith(name))
    return found


def title(manifest: Manifest) -> str:
    """Name an object in a test's report."""
    return f"{manifest['kind']}/{manifest['metadata']['name']}"


@cache
def _loaded(folder: Path) -> list[Manifest]:
    go.prepare()
    command = [str(go.FOLDER / "kustomize"), "build", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return [document for document in yaml.safe_load_all(done.stdout) if document]
