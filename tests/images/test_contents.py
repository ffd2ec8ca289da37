"""What is in the images, and what is not."""

from __future__ import annotations

import re
import stat
import subprocess
from collections.abc import Mapping
from importlib.metadata import distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.images import buildah
from tests.images.building import COMPONENTS, ROOT, SOURCE
from tests.images.tree import size, walk
from tests.tools.containers import Image

TOOLS_OF_BUILDS = re.compile(
    r"(?:.*-)?(?:gcc|g\+\+|c\+\+|cc|cc1|clang|ld|as|make|cmake|cargo|rustc|go|pip|uv|easy_install)(?:-?[\d.]+)?"
)
CACHES = ("root/.cache", "var/cache/apt/archives", "var/lib/apt/lists", "tmp", "var/tmp", "build", "tools", "wheels")


def packages(image: Image) -> Path:
    """Return the folder of the image's Python packages."""
    (folder,) = image.root.glob("opt/scorelens/lib/python3.*/site-packages")
    return folder


def locked(component: str, python: str) -> set[str]:
    """Return the names that a component's locked requirements ask for in a version of Python."""
    lines = (ROOT / "requirements" / f"{component}.txt").read_text("utf-8").splitlines()
    asked = [Requirement(line.removesuffix("\\")) for line in lines if re.match(r"[a-z0-9]", line)]
    environment = {"python_version": python.rpartition(".")[0], "python_full_version": python}
    return {canonicalize_name(each.name) for each in asked if each.marker is None or each.marker.evaluate(environment)}


@pytest.mark.parametrize("component", COMPONENTS)
def test_an_image_holds_its_own_packages_only(images: Mapping[str, Image], component: str) -> None:
    """What is installed is scorelens and the component's locked requirements, neither more nor less."""
    image = images[component]
    python = image.run("python", "-c", "import platform; print(platform.python_version())").stdout.strip()
    installed = {canonicalize_name(each.metadata["Name"]) for each in distributions(path=[str(packages(image))])}
    assert installed == locked(component, python) | {"scorelens"}


def test_only_the_scorer_has_a_machine_learning_library(images: Mapping[str, Image]) -> None:
    """The sidecar, which stands beside every model, brings neither numpy nor scikit-learn."""
    have = {component for component, image in images.items() if (packages(image) / "sklearn").exists()}
    assert have == {"scorer"}
    assert not (packages(images["sidecar"]) / "numpy").exists()


@pytest.mark.parametrize("component", COMPONENTS)
def test_nothing_of_the_build_is_left(images: Mapping[str, Image], component: str) -> None:
    """No compiler, no installer of packages, no cache, no source of extension modules."""
    image = images[component]
    names = [path for path, _ in walk(image.root)]
    assert not [
        str(path) for path in names if path.parent.name in ("bin", "sbin") and TOOLS_OF_BUILDS.fullmatch(path.name)
    ]
    assert not [str(path) for path in names if path.name in ("pip", "ensurepip", "setuptools", "mypy", "hatchling")]
    ours = [path for path in names if path.is_relative_to("opt")]
    assert not [str(path) for path in ours if path.suffix in (".c", ".h", ".pyx", ".whl") or path.name == "tests"]
    for cache in CACHES:
        folder = image.root / cache
        assert not folder.exists() or not [path for path in folder.rglob("*") if path.is_file()], cache
    for given in ("etc/pip.conf", "run/secrets"):
        assert not (image.root / given).exists(), f"{given} was handed to the build and must not stay"


@pytest.mark.parametrize("component", COMPONENTS)
def test_nothing_can_be_changed_or_run_as_somebody_else(images: Mapping[str, Image], component: str) -> None:
    """The user of the image owns its data folder only; nothing else is writable for it, nothing runs as root."""
    for path, about in walk(images[component].root):
        if stat.S_ISLNK(about.st_mode):
            continue
        sticky = stat.S_ISDIR(about.st_mode) and about.st_mode & stat.S_ISVTX
        assert sticky or not about.st_mode & stat.S_IWOTH, f"{path} is writable for everybody"
        assert not (stat.S_ISREG(about.st_mode) and about.st_mode & (stat.S_ISUID | stat.S_ISGID)), path
        assert (about.st_uid == 10001) == (str(path) == "var/lib/scorelens"), path


@pytest.mark.parametrize("component", COMPONENTS)
def test_an_image_tells_what_it_is(names: Mapping[str, str], images: Mapping[str, Image], component: str) -> None:
    """Its labels name version, revision, source and licence; its user is a number; it starts scorelens."""
    config = buildah.inspect(names[component])["config"]
    labels = {key.removeprefix("org.opencontainers.image."): value for key, value in config["Labels"].items()}
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    version = images[component].scorelens("--version").split()[-1]
    assert labels["version"] == version
    assert labels["revision"].removesuffix("-dirty") == head.strip()
    assert labels["source"] == SOURCE
    assert labels["licenses"] == "Apache-2.0"
    assert labels["title"] == f"scorelens {component}"
    assert config["User"] == "10001:10001"
    assert config["Entrypoint"] == ["scorelens"]


@pytest.mark.parametrize("component", COMPONENTS)
def test_the_root_is_read_only_and_nothing_needs_it(images: Mapping[str, Image], component: str) -> None:
    """A container runs as 10001 without rights, cannot write into its image, and starts all the same."""
    image = images[component]
    who = image.run("sh", "-c", "id -u; grep -E 'CapEff|NoNewPrivs' /proc/self/status; touch /opt/scorelens/here")
    assert who.stdout.split() == ["10001", "CapEff:", "0" * 16, "NoNewPrivs:", "1"]
    assert "Read-only file system" in who.stderr
    for command in {"client": ("search", "show", "score", "status")}.get(component, (component,)):
        assert f"scorelens {command}" in image.scorelens(command, "--help")


def test_what_runs_for_every_call_is_compiled(images: Mapping[str, Image]) -> None:
    """The relay of the sidecar and the records of the indexer are machine code."""
    for component, module in (("sidecar", "scorelens_sidecar.relay.frames"), ("indexer", "scorelens_indexer.records")):
        found = images[component].run("python", "-c", f"import {module} as found; print(found.__file__)").stdout.strip()
        assert found.endswith(".so"), found


def test_sizes(images: Mapping[str, Image], capsys: pytest.CaptureFixture[str]) -> None:
    """Every image is its base, the packages of its component, and the same few megabytes of scorelens."""
    rows = []
    own = set()
    for component, image in images.items():
        whole, environment = size(image.root), size(image.root / "opt" / "scorelens")
        ours = sum(size(folder) for folder in packages(image).glob("scorelens*")) + sum(
            path.stat().st_size for path in packages(image).glob("*__mypyc*.so")
        )
        own.add(ours)
        rows.append((component, whole - environment, environment - ours, ours, whole))
    with capsys.disabled():
        print("\n\nMB             base  packages  scorelens  together")
        for name, *sizes in rows:
            print(
                f"{name:10} {sizes[0] / 1e6:8.1f}  {sizes[1] / 1e6:8.1f}  {sizes[2] / 1e6:9.1f}  {sizes[3] / 1e6:8.1f}"
            )
    assert len(own) == 1
    assert own.pop() < 15e6
