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
    """Link-local, metadata, multicast, unspecified, reserved: never."""


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

_NAT64: Final = (ipaddress.IPv6Network("64:ff9b::/96"), ipaddress.IPv6Network("64:ff9b:1::/48"))
_COMPATIBLE: Final = ipaddress.IPv6Network("::/96")
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
    return Reach.PUBLIC if address.is_global else Reach.PRIVATE


def _is_reserved(address: Address) -> bool:
    # IPv6 calls ::/8 reserved, loopback included; there everything that is not global counts as private.
    return address.version == 4 and address.is_reserved  # noqa: PLR2004  # the protocol's number


def _unwrap(address: Address) -> Address:
    """Return the IPv4 address that a mapped, 6to4, Teredo, NAT64 or compatible address leads to."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    if any(address in network for network in _NAT64):
        return ipaddress.IPv4Address(int(address) & _LOW_32_BITS)
    if address in _COMPATIBLE and int(address) > 1:
        return ipaddress.IPv4Address(int(address) & _LOW_32_BITS)
    return address
