"""A whole system as a person starts it, and the commands a person types."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.scorelens_store.conftest import drop

ANY_PORTS = [word for part in ("sidecar", "scorer", "indexer") for word in (f"--{part}", "127.0.0.1:0")] + [
    "--console",
    "off",
]
START_LIMIT = 170.0
MODELS = Path(__file__).parents[2] / ".tools" / "models"
"""Models that were trained once serve every system here; each version has a folder of its own."""


@dataclass
class Ran:
    """What a command printed, and its status."""

    status: int
    out: str
    err: str

    @property
    def lines(self) -> list[dict[str, Any]]:
        """Return standard output as JSON lines."""
        return [json.loads(line) for line in self.out.splitlines()]


@dataclass
class RunningSystem:
    """`scorelens up` as a process on a folder; `store` is the address of an Elasticsearch, if it has one."""

    home: Path
    store: str = ""
    process: subprocess.Popen[str] | None = field(default=None)

    def start(self, *arguments: str) -> RunningSystem:
        """Start it and wait until other commands find it."""
        store = ("--elasticsearch", self.store) if self.store else ()
        self.process = spawn(self.home, "up", *ANY_PORTS, *store, *arguments)
        wait_until(
            lambda: (self.home / "run" / "system.json").exists() or self.ended(), "the system serves", START_LIMIT
        )
        assert not self.ended(), self.process.communicate()[1]
        return self

    def ended(self) -> bool:
        """Tell whether it has ended."""
        return self.process is None or self.process.poll() is not None

    def stop(self) -> tuple[int, str]:
        """End it as Ctrl-C does; return its status and what it said on standard error."""
        assert self.process
        self.process.send_signal(signal.SIGINT)
        _, said = self.process.communicate(timeout=90)
        return self.process.returncode, said

    def run(self, *arguments: str, given: str = "", width: int = 100) -> Ran:
        """Run a command on this system."""
        return run(self.home, *arguments, given=given, width=width)

    def found(self) -> dict[str, Any]:
        """Return what other commands know of it."""
        found: dict[str, Any] = json.loads((self.home / "run" / "system.json").read_text())
        return found

    def settle(self) -> dict[str, Any]:
        """Wait until everything that was answered is stored; return the status."""
        status: dict[str, Any] = {}

        def stored() -> bool:
            status.update(json.loads(self.run("status", "--json").out))
            relays = status["sidecar"]["relays"]
            return all(not one["spooled"] for relay in relays for one in relay["destinations"])

        wait_until(stored, "everything is stored")
        return status


def store_of(kind: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """Yield where a system of a kind keeps its records, "embedded" or "elasticsearch", and remove what is there."""
    if kind == "embedded":
        yield ""
        return
    url: str = request.getfixturevalue("elasticsearch_url")
    prefix = f"test-{secrets.token_hex(6)}"
    yield f"{url}#{prefix}"
    drop(url, prefix)


def environment(home: Path, width: int = 100) -> dict[str, str]:
    """Return the variables of a person's shell."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SCORELENS_")}
    ours = {"SCORELENS_HOME": str(home), "SCORELENS_SCORER_CACHE": str(MODELS)}
    return kept | ours | {"COLUMNS": str(width), "NO_COLOR": "1"}


def command(*arguments: str) -> list[str]:
    """Return the command line of a subcommand."""
    return [sys.executable, "-P", "-m", "scorelens_runtime", *arguments]


def spawn(home: Path, *arguments: str, stdin: int = subprocess.DEVNULL) -> subprocess.Popen[str]:
    """Start a command and let it run."""
    pipe = subprocess.PIPE
    return subprocess.Popen(
        command(*arguments),
        stdin=stdin,
        stdout=pipe,
        stderr=pipe,
        text=True,
        env=environment(home),
        preexec_fn=_heed_interrupts,
    )


def _heed_interrupts() -> None:
    """Undo what a shell does to commands that it starts in the background."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def run(
    home: Path, *arguments: str, given: str = "", width: int = 100, variables: Mapping[str, str] | None = None
) -> Ran:
    """Run a command to its end, with variables of its own."""
    done = subprocess.run(
        command(*arguments),
        input=given.encode(),
        capture_output=True,
        env={**environment(home, width), **(variables or {})},
        timeout=170,
        check=False,
    )
    return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())


def wait_until(true: Callable[[], bool], what: str, limit: float = 60.0) -> None:
    """Wait until something is true."""
    end = time.monotonic() + limit
    while not true():
        assert time.monotonic() < end, f"{what}: not within {limit:.0f} s"
        time.sleep(0.05)
