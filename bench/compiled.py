"""Builds the wheel whose relay and indexer are compiled and unpacks it for PYTHONPATH: `python -m bench.compiled`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
COMPILED = ROOT / "build" / "compiled"
_BUILT = COMPILED / "built"
_FOLDERS = ("protos", "sidecar", "services/scorelens_indexer", "services/scorelens_runtime", "services/scorelens_store")
"""Where the code of the measured processes is."""
_PIP = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]


def build() -> str:
    """Build unless that was done since the last change; return why it cannot be done, nothing when it was."""
    sources = [ROOT / "hatch_build.py", ROOT / "pyproject.toml"]
    sources += [source for folder in _FOLDERS for source in (ROOT / folder).rglob("*.py")]
    if _BUILT.exists() and _BUILT.stat().st_mtime > max(source.stat().st_mtime for source in sources):
        return ""
    shutil.rmtree(COMPILED, ignore_errors=True)
    wheels = ROOT / "build" / "wheels"
    shutil.rmtree(wheels, ignore_errors=True)
    environment = os.environ | {"HATCH_BUILD_HOOK_ENABLE_CUSTOM": "true"}
    make = [*_PIP, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(wheels), str(ROOT)]
    made = subprocess.run(make, env=environment, check=False, capture_output=True, text=True)
    if made.returncode:
        return (made.stderr or made.stdout).strip()
    unpack = [*_PIP, "install", "--no-deps", "--target", str(COMPILED), *map(str, wheels.glob("*.whl"))]
    subprocess.run(unpack, check=True)
    _BUILT.touch()
    return ""


if __name__ == "__main__":
    sys.exit(build() or None)
