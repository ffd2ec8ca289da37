"""The variables that containers get are settings that exist, and values that their components take."""

from __future__ import annotations

import dataclasses
import importlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from scorelens_runtime.commands import LazyGroup
from scorelens_runtime.main import scorelens
from scorelens_runtime.settings import read, variable_of
from scorelens_sidecar.settings import SidecarSettings, check
from tests.k8s.rendering import Manifest
from tests.k8s.workloads import PodTemplate, arguments, environment, pod_templates
from tests.test_structure import SETTINGS, SHARED_SETTINGS

FOLDER = "SCORELENS_HOME"
DOWNWARD = {"K8S_POD_NAME", "K8S_POD_UID", "K8S_NAMESPACE_NAME", "K8S_NODE_NAME"}
SECRETS = "/etc/scorelens/"
"""Below it secrets are mounted, which no test has."""
COMPONENT_OF = {"ship": "sidecar"}
"""Commands that take the settings of another component."""

Containers = list[tuple[PodTemplate, dict[str, Any]]]


def variables_of(module: str, name: str, component: str) -> set[str]:
    """Return the variables of a settings class."""
    fields = dataclasses.fields(getattr(importlib.import_module(module), name))
    return {variable_of(field, component) for field in fields}


SHARED = {variable for name, place in SHARED_SETTINGS.items() for variable in variables_of(*place, name)}
OF_COMPONENT = {name: variables_of(*place, name) for name, place in SETTINGS.items()}
URL = "SCORELENS_ELASTICSEARCH_URL"


def ours(manifests: list[Manifest]) -> Containers:
    """Return the containers that run a command of scorelens."""
    return [
        (template, container)
        for template in pod_templates(manifests)
        for container in template.containers
        if container["image"].startswith("scorelens/") and "args" in container
    ]


def test_every_variable_is_a_setting(rendered: list[Manifest]) -> None:
    """No variable is misspelt, or meant for another component."""
    found = ours(rendered)
    assert found
    for template, container in found:
        component = COMPONENT_OF.get(container["args"][0], container["args"][0])
        known = OF_COMPONENT.get(component, set()) | SHARED | DOWNWARD | {FOLDER, URL}
        assert set(environment(container, rendered)) <= known, f"{template.title}, {container['name']}"


def test_every_value_is_taken(rendered: list[Manifest], tmp_path: Path) -> None:
    """Each component starts with the values that it gets, as far as they can be read without starting."""
    file = tmp_path / "secret"
    file.write_text("secret")
    for _, container in ours(rendered):
        component = COMPONENT_OF.get(container["args"][0], container["args"][0])
        texts = environment(container, rendered)
        present = {name: str(file) if text.startswith(SECRETS) else text for name, text in texts.items()}
        places = [*SHARED_SETTINGS.items(), *((name, place) for name, place in SETTINGS.items() if name == component)]
        for name, (module, kind) in places:
            settings_class: Any = getattr(importlib.import_module(module), kind)
            fields = dataclasses.fields(settings_class)
            settings = read(settings_class, name, {each.name: present.get(variable_of(each, name)) for each in fields})
            if isinstance(settings, SidecarSettings):
                check(settings)


def test_every_command_exists(rendered: list[Manifest]) -> None:
    """What containers run is a command of scorelens with options that it has."""
    for _, container in ours(rendered):
        command: Any = scorelens
        words = arguments(container, rendered)
        while isinstance(command, LazyGroup):
            context = command.make_context("scorelens", [words[0], "--help"], resilient_parsing=True)
            name, words = words[0], words[1:]
            command = command.get_command(context, name)
            assert command is not None, name
        options = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
        assert {word for word in words if word.startswith("--")} <= options


@pytest.mark.parametrize("hook", ["preStop"])
def test_every_hook_exists(rendered: list[Manifest], hook: str) -> None:
    """What hooks run is a module that explains itself."""
    commands = {
        tuple(container["lifecycle"][hook]["exec"]["command"])
        for _, container in ours(rendered)
        if "exec" in container.get("lifecycle", {}).get(hook, {})
    }
    assert commands
    for python, dash, module, *flags in commands:
        assert (python, dash) == ("python", "-m")
        done = subprocess.run(
            [sys.executable, "-m", module, "--help"], capture_output=True, text=True, timeout=60, env=os.environ
        )
        assert done.returncode == 0, done.stderr
        assert all(flag in done.stdout for flag in flags if flag.startswith("--"))
