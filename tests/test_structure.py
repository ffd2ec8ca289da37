"""The shape of the project: who may import whom, what must be documented, what must not be written."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import click
import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from grpc_tools import protoc  # type: ignore[import-untyped]

from scorelens_runtime import settings
from scorelens_runtime.commands import Entry, LazyGroup
from scorelens_runtime.main import COMMANDS

ROOT = Path(__file__).parents[1]
ROOTS = (ROOT / "services", ROOT / "sidecar", ROOT / "protos")
SHARED = {"scorelens", "scorelens_runtime"}
MAY_IMPORT = {
    "scorelens": set[str](),
    "scorelens_runtime": {"scorelens"},
    "scorelens_documents": SHARED,
    "scorelens_scorer": SHARED | {"scorelens_documents"},
    "scorelens_sidecar": SHARED,
    "scorelens_store": SHARED,
    "scorelens_reading": SHARED | {"scorelens_store", "scorelens_documents"},
    "scorelens_indexer": SHARED | {"scorelens_store"},
    "scorelens_console": SHARED | {"scorelens_store", "scorelens_documents", "scorelens_reading"},
    "scorelens_client": SHARED | {"scorelens_store", "scorelens_documents", "scorelens_reading"},
}
PACKAGES = {folder.name: folder for root in ROOTS for folder in root.iterdir() if (folder / "__init__.py").exists()}
SOURCES = sorted(path for folder in PACKAGES.values() for path in folder.rglob("*.py") if "_pb2" not in path.name)
LONGEST_FILE = 650

# What starts on its own has its first line here; the command line finds components by these names.
SETTINGS = {
    "up": ("scorelens_client.addresses", "UpSettings"),
    "scorer": ("scorelens_scorer.settings", "ScorerSettings"),
    "sidecar": ("scorelens_sidecar.settings", "SidecarSettings"),
    "indexer": ("scorelens_indexer.settings", "IndexerSettings"),
    "console": ("scorelens_console.settings", "ConsoleSettings"),
}
SHARED_SETTINGS = {
    "elasticsearch": ("scorelens_store.elasticsearch.settings", "ElasticsearchSettings"),
    "kibana": ("scorelens_reading.kibana.settings", "KibanaSettings"),
    "console": ("scorelens_client.console.settings", "AccessSettings"),
}


def tracked(*suffixes: str) -> list[Path]:
    """Return the files that belong to the project."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout.decode().split("\0")
    return [ROOT / name for name in names if name.endswith(suffixes or ("",)) and (ROOT / name).is_file()]


def imports(path: Path) -> Iterator[str]:
    """Yield the top-level names that a file imports."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name.partition(".")[0] for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def test_every_package_has_its_place() -> None:
    """A package that is new must say here what it may import."""
    assert set(PACKAGES) == set(MAY_IMPORT)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_components_do_not_import_each_other(path: Path) -> None:
    """Components share the contract, the runtime and the store, and nothing else."""
    package = next(name for name, folder in PACKAGES.items() if path.is_relative_to(folder))
    ours = {name for name in imports(path) if name in PACKAGES}
    assert ours <= MAY_IMPORT[package] | {package}
    assert "tests" not in set(imports(path))


def test_nothing_is_unpickled() -> None:
    """Data that could run code is not read anywhere."""
    for path in SOURCES:
        assert not {"pickle", "joblib", "dill", "cloudpickle", "marshal", "shelve"} & set(imports(path)), path


def test_files_stay_small_enough_to_read() -> None:
    """One concept per file."""
    long = {str(path.relative_to(ROOT)) for path in SOURCES if len(path.read_text("utf-8").splitlines()) > LONGEST_FILE}
    assert not long


def test_every_setting_is_documented() -> None:
    """docs/settings.md is what its generator makes of the settings classes."""
    page = (ROOT / "docs" / "settings.md").read_text("utf-8")
    for component, (module, name) in SETTINGS.items():
        for field in dataclasses.fields(getattr(importlib.import_module(module), name)):
            assert f"| `{settings.flag_of(field)}` | `{settings.variable_of(field, component)}` |" in page
            assert len(field.metadata["help"]) > 10
    for component, (module, name) in SHARED_SETTINGS.items():
        for field in dataclasses.fields(getattr(importlib.import_module(module), name)):
            assert f"\n| `{settings.variable_of(field, component)}` |" in page
            assert len(field.metadata["help"]) > 10


def test_every_proto_element_is_commented(tmp_path: Path) -> None:
    """Each service, method, message, field, enum and value says what it means."""
    for path in sorted((ROOT / "protos").rglob("*.proto")):
        assert not list(uncommented(path, tmp_path / "set.bin")), path.name


def uncommented(path: Path, out: Path) -> Iterator[str]:
    """Yield the elements of a contract that have no comment before them."""
    protos = ROOT / "protos"
    include = Path(protoc.__file__).parent / "_proto"
    arguments = [
        "protoc",
        f"-I{protos}",
        f"-I{include}",
        "--include_source_info",
        f"--descriptor_set_out={out}",
        str(path),
    ]
    assert protoc.main(arguments) == 0
    (file,) = FileDescriptorSet.FromString(out.read_bytes()).file
    commented = {tuple(place.path) for place in file.source_code_info.location if place.leading_comments.strip()}
    yield from (name for name, place in elements(file) if place not in commented)


def elements(file: FileDescriptorProto) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield the name and the path of every element of a file."""
    for m, message in enumerate(file.message_type):
        yield message.name, (4, m)
        yield from ((f"{message.name}.{field.name}", (4, m, 2, f)) for f, field in enumerate(message.field))
        assert all(nested.options.map_entry for nested in message.nested_type), "nested messages are not looked at"
        assert not message.enum_type, "nested enums are not looked at"
    for e, enum in enumerate(file.enum_type):
        yield enum.name, (5, e)
        yield from ((f"{enum.name}.{value.name}", (5, e, 2, v)) for v, value in enumerate(enum.value))
    for s, service in enumerate(file.service):
        yield service.name, (6, s)
        yield from ((f"{service.name}.{method.name}", (6, s, 2, m)) for m, method in enumerate(service.method))


def command_names(entries: Mapping[str, Entry] = COMMANDS, before: str = "") -> Iterator[tuple[str, str]]:
    """Yield the full name and the module of every command, those of groups as well."""
    for name, entry in entries.items():
        yield before + name, entry.module
        command = importlib.import_module(entry.module).command
        if isinstance(command, LazyGroup):
            yield from command_names(command.entries, f"{before}{name} ")


@pytest.mark.parametrize(("name", "module"), list(command_names()))
def test_every_command_teaches_by_example(name: str, module: str) -> None:
    """The help of each command shows how it is called, and explains every option."""
    command = importlib.import_module(module).command
    context = click.Context(command, info_name=name)
    assert f"scorelens {name}" in re.sub(r"Usage:.*\n", "", command.get_help(context))
    assert all(option.help for option in command.params if isinstance(option, click.Option))


def test_every_test_says_what_it_shows() -> None:
    """Each test states a behaviour in one sentence."""
    for path in (ROOT / "tests").rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                assert ast.get_docstring(node), f"{path.name}: {node.name}"


def test_links_in_documents_lead_somewhere() -> None:
    """A relative link of a document names a file that is there."""
    for path in tracked(".md"):
        for link in re.findall(r"\]\((?!https?://|#|mailto:)([^)#\s]+)", path.read_text("utf-8")):
            assert (path.parent / link).exists(), f"{path.name}: {link}"


def test_nothing_names_a_machine_or_a_home() -> None:
    """What is committed holds no path or address of the machine that it was written on."""
    forbidden = re.compile(
        r"/home/[a-z]|/root/|/Users/[a-z]|(?<![\w.])/work/|artifactory|--index-url|localdomain", re.IGNORECASE
    )
    for path in tracked(".py", ".md", ".toml", ".txt", ".proto", ".yaml", ".yml", ".json", ".svg", "Makefile", "run"):
        if path != Path(__file__):
            assert not forbidden.search(path.read_text("utf-8", "replace")), path.relative_to(ROOT)
