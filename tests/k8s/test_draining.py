"""How long pods get to end, against how long their parts take at most by their settings."""

from __future__ import annotations

from typing import Any

from scorelens_console.server import DRAIN as CONSOLE_DRAIN
from scorelens_indexer.settings import IndexerSettings
from scorelens_runtime.settings import duration, size
from scorelens_scorer.settings import ScorerSettings
from scorelens_sidecar import __main__ as supervisor
from scorelens_sidecar.settings import SidecarSettings
from tests.k8s.rendering import Manifest
from tests.k8s.workloads import PodTemplate, environment, pod_templates

DEAD_LETTERS = 2 * 64 * 2**20
"""Bytes that the sidecar's two files of dead letters may take."""
UNITS = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30}


def with_sidecar(manifests: list[Manifest]) -> list[PodTemplate]:
    """Return the pods that have a sidecar."""
    return [each for each in pod_templates(manifests) if "sidecar" in [one["name"] for one in each.containers]]


def sidecar_settings(template: PodTemplate, manifests: list[Manifest]) -> dict[str, str]:
    """Return the variables of a pod's sidecar."""
    return environment(template.container("sidecar"), manifests)


def hook_of(container: dict[str, Any]) -> float:
    """Return how long the preStop hook of a container waits."""
    hook = container["lifecycle"]["preStop"]
    if "sleep" in hook:
        return float(hook["sleep"]["seconds"])
    command = hook["exec"]["command"]
    return float(duration(command[command.index("--after") + 1]))


def test_the_model_answers_until_the_sidecar_has_drained(rendered: list[Manifest]) -> None:
    """The model gets its SIGTERM after the last call that came through the sidecar has had its time."""
    pods = with_sidecar(rendered)
    assert pods
    for template in pods:
        drain = duration(sidecar_settings(template, rendered)["SCORELENS_SIDECAR_DRAIN"])
        drained = hook_of(template.container("sidecar")) + drain + supervisor._GRACE
        assert hook_of(template.spec["containers"][0]) >= drained, template.title


def test_the_sidecar_has_time_to_ship(rendered: list[Manifest]) -> None:
    """Told to end when the model has, with its receivers away, the sidecar ends within the grace period."""
    for template in with_sidecar(rendered):
        model, texts = template.spec["containers"][0], sidecar_settings(template, rendered)
        drain = environment(model, rendered).get("SCORELENS_SCORER_DRAIN", default(ScorerSettings, "drain"))
        told = hook_of(model) + duration(drain)
        shipping = max(duration(texts[f"SCORELENS_SIDECAR_{name}"]) for name in ("DRAIN", "PATIENCE"))
        ended = told + shipping + supervisor._SHIPPER_DRAIN + supervisor._WATCH_DRAIN
        assert template.spec["terminationGracePeriodSeconds"] > ended, template.title


def test_every_server_has_time_to_drain(system: list[Manifest]) -> None:
    """Hook and drain of scorer, indexer and console fit into the grace period of their pods."""
    drains = {"scorer": "SCORELENS_SCORER_DRAIN", "indexer": "SCORELENS_INDEXER_DRAIN"}
    for template in pod_templates(system):
        if template.component in (*drains, "console"):
            container = template.container(template.component)
            drain = environment(container, system).get(drains.get(template.component, ""), f"{CONSOLE_DRAIN}s")
            needed = hook_of(container) + duration(drain)
            assert template.spec["terminationGracePeriodSeconds"] > needed, template.title


def test_new_pods_are_known_before_old_ones_go(system: list[Manifest]) -> None:
    """Callers have connected anew, and so met a new scorer, before a rolling update ends the next old one."""
    (scorer,) = (each for each in pod_templates(system) if each.component == "scorer")
    age = duration(environment(scorer.container("scorer"), system)["SCORELENS_SCORER_MAX_CONNECTION_AGE"])
    # gRPC ends connections at up to a tenth more than their age.
    assert scorer.owner["spec"]["minReadySeconds"] > 1.1 * age > 0


def test_connections_to_indexers_end(system: list[Manifest]) -> None:
    """Sidecars spread over indexers that are new."""
    (indexer,) = (each for each in pod_templates(system) if each.component == "indexer")
    assert duration(environment(indexer.container("indexer"), system)["SCORELENS_INDEXER_MAX_CONNECTION_AGE"]) > 0


def test_the_spool_fits_into_its_volume(rendered: list[Manifest]) -> None:
    """Spool, calculation logs and dead letters at their largest leave the volume room, so that no pod is evicted."""
    for template in with_sidecar(rendered):
        texts = sidecar_settings(template, rendered)
        log_files = 1 + int(default(SidecarSettings, "log_files"))
        logs = size(texts["SCORELENS_SIDECAR_LOG_BYTES"]) * log_files
        most = size(texts["SCORELENS_SIDECAR_SPOOL_BYTES"]) + logs + DEAD_LETTERS
        assert most < 0.95 * room(template, "spool"), template.title


def test_dead_letters_of_the_indexer_fit(system: list[Manifest]) -> None:
    """All files of dead letters at their largest leave the indexer's volume room."""
    (indexer,) = (each for each in pod_templates(system) if each.component == "indexer")
    files = 1 + int(default(IndexerSettings, "dead_letter_files"))
    assert size(default(IndexerSettings, "dead_letter_bytes")) * files < 0.95 * room(indexer, "indexer")


def test_production_keeps_what_a_lost_pod_had(production: list[Manifest]) -> None:
    """Spools, dead letters and audit logs are on claims that outlive pods, workloads and scaling down."""
    found = {each.component: each for each in pod_templates(production) if each.claims}
    assert {name: set(template.claims) for name, template in found.items()} == {
        "scorer": {"spool"},
        "indexer": {"indexer"},
        "console": {"console"},
    }
    for template in found.values():
        policy = template.owner["spec"]["persistentVolumeClaimRetentionPolicy"]
        assert policy == {"whenDeleted": "Retain", "whenScaled": "Retain"}


def test_captures_fit_into_memory(rendered: list[Manifest]) -> None:
    """What the sidecar may hold of calls in flight and of odd answers is at most half of its memory."""
    held = sum(size(default(SidecarSettings, name)) for name in ("capture_memory", "rewrite_limit"))
    for template in with_sidecar(rendered):
        assert held < quantity(template.container("sidecar")["resources"]["limits"]["memory"]) / 2


def test_the_scorers_drain_is_that_of_its_settings(system: list[Manifest]) -> None:
    """The scorer's own drain is no longer than the default that the grace period was made for."""
    (scorer,) = (each for each in pod_templates(system) if each.component == "scorer")
    drain = environment(scorer.container("scorer"), system)["SCORELENS_SCORER_DRAIN"]
    assert duration(drain) <= duration(default(ScorerSettings, "drain"))


def default(kind: Any, name: str) -> str:
    """Return the default of a setting."""
    return str(kind.__dataclass_fields__[name].metadata["default"])


def room(template: PodTemplate, volume: str) -> int:
    """Return how many bytes a volume of a pod may hold."""
    if volume in template.claims:
        return quantity(template.claims[volume]["resources"]["requests"]["storage"])
    (found,) = (each for each in template.spec["volumes"] if each["name"] == volume)
    return quantity(found["emptyDir"]["sizeLimit"])


def quantity(text: str) -> int:
    """Return the bytes of a Kubernetes quantity."""
    return int(text[:-2]) * UNITS[text[-2:]]
