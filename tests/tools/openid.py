"""A real OpenID provider: the certified package oidc-provider, with accounts that a test makes up."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any, Final

import httpx

from tests.tools import npm_packages
from tests.tools.certificates import Certificate
from tests.tools.missing import MissingPartError

SCRIPT: Final = Path(__file__).with_name("openid_provider.mjs")
CLIENT: Final = "console"
SECRET: Final = "a secret: of +the% client/with=signs"
CLAIMS: Final = {
    "openid": ["sub"],
    "profile": ["preferred_username", "groups", "realm_access"],
    "email": ["email", "email_verified"],
}


@dataclass(frozen=True)
class OpenId:
    """A provider that runs at `url`."""

    url: str

    def sign_in(self, browser: httpx.Client, address: str, account: str) -> httpx.Response:
        """Go to the provider as a browser does, sign in and consent; return the answer that leads back."""
        answer = browser.get(address)
        for _ in range(12):
            if answer.is_redirect:
                following = answer.headers["location"]
                if "/signin/oidc/back" in following:
                    return answer
                answer = browser.get(httpx.URL(str(answer.url)).join(following))
                continue
            action = re.search(r'<form[^>]*action="([^"]+)"', answer.text)
            assert action, answer.text
            fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', answer.text))
            given = fields | ({"login": account, "password": "any"} if 'name="login"' in answer.text else {})
            answer = browser.post(httpx.URL(str(answer.url)).join(unescape(action[1])), data=given)
        raise AssertionError("the provider never leads back")


@contextmanager
def openid(
    accounts: Mapping[str, Mapping[str, Any]],
    *,
    issuer: str = "",
    tls: Certificate | None = None,
    client: Mapping[str, Any] | None = None,
    **configuration: Any,
) -> Iterator[OpenId]:
    """Run a provider until the end of the block. Raises MissingPartError.

    `client` adds to what is registered of the console, `configuration` to what oidc-provider is told.
    """
    package, node = npm_packages.package("oidc-provider"), shutil.which("node")
    if node is None:
        raise MissingPartError(f"there is no node on the PATH; {npm_packages.GET}")
    registered = {
        "client_id": CLIENT,
        "client_secret": SECRET,
        "redirect_uris": ["http://127.0.0.1/signin/oidc/back"],
        "application_type": "native",  # for which any port of this machine does
        "grant_types": ["authorization_code"],
        "response_types": ["code"],
    } | dict(client or {})
    told = {
        "package": str(package),
        "issuer": issuer,
        "tls": {"cert": str(tls.certificate), "key": str(tls.key)} if tls else None,
        "accounts": accounts,
        "configuration": {
            "clients": [{name: value for name, value in registered.items() if value is not None}],
            "claims": CLAIMS,
            "cookies": {"keys": ["of the tests"]},
            **configuration,
        },
    }
    process = subprocess.Popen(
        [node, SCRIPT],
        env=os.environ | {"PROVIDER": json.dumps(told)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield OpenId(_address(process))
    finally:
        process.communicate(timeout=30)  # the end of its input ends it


def _address(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    for line in process.stdout:
        if line.startswith('{"url"'):
            return str(json.loads(line)["url"])
    said = process.stderr.read() if process.stderr else ""
    raise MissingPartError(f"the OpenID provider does not start: {said.strip()[-300:]}; {npm_packages.GET}")
