"""Who is believed to be a caller: keys whose rows bear their MACs, for a second at most."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import pytest

from mmt_grpc.domain import api_key
from mmt_grpc.domain.api_key import PresentedKey
from mmt_grpc.domain.errors import CallerUnauthenticatedError, StoreUnavailableError
from mmt_grpc.domain.model import Scope
from mmt_grpc.domain.ports.store import ApiKeyRow, ClientRow
from mmt_grpc.domain.secret import Secret
from mmt_grpc.transport.api_keys import ApiKeyAuthenticator
from tests.transport.stand_ins import ALL_METHODS, OsRandomness, SetClock

SECOND = 1_000_000


class HashMacs:
    """MACs without a key: what is under test is what they are compared with."""

    def client_mac(self, client_id: str, name: str) -> bytes:
        return hashlib.sha256(repr((client_id, name)).encode()).digest()

    def api_key_mac(self, *, key_id: str, client_id: str, scope: Scope, disabled: bool, secret: Secret) -> bytes:
        content = (key_id, client_id, int(scope), disabled, secret.reveal())
        return hashlib.sha256(repr(content).encode()).digest()


@dataclass
class Rows:
    rows: dict[str, tuple[ApiKeyRow, ClientRow]] = field(default_factory=dict)
    reads: int = 0
    error: Exception | None = None

    def read_api_key(self, key_id: str) -> tuple[ApiKeyRow, ClientRow] | None:
        self.reads += 1
        if self.error is not None:
            raise self.error
        return self.rows.get(key_id)


@dataclass
class House:
    rows: Rows = field(default_factory=Rows)
    clock: SetClock = field(default_factory=SetClock)
    macs: HashMacs = field(default_factory=HashMacs)
    key: PresentedKey = field(default_factory=lambda: api_key.mint(OsRandomness()))

    def __post_init__(self) -> None:
        self.authenticator = ApiKeyAuthenticator(callers=self.rows, macs=self.macs, clock=self.clock)
        self.register(self.key, scope=Scope.READ)

    def register(self, key: PresentedKey, *, scope: Scope, disabled: bool = False, client_id: str = "client-1") -> None:
        mac = self.macs.api_key_mac(
            key_id=key.key_id, client_id=client_id, scope=scope, disabled=disabled, secret=key.secret
        )
        client = ClientRow(client_id, "Acme", 0, self.macs.client_mac(client_id, "Acme"))
        self.rows.rows[key.key_id] = (ApiKeyRow(key.key_id, client_id, scope, disabled, 0, mac), client)

    def tamper(self, *, key: dict[str, object] | None = None, client: dict[str, object] | None = None) -> None:
        key_row, client_row = self.rows.rows[self.key.key_id]
        changed = replace(key_row, **(key or {})), replace(client_row, **(client or {}))  # type: ignore[arg-type]  # the cases name columns
        self.rows.rows[self.key.key_id] = changed

    def header(self) -> list[tuple[str, str | bytes]]:
        return [("authorization", f"Bearer {self.key.text().reveal()}")]

    def is_refused(self, metadata: Iterable[tuple[str, str | bytes]] | None = None) -> bool:
        try:
            self.authenticator.authenticate(list(self.header() if metadata is None else metadata))
        except CallerUnauthenticatedError:
            return True
        return False


@pytest.fixture
def house() -> House:
    return House()


@pytest.mark.parametrize("scope", list(Scope))
def test_a_key_speaks_for_its_client_and_scope(house: House, scope: Scope) -> None:
    house.register(house.key, scope=scope)
    caller = house.authenticator.authenticate(house.header())
    assert (caller.name, caller.clients, caller.scope) == (house.key.key_id, frozenset({"client-1"}), scope)
    assert caller.methods == ALL_METHODS


def test_the_schemes_case_does_not_matter(house: House) -> None:
    text = house.key.text().reveal()
    assert not house.is_refused([("authorization", f"bearer {text}")])
    assert not house.is_refused([("authorization", f"BEARER {text}")])


@pytest.mark.parametrize(
    "column",
    [
        {"client_id": "client-2"},
        {"scope": Scope.WRITE},
        {"mac": bytes(32)},
        {"mac": b""},
    ],
)
def test_a_key_row_that_was_changed_by_hand_is_not_believed(house: House, column: dict[str, object]) -> None:
    house.tamper(key=column)
    assert house.is_refused()


@pytest.mark.parametrize("column", [{"client_id": "client-2"}, {"name": "Other"}, {"mac": bytes(32)}])
def test_a_client_row_that_was_changed_by_hand_is_not_believed(house: House, column: dict[str, object]) -> None:
    house.tamper(client=column)
    assert house.is_refused()


def test_a_client_row_of_another_client_is_not_believed_though_its_mac_is_good(house: House) -> None:
    house.tamper(client={"client_id": "client-2", "mac": house.macs.client_mac("client-2", "Acme")})
    assert house.is_refused()


def test_a_disabled_key_is_refused_though_its_mac_is_good(house: House) -> None:
    house.register(house.key, scope=Scope.READ, disabled=True)
    assert house.is_refused()


def test_a_disabled_key_does_not_come_back_by_its_column_alone(house: House) -> None:
    house.register(house.key, scope=Scope.READ, disabled=True)
    house.tamper(key={"disabled": False})
    assert house.is_refused()


def test_another_secret_of_the_same_id_is_refused(house: House) -> None:
    house.key = PresentedKey(house.key.key_id, api_key.mint(OsRandomness()).secret)
    assert house.is_refused()


def test_an_unknown_key_is_refused(house: House) -> None:
    house.rows.rows.clear()
    assert house.is_refused()


def test_no_header_two_headers_and_other_forms_are_refused_without_asking_the_store(house: House) -> None:
    text = house.key.text().reveal()
    bad: list[list[tuple[str, str | bytes]]] = [
        [],
        [*house.header(), *house.header()],
        [*house.header(), ("authorization", "Basic YTpi")],
        [("authorization", text)],
        [("authorization", f"Bearer  {text}")],
        [("authorization", f"Bearer {text} ")],
        [("authorization", f"Bearer {text}\n")],
        [("authorization", f"Basic {text}")],
        [("authorization", f"Bearer {text}".encode())],
        [("authorization-bin", f"Bearer {text}".encode())],
        [("authorization", "Bearer " + "mmt_" * 100_000)],
        [("x-authorization", f"Bearer {text}")],
        [("authorization", "Bearer mmt_\udcff")],
        [("authorization", "")],
    ]
    assert [metadata for metadata in bad if not house.is_refused(metadata)] == []
    assert house.rows.reads == 0


def test_a_good_key_is_believed_for_less_than_a_second(house: House) -> None:
    assert not house.is_refused()
    house.register(house.key, scope=Scope.READ, disabled=True)
    house.clock.now += SECOND - 1
    assert not house.is_refused()
    assert house.rows.reads == 1
    house.clock.now += 1
    assert house.is_refused()


def test_the_second_begins_when_the_store_is_asked(house: House) -> None:
    slow = house.rows.read_api_key

    def read_slowly(key_id: str) -> tuple[ApiKeyRow, ClientRow] | None:
        house.clock.now += SECOND
        return slow(key_id)

    house.rows.read_api_key = read_slowly  # type: ignore[method-assign]  # the store takes its time
    assert not house.is_refused()
    assert not house.is_refused()
    assert house.rows.reads == 2


def test_a_refused_key_is_not_remembered(house: House) -> None:
    rows, house.rows.rows = house.rows.rows, {}
    assert house.is_refused()
    house.rows.rows = rows
    assert not house.is_refused()


def test_a_believed_key_does_not_vouch_for_another_secret(house: House) -> None:
    assert not house.is_refused()
    house.key = PresentedKey(house.key.key_id, api_key.mint(OsRandomness()).secret)
    assert house.is_refused()


def test_a_store_that_is_down_is_no_bad_key(house: House) -> None:
    house.rows.error = StoreUnavailableError()
    with pytest.raises(StoreUnavailableError):
        house.authenticator.authenticate(house.header())


def test_what_is_believed_is_bounded_and_holds_no_key(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mmt_grpc.transport.api_keys.MOST_BELIEVED", 3)
    for _ in range(10):
        house.key = api_key.mint(OsRandomness())
        house.register(house.key, scope=Scope.READ)
        assert not house.is_refused()
    believed = house.authenticator._believed._found
    assert len(believed) == 3
    assert house.key.secret.reveal() not in repr(believed)
