"""The NetworkPolicies allow the flows that k8s/README.md lists, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.k8s.policies import Peer, allows
from tests.k8s.rendering import K8S, Manifest, of_kind, render

Flow = tuple[str, str, int]

NAME = {"app.kubernetes.io/name": "scorelens"}
OURS = ("scorer", "indexer", "console", "elasticsearch", "client", "setup", "kibana-import", "shipper")
PEERS: Mapping[str, Peer] = {
    **{name: Peer("scorelens", {**NAME, "app.kubernetes.io/component": name}) for name in OURS},
    "callers": Peer("shop", {"app": "web"}, {"scorelens/callers": "true"}),
    "senders": Peer("fraud", {"app": "fraud-model"}, {"scorelens/senders": "true"}),
    "Prometheus": Peer("monitoring", {"app.kubernetes.io/name": "prometheus"}),
    "ingress": Peer("ingress-nginx", {"app.kubernetes.io/name": "ingress-nginx"}),
    "DNS": Peer("kube-system", {"k8s-app": "kube-dns"}),
    "your Elasticsearch": Peer(address="192.0.2.10"),
    "your Kibana": Peer(address="192.0.2.70"),
    "your sign-in": Peer(address="192.0.2.130"),
}
STRANGERS: Mapping[str, Peer] = {
    "a pod of another namespace": Peer("default", {"app": "web"}),
    "a pod that calls itself ours elsewhere": Peer("default", {**NAME, "app.kubernetes.io/component": "console"}),
    "a pod that calls itself Prometheus elsewhere": Peer("default", {"app.kubernetes.io/name": "prometheus"}),
    "another pod of the monitoring": Peer("monitoring", {"app": "grafana"}),
    "another pod of the namespace": Peer("scorelens", {"app": "debug"}),
    "a pod of the namespace with the name alone": Peer("scorelens", NAME),
    "the internet": Peer(address="203.0.113.7"),
}
PORTS = (53, 443, 4317, 5601, 8585, 9200, 9461, 9462, 9463, 9464, 50051, 50052, 8080)
BOTH = {"demo", "production"}
ONLY = {"elasticsearch": "demo", "shipper": "production", "kibana-import": "production"}
"""Pods that one overlay alone has; what a rule would let them do elsewhere harms nobody."""


INSIDE = {"another pod of the namespace", "a pod of the namespace with the name alone"}


def ours_in(overlay: str) -> set[str]:
    """Return the components that an overlay has."""
    return {name for name in OURS if ONLY.get(name, overlay) == overlay}


def documented(overlay: str) -> set[Flow]:
    """Return the flows that the table of k8s/README.md lists for an overlay."""
    text = (K8S / "README.md").read_text("utf-8").partition("## Flows")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| ([^|]+) \| ([^|]+) \| ([\d, ]+) \| ([^|]+) \| [^|]+ \|$", text, re.MULTILINE)
    assert rows
    return {
        (source, target, int(port))
        for sources, targets, ports, where in rows
        if where in ("both", overlay)
        for source in (ours_in(overlay) | INSIDE if sources == "every pod" else sources.split(", "))
        for target in targets.split(", ")
        for port in ports.split(", ")
    }


@pytest.mark.parametrize("overlay", sorted(BOTH))
def test_exactly_the_documented_flows_pass(go_tools: Path, overlay: str) -> None:
    """Of all connections from anybody to anybody at any port, those of the table pass and no other."""
    policies = list(of_kind(render(overlay), "NetworkPolicy"))
    everybody = {**PEERS, **STRANGERS}
    here = {name for name in everybody if ONLY.get(name, overlay) == overlay}
    inside = ours_in(overlay) | INSIDE
    passing = {
        (source, target, port)
        for source in here
        for target in here - {source}
        for port in PORTS
        if not inside.isdisjoint((source, target))
        and allows(policies, everybody[source], everybody[target], port, "UDP" if port == 53 else "TCP")
    }
    assert passing == documented(overlay)


def test_nobody_reaches_the_scorer_past_its_sidecar(system: list[Manifest]) -> None:
    """Port 50052 is closed to every pod and address."""
    policies = list(of_kind(system, "NetworkPolicy"))
    for name, source in {**PEERS, **STRANGERS}.items():
        assert not allows(policies, source, PEERS["scorer"], 50052), name


def test_of_an_existing_model_the_sidecar_alone_is_open(existing_model: list[Manifest]) -> None:
    """Callers of a model with a sidecar reach port 50051, Prometheus the admin port, and nobody the model."""
    policies = list(of_kind(existing_model, "NetworkPolicy"))
    model = Peer("fraud", {"app": "fraud-model"}, {"scorelens/senders": "true"})
    assert allows(policies, PEERS["callers"], model, 50051)
    assert allows(policies, PEERS["Prometheus"], model, 9461)
    assert not allows(policies, PEERS["callers"], model, 9461)
    for source in (*PEERS.values(), *STRANGERS.values()):
        assert not allows(policies, source, model, 8500)


def test_a_model_elsewhere_reaches_the_indexer(demo: list[Manifest], existing_model: list[Manifest]) -> None:
    """The sidecar of a namespace that is labelled as a sender is let out there and in here."""
    policies = [*of_kind(demo, "NetworkPolicy"), *of_kind(existing_model, "NetworkPolicy")]
    (namespace,) = of_kind(existing_model, "Namespace")
    model = Peer("fraud", {"app": "fraud-model"}, namespace["metadata"]["labels"])
    assert allows(policies, model, PEERS["indexer"], 4317)
    assert not allows(policies, Peer("fraud", {"app": "fraud-model"}), PEERS["indexer"], 4317)


def policy(**spec: object) -> Manifest:
    """Return a policy of the namespace `here`."""
    return {
        "kind": "NetworkPolicy",
        "metadata": {"namespace": "here", "name": "p"},
        "spec": {"podSelector": {}, **spec},
    }


HERE, THERE = Peer("here", {"app": "a"}), Peer("there", {"app": "b"}, {"team": "x"})
FROM_THERE = {"namespaceSelector": {"matchLabels": {"team": "x"}}}


@pytest.mark.parametrize(
    ("given", "passes"),
    [
        ([], True),
        ([policy(policyTypes=["Ingress"])], False),
        ([policy(policyTypes=["Egress"])], True),
        ([policy(policyTypes=["Ingress"], ingress=[{}])], True),
        ([policy(policyTypes=["Ingress"], podSelector={"matchLabels": {"app": "z"}})], True),
        ([policy(policyTypes=["Ingress"], ingress=[{"from": [FROM_THERE]}])], True),
        ([policy(policyTypes=["Ingress"], ingress=[{"from": [{"podSelector": {}}]}])], False),
        ([policy(policyTypes=["Ingress"], ingress=[{"from": [{**FROM_THERE, "podSelector": {}}]}])], True),
        (
            [
                policy(
                    policyTypes=["Ingress"],
                    ingress=[{"from": [{**FROM_THERE, "podSelector": {"matchLabels": {"app": "z"}}}]}],
                )
            ],
            False,
        ),
        ([policy(policyTypes=["Ingress"], ingress=[{"ports": [{"port": 81}]}])], False),
        ([policy(policyTypes=["Ingress"], ingress=[{"ports": [{"port": 79, "endPort": 81}]}])], True),
        ([policy(policyTypes=["Ingress"], ingress=[{"ports": [{"port": 80, "protocol": "UDP"}]}])], False),
        ([policy(policyTypes=["Ingress"]), policy(policyTypes=["Ingress"], ingress=[{}])], True),
        (
            [
                policy(
                    policyTypes=["Ingress"],
                    podSelector={"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["a"]}]},
                )
            ],
            True,
        ),
        (
            [
                policy(
                    policyTypes=["Ingress"],
                    podSelector={"matchExpressions": [{"key": "app", "operator": "Exists"}]},
                )
            ],
            False,
        ),
    ],
)
def test_policies_mean_what_kubernetes_says(given: list[Manifest], passes: bool) -> None:
    """No policy: all passes; one that selects a side: only what some rule of any such policy names."""
    assert allows(given, THERE, HERE, 80) is passes


def test_addresses_outside_are_named_by_blocks() -> None:
    """An ipBlock names addresses but for its exceptions, and no pods."""
    block = {"ipBlock": {"cidr": "192.0.2.0/24", "except": ["192.0.2.128/25"]}}
    given = [policy(policyTypes=["Egress"], egress=[{"to": [block]}])]
    assert allows(given, HERE, Peer(address="192.0.2.1"), 443)
    assert not allows(given, HERE, Peer(address="192.0.2.200"), 443)
    assert not allows(given, HERE, THERE, 443)
