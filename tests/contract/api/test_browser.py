"""What a browser is given: files without a script in them, and a session that no other page has."""

from __future__ import annotations

import gzip
import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aliquot.api import browser, session
from aliquot.daemon.caller import Caller
from aliquot.daemon.invitations import CODE_SECONDS, Invitations
from aliquot.errors import LimitReached, TokenRefused
from aliquot.model.access_token import Role
from aliquot.model.api.node import TokenWanted
from tests.contract.api.serving import ADMIN, Serving
from tests.fakes.service import FakeService

OURS = {"Sec-Fetch-Site": "same-origin"}
FOREIGN = (
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Origin": "http://x"},
)


class Page:
    """A page in a browser: it sends the cookie that it was given, and says where it is from."""

    def __init__(self, serving: Serving) -> None:
        self.serving = serving
        self.cookie = ""

    def ask(
        self, method: str, path: str, body: Any = None, **headers: str
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.cookie:
            told["Cookie"] = f"other=1; {self.cookie}"
        data = None if body is None else json.dumps(body).encode()
        if data is not None:
            told["Content-Type"] = "application/json"
        connection = http.client.HTTPConnection("127.0.0.1", self.serving.port, timeout=30)
        try:
            connection.request(method, path, data, told)
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        given = answer.headers.get("Set-Cookie")
        if given is not None:
            self.cookie = given.partition(";")[0]
        return answer.status, answer.headers, content

    def log_in(self) -> http.client.HTTPMessage:
        with self.serving.client() as client:
            code = client.tokens.invite().code
        status, headers, _ = self.ask("POST", "/session", {"code": code}, **_keywords(OURS))
        assert status == 204
        return headers


def _keywords(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("-", "_"): value for name, value in headers.items()}


@pytest.fixture
def serving(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Serving]:
    """An API with a dashboard of a few lines."""
    (tmp_path / "page/assets").mkdir(parents=True)
    (tmp_path / "page/index.html").write_text("<!doctype html><p>page</p>\n")
    (tmp_path / "page/assets/a-1.js").write_text("'a';" * 400)
    monkeypatch.setattr(browser, "_read", lambda: dict(browser._files_in(tmp_path / "page", "")))
    service = FakeService(str(tmp_path / "state"))
    made = Serving(service, tmp_path)
    yield made
    made.close()
    service.close()


@pytest.fixture
def page(serving: Serving) -> Page:
    return Page(serving)


def test_a_code_begins_a_session(page: Page) -> None:
    assert page.ask("GET", "/api/v1/whoami", **_keywords(OURS))[0] == 401
    headers = page.log_in()
    cookie = headers["Set-Cookie"]
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(cookie.split("; "))
    status, _, body = page.ask("GET", "/api/v1/whoami", **_keywords(OURS))
    with page.serving.client() as client:
        who = client.node.whoami()
    told = json.loads(body)
    assert (status, told["tenant"], told["role"]) == (200, who.tenant, who.role.value)
    status, _, _ = page.ask("POST", "/api/v1/plans", {"name": "a", "memory": 1}, **_keywords(OURS))
    assert status == 200


def test_a_code_is_good_once(page: Page) -> None:
    with page.serving.client() as client:
        code = client.tokens.invite().code
    told = _keywords(OURS)
    assert page.ask("POST", "/session", {"code": code}, **told)[0] == 204
    page.cookie = ""
    assert page.ask("POST", "/session", {"code": code}, **told)[0] == 401
    assert page.cookie == ""
    for nonsense in ({"code": "x"}, {"code": 1}, {}, [], {"code": "x", "more": 1}, "x" * 5000):
        assert page.ask("POST", "/session", nonsense, **told)[0] in (400, 401)


@pytest.mark.parametrize("foreign", FOREIGN, ids=lambda one: "=".join(*one.items()))
def test_another_page_has_no_session(page: Page, foreign: dict[str, str]) -> None:
    page.log_in()
    told = _keywords(foreign)
    wanted = {"name": "a", "memory": 1 << 20}
    assert page.ask("POST", "/api/v1/vgpus", wanted, **told)[0] == 401
    assert page.ask("DELETE", "/session", **told)[0] == 401
    if "Origin" not in foreign:
        assert page.ask("GET", "/api/v1/whoami", **told)[0] == 401
    with page.serving.client() as client:
        code = client.tokens.invite().code
    assert page.ask("POST", "/session", {"code": code}, **told)[0] == 401  # nor begins one


def test_who_does_not_say_where_it_is_from_changes_nothing(page: Page) -> None:
    page.log_in()
    assert page.ask("GET", "/api/v1/whoami")[0] == 200
    assert page.ask("POST", "/api/v1/vgpus", {"name": "a", "memory": 1 << 20})[0] == 401
    own = f"http://127.0.0.1:{page.serving.port}"
    assert page.ask("POST", "/api/v1/plans", {"name": "a", "memory": 1}, Origin=own)[0] == 200


def test_a_name_that_was_led_here_is_another_page(page: Page) -> None:
    page.log_in()
    assert page.ask("GET", "/api/v1/whoami", Host="evil.example:80", **_keywords(OURS))[0] == 401
    assert page.ask("GET", "/api/v1/whoami", Host="localhost:80", **_keywords(OURS))[0] == 200


def test_two_sessions_at_once_are_none(page: Page) -> None:
    page.log_in()
    page.cookie += f"; {page.cookie}"
    assert page.ask("GET", "/api/v1/whoami", **_keywords(OURS))[0] in (200, 401)
    name, _, secret = page.cookie.partition(";")[0].partition("=")
    headers = [(b"host", b"localhost"), (b"cookie", f"{name}={secret}".encode())]
    assert session.token_of("GET", headers) == secret
    with pytest.raises(TokenRefused):
        session.token_of("GET", [*headers, (b"cookie", f"{name}=other".encode())])
    with pytest.raises(TokenRefused):
        session.token_of("GET", [*headers, (b"host", b"localhost")])


@pytest.mark.parametrize(
    "cookie",
    [
        "aliquot_session=",
        "aliquot_session=\xff\xfe",
        "aliquot_session=" + "x" * 8000,
        'aliquot_session="\\000\\377"',
        "aliquot_session",
        "=;;=; aliquot_session=a=b; Path=/; HttpOnly",
        "aliquot_session=aliquot_\x01",
    ],
)
def test_a_cookie_of_nonsense_is_nobody_s(page: Page, cookie: str) -> None:
    page.cookie = cookie
    assert page.ask("GET", "/api/v1/whoami", **_keywords(OURS))[0] in (400, 401)
    page.cookie = cookie
    assert page.ask("DELETE", "/session", **_keywords(OURS))[0] in (400, 401)
    page.cookie = ""
    page.log_in()  # and others go on
    assert page.ask("GET", "/api/v1/whoami", **_keywords(OURS))[0] == 200


def test_logging_out_ends_the_token(page: Page) -> None:
    page.log_in()
    secret = page.cookie
    assert page.ask("DELETE", "/session", **_keywords(OURS))[0] == 204
    assert page.cookie == f"{session.COOKIE}="
    page.cookie = secret
    assert page.ask("GET", "/api/v1/whoami", **_keywords(OURS))[0] == 401


def test_a_session_is_no_more_than_who_invited(page: Page) -> None:
    token = page.serving.token("alice", Role.VIEWER, "vgpus:read", "tokens:write")
    with page.serving.client(token) as client:
        code = client.tokens.invite().code
    page.ask("POST", "/session", {"code": code}, **_keywords(OURS))
    _, _, body = page.ask("GET", "/api/v1/whoami", **_keywords(OURS))
    told = json.loads(body)
    assert (told["tenant"], told["role"]) == ("alice", "viewer")
    assert set(told["scope"]) == {"vgpus:read", "tokens:write"}
    assert page.ask("GET", "/api/v1/devices", **_keywords(OURS))[0] == 403
    (kept,) = [
        one for one in page.serving.service.tokens.list(ADMIN).items if one.name == "browser"
    ]
    assert kept.expires_ms is not None


def test_codes_end_by_themselves_and_are_bounded(page: Page) -> None:
    now = [0.0]
    tokens = page.serving.service.tokens
    invitations = Invitations(tokens, lambda: now[0])
    code = invitations.create(ADMIN).code
    now[0] = CODE_SECONDS + 0.1
    with pytest.raises(TokenRefused):
        invitations.accept(code)
    for _ in range(64):
        invitations.create(ADMIN)
    with pytest.raises(LimitReached):
        invitations.create(ADMIN)
    other = invitations.create(Caller(tenant="alice", role=Role.USER))
    assert other.seconds == CODE_SECONDS
    now[0] += CODE_SECONDS + 1
    assert invitations.create(ADMIN).seconds == CODE_SECONDS


def test_a_token_that_was_revoked_invites_nobody(page: Page) -> None:
    tokens = page.serving.service.tokens
    made = tokens.create(ADMIN, TokenWanted(name="short"))
    caller = tokens.authenticate(made.secret)
    invitations = Invitations(tokens)
    code = invitations.create(caller).code
    tokens.revoke(ADMIN, made.id)
    with pytest.raises(TokenRefused):
        invitations.accept(code)


def test_files_are_fenced_in(page: Page) -> None:
    status, headers, body = page.ask("GET", "/")
    assert (status, headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert b"page" in body
    rules = [rule.strip() for rule in headers["Content-Security-Policy"].split(";")]
    policy = {rule.partition(" ")[0]: rule.partition(" ")[2] for rule in rules}
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == "'none'"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-cache"
    assert page.ask("GET", "/", If_None_Match=headers["ETag"])[0] == 304


def test_files_are_packed_and_kept(page: Page) -> None:
    _, headers, packed = page.ask("GET", "/assets/a-1.js", Accept_Encoding="gzip")
    _, _, plain = page.ask("GET", "/assets/a-1.js")
    assert headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed) == plain
    assert "immutable" in headers["Cache-Control"]
    status, headers, body = page.ask("HEAD", "/assets/a-1.js")
    assert (status, headers["Content-Length"], body) == (200, str(len(plain)), b"")


@pytest.mark.parametrize(
    "path", ["/assets", "/assets/", "/../state", "/assets/../../state", "/assets/%2e%2e/x", "//"]
)
def test_there_is_nothing_else(page: Page, path: str) -> None:
    page.log_in()
    assert page.ask("GET", path, **_keywords(OURS))[0] in (400, 404)
    assert page.ask("POST", "/", **_keywords(OURS))[0] in (404, 405)
