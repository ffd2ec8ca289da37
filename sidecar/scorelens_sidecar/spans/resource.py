"""Who made the spans, and the export request around them."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Mapping
from urllib.parse import unquote

from scorelens import conventions as names
from scorelens_runtime.wire import field
from scorelens_sidecar.spans import wire

KUBERNETES = {
    "K8S_POD_NAME": "k8s.pod.name",
    "K8S_POD_UID": "k8s.pod.uid",
    "K8S_NAMESPACE_NAME": "k8s.namespace.name",
    "K8S_NODE_NAME": "k8s.node.name",
    "K8S_DEPLOYMENT_NAME": "k8s.deployment.name",
    "K8S_CLUSTER_NAME": "k8s.cluster.name",
}
"""Variables that a pod's manifest fills in from the downward API, and the attributes they become."""

ENVELOPE = 64
"""Most bytes that the messages around resource, scope and spans add to a request."""


def resource_attributes(
    service_name: str, environment: str, instance: str, variables: Mapping[str, str]
) -> dict[str, str]:
    """Describe this sidecar; OTEL_RESOURCE_ATTRIBUTES adds to it, settings come before it.

    Without a pod's name, the instance is the host's name and `instance`.
    """
    known = {attribute: variables[variable] for variable, attribute in KUBERNETES.items() if variables.get(variable)}
    listed = dict(_listed(variables.get("OTEL_RESOURCE_ATTRIBUTES", "")))
    attributes = {names.SERVICE_INSTANCE_ID: known.get("k8s.pod.name", f"{socket.gethostname()}/{instance}")}
    attributes |= known | listed | {names.SERVICE_NAME: service_name}
    if environment:
        attributes[names.DEPLOYMENT_ENVIRONMENT] = environment
    return attributes


def _listed(text: str) -> Iterable[tuple[str, str]]:
    for pair in text.split(","):
        key, separator, value = pair.partition("=")
        if separator and key.strip():
            yield unquote(key.strip()), unquote(value.strip())


def encode_resource(attributes: Mapping[str, str]) -> bytes:
    """Write the part of ResourceSpans that is the same in every request: the resource."""
    body = b"".join(field(wire.RESOURCE_ATTRIBUTES, wire.text(key, value)) for key, value in sorted(attributes.items()))
    return field(1, body)


_SCOPE = field(1, field(1, names.SCOPE_NAME.encode()) + field(2, str(names.SCHEMA_VERSION).encode()))


def encode_request(resource: bytes, spans: Iterable[bytes]) -> bytes:
    """Write an ExportTraceServiceRequest of encoded spans."""
    scope_spans = _SCOPE + b"".join([field(2, span) for span in spans])
    return field(1, resource + field(2, scope_spans))
