"""What the images are built from; building them for real is `make test-images`."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from k8s import finish, images

ROOT = Path(__file__).parents[1]
DOCKERFILE = (ROOT / "k8s" / "Dockerfile").read_text("utf-8").replace("\\\n", " ")
MOMENT = 1_577_836_800


def included(path: str) -> bool:
    """Tell whether .dockerignore lets a file into a build: the last pattern that fits it or its folder decides."""
    parts = path.split("/")
    names = ["/".join(parts[: count + 1]) for count in range(len(parts))]
    inside = True
    for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines():
        pattern = line.strip()
        if pattern and not pattern.startswith("#"):
            expression = expression_of(pattern.removeprefix("!"))
            if any(expression.fullmatch(name) for name in names):
                inside = pattern.startswith("!")
    return inside


def expression_of(pattern: str) -> re.Pattern[str]:
    """Return the regular expression of a pattern: ** is any number of folders, * anything within a name."""
    escaped = re.escape(pattern).replace(r"\*\*/", "(?:.*/)?").replace(r"\*", "[^/]*")
    return re.compile(escaped)


def sources() -> Iterator[str]:
    """Yield what the Dockerfile copies from the project's folder."""
    for extra in images.KNOWN:
        for options, operands in re.findall(r"^COPY ((?:--\S+ )*)(.+)$", DOCKERFILE, re.MULTILINE):
            if "--from" not in options:
                yield from operands.replace("${EXTRA}", extra).split()[:-1]


def files_of_git(*options: str) -> set[str]:
    """Return the names of the files that git lists."""
    listed = subprocess.run(["git", "ls-files", "-z", *options], cwd=ROOT, capture_output=True, check=True).stdout
    return {name for name in listed.decode().split("\0") if (ROOT / name).is_file()}


def test_every_extra_has_locked_requirements() -> None:
    """Each image's EXTRA is an extra of the project, and all that it installs has a version and hashes."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    assert set(images.KNOWN) <= set(project["project"]["optional-dependencies"])
    for name in (*images.KNOWN, "compile"):
        text = (ROOT / "requirements" / f"{name}.txt").read_text("utf-8")
        pinned = re.split(r"\n(?=[a-z])", re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE))
        assert len(pinned) > 5
        assert all(re.match(r"[a-z][\w.\-\[\]]*==\S+", each) and "--hash=sha256:" in each for each in pinned), name


def test_what_is_copied_is_there_and_gets_in() -> None:
    """Every source of a COPY exists in the repository, and .dockerignore lets it through."""
    known = files_of_git("--cached", "--others", "--exclude-standard")
    copied = set(sources())
    assert {"pyproject.toml", "sidecar", "requirements/sidecar.txt"} <= copied
    for source in copied:
        files = {name for name in known if name == source or name.startswith(f"{source}/")}
        assert files, f"{source} is not there"
        assert not {name for name in files if not included(name)}, f".dockerignore leaves out parts of {source}"


def test_all_that_the_package_holds_gets_in() -> None:
    """No file of the wheel is missing in the build."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    packages = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    files = {name for name in files_of_git() for package in packages if name.startswith(f"{package}/")}
    assert files
    assert all(included(name) for name in files)


@pytest.mark.parametrize(
    "name",
    [
        ".git/config",
        ".venv/bin/python",
        ".tools/images/run",
        ".env",
        "build/wheels/scorelens.whl",
        "tests/test_images.py",
        "services/scorelens_console/.env",
        "services/scorelens_console/__pycache__/app.cpython-311.pyc",
        "services/scorelens_console/server.key",
        "sidecar/scorelens_sidecar/relay/frames.cpython-311-x86_64-linux-gnu.so",
        "pip.conf",
        "k8s/overlays/production/secret.yaml",
        "requirements/notes.md",
    ],
)
def test_secrets_and_results_of_builds_stay_outside(name: str) -> None:
    """What must not be in an image does not even reach the build."""
    assert not included(name)


def test_nothing_gets_in_that_git_does_not_know() -> None:
    """Of the files that lie about in a working copy, none that git ignores reaches the build."""
    ignored = files_of_git(
        "--others", "--ignored", "--exclude-standard", "services", "sidecar", "protos", "requirements"
    )
    assert not {name for name in ignored if included(name)}


def test_the_bases_are_named_by_version_and_the_user_by_number() -> None:
    """Nothing floats with `latest`, and Kubernetes can tell that the user is not root."""
    bases = re.findall(r"^ARG (?:BASE|BUILDER)=(\S+)", DOCKERFILE, re.MULTILINE)
    assert len(bases) == 2
    assert all(re.search(r":\d+\.\d+", base) for base in bases)
    assert re.findall(r"^USER (.+)$", DOCKERFILE, re.MULTILINE) == ["10001:10001"]
    assert all(name in ("${BASE}", "${BUILDER}") for name in re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE))


def test_what_a_build_is_handed_is_no_part_of_its_command_or_layers(tmp_path: Path) -> None:
    """pip's configuration, which may hold a password, is a secret of the build and not an argument."""
    configuration = tmp_path / "pip.conf"
    configuration.write_text("[global]\nindex-url = https://user:word@mirror.example/simple\n")
    tool = tmp_path / "buildah"
    tool.write_text('#!/bin/sh\nprintf \'%s\\n\' "$@" > "$(dirname "$0")/$1.log"\n')
    tool.chmod(0o755)
    command = [sys.executable, "k8s/images.py", "--tool", "buildah", "--pip-conf", str(configuration), "sidecar"]
    environment = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)
    said = (tmp_path / "build.log").read_text().splitlines()
    assert "--build-arg=EXTRA=sidecar" in said
    assert f"--secret=id=pip.conf,src={configuration}" in said
    assert not [line for line in said if "word" in line]
    assert "scorelens/sidecar:" in "\n".join(said)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["sidecr"], "there is no image of sidecr; name some of scorer, sidecar, indexer, console, client, train"),
        (["--pip-conf", "nowhere.conf"], "--pip-conf: nowhere.conf is no file"),
        (["--tool", "docker", "--timestamp", "0"], "--timestamp: docker has no such option"),
    ],
)
def test_a_wrong_argument_is_named(arguments: list[str], told: str) -> None:
    """What cannot be built ends with one line that says what to do."""
    done = subprocess.run(
        [sys.executable, "k8s/images.py", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert told in done.stderr.splitlines()[-1]


def test_an_environment_is_finished_the_same_way_every_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests, headers and commands of libraries go, what is left is compiled, and every file has the same time."""
    monkeypatch.setenv("SOURCE_DATE_EPOCH", str(MOMENT))
    held = []
    folder = tmp_path / "env"
    for _ in range(2):
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
        (packages,) = folder.glob("lib/python3.*/site-packages")
        for file in ("lib/__init__.py", "lib/core.py", "lib/core.pyi", "lib/tests/test_core.py", "lib/include/lib.h"):
            (packages / file).parent.mkdir(parents=True, exist_ok=True)
            (packages / file).write_text("VALUE = {'a', 'b', 'c'} if None in {'x', 'y', 'z'} else frozenset('abc')\n")
        (folder / "bin" / "lib-tool").write_text("#!/bin/sh\n")
        finish.main(folder, "dependencies")
        files = {str(path.relative_to(packages)): path.read_bytes() for path in packages.rglob("*") if path.is_file()}
        assert {path for path in files if not path.endswith(".pyc")} == {"lib/__init__.py", "lib/core.py"}
        assert sum(path.endswith(".pyc") for path in files) == 2
        assert not (folder / "bin" / "lib-tool").exists()
        assert (folder / "bin" / "python").exists()
        assert {path.lstat().st_mtime for path in folder.rglob("*")} == {MOMENT}
        held.append(files)
    assert held[0] == held[1]
