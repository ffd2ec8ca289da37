"""Finding a Java development kit that Elasticsearch runs on; the `java` on the PATH is often older."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

from tests.tools.missing import MissingPartError
from tests.tools.run import UNPRIVILEGED, run

LEAST: Final = 21
MODULE: Final = "jdk.incubator.vector"
PLACES: Final = ("usr/lib/jvm/*", "Library/Java/JavaVirtualMachines/*/Contents/Home")
GET: Final = f"install a full JDK of at least {LEAST} with {MODULE}, such as Temurin, and name it in JAVA_HOME"


@cache
def find_jdk() -> Path:
    """Return the home of the newest JDK that will do. Raises MissingPartError."""
    known = {home: _version(home) for home in _homes()}
    fit = {home: version for home, version in known.items() if version >= LEAST}
    if not fit:
        raise MissingPartError(
            f"no JDK of at least {LEAST} with {MODULE} in JAVA_HOME, /usr/lib/jvm or on the PATH; {GET}"
        )
    return max(fit, key=lambda home: fit[home])


def _homes() -> Iterator[Path]:
    if named := os.environ.get("JAVA_HOME"):
        yield Path(named)
    for pattern in PLACES:
        yield from sorted(Path("/").glob(pattern))
    if java := shutil.which("java"):
        yield Path(java).resolve().parent.parent


def _version(home: Path) -> int:
    """Return the feature version of a JDK that has the module, otherwise 0."""
    java = home / "bin" / "java"
    if not java.is_file():
        return 0
    try:
        modules = run([str(java), "--list-modules"], limit=60, user=UNPRIVILEGED).split()
    except MissingPartError:
        return 0
    found = [module.partition("@")[2] for module in modules if module.startswith(f"{MODULE}@")]
    return int(found[0].split(".")[0].split("-")[0]) if found else 0
