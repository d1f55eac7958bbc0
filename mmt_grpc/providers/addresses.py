"""Which addresses a provider may live on: no setting and no name server opens this host's own insides."""

import enum
import ipaddress
from typing import Final

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Reach(enum.Enum):
    """What may be done with an address."""

    PUBLIC = "public"
    PRIVATE = "private"
    """Loopback and private networks: only where the integration's `allow_private` is set."""
    FORBIDDEN = "forbidden"
    """Link-local, metadata, multicast, unspecified, reserved, not allocated: never."""


METADATA: Final = frozenset(
    ipaddress.ip_address(text)
    for text in (
        "169.254.169.254",  # link-local anyway; most clouds
        "fd00:ec2::254",  # AWS over IPv6, a unique local address
        "fd20:ce::254",  # Google over IPv6, a unique local address
        "100.100.100.200",  # Alibaba, in the shared range
        "192.0.0.192",  # Oracle, in the protocol range
        "168.63.129.16",  # Azure's wire server, a public address
    )
)
"""Where clouds hand instance credentials to whoever asks from inside."""

_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
"""The one prefix of translators whose layout is known; of 64:ff9b:1::/48 each network has its own (RFC 8215)."""
_LOOPBACK: Final = ipaddress.IPv6Address("::1")
_USED: Final = (ipaddress.IPv6Network("2000::/3"), ipaddress.IPv6Network("fc00::/7"))
"""Global unicast and unique local addresses. All else is reserved, or leads where nobody can say (RFC 4291)."""
_NOT_PUBLIC: Final = tuple(
    ipaddress.ip_network(text)
    for text in (
        "192.0.0.0/24",  # protocol assignments, as is 2001::/23: versions of Python differ about parts of both
        "2001::/23",
        "2001:db8::/32",  # documentation, as is 3fff::/20, which only newer versions know
        "3fff::/20",
    )
)
_LOW_32_BITS: Final = 0xFFFFFFFF


def reach(text: str) -> Reach:
    """Judge a numeric address, an IPv4 address inside an IPv6 one by itself; `ValueError` if it is none."""
    address = _unwrap(ipaddress.ip_address(text))
    if (
        address in METADATA
        or address.is_link_local
        or address.is_multicast
        or address.is_unspecified
        or _is_reserved(address)
    ):
        return Reach.FORBIDDEN
    is_public = address.is_global and not any(address in network for network in _NOT_PUBLIC)
    return Reach.PUBLIC if is_public else Reach.PRIVATE


def _is_reserved(address: Address) -> bool:
    if isinstance(address, ipaddress.IPv4Address):
        return address.is_reserved
    return address != _LOOPBACK and not any(address in network for network in _USED)


def _unwrap(address: Address) -> Address:
    """Return the IPv4 address that a mapped, 6to4, Teredo or NAT64 address leads to, and any other without its zone."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    address = ipaddress.IPv6Address(int(address))
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & _LOW_32_BITS)
    return address
