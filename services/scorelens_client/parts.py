"""Asking the parts of a system how they are: by gRPC where they serve, by their own tools where only files tell."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from grpc_health.v1 import health_pb2, health_pb2_grpc

from scorelens.v1 import store_admin_pb2 as admin
from scorelens.v1.store_admin_pb2_grpc import StoreAdminStub
from scorelens_client.home import Home
from scorelens_reading.channel import open_channel, translate
from scorelens_runtime.errors import ScorelensError

TIMEOUT = 5.0
INDEXER_VARIABLE = "SCORELENS_CONSOLE_INDEXER"
INDEXER_HELP = f"Indexer to ask.  [{INDEXER_VARIABLE}; default: the running system's]"


def indexer_address(home: Home, given: str | None) -> str:
    """Return where to ask an indexer: as given, as the environment says, or that of the running system."""
    if named := given or os.environ.get(INDEXER_VARIABLE):
        return named
    system = home.running()
    return system.indexer if system else ""


def is_serving(address: str) -> bool:
    """Tell whether a gRPC server says of itself that it serves."""
    with open_channel(address) as channel:
        try:
            answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=TIMEOUT)
        except grpc.RpcError as error:
            return error.code() is grpc.StatusCode.UNIMPLEMENTED
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


def answers(url: str) -> bool:
    """Tell whether a web server says of itself that it serves."""
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=TIMEOUT) as answer:  # noqa: S310  (http or https)
            return bool(answer.status == 200)
    except OSError:
        return False


def sidecar_account(folder: Path) -> dict[str, Any]:
    """Return the account in a sidecar's folder, whether it runs or not."""
    account: dict[str, Any] = json.loads(_tool("scorelens_sidecar.status", folder, statuses=(0, 3)))
    return account


def sidecar_dead_letters(folder: Path, limit: int) -> list[dict[str, Any]]:
    """Return what a sidecar put aside, the newest first. Raises ScorelensError where it never ran in the folder."""
    if not folder.is_dir():
        raise ScorelensError(f"it never ran in {folder}")
    lines = _tool("scorelens_sidecar.dead_letters", folder, "--limit", str(limit)).splitlines()
    return [json.loads(line) for line in lines]


def indexer_account(address: str) -> dict[str, Any]:
    """Return the indexer's account. Raises UnavailableError."""
    with _admin(address) as stub:
        return _plain(stub.GetAccount(admin.GetAccountRequest(), timeout=TIMEOUT))


def indexer_dead_letters(address: str, limit: int) -> list[dict[str, Any]]:
    """Return what the indexer put aside, the newest first. Raises UnavailableError."""
    with _admin(address) as stub:
        answer = stub.ListDeadLetters(admin.ListDeadLettersRequest(limit=limit), timeout=TIMEOUT)
        return [_plain(letter) for letter in answer.dead_letters]


def attempt(ask: Callable[[], Any]) -> tuple[Any, str]:
    """Return what a part said and no reason, or None and the reason why it said nothing."""
    try:
        return ask(), ""
    except ScorelensError as error:
        return None, str(error)


@contextmanager
def _admin(address: str) -> Iterator[StoreAdminStub]:
    with open_channel(address) as channel:
        try:
            yield StoreAdminStub(channel)
        except grpc.RpcError as error:
            raise translate(error, "indexer", address) from error


def _plain(message: Message) -> dict[str, Any]:
    fields = MessageToDict(message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)
    numbers = {field.name for field in message.DESCRIPTOR.fields if field.type == field.TYPE_INT64}
    return {name: int(value) if name in numbers else value for name, value in fields.items()}


def _tool(module: str, folder: Path, *arguments: str, statuses: Sequence[int] = (0,)) -> str:
    command = [sys.executable, "-P", "-m", module, "--folder", str(folder), "--json", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode not in statuses:
        reason = done.stderr.strip().splitlines()[-1:] or [f"it ended with status {done.returncode}"]
        raise ScorelensError(f"the sidecar's folder {folder} cannot be read: {reason[0].removeprefix('scorelens: ')}")
    return done.stdout
