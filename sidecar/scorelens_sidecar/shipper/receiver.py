"""One OTLP/gRPC receiver: the connection, its credentials, and one export."""

from __future__ import annotations

import re
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from scorelens_runtime.endpoint import Endpoint
from scorelens_runtime.errors import SettingError
from scorelens_sidecar.shipper.verdict import DETAILS_KEY, Failure, read_told_wait

EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
OPTIONS = [
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.min_reconnect_backoff_ms", 1000),
    ("grpc.max_reconnect_backoff_ms", 5000),
    ("grpc.max_send_message_length", -1),
    ("grpc.enable_retries", 0),  # the shipper does its own
]
Metadata = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Accepted:
    """The receiver took the spans, save `rejected` of them that it will never take."""

    rejected: int = 0
    message: str = ""


class Export:
    """An export on its way."""

    def __init__(self, call: Any) -> None:
        self._call = call

    def wait(self, seconds: float) -> Accepted | Failure | None:
        """Return what became of it, or None while the receiver has not answered."""
        try:
            answer = self._call.result(timeout=seconds)
        except grpc.FutureTimeoutError:
            return None
        except grpc.FutureCancelledError:
            return Failure(grpc.StatusCode.CANCELLED)
        except grpc.RpcError:
            return _failure(self._call)
        partial = answer.partial_success
        return Accepted(max(0, partial.rejected_spans), partial.error_message)

    def cancel(self) -> None:
        """Give it up."""
        self._call.cancel()


class Receiver:
    """A receiver's address and how to talk to it. Credentials are read anew whenever the connection is."""

    def __init__(self, endpoint: Endpoint, timeout: float, ca: Path | None, headers_file: Path | None) -> None:
        """Check the settings; `timeout` is how many seconds one export may take. Raises SettingError."""
        self.name = str(endpoint)
        self._endpoint, self._timeout, self._ca, self._headers_file = endpoint, timeout, ca, headers_file
        self._metadata = read_headers(headers_file)
        self._channel: grpc.Channel | None = None

    def start(self, request: bytes) -> Export:
        """Send an ExportTraceServiceRequest."""
        if self._channel is None:
            self._channel = self._connect()
        export: Any = self._channel.unary_unary(
            EXPORT,
            request_serializer=None,
            response_deserializer=ExportTraceServiceResponse.FromString,
        )
        return Export(export.future(request, timeout=self._timeout, metadata=self._metadata))

    def reconnect(self) -> None:
        """Leave the connection, and read certificates and headers anew for the next one.

        Wanted where the old connection may be dead without knowing, or what is in those files may have changed. Files
        that cannot be read leave everything as it was.
        """
        try:
            self._metadata = read_headers(self._headers_file)
        except SettingError:
            return
        self.close()

    def close(self) -> None:
        """Close the connection."""
        channel, self._channel = self._channel, None
        if channel is not None:
            channel.close()

    def _connect(self) -> grpc.Channel:
        if not self._endpoint.tls:
            return grpc.insecure_channel(self._endpoint.address, OPTIONS)
        credentials = grpc.ssl_channel_credentials(_authorities(self._ca))
        return grpc.secure_channel(self._endpoint.address, credentials, OPTIONS)


def read_headers(path: Path | None) -> Metadata:
    """Read `name: value` lines; empty ones and those that start with # say nothing. Raises SettingError."""
    if path is None:
        return ()
    try:
        lines = path.read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingError(f"setting --otlp-headers-file: {path} cannot be read") from error
    return tuple(_header(line, number, path) for number, line in enumerate(lines, 1) if _says_something(line))


def _says_something(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("#")


def _header(line: str, number: int, path: Path) -> tuple[str, str]:
    name, separator, value = line.partition(":")
    name, value = name.strip().lower(), value.strip()
    # The line itself is a secret: only its number is told.
    if not separator or not re.fullmatch(r"[a-z0-9_.-]+", name) or not re.fullmatch(r"[\x20-\x7e]*", value):
        raise SettingError(f"setting --otlp-headers-file: line {number} of {path} is not `name: value` in ASCII")
    if name.endswith("-bin") or name.startswith(("grpc-", ":")):
        raise SettingError(f"setting --otlp-headers-file: line {number} of {path} names a header that gRPC reserves")
    return name, value


def _authorities(ca: Path | None) -> bytes | None:
    """Return PEM certificates: the given ones, else the system's, else None for those that come with gRPC."""
    if ca is not None:
        return ca.read_bytes()
    trusted = ssl.create_default_context().get_ca_certs(binary_form=True)
    return "".join(ssl.DER_cert_to_PEM_cert(certificate) for certificate in trusted).encode() or None


def _failure(call: Any) -> Failure:
    details = {key: value for key, value in call.trailing_metadata() or () if key == DETAILS_KEY}
    told_wait = read_told_wait(details[DETAILS_KEY]) if details else None
    return Failure(call.code(), call.details() or "", told_wait)
