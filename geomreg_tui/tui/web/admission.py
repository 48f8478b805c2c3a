"""Who is let in: one browser, which was told the one-time token, and no page of another site.

The token in the address opens the door once: the page that presents it gets a session cookie, which every
later request has to carry. A loopback address alone keeps nobody out, neither other people on the machine
nor pages that a browser has open: such a page can have its own name resolve to 127.0.0.1 (DNS rebinding),
which the Host header gives away, and can open web sockets to any address, which the Origin header gives away.
"""

from __future__ import annotations

import hmac
import ipaddress
import re
import secrets
from collections.abc import Iterable, Mapping

__all__ = ["Admission", "is_loopback"]

_HOST = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::[0-9]{1,5})?", re.ASCII)
_BYTES = 32  # of randomness in a token


class Admission:
    """Decides whether a request is let in; holds the token and the cookie, and knows nothing of a server.

    Args:
        names: names by which the server may be addressed, beside ``localhost`` and loopback addresses.
        any_address: whether it may be addressed by any numeric address, as one that listens on all is.

    Attributes:
        token: opens the door once.
        cookie: name of the session cookie.
    """

    def __init__(self, names: Iterable[str] = (), *, any_address: bool = False) -> None:
        self.token = secrets.token_urlsafe(_BYTES)
        self.cookie = f"geomreg-{secrets.token_hex(4)}"  # browsers share cookies among ports of a host
        self._session = secrets.token_urlsafe(_BYTES)
        self._used = False
        self._names = {"localhost", *(name.lower() for name in names)}
        self._any_address = any_address

    def is_addressed(self, host: str | None) -> bool:
        """Return whether a ``Host`` header names this server; at any port, as ports may be forwarded."""
        match = _HOST.fullmatch(host or "")
        if match is None:
            return False
        name = match["name"].lower().strip("[]")
        if name in self._names:
            return True
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            return False
        return self._any_address or address.is_loopback

    def is_own(self, origin: str | None, host: str | None, *, required: bool) -> bool:
        """Return whether an ``Origin`` header names the page that was served under this ``Host``.

        Args:
            origin: the header; browsers send it with web sockets and with requests of other sites' pages.
            host: the ``Host`` header of the same request.
            required: whether a request without it is refused.
        """
        if origin is None:
            return not required
        return origin.lower() in {f"{scheme}://{host}".lower() for scheme in ("http", "https")}

    def has_session(self, cookies: Mapping[str, str]) -> bool:
        """Return whether a request carries the session cookie."""
        return _same(cookies.get(self.cookie, ""), self._session)

    def open_session(self, token: str) -> str | None:
        """Return the value of the session cookie for the first who presents the token; None for others."""
        if self._used or not _same(token, self.token):
            return None
        self._used = True
        return self._session


def is_loopback(host: str) -> bool:
    """Return whether a name or address to listen on is reachable from this machine only."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _same(given: str, secret: str) -> bool:
    """Compare in a time that says nothing about the secret."""
    return hmac.compare_digest(given.encode("utf-8", "surrogateescape"), secret.encode())
