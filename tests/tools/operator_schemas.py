"""The Prometheus operator's schemas of its resources, from its Go module."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any, Final

import yaml

from tests.tools.missing import MissingPartError
from tests.tools.places import TOOLS, alone
from tests.tools.run import run

MODULE: Final = "github.com/prometheus-operator/prometheus-operator@v0.85.0"
FOLDER: Final = TOOLS / "prometheus-operator"
GET: Final = "install Go 1.24 or newer (https://go.dev/dl) and run make test again"
KINDS: Final = {"PodMonitor": "podmonitors", "PrometheusRule": "prometheusrules"}


def schema(kind: str) -> dict[str, Any]:
    """Return the OpenAPI schema of a kind. Raises MissingPartError."""
    name = f"monitoring.coreos.com_{KINDS[kind]}.yaml"
    with alone("prometheus-operator"):
        path = FOLDER / name
        if not path.exists():
            FOLDER.mkdir(exist_ok=True)
            shutil.copyfile(_module() / "example" / "prometheus-operator-crd" / name, path)
    (version,) = yaml.safe_load(path.read_text("utf-8"))["spec"]["versions"]
    found: dict[str, Any] = version["schema"]["openAPIV3Schema"]
    return found


def _module() -> Path:
    go = shutil.which("go")
    if not go:
        raise MissingPartError(GET)
    return Path(json.loads(run([go, "mod", "download", "-json", MODULE], limit=300, folder=TOOLS, get=GET))["Dir"])
