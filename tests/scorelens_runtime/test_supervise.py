"""The supervisor: order, restarts with pauses, drains, and nobody left behind."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from scorelens_runtime import supervise
from scorelens_runtime.errors import ScorelensError
from scorelens_runtime.supervise import Child, Supervisor

ROOT = Path(__file__).parents[2]
STAND_IN = [sys.executable, "-m", "tests.scorelens_runtime.standing_in"]


@pytest.fixture(autouse=True)
def _at_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


@pytest.fixture
def supervisor() -> Iterator[Supervisor]:
    """Make a supervisor, and stop what it started."""
    made = Supervisor()
    yield made
    made.stop()


def child(behaviour: str, name: str = "stand-in", drain: float = 5.0) -> Child:
    """Make a child that behaves in a way."""
    return Child(name, [*STAND_IN, behaviour], drain=drain)


def pid_of(started: Child) -> int:
    """Return the process id of a running child."""
    assert started.process
    return started.process.pid


def wait_until(condition: Callable[[], bool], limit: float = 20.0) -> None:
    """Poll until a condition holds."""
    end = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < end, "did not happen in time"
        time.sleep(0.01)


def test_start_waits_for_the_announcement(supervisor: Supervisor) -> None:
    """What a child announces is returned."""
    started = child("serve")
    assert supervisor.start(started) == {"address": "127.0.0.1:7", "pid": pid_of(started), "purpose": "serve"}


def test_a_child_that_ends_instead_of_starting_is_named(supervisor: Supervisor) -> None:
    """The error has its name and status."""
    with pytest.raises(ScorelensError, match="stand-in ended with status 3 instead of starting"):
        supervisor.start(child("die"))


def test_a_child_that_keeps_silent_is_named(supervisor: Supervisor) -> None:
    """A start takes no longer than its limit, and the silent child is ended with the others."""
    silent = child("silent")
    with pytest.raises(ScorelensError, match="stand-in did not start within 0 s"):
        supervisor.start(silent, timeout=0.2)
    supervisor.stop()
    assert not psutil.pid_exists(pid_of(silent))
    supervisor.__init__()  # type: ignore[misc]


def test_a_killed_child_is_started_again(supervisor: Supervisor) -> None:
    """Whatever ends a child, another one follows, and the pauses between grow while it ends soon."""
    started = child("serve")
    supervisor.start(started)
    pauses = []
    for restarts in range(3):
        before = pid_of(started)
        os.kill(before, 9)
        pauses.append(started.pause)

        def replaced(before: int = before) -> bool:
            supervisor.watch()
            return started.process is not None and started.process.pid != before

        wait_until(replaced)
        assert started.restarts == restarts + 1
    assert pauses == [supervise.FIRST_PAUSE * 2**number for number in range(3)]


def test_a_child_that_cannot_be_started_again_is_tried_again(supervisor: Supervisor, tmp_path: Path) -> None:
    """A program that is gone for a while does not end the supervisor."""
    program = tmp_path / "python"
    program.symlink_to(sys.executable)
    started = Child("stand-in", [str(program), *STAND_IN[1:], "serve"], {"PYTHONPATH": os.pathsep.join(sys.path)})
    supervisor.start(started)
    program.rename(tmp_path / "away")
    os.kill(pid_of(started), 9)

    def waiting() -> bool:
        supervisor.watch()
        return started.process is None and started.pause > supervise.FIRST_PAUSE * 2

    wait_until(waiting)
    (tmp_path / "away").rename(program)

    def back() -> bool:
        supervisor.watch()
        return started.process is not None

    wait_until(back)


def test_children_end_in_reverse_order() -> None:
    """The last one started ends first."""
    supervisor, ended = Supervisor(), []
    children = [child("serve", name) for name in ("first", "second", "third")]
    for each in children:
        supervisor.start(each)
    supervisor_end = supervisor.end

    def noting(each: Child) -> None:
        ended.append(each.name)
        supervisor_end(each)
        assert not psutil.pid_exists(pid_of(each))

    supervisor.end = noting  # type: ignore[method-assign,assignment]
    supervisor.stop()
    assert ended == ["third", "second", "first"]


def test_an_ended_child_is_not_started_again(supervisor: Supervisor) -> None:
    """A child that was told to end is no longer watched; the others are."""
    one, other = child("serve"), child("serve")
    supervisor.start(one)
    supervisor.start(other)
    supervisor.end(one)
    supervisor.watch()
    assert supervisor.children == [other]
    assert psutil.pid_exists(pid_of(other))


def test_a_child_that_will_not_end_is_killed() -> None:
    """The drain time is a limit."""
    supervisor, stubborn = Supervisor(), child("ignore", drain=0.2)
    supervisor.start(stubborn)
    supervisor.stop()
    assert stubborn.process
    assert stubborn.process.returncode == -9


def test_nobody_is_left_when_the_supervisor_is_killed() -> None:
    """Children of a supervisor that got kill -9 end by themselves."""
    text = (
        "import sys, time; from scorelens_runtime.supervise import *;"
        f"s = Supervisor(); print(s.start(Child('a', {[*STAND_IN, 'serve']!r}))['pid'], flush=True); time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", text], stdout=subprocess.PIPE) as process:
        assert process.stdout
        pid = int(process.stdout.readline())
        process.kill()
    wait_until(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)


def test_output_goes_to_a_file(supervisor: Supervisor, tmp_path: Path) -> None:
    """A child with a log writes there and nowhere else, and appends."""
    log = tmp_path / "log"
    log.write_text("before\n")
    failing = Child("loud", [sys.executable, "-c", "import sys; sys.exit('why it ended')"], log=log)
    with pytest.raises(ScorelensError):
        supervisor.start(failing)
    assert log.read_text() == "before\nwhy it ended\n"


def test_starting_leaves_no_descriptor_open() -> None:
    """A supervisor that has stopped has closed all it opened."""
    before = len(list(Path("/dev/fd").iterdir()))
    supervisor = Supervisor()
    supervisor.start(child("serve"))
    with pytest.raises(ScorelensError):
        supervisor.start(child("die"))
    with pytest.raises(FileNotFoundError):
        supervisor.start(Child("missing", ["/no/such/program"]))
    supervisor.stop()
    assert len(list(Path("/dev/fd").iterdir())) == before
