"""The calls that are made to gRPC parts. Health and reflection are not recorded by a sidecar that they pass."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import grpc
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from scorelens.v1 import scorer_pb2, scorer_pb2_grpc
from scorelens_client.doctor.certificates import names_of
from scorelens_client.doctor.places import Place
from scorelens_reading.channel import OPTIONS

LIMIT: Final = 5.0
"""Seconds that one call may take."""

ALPN: Final = ("h2",)


@contextmanager
def channel_to(place: Place) -> Iterator[grpc.Channel]:
    """Open a channel to a part for the time of the block, by the authorities that are meant for it."""
    options: list[tuple[str, Any]] = [*OPTIONS]
    if not place.endpoint.tls:
        channel = grpc.insecure_channel(place.endpoint.address, options)
    else:
        roots = place.authorities.read_bytes() if place.authorities else None
        if place.own and (names := names_of(place, ALPN)):
            options.append(("grpc.ssl_target_name_override", names[0]))
        channel = grpc.secure_channel(place.endpoint.address, grpc.ssl_channel_credentials(roots), options)
    with channel:
        yield channel


def health(channel: grpc.Channel) -> str:
    """Return what a server says of itself, such as SERVING. Raises RpcError."""
    answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=LIMIT)
    return str(health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status))


def contract(channel: grpc.Channel, service: str) -> FileDescriptorProto | None:
    """Return the file that describes a service, None where the server has no such service. Raises RpcError."""
    request = reflection_pb2.ServerReflectionRequest(file_containing_symbol=service)
    stub = reflection_pb2_grpc.ServerReflectionStub(channel)
    for answer in stub.ServerReflectionInfo(iter([request]), timeout=LIMIT):
        files = [FileDescriptorProto.FromString(each) for each in answer.file_descriptor_response.file_descriptor_proto]
        package, _, name = service.rpartition(".")
        return next(
            (each for each in files if each.package == package and name in {one.name for one in each.service}), None
        )
    return None


def models(channel: grpc.Channel, metadata: tuple[tuple[str, str], ...] = ()) -> list[scorer_pb2.Model]:
    """Return the models that are served, having asked for the first of them by name, too. Raises RpcError."""
    stub = scorer_pb2_grpc.ScorerStub(channel)
    found = list(stub.ListModels(scorer_pb2.ListModelsRequest(), timeout=LIMIT, metadata=metadata).models)
    if found:
        one = scorer_pb2.GetModelRequest(id=found[0].id)
        stub.GetModel(one, timeout=LIMIT, metadata=metadata)
    return found
