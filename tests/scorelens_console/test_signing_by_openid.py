"""Signing in at a real OpenID provider, and what is believed of answers that it would never give."""

from __future__ import annotations

import json
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey

from tests.scorelens_console.at_provider import console_of, provider
from tests.scorelens_console.running import Running
from tests.tools.certificates import Authority
from tests.tools.openid import SECRET, OpenId
from tests.tools.proxy import Answer, Passing, Proxy, passing, proxied


@pytest.fixture(scope="module")
def shared() -> Iterator[OpenId]:
    """A provider that tests share."""
    with provider() as found:
        yield found


@pytest.fixture(scope="module")
def console(shared: OpenId, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A console that sends people there."""
    with console_of(tmp_path_factory.mktemp("console") / "c", shared.url) as found:
        yield found


def come_back(console: Running, at: OpenId, account: str, target: str = "") -> tuple[httpx.Client, httpx.Response]:
    """Sign in at the provider in a browser of one's own; return it, and what the console answers then."""
    browser = console.visitor()
    back = at.sign_in(browser, f"{console.url}/signin/oidc?next={target}", account)
    return browser, browser.get(back.headers["location"])


def test_people_sign_in_at_the_provider(console: Running, shared: OpenId) -> None:
    """They come back to where they were, with the roles of their groups, and the log knows them."""
    page = console.visitor().get("/documents?q=refund", follow_redirects=True)
    assert 'href="/signin/oidc?next=%2Fdocuments%3Fq%3Drefund"' in page.text
    browser, answer = come_back(console, shared, "u-1", "/documents?q=refund")
    assert (answer.status_code, answer.headers["location"]) == (303, "/documents?q=refund")
    assert "ada" in browser.get("/documents?sort=margin.complaint").text
    lines = [json.loads(line) for line in (console.folder / "audit.jsonl").read_text().splitlines()]
    assert ("sign_in", "ada", "oidc") in [(line["action"], line["name"], line["method"]) for line in lines]


def test_what_goes_to_the_provider_is_no_secret(console: Running) -> None:
    """The address has a challenge, a state and a nonce, each its own, and nothing that is of use elsewhere."""
    answers = [console.visitor().get("/signin/oidc") for _ in range(2)]
    first, second = (httpx.URL(answer.headers["location"]).params for answer in answers)
    assert (first["response_type"], first["code_challenge_method"]) == ("code", "S256")
    assert first["redirect_uri"] == f"{console.url}/signin/oidc/back"
    assert SECRET not in answers[0].headers["location"]
    for name in ("state", "nonce", "code_challenge"):
        assert first[name] != second[name]
        assert first[name] not in answers[0].headers["set-cookie"]
    (cookie,) = answers[0].headers.get_list("set-cookie")
    assert {"HttpOnly", "SameSite=lax", "Max-Age=600"} <= set(cookie.split("; "))


def test_who_is_in_no_group_with_a_role_is_told_so(console: Running, shared: OpenId) -> None:
    """They are somebody, but nobody here, and have no session."""
    browser, answer = come_back(console, shared, "u-2")
    assert answer.status_code == 403
    assert "you are signed in as eve, who is in no group that has a role here" in answer.text
    assert browser.get("/documents").status_code == 303


def test_nobody_comes_back_in_the_place_of_another(console: Running, shared: OpenId) -> None:
    """An answer belongs to the browser that asked, once."""
    victim, thief = console.visitor(), console.visitor()
    back = shared.sign_in(victim, f"{console.url}/signin/oidc", "u-1").headers["location"]
    assert thief.get(back).status_code == 400
    thief.get("/signin/oidc")
    assert thief.get(back).status_code == 400
    url = httpx.URL(back)
    for wrong in ({"state": ""}, {"state": "made-up"}, {"code": "made-up"}, {"code": ""}):
        assert victim.get(url.copy_merge_params(wrong)).status_code in (400, 502)
    assert victim.get(back).status_code in (303, 502)  # a provider may take a code for lost after a wrong try
    assert victim.get(back).status_code == 400  # the flow has ended


def test_an_answer_of_another_provider_is_refused(console: Running, shared: OpenId) -> None:
    """The provider names itself with its answer; another name, or none, is not believed (mix-up)."""
    for change in ({"iss": "https://evil.example"}, {"iss": None}):
        browser = console.visitor()
        back = httpx.URL(shared.sign_in(browser, f"{console.url}/signin/oidc", "u-1").headers["location"])
        params = {name: value for name, value in back.params.items() if name != "iss"}
        params |= {name: value for name, value in change.items() if value}
        answer = browser.get(back.copy_with(params=params))
        assert answer.status_code == 502
        assert "not as it should be" in answer.text


def test_what_the_provider_says_of_a_failure_is_text(console: Running, shared: OpenId) -> None:
    """Somebody who was refused there reads so here."""
    browser = console.visitor()
    state = httpx.URL(browser.get("/signin/oidc").headers["location"]).params["state"]
    answer = browser.get("/signin/oidc/back", params={"error": "<script>denied", "state": state, "iss": shared.url})
    assert answer.status_code == 403
    assert "&lt;script&gt;denied" in answer.text


@pytest.mark.parametrize(
    ("settings", "client", "configuration"),
    [
        ({"oidc_groups": "realm_access.roles"}, {}, {"conformIdTokenClaims": False}),
        ({"oidc_groups": "email", "roles": "cy@example.org=admin; ada@example.org=admin"}, {}, {}),
        ({}, {"token_endpoint_auth_method": "client_secret_post"}, {"clientAuthMethods": ["client_secret_post"]}),
        ({"oidc_secret_file": ""}, {"token_endpoint_auth_method": "none", "client_secret": None}, {}),
        (
            {},
            {"id_token_signed_response_alg": "ES256"},
            {
                "enabledJWA": {"idTokenSigningAlgValues": ["ES256", "RS256"]},
                "jwks": {"keys": []},
            },
        ),
    ],
    ids=["nested claim in the id_token", "verified email", "secret in the form", "no secret", "elliptic curves"],
)
def test_providers_differ(
    tmp_path: Path, settings: dict[str, str], client: dict[str, Any], configuration: dict[str, Any]
) -> None:
    """Claims in the id_token or in userinfo, ways to tell the secret, and signatures are as the provider has them."""
    if "jwks" in configuration:
        keys: list[ECKey | RSAKey] = [
            ECKey.generate_key("P-256", {"use": "sig"}),
            RSAKey.generate_key(2048, {"use": "sig"}),
        ]
        configuration = configuration | {"jwks": {"keys": [key.as_dict(private=True) for key in keys]}}
    with provider(client=client, **configuration) as at, console_of(tmp_path, at.url, **settings) as console:
        browser, answer = come_back(console, at, "u-3")
        assert answer.status_code == 303, answer.text
        assert "cy@example.org" in browser.get("/documents?sort=margin.complaint").text
        if settings.get("oidc_groups") == "email":
            assert come_back(console, at, "u-1")[1].status_code == 403  # anybody can say that an address is theirs


def test_the_provider_is_verified(tmp_path: Path) -> None:
    """A provider whose certificate nobody vouches for is not spoken to."""
    authority = Authority(tmp_path / "ca")
    with provider(tls=authority.issue("provider", "IP:127.0.0.1")) as at:
        with console_of(tmp_path / "unknown", at.url) as console:
            answer = console.visitor().get("/signin/oidc")
            assert answer.status_code == 502
            assert "does not answer" in answer.text
        with console_of(tmp_path / "known", at.url, oidc_ca=str(authority.certificate)) as console:
            location = console.visitor().get("/signin/oidc").headers["location"]
            assert location.startswith(at.url + "/auth?")


def test_a_provider_that_is_away_is_a_page(tmp_path: Path) -> None:
    """The console starts without it, and says what to do; a new secret is taken up from its file."""
    with console_of(tmp_path, "http://127.0.0.1:9") as console:
        answer = console.visitor().get("/signin/oidc")
        assert answer.status_code == 502
        assert "try again in a moment" in answer.text
        assert console.visitor().get("/signin").status_code == 200


@pytest.fixture(scope="module")
def key() -> RSAKey:
    """The provider's key, with which the tests sign what it never would."""
    return RSAKey.generate_key(2048, {"use": "sig", "alg": "RS256", "kid": "own"})


@pytest.fixture(scope="module")
def spoilt(key: RSAKey, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Running, OpenId, Proxy]]:
    """A console, and its provider behind a proxy that may change what it says."""
    with (
        proxied("") as proxy,
        provider(issuer=proxy.url, jwks={"keys": [key.as_dict(private=True)]}) as at,
        console_of(tmp_path_factory.mktemp("spoilt") / "c", proxy.url) as console,
    ):
        proxy.upstream = at.url
        yield console, replace(at, url=proxy.url), proxy


Spoil = Callable[[dict[str, Any]], dict[str, Any] | str]


def _with(**changes: Any) -> Spoil:
    return lambda claims: {name: value for name, value in (claims | changes).items() if value is not None}


def _from_now(**seconds: int) -> Spoil:
    return lambda claims: claims | {name: int(time.time()) + offset for name, offset in seconds.items()}


def _signed(header: Mapping[str, Any], make: Callable[[], Any]) -> Spoil:
    return lambda claims: jwt.encode(dict(header), claims, make(), algorithms=[header["alg"]])


def _unsigned(claims: dict[str, Any]) -> str:
    parts = ({"alg": "none"}, claims)
    return ".".join(urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts) + "."


@pytest.mark.parametrize(
    ("spoil", "fits"),
    [
        pytest.param(_with(), True, id="as it was"),
        pytest.param(_with(aud=["console", "other"], azp="console"), True, id="for the console among others"),
        pytest.param(_from_now(exp=-30), True, id="within the leeway of clocks"),
        pytest.param(_with(iss="https://evil.example"), False, id="of another issuer"),
        pytest.param(_with(iss=None), False, id="of no issuer"),
        pytest.param(_with(aud="other"), False, id="for another client"),
        pytest.param(_with(aud=["other"]), False, id="for other clients"),
        pytest.param(_with(aud=None), False, id="for nobody"),
        pytest.param(_with(aud=["console", "other"], azp="other"), False, id="authorized for another"),
        pytest.param(_from_now(exp=-600), False, id="expired"),
        pytest.param(_with(exp=None), False, id="without an end"),
        pytest.param(_with(exp="tomorrow"), False, id="with an end that is no time"),
        pytest.param(_from_now(iat=3600), False, id="of the future"),
        pytest.param(_from_now(nbf=3600), False, id="not yet valid"),
        pytest.param(_with(nonce="another"), False, id="of another flow"),
        pytest.param(_with(nonce=None), False, id="of no flow"),
        pytest.param(_with(at_hash="AAAAAAAAAAAAAAAAAAAAAA"), False, id="of another access token"),
        pytest.param(_with(sub=None), False, id="of nobody"),
        pytest.param(_with(sub="u-9"), False, id="of somebody else than userinfo tells of"),
        pytest.param(_unsigned, False, id="unsigned"),
        pytest.param(
            _signed({"alg": "RS256", "kid": "own"}, lambda: RSAKey.generate_key(2048)),
            False,
            id="by another key",
        ),
        pytest.param(
            _signed({"alg": "RS256", "kid": "new"}, lambda: RSAKey.generate_key(2048)), False, id="by an unknown key"
        ),
        pytest.param(
            _signed({"alg": "HS256"}, lambda: OctKey.import_key(SECRET.encode() * 2)), False, id="by a shared secret"
        ),
        pytest.param(lambda claims: "nonsense", False, id="no token"),
        pytest.param(lambda claims: "a.b.c", False, id="three parts of nothing"),
    ],
)
def test_an_id_token_has_to_hold(spoilt: tuple[Running, OpenId, Proxy], key: RSAKey, spoil: Spoil, fits: bool) -> None:
    """Issuer, audience, time, flow, person and signature all have to be right; who sees it go wrong learns no more."""
    console, at, proxy = spoilt

    def fault(request: Passing) -> Answer:
        answer = request.forward()
        if request.path != "/token":
            return _through_the_proxy(answer, proxy)
        tokens = json.loads(answer.body)
        claims = jwt.decode(tokens["id_token"], key).claims
        made = spoil(claims)
        tokens["id_token"] = made if isinstance(made, str) else jwt.encode({"alg": "RS256", "kid": "own"}, made, key)
        return replace(answer, body=json.dumps(tokens).encode())

    proxy.fault = fault
    browser, answer = come_back(console, at, "u-1")
    assert answer.status_code == (303 if fits else 502), answer.text
    assert browser.get("/documents").status_code == (200 if fits else 303)
    if not fits:
        assert "begin again" in answer.text


def test_a_new_key_is_fetched(
    spoilt: tuple[Running, OpenId, Proxy], key: RSAKey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A provider may change its keys at any time; a token by one that is not known yet has them fetched again."""
    monkeypatch.setattr("scorelens_console.access.oidc._KEYS_KEPT", -1.0)
    _, at, proxy = spoilt
    before = RSAKey.generate_key(2048, {"use": "sig", "alg": "RS256", "kid": "before"})
    told: list[RSAKey] = [before, key]

    def fault(request: Passing) -> Answer:
        if request.path == "/jwks":
            return Answer(200, json.dumps({"keys": [told.pop(0).as_dict(private=False)]}).encode())
        return _through_the_proxy(request.forward(), proxy)

    proxy.fault = fault
    with console_of(tmp_path, proxy.url) as console:
        assert come_back(console, at, "u-1")[1].status_code == 303
    assert told == []


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/token", b"{}", 200),
        ("/token", b"[]", 200),
        ("/token", b"<html>", 200),
        ("/token", b'{"error": "invalid_grant"}', 400),
        ("/token", b"x" * 2_000_000, 200),
        ("/token", b"", 500),
        ("/token", b'{"access_token": 5, "id_token": {}}', 200),
        ("/me", b"{}", 200),
        ("/me", b'{"sub": "u-3", "groups": ["owners"]}', 200),
        ("/me", b"", 401),
    ],
)
def test_an_endpoint_that_answers_wrongly_signs_nobody_in(
    spoilt: tuple[Running, OpenId, Proxy], path: str, body: bytes, status: int
) -> None:
    """Whatever a broken provider says, the answer is a page, and nobody comes in."""
    console, at, proxy = spoilt

    def fault(request: Passing) -> Answer:
        if request.path == path:
            return Answer(status, body, {"Content-Type": "application/json"})
        return _through_the_proxy(request.forward(), proxy)

    proxy.fault = fault
    browser, answer = come_back(console, at, "u-1")
    assert answer.status_code == 502
    assert "Traceback" not in answer.text
    assert browser.get("/documents").status_code == 303


@pytest.mark.parametrize(
    "about",
    [
        {"issuer": "https://evil.example"},
        {"issuer": None},
        {"token_endpoint": "http://login.example/token"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"jwks_uri": None},
    ],
)
def test_a_provider_that_tells_wrong_things_of_itself_is_not_used(tmp_path: Path, about: dict[str, Any]) -> None:
    """It has the name that the setting has, and secrets go over https alone."""
    with proxied("") as proxy:

        def fault(request: Passing) -> Answer:
            names = {"issuer": "", "authorization_endpoint": "/auth", "token_endpoint": "/token", "jwks_uri": "/jwks"}
            told = {name: proxy.url + path for name, path in names.items()} | about
            return Answer(200, json.dumps(told).encode())

        proxy.fault = fault
        with console_of(tmp_path, proxy.url) as console:
            assert console.visitor().get("/signin/oidc").status_code == 502
        proxy.fault = passing


def _through_the_proxy(answer: Answer, proxy: Proxy) -> Answer:
    """Have what the console asks the provider go through the proxy; browsers go there themselves."""
    body = answer.body
    for path in (b"/token", b"/me", b"/jwks"):
        body = body.replace(proxy.upstream.encode() + path, proxy.url.encode() + path)
    return replace(answer, body=body)
