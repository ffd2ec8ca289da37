"""Which process speaks, in OpenTelemetry's words: the resource of its spans and metrics."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Mapping
from urllib.parse import unquote

from scorelens import conventions as names

KUBERNETES = {
    "K8S_POD_NAME": "k8s.pod.name",
    "K8S_POD_UID": "k8s.pod.uid",
    "K8S_NAMESPACE_NAME": "k8s.namespace.name",
    "K8S_NODE_NAME": "k8s.node.name",
    "K8S_DEPLOYMENT_NAME": "k8s.deployment.name",
    "K8S_CLUSTER_NAME": "k8s.cluster.name",
}
"""Variables that a pod's manifest fills in from the downward API, and the attributes they become."""


def resource_attributes(
    service_name: str, environment: str, instance: str, variables: Mapping[str, str]
) -> dict[str, str]:
    """Describe this process; OTEL_RESOURCE_ATTRIBUTES adds to it, settings come before it.

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
