"""The Elasticsearch that the project itself tests with: fetched by Maven, which checks its sums, and run as it is."""

from __future__ import annotations

import os
import shutil
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.tools.jdk import find_jdk
from tests.tools.missing import MissingPartError
from tests.tools.places import TOOLS, alone
from tests.tools.run import UNPRIVILEGED, run

VERSION: Final = "9.5.0"
ARTIFACT: Final = f"org.elasticsearch.distribution.integ-test-zip:elasticsearch:{VERSION}:zip"
ARCHIVE: Final = TOOLS / f"elasticsearch-{VERSION}.zip"
GET: Final = "install Maven (apt-get install maven) and let it reach a Maven repository"


def fetch() -> str:
    """Have the archive in .tools and a JDK for it; return "found" or "fetched". Raises MissingPartError."""
    find_jdk()
    with alone("elasticsearch"):
        if ARCHIVE.is_file():
            return "found"
        if shutil.which("mvn") is None:
            raise MissingPartError(f"there is no mvn on the PATH; {GET}")
        with tempfile.TemporaryDirectory(dir=TOOLS) as folder:
            copy = ["mvn", "-B", "-q", "-C", "dependency:copy", f"-Dartifact={ARTIFACT}", f"-DoutputDirectory={folder}"]
            _persistently(copy)
            (Path(folder) / ARCHIVE.name).replace(ARCHIVE)
    return "fetched"


def _persistently(command: Sequence[str]) -> None:
    """Run what downloads: a registry that breaks off once answers the next time, one that has nothing never does."""
    for last in (False, False, True):
        try:
            run(command, limit=600, get=GET)
        except MissingPartError:
            if last:
                raise
        else:
            return


def unpack() -> Path:
    """Return a new folder with the distribution, of an owner that may run it: Elasticsearch refuses to run as root."""
    folder = Path(tempfile.mkdtemp(prefix="scorelens-elasticsearch-", dir=None if UNPRIVILEGED is None else "/tmp"))
    with zipfile.ZipFile(ARCHIVE) as archive:
        for member in archive.infolist():
            path = Path(archive.extract(member, folder))
            path.chmod(path.stat().st_mode | (member.external_attr >> 16 & 0o111))
    if UNPRIVILEGED is not None:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, UNPRIVILEGED, UNPRIVILEGED)
    return folder / f"elasticsearch-{VERSION}"
