"""Clients and servers of grpc-go, grpcurl and kustomize, built by the Go toolchain."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Final

from tests.tools.missing import MissingPartError
from tests.tools.places import TOOLS, alone
from tests.tools.run import run

GET: Final = "install Go 1.24 or newer (https://go.dev/dl) and run make test again"
FOLDER: Final = TOOLS / "go"
MODULES: Final = {
    "interop_client": "google.golang.org/grpc/interop/client@v1.76.0",
    "interop_server": "google.golang.org/grpc/interop/server@v1.76.0",
    "grpcurl": "github.com/fullstorydev/grpcurl/cmd/grpcurl@v1.9.3",
    "kustomize": "sigs.k8s.io/kustomize/kustomize/v5@v5.8.1",
}
"""Versions as the names of files would not tell; a change of one builds it anew."""


def prepare() -> str:
    """Have all of them in FOLDER; return what was found or built. Raises MissingPartError."""
    with alone("go"):
        wanted = {name: module for name, module in MODULES.items() if not _built(name, module)}
        for name, module in wanted.items():
            _build(name, module)
    return f"{'built' if wanted else 'found'}: {', '.join(MODULES)}"


def _built(name: str, module: str) -> bool:
    stamp = FOLDER / f"{name}.version"
    return (FOLDER / name).is_file() and stamp.is_file() and stamp.read_text() == module


def _build(name: str, module: str) -> None:
    go = shutil.which("go")
    if go is None:
        raise MissingPartError(f"there is no go on the PATH; {GET}")
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
        run([go, "install", module], limit=900, environment={"GOBIN": folder, "GOFLAGS": ""}, get=GET)
        (binary,) = Path(folder).iterdir()
        binary.replace(FOLDER / name)
    (FOLDER / f"{name}.version").write_text(module)
