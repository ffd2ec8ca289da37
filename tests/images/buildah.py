"""Images without an image registry or a daemon: a base made of Debian's packages, and buildah."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from tests.tools.containers import Image
from tests.tools.missing import MissingPartError
from tests.tools.places import TOOLS, alone
from tests.tools.run import run

FOLDER: Final = TOOLS / "images"
SUITE: Final = "bookworm"
BASE: Final = "localhost/base:bookworm"
BUILDER: Final = "localhost/builder:bookworm"
_PACKAGES: Final = {BASE: "python3,ca-certificates", BUILDER: "python3-dev,python3-pip,python3-venv,gcc,libc6-dev"}
_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_GET: Final = "as root: apt-get install --no-install-recommends buildah debootstrap"


def environment() -> dict[str, str]:
    """Return the environment in which buildah needs no more than root, and keeps everything in a folder of ours."""
    temporary = FOLDER / "tmp"
    temporary.mkdir(parents=True, exist_ok=True)
    driver, storage = _driver(), FOLDER / "storage.conf"
    storage.write_text(f'[storage]\ndriver = "{driver}"\ngraphroot = "{FOLDER}/{driver}"\nrunroot = "{FOLDER}/run"\n')
    return dict(os.environ) | {
        "BUILDAH_ISOLATION": "chroot",
        "CONTAINERS_STORAGE_CONF": str(storage),
        "STORAGE_DRIVER": driver,
        "TMPDIR": str(temporary),
    }


@cache
def _driver() -> str:
    """Return how layers are kept: laid over each other where the kernel can do that here, else as whole copies."""
    with tempfile.TemporaryDirectory(dir=FOLDER / "tmp") as folder:
        lower, upper, work, merged = (Path(folder) / name for name in ("lower", "upper", "work", "merged"))
        for path in (lower, upper, work, merged):
            path.mkdir()
        laid = f"lowerdir={lower},upperdir={upper},workdir={work}"
        if subprocess.run(
            ["mount", "-t", "overlay", "-o", laid, "overlay", merged], check=False, capture_output=True
        ).returncode:
            return "vfs"
        subprocess.run(["umount", merged], check=True)
    return "overlay"


def buildah(*arguments: str) -> str:
    """Return what a buildah command printed. Raises MissingPartError."""
    return run(["buildah", *arguments], limit=1800, environment=environment(), get=_GET).strip()


def prepare() -> None:
    """Make the two bases unless they are there. Raises MissingPartError."""
    for tool in ("buildah", "debootstrap"):
        if shutil.which(tool) is None:
            raise MissingPartError(f"no {tool} here; {_GET}")
    with alone("images"):
        for name, packages in _PACKAGES.items():
            if not buildah("images", "--quiet", "--filter", f"reference={name}"):
                _make_base(name, packages)


def _make_base(name: str, packages: str) -> None:
    root = FOLDER / "debootstrap"
    _remove(root)
    make = ["debootstrap", "--variant=minbase", f"--include={packages}", SUITE, str(root)]
    run(make, limit=1800, environment={"TMPDIR": str(FOLDER / "tmp")}, get=_GET)
    for left in ("var/cache/apt", "var/lib/apt/lists", "var/log", "tmp"):
        for path in (root / left).iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    container = buildah("from", "scratch")
    buildah("add", "--quiet", container, str(root), "/")
    buildah("config", f"--env=PATH={_PATH}", "--cmd=python3", container)
    buildah("commit", "--quiet", "--rm", container, name)
    _remove(root)


def _remove(root: Path) -> None:
    """Remove what debootstrap made, but nothing that it may have left mounted there."""
    subprocess.run(["rm", "-rf", "--one-file-system", str(root)], check=True)


def inspect(name: str) -> dict[str, Any]:
    """Return the configuration of an image, as the OCI's specification has it."""
    config: dict[str, Any] = json.loads(buildah("inspect", "--type", "image", name))["OCIv1"]
    return config


def digest(name: str) -> str:
    """Return the hash of an image's configuration, which names the content of its layers."""
    return buildah("images", "--quiet", "--no-trunc", name)


class Mounted:
    """File systems of images, mounted until `close`."""

    def __init__(self) -> None:
        self._containers: list[str] = []

    def mount(self, name: str) -> Image:
        """Return the file system of an image with what its configuration says of processes."""
        container = buildah("from", "--pull-never", name)
        self._containers.append(container)
        config = inspect(name)["config"]
        variables = dict(line.split("=", 1) for line in config.get("Env", []))
        return Image(Path(buildah("mount", container)), config.get("Entrypoint", []), variables)

    def close(self) -> None:
        """Give all of them back."""
        for container in self._containers:
            buildah("rm", container)


def handed_down(folder: Path) -> Mapping[str, Path]:
    """Write pip's configuration and the authorities of this machine, as a build is handed them; return the files."""
    authorities = os.environ.get("PIP_CERT") or "/etc/ssl/certs/ca-certificates.crt"
    lines = ["[global]", "cert = /run/secrets/ca.pem"]
    told = subprocess.run(
        ["python3", "-m", "pip", "config", "list"], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    for line in told:
        name, _, value = line.partition("=")
        key = name.rpartition(".")[2]
        if key in ("index-url", "extra-index-url", "trusted-host", "proxy", "timeout"):
            lines.append(f"{key} = {value.strip(chr(39))}")
    configuration = folder / "pip.conf"
    configuration.write_text("\n".join([*lines, ""]))
    return {"--pip-conf": configuration, "--ca": Path(authorities)}
