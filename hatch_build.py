"""Compiles the modules that run for every call and every record with mypyc, for a wheel of one platform.

Off unless HATCH_BUILD_HOOK_ENABLE_CUSTOM=true (`make compiled` sets it): without it the wheel is plain Python and needs
no compiler. Both hold the same sources, and Python takes the compiled module where there is one.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_SETUP = """
from mypyc.build import mypycify
from setuptools import setup

setup(name="compiled", packages=[], ext_modules=mypycify({modules!r}, opt_level="3", group_name={group!r}))
"""


class CompiledBuildHook(BuildHookInterface[Any]):
    """Adds compiled modules to the wheel; the option `modules` names them, by the folder that they are in."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile into a folder of our own, so that nothing but a wheel ever holds the results."""
        if version == "editable":
            return
        self._folder = Path(tempfile.mkdtemp(prefix="scorelens-compiled-"))
        for source, modules in self.config["modules"].items():
            folder = self._folder / source
            for compiled in _compile(Path(self.root), folder, source, modules):
                build_data["force_include"][str(compiled)] = str(compiled.relative_to(folder))
        build_data["infer_tag"], build_data["pure_python"] = True, False

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove the folder."""
        if version != "editable":
            shutil.rmtree(self._folder, ignore_errors=True)


def _compile(root: Path, folder: Path, source: str, modules: list[str]) -> list[Path]:
    packages = sorted({module.partition("/")[0] for module in modules})
    for package in packages:
        shutil.copytree(root / source / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    # mypy finds no configuration of the project here, and need not: `make types` has checked these modules.
    arguments = ["--ignore-missing-imports", *modules]
    (folder / "setup.py").write_text(_SETUP.format(modules=arguments, group=packages[0]))
    environment = os.environ | {
        "MYPYPATH": os.pathsep.join([str(root / "protos"), str(root / "services"), str(folder)])
    }
    command = [sys.executable, "setup.py", "--quiet", "build_ext", "--inplace"]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"cannot compile {source} (mypy, setuptools and a C compiler are needed):\n{done.stderr}")
    return sorted(
        [*folder.glob("*__mypyc.*.so"), *(found for each in packages for found in (folder / each).rglob("*.so"))]
    )
