"""A Kubernetes API server on this machine: etcd, and kube-apiserver and kubectl built from Kubernetes' Go module.

`python -m tests.tools.api_server` prepares it ahead of the tests, and says what that is about.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from tests.tools.missing import MissingPartError, required
from tests.tools.places import TOOLS, alone
from tests.tools.ports import free_port
from tests.tools.run import run

VERSION: Final = "1.37.2"
MODULE: Final = Path(__file__).with_name("kubernetes")
FOLDER: Final = TOOLS / "kubernetes"
PROGRAMS: Final = {"kube-apiserver": "./apiserver", "kubectl": "./kubectl"}
ETCD: Final = FOLDER / "etcd" / "usr" / "bin" / "etcd"
GET_GO: Final = "install Go 1.26 or newer (https://go.dev/dl) and let it reach a module proxy"
GET_ETCD: Final = "install etcd (apt-get install etcd-server)"
BUILD_LIMIT: Final = 7200.0
START_LIMIT: Final = 120.0
STOP_LIMIT: Final = 30.0


class ApiServer:
    """A server that holds objects and admits or refuses them; it has no nodes and runs nothing."""

    def __init__(self, kubeconfig: Path) -> None:
        self.kubeconfig = kubeconfig

    def kubectl(self, *arguments: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run kubectl as an administrator, with `text` as its input."""
        return subprocess.run(
            [FOLDER / "kubectl", "--kubeconfig", self.kubeconfig, *arguments],
            input=text,
            capture_output=True,
            text=True,
            timeout=120,
            cwd=TOOLS.parent,
        )


def prepare() -> str:
    """Have etcd and both programs; return what was found or built. Raises MissingPartError."""
    etcd()
    with alone("kubernetes"):
        if _is_built():
            return f"found: Kubernetes {VERSION}"
        _build()
    return f"built: Kubernetes {VERSION}"


def etcd() -> str:
    """Return the path of etcd: this machine's, or that of its distribution's package. Raises MissingPartError."""
    found = shutil.which("etcd")
    if found is None and not ETCD.is_file():
        with alone("etcd"):
            _fetch_etcd()
    return found or str(ETCD)


@contextmanager
def running(folder: Path) -> Iterator[ApiServer]:
    """Run a server with an empty store until the end of the block. Raises MissingPartError."""
    prepare()
    with ExitStack() as stack:
        store, peer, port = free_port(), free_port(), free_port()
        command = [etcd(), f"--data-dir={folder / 'etcd'}", f"--listen-client-urls=http://127.0.0.1:{store}"]
        command += [f"--advertise-client-urls=http://127.0.0.1:{store}", f"--listen-peer-urls=http://127.0.0.1:{peer}"]
        command += ["--unsafe-no-fsync"] if _knows_no_fsync() else []
        stack.enter_context(_process(command, folder / "etcd.log"))
        server = ApiServer(_kubeconfig(folder, port))
        process = stack.enter_context(_process(_command(folder, store, port), folder / "apiserver.log"))
        limit = time.monotonic() + START_LIMIT
        while server.kubectl("get", "--raw", "/readyz").stdout != "ok":
            log = (folder / "apiserver.log").read_text(errors="replace")
            assert process.poll() is None, f"kube-apiserver ended:\n{log[-4000:]}"
            assert time.monotonic() < limit, f"kube-apiserver did not get ready:\n{log[-4000:]}"
            time.sleep(0.2)
        yield server


def _fetch_etcd() -> None:
    """Unpack a Debian package below .tools, which neither needs to be root nor starts a service."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
        run(["apt-get", "download", "etcd-server"], limit=300, folder=Path(folder), get=GET_ETCD)
        (package,) = Path(folder).glob("*.deb")
        run(["dpkg-deb", "--extract", str(package), str(ETCD.parents[2])], limit=60, get=GET_ETCD)


def _is_built() -> bool:
    stamp = FOLDER / "version"
    return stamp.is_file() and stamp.read_text() == _version() and all((FOLDER / name).is_file() for name in PROGRAMS)


def _version() -> str:
    files = sorted(path for path in MODULE.rglob("*") if path.is_file())
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in files)).hexdigest()


def _build() -> None:
    if shutil.which("go") is None:
        raise MissingPartError(f"there is no go on the PATH; {GET_GO}")
    FOLDER.mkdir(exist_ok=True)
    major, minor, _ = VERSION.split(".")
    values = {"gitVersion": f"v{VERSION}", "gitMajor": major, "gitMinor": minor}
    packages = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
    flags = " ".join(f"-X {package}.{name}={value}" for package in packages for name, value in values.items())
    for name, package in PROGRAMS.items():
        command = ["go", "build", "-C", str(MODULE), "-trimpath", f"-ldflags=-s -w {flags}", "-o", str(FOLDER / name)]
        run([*command, package], limit=BUILD_LIMIT, environment={"GOFLAGS": ""}, get=GET_GO)
    (FOLDER / "version").write_text(_version())


def _command(folder: Path, store: int, port: int) -> list[str]:
    key = folder / "accounts.key"
    run(["openssl", "genrsa", "-out", str(key), "2048"], limit=60, get="install openssl")
    return [
        str(FOLDER / "kube-apiserver"),
        f"--etcd-servers=http://127.0.0.1:{store}",
        "--bind-address=127.0.0.1",
        f"--secure-port={port}",
        f"--cert-dir={folder / 'certificates'}",
        f"--token-auth-file={folder / 'tokens.csv'}",
        "--authorization-mode=RBAC",
        "--allow-privileged",  # as in every cluster, so that Pod Security is what refuses
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={key}",
        f"--service-account-signing-key-file={key}",
        "--service-cluster-ip-range=10.96.0.0/16",
    ]


def _kubeconfig(folder: Path, port: int) -> Path:
    token = secrets.token_urlsafe()
    (folder / "tokens.csv").write_text(f"{token},admin,admin,system:masters\n")
    path = folder / "kubeconfig"
    path.write_text(
        f"""\
apiVersion: v1
kind: Config
current-context: test
contexts: [{{name: test, context: {{cluster: test, user: admin}}}}]
clusters: [{{name: test, cluster: {{server: "https://127.0.0.1:{port}", insecure-skip-tls-verify: true}}}}]
users: [{{name: admin, user: {{token: {token}}}}}]
"""
    )
    return path


def _knows_no_fsync() -> bool:
    done = subprocess.run([etcd(), "--help"], capture_output=True, text=True, timeout=30)
    return "unsafe-no-fsync" in done.stdout + done.stderr


@contextmanager
def _process(command: list[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=os.environ)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(STOP_LIMIT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def main() -> int:
    """Prepare what `make test-k8s` needs; return 0, or 1 where it cannot be had and CI=true promises it."""
    print(f"Kubernetes {VERSION}: ", end="", flush=True)
    try:
        if not _is_built():
            print("building kube-apiserver and kubectl, once, in about a quarter of an hour ... ", end="", flush=True)
        print(prepare())
    except MissingPartError as error:
        print(f"cannot be had: {error}")
        return 1 if required() else 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
