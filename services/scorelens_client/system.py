"""The whole system on one machine: which processes it has, and their life.

Of those on the path of a call, the sidecar starts last and ends first: while it drains, the scorer still answers the
calls in flight and the indexer still takes what the shipper sends.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from scorelens_client.addresses import UpSettings, choose_addresses, reachable
from scorelens_client.home import Home, System
from scorelens_client.terminal import clean
from scorelens_runtime.errors import ScorelensError
from scorelens_runtime.logs import JsonFormatter
from scorelens_runtime.supervise import Child, Supervisor
from scorelens_store.open import with_prefix

FIRST_START = 600.0
"""Longest wait for a part to serve, in seconds; a scorer trains its models when it starts for the first time."""

WATCH_EVERY = 0.5
LOG_BYTES = 16 * 2**20
TOLD = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def running(home: Home, settings: UpSettings, console: Console) -> Iterator[System]:
    """Run the system for the time of the block; say on the console what happens to its processes.

    Raises HomeInUseError where one runs in the folder already, ScorelensError when a part does not start.
    """
    home.make()
    with ExitStack() as stack:
        lock = stack.enter_context(home.hold())
        stack.callback(log_to(home.logs / "up.log"))
        supervisor = Supervisor()
        stack.callback(_stop, supervisor, home, console)
        system = _start(supervisor, home, settings, lock, console)
        home.publish(system)
        watch = Watch(supervisor, console)
        stack.callback(watch.end)
        watch.start()
        yield system


class Watch(threading.Thread):
    """Starts processes again that end, says so, and keeps their logs small."""

    def __init__(self, supervisor: Supervisor, console: Console) -> None:
        super().__init__(name="watch", daemon=True)
        self._supervisor, self._console = supervisor, console
        self._told = threading.Event()

    def run(self) -> None:
        """Look at the processes until told to end."""
        while not self._told.wait(WATCH_EVERY):
            for child in self._supervisor.children:
                if child.log:
                    rotate(child.log)
                process = child.process
                if process is not None and process.poll() is not None:
                    self._say(child, process.returncode)
            self._supervisor.watch()

    def end(self) -> None:
        """Stop looking."""
        self._told.set()
        self.join()

    def _say(self, child: Child, status: int) -> None:
        how = f"was killed by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"
        text = f"{child.name} {how}; it is started again"
        if child.restarts:
            text += f", for the {child.restarts + 1}. time: see {child.log}"
        self._console.print(text, style="yellow", soft_wrap=True)


def told_to_stop(*_: object) -> None:
    """End the block that is running, as Ctrl-C does."""
    raise KeyboardInterrupt


def stop_on_signals() -> None:
    """Let SIGTERM and a closed terminal end this process as Ctrl-C does."""
    for number in TOLD:
        signal.signal(number, told_to_stop)


def rotate(path: Path, most: int = LOG_BYTES) -> None:
    """Keep one earlier part of a log that others append to, once it is large."""
    try:
        if path.stat().st_size > most:
            shutil.copyfile(path, path.with_suffix(".log.1"))
            with path.open("r+b") as file:
                file.truncate(0)
    except OSError:
        logging.getLogger(__name__).exception("a log could not be rotated", extra={"path": str(path)})


def log_to(path: Path) -> Callable[[], None]:
    """Send this process's own log to a file; return what undoes it."""
    handler = logging.FileHandler(path, encoding="utf-8")
    rotate(path)
    handler.setFormatter(JsonFormatter("up"))
    root = logging.getLogger()
    root.addHandler(handler)

    def undo() -> None:
        root.removeHandler(handler)
        handler.close()

    return undo


def processes(home: Home, addresses: dict[str, str], store: str, lock: int) -> list[Child]:
    """Return the processes in the order in which they start."""
    sidecar = ["--listen", addresses["sidecar"], "--upstream", reachable(addresses["scorer"])]
    sidecar += ["--otlp", reachable(addresses["indexer"]), "--folder", str(home.sidecar)]
    arguments = {
        "indexer": ["--listen", addresses["indexer"]],
        "scorer": ["--listen", addresses["scorer"]],
        "sidecar": sidecar,
    }
    if "console" in addresses:
        parts = ["--indexer", reachable(addresses["indexer"]), "--sidecar", reachable(addresses["sidecar"])]
        arguments["console"] = ["serve", "--listen", addresses["console"], "--folder", str(home.console), *parts]
    environment = {
        "SCORELENS_HOME": str(home.path),
        "SCORELENS_INDEXER_STORE": store,
        "SCORELENS_CONSOLE_STORE": store,
    }
    return [
        Child(
            name,
            [sys.executable, "-P", "-m", "scorelens_runtime", name, *words],
            environment=environment,
            pass_fds=[lock],
            drain=60.0,
            log=home.logs / f"{name}.log",
        )
        for name, words in arguments.items()
    ]


def _start(supervisor: Supervisor, home: Home, settings: UpSettings, lock: int, console: Console) -> System:
    addresses = choose_addresses(settings)
    store = with_prefix(settings.elasticsearch or str(home.store))
    with console.status("") as status:
        for child in processes(home, addresses, store, lock):
            doing = (
                "starting the scorer; the first time it trains its models"
                if child.name == "scorer"
                else f"starting the {child.name}"
            )
            status.update(f"{doing} ...")
            if not console.is_terminal:
                console.print(f"{doing} ...")
            try:
                supervisor.start(child, FIRST_START)
            except ScorelensError as error:
                raise ScorelensError(f"{error}{last_words(child)}") from error
    started = datetime.now(UTC).isoformat(timespec="seconds")
    reached = {name: reachable(address) for name, address in addresses.items()}
    return System(os.getpid(), **reached, store=store, started=started)


def last_words(child: Child) -> str:
    """Return what a process that did not start logged last, and where."""
    if child.log is None or not child.log.exists():
        return ""
    lines = [line for line in child.log.read_text("utf-8", "replace").splitlines()[-20:] if line.strip()]
    return f" ({child.log})\n{_message(lines[-1])}" if lines else ""


def _message(line: str) -> str:
    try:
        entry = json.loads(line)
        cause = entry.get("error") or str(entry.get("exception", "")).rpartition("\n")[2]
        return clean(f"{entry['message']}: {cause}" if cause else entry["message"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return clean(line)


def _stop(supervisor: Supervisor, home: Home, console: Console) -> None:
    for number in TOLD:
        signal.signal(number, signal.SIG_IGN)
    home.withdraw()
    with console.status("stopping; what was answered is being stored ..."):
        supervisor.stop()
