"""Whether a part speaks the same contract (pure): what its descriptors, which reflection tells, have beside ours."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto

_Elements = dict[tuple[str, int | str], tuple[object, ...]]


@dataclass(frozen=True)
class Difference:
    """Elements that only one side has, and those that mean something else; all sorted."""

    lacking: tuple[str, ...]
    further: tuple[str, ...]
    changed: tuple[str, ...]


def compare(ours: FileDescriptorProto, theirs: FileDescriptorProto) -> Difference:
    """Compare what goes over the wire: messages, the numbers and types of their fields, and methods."""
    have, has = dict(_elements(ours)), dict(_elements(theirs))
    return Difference(
        _named(have, have.keys() - has.keys()),
        _named(has, has.keys() - have.keys()),
        _named(have, (each for each in have.keys() & has.keys() if have[each][1:] != has[each][1:])),
    )


def _named(elements: _Elements, places: Iterable[tuple[str, int | str]]) -> tuple[str, ...]:
    return tuple(sorted(f"{place[0]}.{elements[place][0]}" for place in places))


def _elements(file: FileDescriptorProto) -> Iterator[tuple[tuple[str, int | str], tuple[object, ...]]]:
    for message in file.message_type:
        yield from _fields(message, message.name)
    for service in file.service:
        for method in service.method:
            shape = (method.input_type, method.output_type, method.client_streaming, method.server_streaming)
            yield (service.name, method.name), (method.name, *shape)


def _fields(message: DescriptorProto, name: str) -> Iterator[tuple[tuple[str, int | str], tuple[object, ...]]]:
    for field in message.field:
        repeated = field.label == FieldDescriptorProto.LABEL_REPEATED
        yield (name, field.number), (field.name, field.type, field.type_name, repeated)
    for nested in message.nested_type:
        yield from _fields(nested, f"{name}.{nested.name}")
