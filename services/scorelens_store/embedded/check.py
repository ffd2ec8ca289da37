"""Looking for damage in the files of an embedded store.

tantivy ends each of its files with a footer that holds a CRC-32 of all before. It looks at the sum never and at the
footer when a file is opened; so `quick_check` sees what is missing or cut off, and `check` reads every byte.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import orjson

from scorelens_store.embedded.schema import FORMAT

_END: Final = struct.Struct("<II")  # size of the footer, and a fixed number
_MAGIC: Final = 1337
_CHUNK: Final = 2**20
_PARTS: Final = ("term", "idx", "pos", "fieldnorm", "fast", "store")
_MOST_FOOTER: Final = 50_000


def quick_check(folder: Path) -> list[str]:
    """Return what is wrong with the files of a store, as far as their ends tell; empty for a store that is whole."""
    return [fault for path in _files(folder) if (fault := _end_fault(path))] + _side_faults(folder)


def check(folder: Path, step: Callable[[int], None] = lambda size: None) -> list[str]:
    """Return what is wrong with the files of a store; reads all of them and tells `step` how many bytes it read."""
    return [fault for path in _files(folder) if (fault := _fault(path, step))] + _side_faults(folder)


def bytes_to_check(folder: Path) -> int:
    """Return how many bytes `check` reads."""
    return sum(path.stat().st_size for path in _files(folder) if path.is_file())


def has_index(folder: Path) -> bool:
    """Tell whether there are files of an index, readable or not."""
    index = folder / "index"
    return (index / "meta.json").exists() or any(any(index.glob(f"*.{part}")) for part in _PARTS)


def _side_faults(folder: Path) -> list[str]:
    return [
        fault for look in (_meta_fault, _numbers_fault, _tombstones_fault, _format_fault) if (fault := look(folder))
    ]


def _meta_fault(folder: Path) -> str:
    meta = folder / "index" / "meta.json"
    if not has_index(folder):
        return ""
    if not meta.exists():
        return f"{meta} is missing"
    try:
        _segments(folder)
    except (ValueError, LookupError, TypeError, OSError) as exc:
        return f"{meta} cannot be read ({exc})"
    return ""


def _numbers_fault(folder: Path) -> str:
    path = folder / "numbers.json"
    try:
        names = orjson.loads(path.read_bytes())
    except FileNotFoundError:
        return ""  # whether there are records that need it only the index can tell
    except (ValueError, OSError) as exc:
        return f"{path} cannot be read ({exc})"
    fine = isinstance(names, list) and all(isinstance(name, str) for name in names) and len(set(names)) == len(names)
    return "" if fine else f"{path} is not a list of different names"


def _tombstones_fault(folder: Path) -> str:
    path = folder / "tombstones"
    if not has_index(folder):
        return ""
    if not path.exists():
        return f"{path} is missing: it says what was forgotten and must not come back"
    for each in (path, *sorted(folder.glob("tombstones-*"))):
        if each.suffix != ".new" and each.stat().st_size < 16:
            return f"{each} is cut off: it says what was forgotten and must not come back"
    return ""


def _format_fault(folder: Path) -> str:
    path = folder / "format"
    if not has_index(folder):
        return ""
    found = path.read_bytes().strip() if path.exists() else b"nothing"
    return "" if found == str(FORMAT).encode() else f"{path} holds {found[:20]!r}, not {FORMAT}"


def _segments(folder: Path) -> list[dict[str, Any]]:
    meta = folder / "index" / "meta.json"
    segments: list[dict[str, Any]] = orjson.loads(meta.read_bytes())["segments"]
    for each in segments:
        int(each["segment_id"].replace("-", ""), 16)
    return segments


def _files(folder: Path) -> Iterator[Path]:
    """Yield the files that make up the index now; none where its list of them cannot be read."""
    try:
        segments = _segments(folder)
    except (ValueError, LookupError, TypeError, AttributeError, OSError):
        return
    for each in segments:
        name = each["segment_id"].replace("-", "")
        yield from (folder / "index" / f"{name}.{part}" for part in _PARTS)
        if each.get("deletes"):
            yield folder / "index" / f"{name}.{each['deletes']['opstamp']}.del"


def _end_fault(path: Path) -> str:
    try:
        _footer(path)
    except FileNotFoundError:
        return f"{path} is missing"
    except (OSError, ValueError, LookupError, TypeError) as exc:
        return f"{path} does not end as it should ({exc})"
    return ""


def _fault(path: Path, step: Callable[[int], None]) -> str:
    fault = _end_fault(path)
    if fault:
        return fault
    size, expected = _footer(path)
    try:
        return "" if _sum_of(path, size, step) == expected else f"{path} has another checksum than when it was written"
    except OSError as exc:
        return f"{path} cannot be read ({exc.strerror})"


def _footer(path: Path) -> tuple[int, int]:
    """Return how many bytes the checksum covers, and the checksum."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - _END.size))
        length, magic = _END.unpack(file.read(_END.size).rjust(_END.size, b"\0"))
        if magic != _MAGIC or length > min(_MOST_FOOTER, size - _END.size):
            raise ValueError("it is cut off")
        file.seek(size - _END.size - length)
        return size - _END.size - length, int(orjson.loads(file.read(length))["crc"])


def _sum_of(path: Path, size: int, step: Callable[[int], None]) -> int:
    found = 0
    with path.open("rb") as file:
        while size > 0 and (chunk := file.read(min(size, _CHUNK))):
            found, size = zlib.crc32(chunk, found), size - len(chunk)
            step(len(chunk))
    return found
