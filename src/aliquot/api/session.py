"""The cookie by which a browser is known, and what keeps other pages from using it.

A browser sends cookies along whoever wrote the page. This one it sends to us alone, from pages of
ours alone (SameSite=Strict), and what comes with it is believed only where the browser says that
the page was ours: Fetch Metadata, or else the Origin, which no page can forge.
"""

from __future__ import annotations

from collections.abc import Iterable
from http.cookies import CookieError, SimpleCookie

from aliquot.errors import TokenRefused

COOKIE = "aliquot_session"
_SAFE = ("GET", "HEAD")
_HERE = ("127.0.0.1", "localhost", "[::1]")

Headers = Iterable[tuple[bytes, bytes]]


def token_of(method: str, headers: Headers) -> str | None:
    """The token in the cookie; raises TokenRefused where another page than ours has sent it."""
    told = _by_name(headers)
    given = _cookies(told.get("cookie", []))
    if not given:
        return None
    if len(given) > 1 or not _of_ours(method, told):
        raise TokenRefused()
    return given[0]


def must_be_ours(method: str, headers: Headers) -> None:
    """Raise TokenRefused where another page than ours asks."""
    if not _of_ours(method, _by_name(headers)):
        raise TokenRefused()


def set_cookie(secret: str, seconds: int) -> str:
    """The header's value that begins a session, or with 0 seconds ends it."""
    return f"{COOKIE}={secret}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict"


def _by_name(headers: Headers) -> dict[str, list[str]]:
    told: dict[str, list[str]] = {}
    for name, value in headers:
        told.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
    return told


def _cookies(headers: list[str]) -> list[str]:
    found: list[str] = []
    for header in headers:
        jar: SimpleCookie = SimpleCookie()
        try:
            jar.load(header)
        except CookieError:
            continue
        if COOKIE in jar:
            found.append(jar[COOKIE].value)
    return found


def _of_ours(method: str, told: dict[str, list[str]]) -> bool:
    hosts = told.get("host", [])
    # A name that somebody has led to this machine is another origin, with other cookies: belt and
    # braces.
    if len(hosts) != 1 or _name(hosts[0]) not in _HERE:
        return False
    site = told.get("sec-fetch-site", [])
    if site:
        # `none` is the user's own doing: the address bar, a bookmark.
        return site == ["same-origin"] or (method in _SAFE and site == ["none"])
    if method in _SAFE:
        return True
    return told.get("origin", []) == [f"http://{hosts[0]}"]


def _name(host: str) -> str:
    """A host without its port."""
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.partition(":")[0]
