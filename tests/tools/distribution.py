"""The Elasticsearch that the project itself tests with: fetched by Maven, checked by its hash, and run as it is."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import zipfile
from pathlib import Path
from typing import Final

from tests.tools.jdk import find_jdk
from tests.tools.missing import MissingPartError
from tests.tools.places import TOOLS, alone
from tests.tools.run import UNPRIVILEGED, run

VERSION: Final = "9.5.0"
ARTIFACT: Final = f"org.elasticsearch.distribution.integ-test-zip:elasticsearch:{VERSION}:zip"
SHA256: Final = "db0e275fd790f723eca7bcde96069fd6fed304ad23afdb70c8c09553dd9e8b1b"
"""Of the archive: not every mirror passes on the sums that Maven could look at."""
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
        _persistently()
    return "fetched"


def _persistently() -> None:
    """Download: a registry that breaks off once answers the next time, one that has nothing never does."""
    for last in (False, False, True):
        try:
            _download()
        except MissingPartError:
            if last:
                raise
        else:
            return


def _download() -> None:
    """Put the archive in its place once it is whole and the right one."""
    with tempfile.TemporaryDirectory(dir=TOOLS) as folder:
        copy = ["mvn", "-B", "-q", "dependency:copy", f"-Dartifact={ARTIFACT}", f"-DoutputDirectory={folder}"]
        run(copy, limit=600, get=GET)
        archive = Path(folder) / ARCHIVE.name
        with archive.open("rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
        if digest != SHA256:
            raise MissingPartError(f"{ARCHIVE.name} as downloaded has another SHA-256, {digest}; try again later")
        archive.replace(ARCHIVE)


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
