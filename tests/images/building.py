"""Building images with the project's own script."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from tests.images import buildah

ROOT: Final = Path(__file__).parents[2]
COMPONENTS: Final = ("scorer", "sidecar", "indexer", "console", "client")
SOURCE: Final = "https://source.example/scorelens"


def build(folder: Path, components: Iterable[str], tag: str, *options: str) -> Mapping[str, str]:
    """Build images and return their names by component; `folder` keeps what the builds are handed."""
    components = list(components)
    command = [sys.executable, "k8s/images.py", "--tool", "buildah", "--prefix", "localhost/scorelens", "--tag", tag]
    command += ["--base", buildah.BASE, "--builder", buildah.BUILDER, "--source", SOURCE, "--timestamp", "1577836800"]
    command += [part for option, file in buildah.handed_down(folder).items() for part in (option, str(file))]
    log = folder / f"{tag}.log"
    with log.open("wb") as out:
        done = subprocess.run(
            [*command, *options, *components], cwd=ROOT, env=buildah.environment(), stdout=out, stderr=out, check=False
        )
    assert done.returncode == 0, "\n".join(log.read_text(errors="replace").splitlines()[-40:])
    return {component: f"localhost/scorelens/{component}:{tag}" for component in components}
