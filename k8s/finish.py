"""Makes an environment fit for an image: `python3 finish.py FOLDER {dependencies,scorelens}`.

Removes what no running component reads, compiles the rest (a container's file system is read-only), and gives every
file the time SOURCE_DATE_EPOCH, so that the same inputs give the same layer. The part `scorelens` is laid over the part
`dependencies`, which has the interpreter.
"""

from __future__ import annotations

import compileall
import os
import shutil
import sys
from pathlib import Path
from py_compile import PycInvalidationMode

COMMAND = "scorelens"
UNREAD_FOLDERS = {"tests", "include", "__pycache__"}
UNREAD_FILES = {".a", ".c", ".cpp", ".h", ".hpp", ".pxd", ".pxi", ".pyi", ".pyx"}


def main(folder: Path, part: str) -> None:
    """Finish the environment in a folder."""
    (packages,) = folder.glob("lib/python3.*/site-packages")
    remove_unread(packages)
    scaffold = remove_commands(folder)
    if part == COMMAND:
        for path in scaffold:
            path.unlink()
    # One process in one order: what a compiled file holds depends on what was compiled before it.
    compileall.compile_dir(
        packages, quiet=2, workers=1, maxlevels=99, force=True, invalidation_mode=PycInvalidationMode.UNCHECKED_HASH
    )
    set_times(folder, int(os.environ["SOURCE_DATE_EPOCH"]))


def remove_unread(packages: Path) -> None:
    """Remove tests, headers and sources of other languages."""
    for path in sorted(packages.rglob("*")):
        if path.is_dir() and path.name in UNREAD_FOLDERS:
            shutil.rmtree(path)
        elif path.is_file() and path.suffix in UNREAD_FILES:
            path.unlink()


def remove_commands(folder: Path) -> list[Path]:
    """Remove the commands of libraries and what only a shell needs; return what is left of the interpreter."""
    shutil.rmtree(folder / "include", ignore_errors=True)
    shutil.rmtree(folder / "share", ignore_errors=True)
    interpreter = [folder / "pyvenv.cfg", *(path for path in [folder / "lib64"] if path.is_symlink())]
    for path in sorted((folder / "bin").iterdir()):
        if path.name.startswith("python"):
            interpreter.append(path)
        elif path.name != COMMAND:
            path.unlink()
    return interpreter


def set_times(folder: Path, moment: int) -> None:
    """Give a folder and all below it one time."""
    for path in [*folder.rglob("*"), folder]:
        os.utime(path, (moment, moment), follow_symlinks=False)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
