"""Certificates for the tests, made by openssl: an authority, and what it vouches for."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Final, NamedTuple

_KEY: Final = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


class Certificate(NamedTuple):
    """A certificate and its key as PEM files."""

    certificate: Path
    key: Path


class Authority:
    """Issues certificates; its own is `certificate`."""

    def __init__(self, folder: Path, name: str = "Authority of the tests") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self.certificate, self._key = folder / "ca.pem", folder / "ca.key"
        # fmt: off
        _openssl("req", "-x509", *_KEY, "-keyout", self._key, "-out", self.certificate, "-subj", f"/CN={name}",
                 "-days", "2")
        # fmt: on

    def issue(self, name: str, *hosts: str, days: int = 2) -> Certificate:
        """Return a certificate for a common name, valid for hosts such as `IP:127.0.0.1` or `DNS:localhost`.

        A negative number of `days` makes one that has expired.
        """
        certificate, key, request, about = (self._folder / f"{name}.{end}" for end in ("pem", "key", "csr", "ext"))
        about.write_text(f"subjectAltName={','.join(hosts)}\n" if hosts else "extendedKeyUsage=clientAuth\n")
        _openssl("req", *_KEY, "-keyout", key, "-out", request, "-subj", f"/CN={name}")
        # fmt: off
        _openssl("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self._key, "-CAcreateserial",
                 "-out", certificate, "-days", str(days), "-extfile", about)
        # fmt: on
        return Certificate(certificate, key)


def encrypt(key: Path) -> Path:
    """Return a copy of a key that only a pass phrase opens."""
    copy = key.with_suffix(".encrypted")
    _openssl("pkey", "-in", key, "-aes256", "-passout", "pass:phrase", "-out", copy)
    return copy


def _openssl(*words: str | Path) -> None:
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True, timeout=60)
