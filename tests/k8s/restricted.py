"""What the Pod Security level `restricted` asks of a pod, in the words of its standard (pure).

https://kubernetes.io/docs/concepts/security/pod-security-standards. `make test-k8s` asks a real API server.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

HOST: Final = ("hostNetwork", "hostPID", "hostIPC")
VOLUMES: Final = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected"}
PROFILES: Final = ("RuntimeDefault", "Localhost")


def violations(spec: dict[str, Any]) -> Iterator[str]:
    """Yield what `restricted` refuses in a pod."""
    yield from (name for name in HOST if spec.get(name))
    for volume in spec.get("volumes", ()):
        if not set(volume) - {"name"} <= VOLUMES | {"secret"}:
            yield f"volume {volume['name']}"
    pod = spec.get("securityContext", {})
    for container in (*spec.get("initContainers", ()), *spec["containers"]):
        yield from (f"{container['name']}: {what}" for what in _refused(pod, container.get("securityContext", {})))
        if any("hostPort" in port for port in container.get("ports", ())):
            yield f"{container['name']}: hostPort"


def _refused(pod: dict[str, Any], own: dict[str, Any]) -> Iterator[str]:
    if own.get("privileged"):
        yield "privileged"
    if own.get("allowPrivilegeEscalation") is not False:
        yield "allowPrivilegeEscalation"
    if own.get("runAsNonRoot", pod.get("runAsNonRoot")) is not True:
        yield "runAsNonRoot"
    if own.get("runAsUser", pod.get("runAsUser")) == 0:
        yield "runAsUser"
    if own.get("seccompProfile", pod.get("seccompProfile", {})).get("type") not in PROFILES:
        yield "seccompProfile"
    capabilities = own.get("capabilities", {})
    if "ALL" not in capabilities.get("drop", ()) or set(capabilities.get("add", ())) - {"NET_BIND_SERVICE"}:
        yield "capabilities"
