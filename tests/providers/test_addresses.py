"""No setting and no name server makes the service talk to what it must not."""

from collections.abc import Sequence

import pytest

from mmt_grpc.domain.ports.providers import Failure
from mmt_grpc.providers.addresses import Reach, reach
from mmt_grpc.providers.registry import Surroundings
from mmt_grpc.providers.resolver import MOST_ADDRESSES, Resolver, Target, UnreachableError
from tests.providers.acme import TOKENS, failure_of, integration, refresh
from tests.support.http_script import ScriptedServer, says

FORBIDDEN = [
    "0.0.0.0",  # noqa: S104  # nothing is bound to it
    "169.254.169.254",
    "169.254.0.1",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "fe80::1",
    "fe80::1%1",
    "ff02::1",
    "fd00:ec2::254",
    "fd20:ce::254",
    "::ffff:169.254.169.254",
    "::ffff:0.0.0.0",
    "::169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::a9fe:a9fe",
    "64:ff9b:1:a9fe:a9:fe00:808:808",
    "64:ff9b:1::808:808",
    "64:ff9b:1:808:8:800::",
    "::ffff:0:169.254.169.254",
    "::ffff:0:8.8.8.8",
    "::8.8.8.8",
    "::2",
    "100::1",
    "1fff:ffff::1",
    "4000::1",
    "5f00::1",
    "f000::1",
    "fec0::1",
    "fd00:ec2::254%1",
    "2002:a9fe:a9fe::1",
    "2001:0:4136:e378:8000:63bf:5601:5601",
]
PRIVATE = [
    "127.0.0.1",
    "127.8.9.10",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "198.18.0.1",
    "192.0.0.8",
    "192.0.0.9",
    "192.0.2.1",
    "::1",
    "fc00::1",
    "fd12::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "64:ff9b::7f00:1",
    "2002:7f00:1::",
    "2001:1::1",
    "2001:20::1",
    "2001:db8::1",
    "3fff::1",
]
PUBLIC = [
    "8.8.8.8",
    "104.16.0.1",
    "2000::1",
    "2606:4700::1111",
    "2606:4700::1111%1",
    "3ffe:ffff::1",
    "::ffff:8.8.8.8",
    "64:ff9b::808:808",
    "2002:808:808::1",
    "2001:0:4136:e378:8000:63bf:f7f7:f7f7",
]
JUDGED = [
    *((text, Reach.FORBIDDEN) for text in FORBIDDEN),
    *((text, Reach.PRIVATE) for text in PRIVATE),
    *((text, Reach.PUBLIC) for text in PUBLIC),
]


def resolver_to(*addresses: str) -> Resolver:
    return Resolver(lookup=lambda _, port: [Target(0, address, port) for address in addresses])


def resolve(resolver: Resolver, *, private: bool, public: bool = True) -> Sequence[str]:
    found = resolver.resolve("exchange.example", 443, timeout=5.0, private=private, public=public)
    return [target.host for target in found]


@pytest.mark.parametrize(("text", "expected"), JUDGED)
def test_each_address_is_judged(text: str, expected: Reach) -> None:
    assert reach(text) is expected


@pytest.mark.parametrize("address", FORBIDDEN)
def test_a_forbidden_address_stays_so_where_private_ones_are_allowed(address: str) -> None:
    with pytest.raises(UnreachableError):
        resolve(resolver_to(address), private=True)


@pytest.mark.parametrize("address", PRIVATE)
def test_a_private_address_needs_the_setting(address: str) -> None:
    assert resolve(resolver_to(address), private=True) == [address]
    with pytest.raises(UnreachableError):
        resolve(resolver_to(address), private=False)


def test_one_bad_address_condemns_the_name() -> None:
    with pytest.raises(UnreachableError):
        resolve(resolver_to("8.8.8.8", "169.254.169.254"), private=True)
    with pytest.raises(UnreachableError):
        resolve(resolver_to("8.8.8.8", "10.0.0.1"), private=False)


def test_what_is_no_address_at_all_is_forbidden() -> None:
    for addresses in ((), ("not-an-address",), ("",)):
        with pytest.raises(UnreachableError):
            resolve(resolver_to(*addresses), private=True)


def test_only_so_many_addresses_are_tried() -> None:
    many = [f"8.8.8.{number}" for number in range(20)]
    assert resolve(resolver_to("8.8.8.0", *many), private=False) == many[:MOST_ADDRESSES]


def lookup_of(*hosts: str) -> Surroundings:
    def lookup(_host: str, port: int) -> Sequence[Target]:
        return [Target(2, host, port) for host in hosts]

    return Surroundings(lookup=lookup, sleep=lambda _: None)


def test_a_name_is_connected_to_at_the_very_address_that_was_checked() -> None:
    with ScriptedServer(says(200, TOKENS)) as server:
        url = f"http://exchange.example:{server.port}"
        refresh(integration(url, surroundings=lookup_of("127.0.0.1")))
        assert server.heads()[0]["host"] == f"exchange.example:{server.port}"


def test_the_next_address_is_tried_where_nobody_listens_at_the_first() -> None:
    with ScriptedServer(says(200, TOKENS)) as server:
        url = f"http://exchange.example:{server.port}"
        refresh(integration(url, surroundings=lookup_of("127.0.0.2", "127.0.0.1")))
        assert len(server.requests) == 1


def test_a_name_that_turns_private_between_two_requests_is_not_followed() -> None:
    with ScriptedServer(says(200, TOKENS)) as server:
        url = f"https://exchange.example:{server.port}"
        provider = integration(url, allow_private=False, surroundings=lookup_of("127.0.0.1"))
        assert failure_of(provider.open_refresh) is Failure.NOT_SENT
        assert server.requests == []


def test_plain_http_never_leaves_for_a_public_address() -> None:
    provider = integration("http://exchange.example", surroundings=lookup_of("8.8.8.8"))
    assert failure_of(provider.open_refresh) is Failure.NOT_SENT
