"""The commands of k8s/README.md that need no node do what it says, on a real API server."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.k8s.rendering import K8S
from tests.tools.api_server import FOLDER, ApiServer

Shell = Callable[[str], str]
FILES = ("ca.crt", "setup.key", "writer.key", "console.key", "kibana.key", "client-secret")
NODES = ("wait", "rollout", "exec", "port-forward", "logs")
"""What kubectl does with pods that run, which none does here."""


@pytest.fixture
def shell(own_server: ApiServer, tmp_path: Path) -> Shell:
    """Run lines as a reader would, in a folder with the manifests and the files of the secrets."""
    shutil.copytree(K8S, tmp_path / "k8s")
    for name in FILES:
        (tmp_path / name).write_text(name)
    subject = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    paths = ["-keyout", "tls.key", "-out", "tls.pem", "-subj", "/CN=console.example"]
    subprocess.run([*subject, *paths], cwd=tmp_path, check=True, capture_output=True, timeout=60)
    environment = os.environ | {
        "PATH": f"{FOLDER}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "KUBECONFIG": str(own_server.kubeconfig),
    }

    def run(lines: str) -> str:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", lines],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, f"{lines}\n{done.stdout}{done.stderr}"
        return done.stdout

    return run


def commands(*words: str) -> str:
    """Return the lines of the one block of the README that holds some words, but for what needs pods that run."""
    blocks = re.findall(r"```sh\n(.*?)```", (K8S / "README.md").read_text("utf-8"), re.DOTALL)
    (block,) = (block for block in blocks if all(word in block for word in words))
    joined = re.sub(r"\\\n\s*|(?<=\|)\n\s*", " ", block)
    return "\n".join(line for line in joined.splitlines() if not set(NODES) & set(line.split()))


def test_production_from_nothing(shell: Shell) -> None:
    """The block of production makes the namespace, every secret that pods mount, and all objects."""
    shell("cp -r k8s/overlays/production k8s/overlays/mine")
    shell(commands("create secret generic scorelens-oidc", "overlays/mine"))
    pods = json.loads(shell("kubectl -n scorelens get statefulset,deployment,job,cronjob -o json"))["items"]
    secrets = json.loads(shell("kubectl -n scorelens get secret -o json"))["items"]
    made = {secret["metadata"]["name"]: set(secret["data"]) for secret in secrets}
    mounted = set(re.findall(r'"secretName": "([^"]+)"', json.dumps(pods)))
    assert mounted <= set(made)
    assert made["scorelens-elasticsearch-writer"] == {"api-key"}
    shell("kubectl apply -k k8s/overlays/mine")


def test_a_lost_spool_gets_its_job(shell: Shell) -> None:
    """The mould becomes a Job for the claim that is named, with the settings of the sidecars."""
    shell("kubectl create namespace scorelens; kubectl apply -k k8s/overlays/production")
    shell(commands("CLAIM=", "ship-2").replace("kubectl -n scorelens delete", "true #"))
    job = json.loads(shell("kubectl -n scorelens get job ship-2 -o json"))
    spec = job["spec"]["template"]["spec"]
    claims = [volume["persistentVolumeClaim"] for volume in spec["volumes"] if "persistentVolumeClaim" in volume]
    assert claims == [{"claimName": "spool-scorelens-scorer-2"}]
    (settings,) = (source["configMapRef"]["name"] for source in spec["containers"][0]["envFrom"])
    assert json.loads(shell(f"kubectl -n scorelens get configmap {settings} -o json"))["data"]


def test_the_demo_comes_and_goes(shell: Shell) -> None:
    """The demo is one command, and gone with one more; a namespace becomes a caller by its label."""
    shell(commands("kubectl apply -k k8s/overlays/demo"))
    assert "scorelens-elasticsearch" in shell("kubectl -n scorelens get statefulsets")
    shell("kubectl create namespace shop")
    shell(commands("kubectl label namespace shop"))
    assert json.loads(shell("kubectl get namespace shop -o json"))["metadata"]["labels"]["scorelens/callers"] == "true"
    shell("kubectl delete -k k8s/overlays/demo --wait=false")
    assert not json.loads(shell("kubectl -n scorelens get statefulsets -o json"))["items"]
