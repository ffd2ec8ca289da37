"""The folder of a system on one machine: who holds it, and where its parts can be reached.

HOME/run/lock          held (flock) by `scorelens up` and the processes it started
HOME/run/system.json   addresses of the parts, written when all of them serve, removed at a clean stop
HOME/run/store         where the records of the last system are
HOME/logs/             what each process logged
HOME/sidecar/          spool, calculation log, dead letters
HOME/store/            the embedded store
HOME/score/            how far interrupted runs of `scorelens score` came
HOME/console/          sessions, saved views and the audit log of the web console
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from scorelens_runtime.errors import ScorelensError, UnavailableError
from scorelens_store.open import without_credentials

CHECK_PAUSE = 0.05

_URL = "SCORELENS_ELASTICSEARCH_URL"


@dataclass(frozen=True)
class System:
    """A running system: its supervisor's process id and the addresses of its parts."""

    pid: int
    sidecar: str
    scorer: str
    indexer: str
    store: str
    started: str
    console: str = ""


class HomeInUseError(ScorelensError):
    """Another system runs in the folder."""


class Home:
    """The layout of the folder."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.run = path / "run"
        self.logs = path / "logs"
        self.sidecar = path / "sidecar"
        self.store = path / "store"
        self.score = path / "score"
        self.console = path / "console"
        self.system_file = self.run / "system.json"
        self._store_file = self.run / "store"
        self.calculation_log = self.sidecar / "calculations.jsonl"

    def make(self) -> None:
        """Make the folder, for its owner's eyes only, since it will hold documents."""
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            for folder in (self.run, self.logs):
                folder.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise ScorelensError(f"cannot make the folder {self.path} (SCORELENS_HOME): {error.strerror}") from error

    @contextmanager
    def hold(self, patience: float = 20.0) -> Iterator[int]:
        """Hold the folder; yield the lock's file descriptor.

        Processes that inherit the descriptor go on holding the folder after their supervisor was killed, so a new
        system waits for up to `patience` seconds until they have drained. Raises HomeInUseError.
        """
        lock = os.open(self.run / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            self._take(lock, patience)
            os.ftruncate(lock, 0)
            os.pwrite(lock, str(os.getpid()).encode(), 0)
            yield lock
        finally:
            os.close(lock)

    def holder(self) -> int | None:
        """Return the process id of the system that runs in this folder, or None."""
        try:
            lock = os.open(self.run / "lock", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return None
        try:
            return _pid_in(lock) if _is_held(lock) else None
        finally:
            os.close(lock)

    def publish(self, system: System) -> None:
        """Tell other commands where the parts are, all at once; no password is kept."""
        told = replace(system, store=without_credentials(system.store))
        _replace(self._store_file, told.store)
        _replace(self.system_file, json.dumps(asdict(told), indent=1))

    def withdraw(self) -> None:
        """Tell other commands that nothing runs any more."""
        self.system_file.unlink(missing_ok=True)

    def running(self) -> System | None:
        """Return the system that runs in this folder, or None; what a killed one left behind does not count."""
        if self.holder() is None:
            return None
        try:
            system = System(**json.loads(self.system_file.read_text()))
        except (OSError, ValueError, TypeError):
            return None
        return replace(system, store=_signed_in(system.store))

    def last_store(self) -> str:
        """Return where the system that ran last kept its records."""
        try:
            return _signed_in(self._store_file.read_text()) or str(self.store)
        except OSError:
            return str(self.store)

    def require_running(self) -> System:
        """Return the system that runs in this folder. Raises UnavailableError that says how to start one."""
        system = self.running()
        if system is None:
            raise UnavailableError(
                f"no system runs in {self.path}: start one with `scorelens up`, or name its folder (--home) "
                f"or its sidecar (--target)"
            )
        return system

    def _take(self, lock: int, patience: float) -> None:
        limit = time.monotonic() + patience
        brief = time.monotonic() + 10 * CHECK_PAUSE  # other commands hold it for an instant when they look
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                pid, now = _pid_in(lock), time.monotonic()
                if (_is_alive(pid) and now > brief) or now > limit:
                    raise HomeInUseError(
                        f"a system runs in {self.path} already (process {pid}); stop it with Ctrl-C or "
                        f"`kill {pid}`, or use another folder with --home"
                    ) from None
                time.sleep(CHECK_PAUSE)
            else:
                return


def _replace(path: Path, content: str) -> None:
    partial = path.with_suffix(".partial")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(content)
    partial.replace(path)


def _signed_in(store: str) -> str:
    """Return the address of a store with the credentials that the environment names for it."""
    address, mark, prefix = store.partition("#")
    given = os.environ.get(_URL, "").partition("#")[0]
    return f"{given}{mark}{prefix}" if given and without_credentials(given) == address else store


def _is_held(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False


def _pid_in(lock: int) -> int:
    content = os.pread(lock, 20, 0)
    return int(content) if content.isdigit() else 0


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return pid > 0
