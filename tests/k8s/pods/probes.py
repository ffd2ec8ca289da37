"""Asking a container how it is, as the kubelet does."""

from __future__ import annotations

import socket
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tests.k8s.pods.manifests import Object, port_of

Exec = Callable[[Sequence[str], float], int]


def passes(probe: Object, container: Object, address: str, run: Exec) -> bool:
    """Tell whether a probe passes now; `run` runs a command in the container and returns its status."""
    timeout = float(probe.get("timeoutSeconds", 1))
    if "httpGet" in probe:
        asked = probe["httpGet"]
        url = f"http://{address}:{port_of(container, asked['port'])}{asked.get('path', '/')}"
        return http(url, timeout)
    if "grpc" in probe:
        return _grpc(f"{address}:{probe['grpc']['port']}", probe["grpc"].get("service", ""), timeout)
    if "tcpSocket" in probe:
        return _tcp(address, port_of(container, probe["tcpSocket"]["port"]), timeout)
    return run(probe["exec"]["command"], timeout) == 0


def http(url: str, timeout: float) -> bool:
    """Tell whether a GET is answered with a status below 400."""
    try:
        with urllib.request.urlopen(url, timeout=timeout) as answer:
            return bool(answer.status < 400)
    except (OSError, urllib.error.HTTPError):
        return False


def _tcp(address: str, port: int, timeout: float) -> bool:
    try:
        socket.create_connection((address, port), timeout).close()
    except OSError:
        return False
    return True


def _grpc(target: str, service: str, timeout: float) -> bool:
    own: list[tuple[str, Any]] = [("grpc.use_local_subchannel_pool", 1)]
    with grpc.insecure_channel(target, own) as channel:
        try:
            request = health_pb2.HealthCheckRequest(service=service)
            answer = health_pb2_grpc.HealthStub(channel).Check(request, timeout=timeout)
        except grpc.RpcError:
            return False
    return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)
