"""Encrypted receivers: verified by default, and what happens when they are not to be trusted."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import grpc
import pytest

from scorelens_runtime.endpoint import Endpoint
from scorelens_sidecar.spool.account import read_account
from scorelens_sidecar.spool.folders import relay_folder
from tests.scorelens_sidecar.shipper.conftest import Receiver, Running, spool, until
from tests.scorelens_sidecar.spans.calls import scored_call


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """Make a certificate for localhost that vouches for itself, and its key."""
    if not shutil.which("openssl"):
        pytest.skip("needs the openssl command: install the package openssl")
    chain, key = tmp_path / "chain.pem", tmp_path / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    command += ["-keyout", str(key), "-out", str(chain), "-days", "2", "-subj", "/CN=localhost"]
    subprocess.run([*command, "-addext", "subjectAltName=DNS:localhost"], check=True, capture_output=True)
    return chain, key


def test_a_certificate_must_be_vouched_for(
    folder: Path, ship: Callable[..., Running], certificate: tuple[Path, Path], tmp_path: Path
) -> None:
    """An unknown certificate gets nothing and raises an alarm; with its authority named, everything arrives."""
    chain, key = certificate
    receiver = Receiver()
    receiver.start(grpc.ssl_server_credentials([(key.read_bytes(), chain.read_bytes())]))
    otlp = (Endpoint("localhost", receiver.port, tls=True),)
    try:
        spool(folder, [scored_call()])
        running = ship(otlp=otlp)

        def alarm() -> str:
            file = folder / "shipper.json"
            state = json.loads(file.read_text())["destinations"][0] if file.exists() else {"state": ""}
            return str(state["reason"]) if state["state"] == "alarm" else ""

        until(lambda: "--otlp-ca" in alarm())
        running.stop()
        assert not receiver.exports
        ship(otlp=otlp, otlp_ca=chain)
        until(lambda: read_account(relay_folder(folder))[0].acknowledged == 1)
        assert len(receiver.accepted) == 1
    finally:
        receiver.stop()
