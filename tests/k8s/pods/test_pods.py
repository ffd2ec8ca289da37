"""What runs pods does as Kubernetes does: order, settings, names; and a pod that is deleted fails no call."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.k8s.pods.cluster import Cluster
from tests.k8s.pods.dns import answer
from tests.k8s.pods.manifests import Manifests, Places, environment
from tests.k8s.pods.pod import Adapting
from tests.k8s.pods.running import SCORER, WORDS, Running

MakeCluster = Callable[[Manifests], Cluster]


@pytest.mark.heavy
def test_a_deleted_pod_fails_no_call_and_loses_no_record(
    make_cluster: MakeCluster, shape: Manifests, tmp_path: Path
) -> None:
    """Callers of a pod that ends in the order of Kubernetes are answered, there or elsewhere, and all is recorded."""
    running = Running(make_cluster(shape), str(tmp_path / "store"), Adapting(runs=WORDS, pace=0.1))
    leaving = running.scorer.pods[0]
    with running.callers() as load:
        load.until_answered(100)
        running.cluster.delete(running.scorer, leaving, replace=False)
        load.until_answered(100)
    assert load.failed == []
    assert leaving.history == [
        "sidecar started",
        "scorer started",
        "SIGTERM to scorer",
        "scorer ended",
        "SIGTERM to sidecar",
        "sidecar ended",
    ]
    assert "killed" not in str([each.history for each in (*leaving.sidecars, *leaving.mains)])
    running.settle(load)


def test_settings_are_those_of_the_manifests_at_places_of_this_machine(shape: Manifests) -> None:
    """Variables come from config maps, secrets, the pod and each other; paths, Services and addresses are put."""
    spec = shape.workload(SCORER)["spec"]["template"]["spec"]
    [sidecar], [scorer] = spec["initContainers"], spec["containers"]
    pod = {"status.podIP": "127.65.1.2"}
    variables = environment(scorer, shape, pod)
    assert variables["BOTH"] == "secret@127.65.1.2 $(UNKNOWN)"
    places = Places("127.65.1.2", {"/var/lib/scorelens": Path("/there")}, {"scorelens-indexer": "127.65.200.2"})
    put = {name: places.put(value) for name, value in environment(sidecar, shape, pod).items()}
    assert put["SCORELENS_SIDECAR_LISTEN"] == "127.65.1.2:50051"
    assert put["SCORELENS_SIDECAR_UPSTREAM"] == "127.65.1.2:50052"
    assert put["SCORELENS_SIDECAR_OTLP"] == "http://127.65.200.2:4317"
    assert put["SCORELENS_HOME"] == "/there"
    assert places.put("scorelens-indexer.scorelens.svc:4317") == "https://127.65.200.2:4317"
    assert places.put("/var/lib/scorelens/store, /var/lib/scorelens-other") == "/there/store, /var/lib/scorelens-other"


def test_names_of_services_have_the_addresses_of_pods() -> None:
    """An answer has the question and an address for each pod; other kinds are empty, other names do not exist."""
    name = b"".join(bytes([len(part)]) + part.encode() for part in ("scorelens-scorer", "svc")) + b"\0"
    pods = {"scorelens-scorer.svc": ["127.65.1.2", "127.65.1.3"]}

    def ask(kind: int, question: bytes = name) -> tuple[int, int, bytes]:
        query = struct.pack("!HHHHHH", 7, 0x0100, 1, 0, 0, 0) + question + struct.pack("!HH", kind, 1)
        got = answer(query, pods.get)
        number, flags, questions, answers = struct.unpack_from("!HHHH", got)
        assert (number, questions) == (7, 1)
        return flags & 0xF, answers, got[len(query) :]

    assert ask(1)[:2] == (0, 2)
    assert ask(1)[2].endswith(bytes([127, 65, 1, 3]))
    assert ask(28) == (0, 0, b"")
    assert ask(1, b"\3abc\0") == (3, 0, b"")
