"""Redaction: what must not leave the sidecar is masked before spans and the calculation log are written.

`email`, `iban`, `card` and `phone` are masked wherever they stand in free text: title, text, texts of activity events,
values of attributes. A named field is masked as a whole: words are dropped, and names that one joins by (author,
customer.id, document.id) become a keyed hash, the same for the same name under the same key. The key is a file beside
the spool, made on first use; sidecars whose records shall join share a copy of it. Terms whose feature holds masked
words that stand nowhere else in the document are masked too.
"""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path

from scorelens.v1.scorer_pb2 import Document
from scorelens_runtime.errors import SettingError
from scorelens_sidecar.patterns import FINDERS, Found
from scorelens_sidecar.redactable import DROPPED, HASHED, known_redactions
from scorelens_sidecar.spans.decode import DecodedCall, ScoredDocument

MASKED = "[masked]"
KEY_FILE = "redaction.key"
Edit = Callable[[str], str]


class Redaction:
    """Masks decoded calls as the setting `redact` says."""

    def __init__(self, wanted: Sequence[str], folder: Path) -> None:
        """Take names of the setting; raises SettingError for one that is not known, or a key that cannot be read."""
        parsed = known_redactions(list(wanted))
        self._finders = [FINDERS[name] for name in FINDERS if name in parsed]
        self._hashed = [HASHED[name] for name in HASHED if name in parsed]
        self._dropped = [DROPPED[name] for name in DROPPED if name in parsed]
        self._others = parsed
        self._key = _read_key(folder / KEY_FILE) if self._hashed else b""
        self._idle = not parsed

    def apply(self, decoded: DecodedCall) -> None:
        """Mask a decoded call in place."""
        if self._idle:
            return
        if "user_agent" in self._others:
            decoded.call = decoded.call._replace(user_agent=b"")
        for scored in decoded.documents:
            self._redact(scored)

    def _redact(self, scored: ScoredDocument) -> None:
        masked: list[str] = []
        document = scored.document
        _edit_texts(document, self._masking(masked))
        for name in self._dropped:
            masked.append(getattr(document, name))
            document.ClearField(name)  # type: ignore[arg-type]
        self._drop_free_texts(document, masked)
        self._hash(scored)
        if any(masked):
            _mask_features(scored, masked)

    def _masking(self, masked: list[str]) -> Edit:
        def edit(text: str) -> str:
            found = list(_disjoint(finding for find in self._finders for finding in find(text)))
            masked.extend(text[start:end] for start, end, _ in found)
            return _replace(text, found)

        return edit

    def _drop_free_texts(self, document: Document, masked: list[str]) -> None:
        if "activity.text" in self._others:
            for event in document.events:
                masked.append(event.text)
                event.ClearField("text")
        if "attributes" in self._others:
            masked.extend(document.attributes.values())
            document.attributes.clear()

    def _hash(self, scored: ScoredDocument) -> None:
        for name in self._hashed:
            value = getattr(scored.document, name)
            if value:
                setattr(scored.document, name, _hashed(value, self._key))


def hashed_names(folder: Path, names: Iterable[str]) -> list[str]:
    """Return what redaction makes of names that one joins by, under the folder's key; nothing where there is none.

    Raises OSError.
    """
    try:
        key = (folder / KEY_FILE).read_bytes()
    except FileNotFoundError:
        return []
    return [_hashed(name, key) for name in names]


def _hashed(name: str, key: bytes) -> str:
    return hashlib.blake2b(name.encode(), key=key, digest_size=16).hexdigest()


def _edit_texts(document: Document, edit: Edit) -> None:
    document.title, document.text = edit(document.title), edit(document.text)
    for event in document.events:
        event.text = edit(event.text)
    for key, value in list(document.attributes.items()):
        document.attributes[key] = edit(value)


def _disjoint(findings: Iterable[Found]) -> Iterator[Found]:
    end = 0
    for finding in sorted(findings, key=lambda finding: (finding.start, -finding.end)):
        if finding.end > end:
            yield finding._replace(start=max(finding.start, end))
            end = finding.end


def _replace(text: str, findings: Iterable[Found]) -> str:
    parts, place = [], 0
    for start, end, kind in findings:
        parts += [text[place:start], f"[{kind}]"]
        place = end
    return "".join([*parts, text[place:]]) if parts else text


def _mask_features(scored: ScoredDocument, masked: Iterable[str]) -> None:
    hidden, visible = _plain("\n".join(masked)), _plain("\n".join(_free_texts(scored.document)))

    @cache
    def tells(feature: str) -> bool:
        words = re.findall(r"\w+", _plain(feature))
        return any(word in hidden and word not in visible for word in words)

    for tag in scored.calculation.tags:
        features = tag.terms.feature
        for number, feature in enumerate(features):
            if tells(feature):
                features[number] = MASKED


def _free_texts(document: Document) -> Iterator[str]:
    yield from (document.title, document.text)
    yield from (event.text for event in document.events)
    yield from document.attributes.values()


def _plain(text: str) -> str:
    """Return a text as vectorizers see it: lower case, no accents."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(character for character in decomposed if not unicodedata.combining(character))


def _read_key(path: Path) -> bytes:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            written = path.with_suffix(".new")
            with os.fdopen(os.open(written, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(os.urandom(32))
                os.fsync(file.fileno())
            written.replace(path)
        key = path.read_bytes()
    except OSError as error:
        raise SettingError(f"setting --redact: the key {path} cannot be read or made: {error.strerror}") from error
    if not 16 <= len(key) <= 64:
        raise SettingError(f"setting --redact: the key {path} has {len(key)} bytes, and 16 to 64 are needed")
    return key
