"""The console over https: with a certificate of its own, and behind a proxy that has one."""

from __future__ import annotations

import ssl
from pathlib import Path

import httpx

from scorelens_console.access.identity import Role
from scorelens_console.access.links import make_link
from tests.scorelens_console.records import records
from tests.scorelens_console.running import running
from tests.tools.certificates import Authority


def test_cookies_are_bound_to_an_encrypted_host(tmp_path: Path) -> None:
    """With a certificate browsers send them over https alone, to this host alone, and come back over https."""
    authority = Authority(tmp_path / "ca")
    first = authority.issue("first", "IP:127.0.0.1")
    files = {"tls_cert": str(first.certificate), "tls_key": str(first.key)}
    with running(tmp_path, records(2), **files) as console:
        url = console.url.replace("http://", "https://")
        trust = ssl.create_default_context(cafile=str(authority.certificate))
        with httpx.Client(base_url=url, verify=trust) as client:
            answer = client.get("/signin", params={"code": make_link(console.state, "ada", {"*": Role.VIEWER})})
            (cookie,) = answer.headers.get_list("set-cookie")
            assert cookie.startswith("__Host-scorelens-session=")
            assert {"Secure", "HttpOnly", "Path=/"} <= set(cookie.split("; "))
            assert "Domain" not in cookie
            assert answer.headers["strict-transport-security"].startswith("max-age=")
            assert "Acme" in client.get("/documents").text
            assert client.post("/signout", headers={"Origin": url.replace("https", "http")}).status_code == 403

        second = authority.issue("second", "IP:127.0.0.1")
        second.certificate.replace(first.certificate)
        second.key.replace(first.key)
        with httpx.Client(base_url=url, verify=trust) as client, client.stream("GET", "/health") as answer:
            peer = answer.extensions["network_stream"].get_extra_info("ssl_object").getpeercert()
            assert (("commonName", "second"),) in peer["subject"]


def test_a_proxy_may_have_the_certificate(tmp_path: Path) -> None:
    """Then the console knows by its public address that browsers come over https."""
    address = {"public_url": "https://console.example", "sign_in": "accounts"}
    with running(tmp_path, records(2), **address) as console:
        client = console.visitor()
        client.headers["Host"] = "console.example"
        assert client.get("/documents").headers["location"].startswith("/signin")
        page = client.get("/signin")
        assert "strict-transport-security" in page.headers
        for origin, status in (("https://console.example", 403), ("http://console.example", 403)):
            answer = client.post("/signin", data={"name": "x", "password": "y"}, headers={"Origin": origin})
            assert ("is wrong" in answer.text) == origin.startswith("https")
            assert answer.status_code == status
        for slash in ("/documents/", "/signin/"):
            assert not client.get(slash).headers.get("location", "").startswith("http:")
        client.headers["Host"] = "other.example"
        assert client.get("/signin").status_code == 421
