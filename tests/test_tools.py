"""The real parts of the tests: what is had, what is missing, and that none outlives the tests."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.tools import go, jdk, lifeline
from tests.tools.missing import MissingPartError, missing
from tests.tools.places import ROOT
from tests.tools.run import run


def test_a_missing_part_skips_with_the_line_that_says_how_to_get_it() -> None:
    """Away from CI a part that cannot be had skips the test."""
    with pytest.raises(pytest.skip.Exception, match="install Go"):
        missing("no go; install Go", {})


@pytest.mark.parametrize("value", ["true", "True", "TRUE"])
def test_a_missing_part_fails_where_ci_promises_it(value: str) -> None:
    """With CI=true the same is a failure, so that nothing goes untested unseen."""
    with pytest.raises(pytest.fail.Exception, match="CI=true, and no go; install Go"):
        missing("no go; install Go", {"CI": value})


@pytest.mark.parametrize(("ci", "status"), [("true", 1), ("", 0)])
def test_preparing_tells_what_cannot_be_had(ci: str, status: int, tmp_path: Path) -> None:
    """Without any tool each part gets one line that says how to get it; only CI=true makes that an error."""
    script = (
        "import pathlib, sys; from tests.tools import __main__ as tools, places, go, distribution, jdk, npm_packages;"
        f"empty = pathlib.Path({str(tmp_path)!r}); places.TOOLS = empty; go.FOLDER = empty / 'go';"
        "npm_packages.FOLDER = empty / 'npm';"
        "distribution.ARCHIVE = empty / 'none.zip'; distribution.TOOLS = empty; jdk.PLACES = ();"
        "sys.exit(tools.main())"
    )
    environment = {"PATH": str(tmp_path), "CI": ci, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == status, done.stderr
    lines = done.stdout.splitlines()
    assert [line.partition(":")[0] for line in lines] == ["Elasticsearch", "Go clients", "npm packages", "browser"]
    assert all("cannot be had: " in line and "install " in line for line in lines)
    assert done.stderr == ""


def test_a_command_that_fails_tells_its_cause() -> None:
    """The one line for people carries what the command said was wrong."""
    with pytest.raises(MissingPartError, match=r"failed: error: no such host; use a mirror"):
        run(["sh", "-c", "echo trying; echo 'error: no such host' >&2; exit 3"], limit=10, get="use a mirror")


def test_the_jdk_is_new_enough_and_complete() -> None:
    """Whatever `java` on the PATH is, the JDK found has the module that Elasticsearch needs."""
    try:
        home = jdk.find_jdk()
    except MissingPartError as error:
        missing(str(error))
    modules = run([str(home / "bin" / "java"), "--list-modules"], limit=60)
    assert jdk.MODULE in modules


def test_a_command_dies_with_the_tests_that_started_it(tmp_path: Path) -> None:
    """Kill -9 of a test run leaves neither the command, nor its children, nor its folder behind."""
    folder = tmp_path / "data"
    folder.mkdir()
    command = [
        sys.executable,
        lifeline.__file__,
        str(folder),
        "sh",
        "-c",
        f"sleep 600 & echo $! > {tmp_path}/child; wait",
    ]
    tmp_path.chmod(0o777)
    starter = (
        "import subprocess, sys, time;"
        f"subprocess.Popen({command!r}, stdin=subprocess.PIPE, start_new_session=True); time.sleep(600)"
    )
    tests = subprocess.Popen([sys.executable, "-c", starter])
    child = _number(tmp_path / "child")
    assert psutil.pid_exists(child)
    tests.kill()
    tests.wait()
    _until(lambda: not _lives(child) and not folder.exists())


def test_elasticsearch_answers(elasticsearch_url: str) -> None:
    """The shared server is a real one and takes documents."""
    request = urllib.request.Request(
        f"{elasticsearch_url}/scorelens-tools/_doc/1?refresh=true",
        data=json.dumps({"word": "here"}).encode(),
        headers={"Content-Type": "application/json"},
        method="PUT",
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        assert json.load(answer)["result"] in ("created", "updated")


def test_the_go_clients_run(go_tools: Path) -> None:
    """Every client that was built starts and shows its usage."""
    for name in go.MODULES:
        done = subprocess.run([go_tools / name, "-help"], capture_output=True, text=True, timeout=30)
        assert "usage" in (done.stdout + done.stderr).lower()


def _number(path: Path) -> int:
    _until(lambda: path.is_file() and path.read_text().strip() != "")
    return int(path.read_text())


def _lives(number: int) -> bool:
    try:
        return psutil.Process(number).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _until(true: Callable[[], bool], limit: float = 30.0) -> None:
    end = time.monotonic() + limit
    while not true():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)
