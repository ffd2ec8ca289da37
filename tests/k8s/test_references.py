"""Every name and port that one object says of another is there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from tests.k8s.policies import Peer, allows
from tests.k8s.rendering import K8S, Manifest, named, of_kind, render, title
from tests.k8s.workloads import PodTemplate, environment, iter_probes, pod_templates


def ports_of(template: PodTemplate) -> set[int]:
    """Return the ports that the containers of a pod name, of which none is named twice."""
    ports = [port for container in template.containers for port in container.get("ports", ())]
    for what in ("name", "containerPort"):
        values = [port[what] for port in ports]
        assert len(values) == len(set(values)), f"{template.title}: {values}"
    return {port["containerPort"] for port in ports}


def selected(selector: dict[str, str], manifests: list[Manifest]) -> list[PodTemplate]:
    """Return the pods that have all of some labels; there is one at least."""
    found = [each for each in pod_templates(manifests) if selector.items() <= each.labels.items()]
    assert found, selector
    return found


def test_services_lead_to_ports_of_pods(rendered: list[Manifest]) -> None:
    """Each Service selects the pods of one workload, and its target ports are numbers that they listen on."""
    for service in of_kind(rendered, "Service"):
        (template,) = selected(service["spec"]["selector"], rendered)
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= ports_of(template), title(service)


def test_headless_services_translate_no_port(rendered: list[Manifest]) -> None:
    """Callers of a headless Service connect to the pods themselves, at the port that the Service names."""
    for service in of_kind(rendered, "Service"):
        if service["spec"].get("clusterIP") == "None":
            assert all(port["port"] == port["targetPort"] for port in service["spec"]["ports"]), title(service)


def test_workloads_select_their_own_pods(rendered: list[Manifest]) -> None:
    """The selector of each workload is in its template, and takes no other's pods."""
    for template in pod_templates(rendered):
        if "selector" in template.owner["spec"]:
            assert selected(template.owner["spec"]["selector"]["matchLabels"], rendered) == [template]
        for constraint in template.spec.get("topologySpreadConstraints", ()):
            assert selected(constraint["labelSelector"]["matchLabels"], rendered) == [template]


def test_statefulsets_have_their_services(rendered: list[Manifest]) -> None:
    """The Service that names a StatefulSet's pods is there."""
    services = {service["metadata"]["name"] for service in of_kind(rendered, "Service")}
    assert {each["spec"]["serviceName"] for each in of_kind(rendered, "StatefulSet")} <= services


def test_grpc_services_are_headless(system: list[Manifest]) -> None:
    """Callers of gRPC see every pod's address."""
    for name in ("scorelens-scorer", "scorelens-indexer"):
        assert named(system, "Service", name)["spec"]["clusterIP"] == "None"


def test_probes_ask_ports_of_their_containers(rendered: list[Manifest]) -> None:
    """Each server has all probes it needs, by ports of its own container: the sidecar's never ask the scorer."""
    for template in pod_templates(rendered):
        for container in template.containers:
            ports = {port["name"]: port["containerPort"] for port in container.get("ports", ())}
            for probe in iter_probes(container):
                port = (probe["grpc"] if "grpc" in probe else probe["httpGet"])["port"]
                assert port in (*ports, *ports.values()), f"{template.title}, {container['name']}: {port}"
            if ports:
                assert "readinessProbe" in container, f"{template.title}, {container['name']}"


def test_the_sidecar_starts_before_the_model_and_stays(rendered: list[Manifest]) -> None:
    """It is an init container that goes on running, with a startup probe for which the model waits."""
    found = [template for template in pod_templates(rendered) if "spool" in str(template.spec.get("initContainers"))]
    assert found
    for template in found:
        sidecar = template.container("sidecar")
        assert sidecar in template.spec["initContainers"]
        assert sidecar["restartPolicy"] == "Always"
        assert sidecar["startupProbe"]["httpGet"] == {"path": "/readyz", "port": "admin"}


def test_models_are_copied_before_anything_starts(production: list[Manifest]) -> None:
    """The copy of the models is the first of the pod's containers."""
    (template,) = (each for each in pod_templates(production) if each.component == "scorer")
    assert [container["name"] for container in template.containers] == ["model", "sidecar", "scorer"]


def test_volumes_are_there_and_used(rendered: list[Manifest]) -> None:
    """Each mount has its volume or claim, and each of them a mount."""
    for template in pod_templates(rendered):
        volumes = {volume["name"] for volume in template.spec.get("volumes", ())} | set(template.claims)
        mounts = {mount["name"] for container in template.containers for mount in container.get("volumeMounts", ())}
        assert volumes == mounts, template.title


def test_service_accounts_have_no_tokens(system: list[Manifest]) -> None:
    """Each pod has an account of its component's own, and no token of it."""
    accounts = {account["metadata"]["name"]: account for account in of_kind(system, "ServiceAccount")}
    used = [template.spec["serviceAccountName"] for template in pod_templates(system)]
    assert sorted(used) == sorted(accounts)
    assert all(account["automountServiceAccountToken"] is False for account in accounts.values())
    assert all(template.spec["automountServiceAccountToken"] is False for template in pod_templates(system))


def test_no_variable_comes_from_the_names_of_services(system: list[Manifest]) -> None:
    """Kubernetes' own variables for a Service, such as SCORELENS_CONSOLE_PORT, would be taken for settings."""
    assert all(template.spec["enableServiceLinks"] is False for template in pod_templates(system))


def test_autoscalers_and_budgets_find_their_pods(rendered: list[Manifest]) -> None:
    """What scales or protects a workload names one that is there, and a container that it has."""
    for scaler in of_kind(rendered, "HorizontalPodAutoscaler"):
        target = scaler["spec"]["scaleTargetRef"]
        workload = named(rendered, target["kind"], target["name"])
        assert "replicas" not in workload["spec"], "applying again would undo what the autoscaler did"
        (template,) = (each for each in pod_templates(rendered) if each.owner is workload)
        for metric in scaler["spec"]["metrics"]:
            assert "cpu" in template.container(metric["containerResource"]["container"])["resources"]["requests"]
    for budget in of_kind(rendered, "PodDisruptionBudget"):
        assert len(selected(budget["spec"]["selector"]["matchLabels"], rendered)) == 1


def test_production_is_protected(production: list[Manifest]) -> None:
    """Scorers and indexers have a disruption budget and spread, and scorers an autoscaler."""
    for kind, names in (
        ("PodDisruptionBudget", {"scorelens-scorer", "scorelens-indexer"}),
        ("HorizontalPodAutoscaler", {"scorelens-scorer"}),
    ):
        assert {each["metadata"]["name"] for each in of_kind(production, kind)} == names
    spread = {each.component for each in pod_templates(production) if "topologySpreadConstraints" in each.spec}
    assert spread == {"scorer", "indexer"}


def test_ingresses_lead_to_services(production: list[Manifest]) -> None:
    """The console's Ingress names a port of its Service."""
    for ingress in of_kind(production, "Ingress"):
        for rule in ingress["spec"]["rules"]:
            for path in rule["http"]["paths"]:
                backend = path["backend"]["service"]
                service = named(production, "Service", backend["name"])
                assert backend["port"]["name"] in {port["name"] for port in service["spec"]["ports"]}


def test_secrets_are_those_of_the_readme(rendered: list[Manifest]) -> None:
    """Whoever follows k8s/README.md has made each secret that a pod mounts, with the files that settings name."""
    made = dict(re.findall(r"kubectl -n scorelens create secret generic (\S+) ((?:\\\n|[^\n])+)", readme()))
    for template in pod_templates(rendered):
        secrets = {
            volume["name"]: volume["secret"]["secretName"]
            for volume in template.spec.get("volumes", ())
            if "secret" in volume
        }
        assert set(secrets.values()) <= set(made)
        for container in template.containers:
            folders = {
                mount["mountPath"]: made[secrets[mount["name"]]]
                for mount in container.get("volumeMounts", ())
                if mount["name"] in secrets
            }
            for path in re.findall(r"/etc/scorelens/\S+", " ".join(environment(container, rendered).values())):
                folder, _, file = path.rpartition("/")
                assert f"--from-file={file}" in folders.get(folder, ""), f"{template.title}: {path}"


def test_addresses_in_settings_are_services(rendered: list[Manifest]) -> None:
    """Each address of this cluster that a setting names is a Service with that port."""
    services = {
        (service["metadata"]["name"], service["metadata"]["namespace"], port["port"])
        for service in [*of_kind(rendered, "Service"), *of_kind(render("demo"), "Service")]
        for port in service["spec"]["ports"]
    }
    named_ones = list(addresses(rendered))
    assert named_ones
    for address in named_ones:
        assert address in services


def test_addresses_in_settings_may_be_reached(system: list[Manifest]) -> None:
    """The network policies let each pod reach every Service that its settings name."""
    policies = list(of_kind(system, "NetworkPolicy"))
    services = {service["metadata"]["name"]: service["spec"]["selector"] for service in of_kind(system, "Service")}
    for template in pod_templates(system):
        source = Peer(template.owner["metadata"]["namespace"], template.labels)
        for name, namespace, port in addresses_of(template, system):
            assert allows(policies, source, Peer(namespace, services[name]), port), f"{template.title}: {name}:{port}"


def addresses(manifests: list[Manifest]) -> Iterator[tuple[str, str, int]]:
    """Yield service, namespace and port of each address within the cluster that a container is given."""
    return (address for template in pod_templates(manifests) for address in addresses_of(template, manifests))


def addresses_of(template: PodTemplate, manifests: list[Manifest]) -> Iterator[tuple[str, str, int]]:
    """Yield those of one pod."""
    namespace = template.owner["metadata"]["namespace"]
    for container in template.containers:
        for value in environment(container, manifests).values():
            for name, other, port in re.findall(r"https?://(scorelens-[a-z-]+)(?:\.([a-z-]+))?:(\d+)", value):
                yield name, other or namespace, int(port)


def test_the_moulds_claim_is_one_of_the_scorers(production: list[Manifest]) -> None:
    """What ships a lost spool mounts the claim of a scorer's pod where the sidecar had it."""
    (scorer,) = (each for each in pod_templates(production) if each.component == "scorer")
    (shipper,) = (each for each in pod_templates(production) if each.component == "shipper")
    assert shipper.owner["spec"]["suspend"] is True
    claim: Any = {volume["name"]: volume for volume in shipper.spec["volumes"]}["spool"]["persistentVolumeClaim"]
    assert claim["claimName"] == f"spool-{scorer.owner['metadata']['name']}-0"
    assert "spool" in scorer.claims
    assert mount_of(shipper.container("ship"), "spool") == mount_of(scorer.container("sidecar"), "spool")


def mount_of(container: dict[str, Any], name: str) -> str:
    """Return where a container has a volume."""
    (path,) = (mount["mountPath"] for mount in container["volumeMounts"] if mount["name"] == name)
    return str(path)


def readme() -> str:
    """Return k8s/README.md."""
    return (K8S / "README.md").read_text("utf-8")
