"""Containers of the official Elasticsearch image, for machines with Docker."""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Final

from tests.tools.missing import MissingPartError
from tests.tools.run import run

IMAGE: Final = "docker.elastic.co/elasticsearch/elasticsearch:9.5.0"
GET: Final = "see that `docker run` works"
_GUARD: Final = "import subprocess, sys; sys.stdin.read(); subprocess.run(['docker', 'rm', '-f', '-v', sys.argv[1]])"


def answers() -> bool:
    """Tell whether a Docker daemon answers."""
    if shutil.which("docker") is None:
        return False
    try:
        run(["docker", "version", "--format", "{{.Server.Version}}"], limit=20)
    except MissingPartError:
        return False
    return True


def docker(*arguments: str) -> str:
    """Return what a docker command printed. Raises MissingPartError."""
    return run(["docker", *arguments], limit=900, get=GET)


def create(settings: Mapping[str, str], port: int) -> str:
    """Return the id of a container that serves on a port of this machine once it is started."""
    variables = [f"--env={name}={value}" for name, value in settings.items()]
    return docker("create", f"--publish=127.0.0.1:{port}:9200", *variables, IMAGE).strip()


def put(container: str, path: str, text: str) -> None:
    """Write a file into a container."""
    place = PurePosixPath(path)
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        about = tarfile.TarInfo(place.name)
        about.size, about.mode, about.uid = len(text.encode()), 0o644, 1000
        archive.addfile(about, io.BytesIO(text.encode()))
    subprocess.run(
        ["docker", "cp", "-", f"{container}:{place.parent}"], input=packed.getvalue(), check=True, timeout=60
    )


def guard(container: str) -> subprocess.Popen[bytes]:
    """Remove a container once the guard's input ends, which even a killed test run leaves behind."""
    return subprocess.Popen(
        [sys.executable, "-c", _GUARD, container],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
