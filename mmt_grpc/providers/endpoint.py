"""A URL of the settings, taken apart once."""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

_ALLOWED: Final = re.compile(r"[\x21-\x7e]{1,2048}")
_DEFAULT_PORTS: Final = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a request goes: `target` is path and query, as they stand in the request line."""

    tls: bool
    host: str
    port: int
    target: str

    @classmethod
    def parse(cls, url: str) -> "Endpoint":
        """Take a URL apart; `ValueError`, without the URL, unless it is a plain http or https one."""
        if not _ALLOWED.fullmatch(url):
            raise ValueError("is not a URL of visible ASCII characters")
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise ValueError("is not a URL") from None
        if parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
            raise ValueError("is not an http or https URL with a host")
        if parts.username is not None or parts.password is not None:
            raise ValueError("must not carry a user or a password")
        if parts.fragment:
            raise ValueError("must not carry a fragment")
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        # An explicit port 0 is nobody's: it fails at connect.
        chosen = _DEFAULT_PORTS[parts.scheme] if port is None else port
        return cls(parts.scheme == "https", parts.hostname, chosen, target)

    @property
    def authority(self) -> str:
        """The Host header's value."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORTS["https" if self.tls else "http"] else f"{host}:{self.port}"

    @property
    def origin(self) -> tuple[bool, str, int]:
        """What a connection is opened to."""
        return self.tls, self.host, self.port

    def with_query(self, query: str) -> "Endpoint":
        """Return the endpoint with a query behind whatever stands there."""
        joint = "&" if "?" in self.target else "?"
        return Endpoint(self.tls, self.host, self.port, f"{self.target}{joint}{query}")
