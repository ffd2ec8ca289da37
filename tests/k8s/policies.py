"""Who may reach whom by the NetworkPolicies of a render (pure).

A connection passes when on either side a policy allows it, or none selects that side. Of addresses outside the cluster
only ipBlock is looked at, and of pods only selectors, since what an ipBlock means for pods is up to each network.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.k8s.rendering import Manifest


@dataclass(frozen=True)
class Peer:
    """A pod by its labels and those of its namespace, or an address outside of the cluster."""

    namespace: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    namespace_labels: Mapping[str, str] = field(default_factory=dict)
    address: str = ""


def allows(policies: Iterable[Manifest], source: Peer, target: Peer, port: int, protocol: str = "TCP") -> bool:
    """Tell whether a connection is let out of its source and into its target."""
    known = list(policies)
    return _passes(known, source, target, "Egress", port, protocol) and _passes(
        known, target, source, "Ingress", port, protocol
    )


def _passes(policies: list[Manifest], subject: Peer, other: Peer, direction: str, port: int, protocol: str) -> bool:
    """Tell whether what selects the subject allows the other side, or nothing selects it."""
    selecting = [policy for policy in policies if not subject.address and _selects(policy, subject, direction)]
    rules = [rule for policy in selecting for rule in policy["spec"].get(direction.lower()) or ()]
    side = "to" if direction == "Egress" else "from"
    return not selecting or any(
        _names(rule, side, other, policy_namespace=subject.namespace) and _has_port(rule, port, protocol)
        for rule in rules
    )


def _selects(policy: Manifest, pod: Peer, direction: str) -> bool:
    spec = policy["spec"]
    return (
        policy["metadata"]["namespace"] == pod.namespace
        and direction in spec["policyTypes"]
        and _matches(spec["podSelector"], pod.labels)
    )


def _names(rule: Mapping[str, Any], side: str, other: Peer, policy_namespace: str) -> bool:
    peers = rule.get(side)
    return not peers or any(_is(peer, other, policy_namespace) for peer in peers)


def _is(peer: Mapping[str, Any], other: Peer, policy_namespace: str) -> bool:
    if "ipBlock" in peer:
        return bool(other.address) and _within(peer["ipBlock"], other.address)
    if other.address:
        return False
    if "namespaceSelector" in peer:
        names = {"kubernetes.io/metadata.name": other.namespace, **other.namespace_labels}
        if not _matches(peer["namespaceSelector"], names):
            return False
    elif other.namespace != policy_namespace:
        return False
    return _matches(peer.get("podSelector") or {}, other.labels)


def _within(block: Mapping[str, Any], address: str) -> bool:
    found = ipaddress.ip_address(address)
    inside = found in ipaddress.ip_network(block["cidr"])
    return inside and not any(found in ipaddress.ip_network(cidr) for cidr in block.get("except", ()))


def _has_port(rule: Mapping[str, Any], port: int, protocol: str) -> bool:
    ports = rule.get("ports")
    return not ports or any(
        each.get("protocol", "TCP") == protocol and each["port"] <= port <= each.get("endPort", each["port"])
        for each in ports
    )


def _matches(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    wanted = selector.get("matchLabels") or {}
    return all(labels.get(name) == value for name, value in wanted.items()) and all(
        _fits(expression, labels) for expression in selector.get("matchExpressions") or ()
    )


def _fits(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    found = labels.get(expression["key"])
    match expression["operator"]:
        case "In":
            return found in expression["values"]
        case "NotIn":
            return found not in expression["values"]
        case "Exists":
            return found is not None
        case "DoesNotExist":
            return found is None
    raise AssertionError(expression)
