"""The `scorelens sidecar` command with its real relay and shipper: restarts, refusals, drain, and its own death."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import psutil
import pytest

from scorelens_runtime.supervise import Child, Supervisor
from scorelens_sidecar.spool.account import read_account
from scorelens_sidecar.spool.folders import relay_folder
from tests.scorelens_sidecar.spool.making import wait_until

METHOD = "/example.Echo/Say"


@pytest.fixture(scope="module")
def upstream() -> Iterator[str]:
    """Serve a method that answers what it was asked; yield its address."""
    handler: Any = grpc.unary_unary_rpc_method_handler(lambda request, context: request)
    server = grpc.server(ThreadPoolExecutor(4))
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("example.Echo", {"Say": handler}),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"127.0.0.1:{port}"
    server.stop(None).wait()


@pytest.fixture
def receiver() -> Iterator[tuple[str, list[int]]]:
    """Serve OTLP; yield its address and the sizes of the exports that it acknowledged."""
    with receiving() as running:
        yield running


@contextlib.contextmanager
def receiving(address: str = "127.0.0.1:0") -> Iterator[tuple[str, list[int]]]:
    """Serve OTLP at an address until the end of the block, as the fixture `receiver` does."""
    exports: list[int] = []

    def export(request: bytes, context: grpc.ServicerContext) -> bytes:
        exports.append(len(request))
        return b""

    service = "opentelemetry.proto.collector.trace.v1.TraceService"
    handler: Any = grpc.unary_unary_rpc_method_handler(export)
    server = grpc.server(ThreadPoolExecutor(2))
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {"Export": handler}),))
    port = server.add_insecure_port(address)
    server.start()
    yield f"127.0.0.1:{port}", exports
    server.stop(None).wait()


@pytest.fixture
def nowhere() -> Iterator[str]:
    """Yield an address at which nobody answers, and nobody can while the test runs."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{taken.getsockname()[1]}"


def is_gone(process: psutil.Process) -> bool:
    """Tell whether a process has ended, reaped or not."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


class Sidecar:
    """A running sidecar on a folder, in front of an upstream, with its receiver away."""

    def __init__(self, folder: Path, upstream: str, otlp: str, *more: str, listen: str = "127.0.0.1:0") -> None:
        self.folder = folder
        flags = ["--listen", listen, "--upstream", upstream, "--otlp", otlp, "--folder", str(folder), *more]
        self.child = Child("sidecar", [sys.executable, "-m", "scorelens_sidecar", *flags, "--drain", "2s"], drain=30)
        self.supervisor = Supervisor()
        try:
            self.address = self.supervisor.start(self.child)["address"]
        except BaseException:
            self.supervisor.stop()
            raise
        assert self.child.process
        self.process = psutil.Process(self.child.process.pid)

    def part(self, name: str) -> psutil.Process | None:
        """Find the running relay or shipper."""
        for each in self.process.children():
            with contextlib.suppress(psutil.NoSuchProcess):
                if f"scorelens_sidecar.{name}" in each.cmdline() and each.status() != psutil.STATUS_ZOMBIE:
                    return each
        return None

    def replace(self, name: str) -> None:
        """Kill -9 the relay or shipper and wait for another one."""
        before = self.part(name)
        assert before
        before.kill()
        wait_until(lambda: (self.part(name) or before).pid != before.pid)

    def call(self, text: bytes) -> bytes:
        """Make one call through the sidecar, on a connection of its own."""
        with grpc.insecure_channel(self.address) as channel:
            say: Any = channel.unary_unary(METHOD)
            return bytes(say(text, timeout=20, wait_for_ready=True))

    def seen(self) -> int:
        """How many records the account has seen; asserts that it adds up."""
        accounts = read_account(relay_folder(self.folder))
        assert all(account.adds_up for account in accounts)
        return accounts[0].seen if accounts else 0


@pytest.fixture
def sidecar(tmp_path: Path, upstream: str, nowhere: str) -> Iterator[Sidecar]:
    """Start a sidecar, and end it and its children after the test."""
    running = Sidecar(tmp_path / "sidecar", upstream, nowhere)
    yield running
    running.supervisor.stop()


def run_command(*flags: Any) -> subprocess.CompletedProcess[str]:
    """Run `scorelens sidecar` and wait for its end."""
    command = [sys.executable, "-m", "scorelens_runtime", "sidecar", *map(str, flags)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def run_drain(folder: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    """Run what the preStop hook of a pod runs."""
    command = [sys.executable, "-m", "scorelens_sidecar.drain", "--folder", str(folder), *flags]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_either_part_is_started_again(sidecar: Sidecar) -> None:
    """Kill -9 of relay or shipper, several times, ends with both running, the same port, and every call recorded."""
    for number, name in enumerate(("relay", "shipper", "relay")):
        assert sidecar.call(b"before %d" % number) == b"before %d" % number
        wait_until(lambda number=number: sidecar.seen() == 2 * number + 1)  # type: ignore[misc]
        sidecar.replace(name)
        assert sidecar.call(b"after") == b"after"
        wait_until(lambda number=number: sidecar.seen() == 2 * number + 2)  # type: ignore[misc]


def test_callers_wait_while_the_relay_is_replaced(sidecar: Sidecar) -> None:
    """A connection made while no relay lives is not refused, but served by the next one."""
    relay = sidecar.part("relay")
    assert relay
    relay.kill()
    host, _, port = sidecar.address.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\x00\x00\x00\x04\x00\x00\x00\x00\x00")
        connection.settimeout(20)
        assert connection.recv(9)


def test_sigterm_drains_and_keeps_what_was_not_sent(sidecar: Sidecar) -> None:
    """The command ends with status 0, leaves no process, and the spool has every record for the next start."""
    for number in range(5):
        sidecar.call(b"%d" % number)
    parts = sidecar.process.children()
    sidecar.process.send_signal(signal.SIGTERM)
    assert sidecar.child.process
    assert sidecar.child.process.wait(30) == 0
    assert all(map(is_gone, parts))
    account = next(each for each in read_account(relay_folder(sidecar.folder)) if each.destination.startswith("http"))
    assert (account.seen, account.spooled, account.adds_up) == (5, 5, True)


def test_the_last_records_are_sent_before_the_end(
    tmp_path: Path, upstream: str, receiver: tuple[str, list[int]]
) -> None:
    """With the receiver there, SIGTERM right after the last call leaves nothing in the spool."""
    address, exports = receiver
    running = Sidecar(tmp_path / "sidecar", upstream, address)
    try:
        for number in range(20):
            running.call(b"%d" % number)
        running.process.send_signal(signal.SIGTERM)
        assert running.child.process
        assert running.child.process.wait(30) == 0
    finally:
        running.supervisor.stop()
    account = next(each for each in read_account(relay_folder(running.folder)) if each.destination.startswith("http"))
    assert (account.seen, account.acknowledged, account.spooled, account.adds_up) == (20, 20, 0, True)
    assert exports


def test_a_drain_sends_callers_away_and_goes_on_shipping(
    tmp_path: Path, upstream: str, receiver: tuple[str, list[int]]
) -> None:
    """`python -m scorelens_sidecar.drain` returns when the last caller has gone; what ships stays until SIGTERM."""
    address, _ = receiver
    running = Sidecar(tmp_path / "sidecar", upstream, address)
    try:
        with grpc.insecure_channel(running.address) as channel:
            say: Any = channel.unary_unary(METHOD)
            assert say(b"before", timeout=20) == b"before"
            assert run_drain(running.folder).returncode == 0
            with pytest.raises(grpc.RpcError) as raised:
                say(b"after", timeout=20)
        assert raised.value.code() is grpc.StatusCode.UNAVAILABLE
        assert (running.part("relay"), running.seen()) == (None, 1)
        wait_until(lambda: all(not each.spooled for each in read_account(relay_folder(running.folder))))
        running.replace("shipper")
        assert run_drain(running.folder).returncode == 0
        running.process.send_signal(signal.SIGTERM)
        assert running.child.process
        assert running.child.process.wait(30) == 0
    finally:
        running.supervisor.stop()


def test_a_drain_without_a_sidecar_is_told_so(tmp_path: Path) -> None:
    """One line names the folder, or the setting that is wrong."""
    ended = run_drain(tmp_path / "nothing")
    assert (ended.returncode, len(ended.stderr.splitlines())) == (1, 1)
    assert f"no sidecar runs on {tmp_path / 'nothing'}" in ended.stderr
    assert not (tmp_path / "nothing").exists()
    ended = run_drain(tmp_path, "--after", "soon")
    assert (ended.returncode, len(ended.stderr.splitlines())) == (2, 1)
    assert "--after" in ended.stderr


def test_a_patient_sidecar_waits_for_a_receiver_that_is_late(tmp_path: Path, upstream: str) -> None:
    """What nobody takes at SIGTERM is sent to a receiver that comes back within --patience."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    running = Sidecar(tmp_path / "sidecar", upstream, address, "--patience", "60s")
    try:
        running.call(b"x")
        relay = running.part("relay")
        running.process.send_signal(signal.SIGTERM)
        wait_until(lambda: relay is None or is_gone(relay))
        time.sleep(2)  # longer than it waits unless told otherwise
        with receiving(address) as (_, exports):
            assert running.child.process
            assert running.child.process.wait(60) == 0
            assert exports
    finally:
        running.supervisor.stop()


def test_nobody_is_left_when_the_command_is_killed(sidecar: Sidecar, upstream: str, nowhere: str) -> None:
    """Kill -9 of the command ends relay and shipper, and the next start takes folder and port over."""
    parts = sidecar.process.children()
    assert len(parts) == 2
    sidecar.call(b"x")
    sidecar.process.kill()
    again = Sidecar(sidecar.folder, upstream, nowhere, listen=sidecar.address)
    try:
        assert all(map(is_gone, parts))
        assert again.address == sidecar.address
        assert again.call(b"y") == b"y"
        wait_until(lambda: again.seen() == 2)
    finally:
        again.supervisor.stop()


def test_a_second_sidecar_on_a_folder_is_refused(sidecar: Sidecar) -> None:
    """The folder has one sidecar; the refusal is one line that names it."""
    ended = run_command("--listen", "127.0.0.1:0", "--folder", sidecar.folder)
    assert ended.returncode == 1
    lines = ended.stderr.splitlines()
    assert lines == [f"scorelens: another sidecar already uses {sidecar.folder}; stop it or name another folder"]


def test_a_port_in_use_is_named(sidecar: Sidecar, tmp_path: Path) -> None:
    """A taken address stops the start with one line that names the setting."""
    ended = run_command("--listen", sidecar.address, "--folder", tmp_path / "other")
    assert ended.returncode == 2
    assert ended.stderr.splitlines() == [
        f"scorelens: setting --listen: cannot listen on {sidecar.address}: Address already in use"
    ]


@pytest.mark.parametrize(
    ("flag", "value"),
    [
        ("--listen", "nonsense"),
        ("--listen", "no-such-host.invalid:1"),
        ("--upstream", "ftp://127.0.0.1:1"),
        ("--upstream", "127.0.0.1:50051"),
        ("--otlp", ","),
        ("--otlp", "127.0.0.1:1,127.0.0.1:1"),
        ("--fsync", "sometimes"),
        ("--fsync", "0s"),
        ("--tls-key", __file__),
        ("--tls-certificate", __file__),
        ("--tls-certificate", "/no/such/file"),
        ("--batch-bytes", "65MiB"),
        ("--spool-bytes", "1KB"),
        ("--segment-bytes", "0"),
        ("--spool-age", "0s"),
        ("--spool-age", "forever"),
        ("--sample", "2"),
        ("--mode", "sloppy"),
        ("--redact", "shoe-size"),
    ],
)
def test_a_wrong_setting_stops_the_start(tmp_path: Path, flag: str, value: str) -> None:
    """One line names the setting, and nothing is left running."""
    ended = run_command("--folder", tmp_path, flag, value)
    assert ended.returncode == 2
    lines = [line for line in ended.stderr.splitlines() if not line.startswith("{")]
    assert len(lines) == 1
    assert flag in lines[0]
    assert "Traceback" not in ended.stderr


def test_the_supervisor_needs_no_grpc() -> None:
    """The command's own process stays small: it loads neither gRPC nor protobuf."""
    text = (
        "import sys, scorelens_sidecar.__main__; print(*[m for m in sys.modules if m in ('grpc', 'google.protobuf')])"
    )
    ended = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == ""


def test_help_shows_examples() -> None:
    """The command explains itself."""
    ended = run_command("--help")
    assert ended.returncode == 0
    assert "scorelens sidecar --listen 127.0.0.1:50051 --upstream 127.0.0.1:50052" in ended.stdout


def test_status_tells_the_account(sidecar: Sidecar) -> None:
    """`python -m scorelens_sidecar.status` prints the account of a running sidecar as JSON, and in words."""
    sidecar.call(b"x")
    wait_until(lambda: sidecar.seen() == 1)
    command = [sys.executable, "-m", "scorelens_sidecar.status", "--folder", str(sidecar.folder)]
    status = json.loads(subprocess.run([*command, "--json"], capture_output=True, check=True).stdout)
    assert status["adds_up"] is True
    (relay,) = status["relays"]
    assert relay["folder"] == str(relay_folder(sidecar.folder))
    account = next(each for each in relay["destinations"] if each["destination"].startswith("http"))
    assert (account["seen"], account["spooled"], sum(account["dropped"].values())) == (1, 1, 0)
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "1 seen = 0 acknowledged + 1 spooled + 0 dropped + 0 sampled out" in text
