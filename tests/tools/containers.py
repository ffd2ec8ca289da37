"""Commands in the file system of an image, as a pod's container has it.

User 10001 without any further right, the root read-only, mounts and processes of its own, and only the environment that
it is given. The network is this machine's. Needs root and util-linux.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import psutil

from scorelens_runtime.lifecycle import READY_FD
from tests.tools.missing import MissingPartError

USER: Final = 10001
START_LIMIT: Final = 600.0

# Arguments: the root, then pairs of a folder and the place to mount it at, then --, then the command.
_ENTER: Final = """
root=$1; shift
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
while [ "$1" != -- ]; do
  mkdir -p "$root$2"
  mount --bind "$1" "$root$2"
  shift 2
done
shift
mount -o remount,bind,ro "$root"
exec setpriv --no-new-privs chroot --userspec=10001:10001 --groups= "$root" "$@"
"""


@dataclass(frozen=True)
class Image:
    """The file system of an image, and what its configuration says of processes."""

    root: Path
    entrypoint: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)

    def run(
        self,
        *command: str,
        mounts: Mapping[str, Path] | None = None,
        environment: Mapping[str, str] | None = None,
        limit: float = 300.0,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end; `mounts` maps places in the container to folders or files of this machine."""
        return subprocess.run(
            _enter(self.root, command, mounts or {}),
            env={**self.environment, **(environment or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=limit,
            check=False,
        )

    def scorelens(self, *arguments: str, **how: Any) -> str:
        """Return what the image's entry point prints; fail with what it said when it fails."""
        done = self.run(*self.entrypoint, *arguments, **how)
        assert done.returncode == 0, f"{arguments} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
        return done.stdout


class Server:
    """A server of ours in a container: it runs from `start` until `stop`."""

    def __init__(self, image: Image, *arguments: str, mounts: Mapping[str, Path], log: Path) -> None:
        self.image, self.arguments, self.mounts, self.log = image, arguments, mounts, log
        self.address = ""
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Server:
        """Start and wait until it serves."""
        reader, writer = os.pipe()
        command = _enter(self.image.root, [*self.image.entrypoint, *self.arguments], self.mounts)
        environment = {**self.image.environment, READY_FD: str(writer)}
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(command, env=environment, pass_fds=[writer], stdout=log, stderr=log)
        os.close(writer)
        with os.fdopen(reader, "rb") as ready:
            heard = select.select([ready], [], [], START_LIMIT)[0]
            line = ready.readline() if heard else b""
        assert line, f"{self.arguments[0]} does not serve:\n{self.said()}"
        self.address = str(json.loads(line)["address"])
        return self

    def said(self) -> str:
        """Return what it logged."""
        return self.log.read_text(errors="replace")

    def first_process(self) -> psutil.Process:
        """Return the process that is the container's first."""
        assert self._process is not None
        (first,) = psutil.Process(self._process.pid).children()
        return first

    def stop(self) -> int:
        """End as Kubernetes does, with SIGTERM to the container's first process; return its exit status."""
        assert self._process is not None
        if self._process.poll() is None:
            self.first_process().send_signal(signal.SIGTERM)
        return self._process.wait(60)

    def kill(self) -> None:
        """End whatever still runs: the container's first process, and with it all others."""
        if self._process is not None and self._process.poll() is None:
            for first in psutil.Process(self._process.pid).children():  # its death signal went with its user
                first.kill()
            self._process.kill()
            self._process.wait()


def check() -> None:
    """Raise MissingPartError where containers cannot be entered."""
    if os.geteuid() != 0:
        raise MissingPartError("entering the file system of an image needs root")
    for tool in ("unshare", "setpriv", "chroot"):
        if shutil.which(tool) is None:
            raise MissingPartError(f"no {tool} here: install util-linux and coreutils")


def _enter(root: Path, command: Sequence[str], mounts: Mapping[str, Path]) -> list[str]:
    unshare, shell = shutil.which("unshare"), shutil.which("sh")
    assert unshare, "no unshare here"
    assert shell, "no sh here"
    pairs = [part for place, source in sorted(mounts.items()) for part in (str(source), place)]
    own = ["--mount", "--pid", "--ipc", "--fork", "--kill-child=SIGKILL"]
    return [unshare, *own, "--", shell, "-euc", _ENTER, "enter", str(root), *pairs, "--", *command]
