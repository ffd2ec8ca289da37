"""Builds the images of the components with docker, podman or buildah: `make images`, `python3 k8s/images.py --help`.

Needs nothing but Python and one of these tools, so that it runs on a build machine as it is.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
COMPONENTS = ("scorer", "sidecar", "indexer", "console", "client")
"""What is built where nothing is named."""
KNOWN = (*COMPONENTS, "train")
TOOLS = {"docker": ["build"], "podman": ["build", "--layers"], "buildah": ["build", "--layers"]}


def main(arguments: Sequence[str] | None = None) -> int:
    """Build, then print what was built; return the first failing build's status."""
    wanted = read(arguments)
    names = {component: f"{wanted.prefix}/{component}:{wanted.tag}" for component in wanted.components}
    for component, name in names.items():
        say(f"building {name} with {wanted.tool} ...")
        done = subprocess.run(build_command(wanted, component, name), cwd=ROOT, env=environment(wanted), check=False)
        if done.returncode:
            say(f"building {name} failed")
            return done.returncode
    width = max(len(name) for name in names.values())
    for name in names.values():
        sys.stdout.write(f"{name:{width}}  {size_of(wanted.tool, name):>9}\n")
    return 0


def read(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line; a wrong one ends the process with a line that names the argument."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    parser = options(version)
    wanted = parser.parse_args(arguments)
    wanted.version = version
    wanted.components = wanted.components or list(COMPONENTS)
    wanted.tool = wanted.tool or next((tool for tool in TOOLS if answers(tool)), None)
    if wrong := refusal(wanted):
        parser.error(wrong)
    return wanted


def options(version: str) -> argparse.ArgumentParser:
    """Return what may be said on the command line."""
    parser = argparse.ArgumentParser(prog="make images", description="Build the images of the components.")
    add = parser.add_argument
    add("components", nargs="*", metavar="COMPONENT", help=f"{', '.join(KNOWN)} (all but train)")
    add("--tool", choices=list(TOOLS), help="what builds (the first of these that works)")
    add("--prefix", default="scorelens", help="registry and folder of the images (%(default)s)")
    add("--tag", default=version, help="tag of the images (%(default)s)")
    add("--base", help="image that the components run on (the Dockerfile's)")
    add("--builder", help="image that builds: the same Python, with pip and a C compiler")
    add("--plain", action="store_true", help="leave the relay and the indexer uncompiled; needs no C compiler")
    add("--pip-conf", type=Path, metavar="FILE", help="pip's configuration for the build, which no image keeps")
    add(
        "--ca",
        type=Path,
        metavar="FILE",
        help="PEM authorities for pip; its configuration says cert = /run/secrets/ca.pem",
    )
    add("--source", default="", help="address of the source code, for the images' label")
    add("--timestamp", type=int, metavar="SECONDS", help="time of the images and their files (podman, buildah)")
    add("--no-cache", action="store_true", help="build every layer anew")
    add("--option", action="append", default=[], metavar="OPTION", help="handed to the tool; may be repeated")
    return parser


def refusal(wanted: argparse.Namespace) -> str:
    """Return why images cannot be built as wanted, or nothing."""
    for component in wanted.components:
        if component not in KNOWN:
            return f"COMPONENT: there is no image of {component}; name some of {', '.join(KNOWN)}"
    for option, file in (("--pip-conf", wanted.pip_conf), ("--ca", wanted.ca)):
        if file is not None and not file.is_file():
            return f"{option}: {file} is no file"
    if wanted.timestamp is not None and wanted.tool == "docker":
        return "--timestamp: docker has no such option; k8s/images.md says what it has instead"
    if wanted.tool is None or shutil.which(wanted.tool) is None:
        return f"--tool: install {wanted.tool or ' or '.join(TOOLS)}"
    return ""


def answers(tool: str) -> bool:
    """Tell whether a tool is there, and the daemon of one that has a daemon."""
    asked = [tool, "version"]
    return shutil.which(tool) is not None and not subprocess.run(asked, capture_output=True, check=False).returncode


def build_command(wanted: argparse.Namespace, component: str, name: str) -> list[str]:
    """Return the command that builds one image."""
    given = {
        "EXTRA": component,
        "VERSION": wanted.version,
        "REVISION": revision(),
        "SOURCE": wanted.source,
        "BASE": wanted.base,
        "BUILDER": wanted.builder,
        "COMPILED": "false" if wanted.plain else None,
    }
    command = [wanted.tool, *TOOLS[wanted.tool], "--file", "k8s/Dockerfile", "--tag", name]
    command += [f"--build-arg={key}={value}" for key, value in given.items() if value is not None]
    secrets = {"pip.conf": wanted.pip_conf, "ca.pem": wanted.ca}
    command += [f"--secret=id={key},src={file.resolve()}" for key, file in secrets.items() if file is not None]
    command += [] if wanted.timestamp is None else [f"--timestamp={wanted.timestamp}"]
    command += ["--no-cache"] if wanted.no_cache else []
    return [*command, *wanted.option, "."]


def environment(wanted: argparse.Namespace) -> dict[str, str]:
    """Return the environment of the tool: docker of before version 23 knows secrets only with BuildKit."""
    return dict(os.environ) | ({"DOCKER_BUILDKIT": "1"} if wanted.tool == "docker" else {})


def revision() -> str:
    """Return the commit, marked where files differ from it; nothing outside of git."""
    describe = ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        return subprocess.run(describe, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def size_of(tool: str, name: str) -> str:
    """Return the size of an image as its tool tells it."""
    ask = [tool, "images", "--format", "{{.Size}}", name]
    told = subprocess.run(ask, capture_output=True, text=True, check=True).stdout
    return next(iter(told.splitlines()), "")  # an image with further names has a line for each


def say(text: str) -> None:
    """Tell on standard error what is going on."""
    sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main())
