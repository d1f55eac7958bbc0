"""Opened keyrings: an unknown epoch makes them read again, once a second at most, and then refuse."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier

import pytest

from mmt_grpc.crypto.contents import KeyringContents, Kind, decode, encode
from mmt_grpc.crypto.errors import KeyringError
from mmt_grpc.crypto.key import KEY_LENGTH
from mmt_grpc.crypto.keyring import RELOAD_INTERVAL, AccessKeyring, Reload, RenewalKeyring
from mmt_grpc.domain.errors import StoreUnavailableError
from mmt_grpc.domain.framing import frame, unframe
from tests.crypto.material import SetClock, access_keyring, fixed_contents


class Source:
    """Where a keyring is read again: gives what it is set to, or raises it, and counts."""

    def __init__(self, given: KeyringContents | Exception) -> None:
        self.given = given
        self.reads = 0

    def __call__(self) -> KeyringContents:
        self.reads += 1
        if isinstance(self.given, Exception):
            raise self.given
        return self.given


ONE = fixed_contents(Kind.ACCESS, epochs=(1,), current=1)
TWO = fixed_contents(Kind.ACCESS)


def keyring_reading(source: Callable[[], KeyringContents], clock: SetClock | None = None) -> AccessKeyring:
    return AccessKeyring(contents=ONE, reload=Reload(source, clock or SetClock()))


def test_known_epochs_are_found_without_reading() -> None:
    source = Source(TWO)
    keyring = keyring_reading(source)
    assert keyring.require(1) is keyring.current
    assert source.reads == 0


def test_an_unknown_epoch_is_found_by_reading_again() -> None:
    source = Source(TWO)
    keyring = keyring_reading(source)
    assert keyring.require(2).number == 2
    assert keyring.epochs == (1, 2)
    assert keyring.current.number == 2
    assert source.reads == 1


def test_an_epoch_that_is_nowhere_is_refused_after_reading_again() -> None:
    source = Source(TWO)
    keyring = keyring_reading(source)
    with pytest.raises(StoreUnavailableError):
        keyring.require(3)
    assert keyring.find(3) is None
    assert source.reads == 1


def test_made_up_epochs_do_not_read_more_than_once_a_second() -> None:
    source, clock = Source(ONE), SetClock()
    keyring = keyring_reading(source, clock)
    for number in range(2, 50):
        assert keyring.find(number) is None
    assert source.reads == 1
    clock.now += RELOAD_INTERVAL
    assert keyring.find(2) is None
    assert source.reads == 2


@pytest.mark.parametrize(
    "failure",
    [
        KeyringError("damaged"),
        OSError("the pipe broke"),
        StoreUnavailableError(),
        fixed_contents(Kind.RENEWAL),
        replace(TWO, keyring_id=bytes(16)),
    ],
    ids=["a keyring that does not open", "a broken pipe", "a refusal", "the other keyring", "a foreign keyring"],
)
def test_an_unknown_epoch_is_not_taken_for_gone_while_the_keyring_cannot_be_read(
    failure: KeyringContents | Exception,
) -> None:
    source, clock = Source(failure), SetClock()
    keyring = keyring_reading(source, clock)
    for _ in range(2):
        with pytest.raises(StoreUnavailableError):
            keyring.find(2)
    assert source.reads == 1
    assert keyring.epochs == (1,)
    source.given = TWO
    clock.now += RELOAD_INTERVAL
    assert keyring.require(2).number == 2


def test_a_keyring_without_a_source_refuses_unknown_epochs() -> None:
    keyring = access_keyring()
    assert keyring.find(3) is None
    for refusal in (lambda: keyring.require(3), keyring.refresh):
        with pytest.raises(StoreUnavailableError):
            refusal()


def test_callers_that_meet_an_unknown_epoch_together_read_once() -> None:
    source, together = Source(TWO), Barrier(8)
    keyring = keyring_reading(source)

    def meet() -> int:
        together.wait(timeout=10)
        return keyring.require(2).number

    with ThreadPoolExecutor(8) as pool:
        assert [future.result() for future in [pool.submit(meet) for _ in range(8)]] == [2] * 8
    assert source.reads == 1


def test_reading_again_on_demand_takes_over_the_current_epoch() -> None:
    source = Source(TWO)
    keyring = keyring_reading(source)
    keyring.refresh()
    assert keyring.current.number == 2
    source.given = KeyringError("damaged")
    with pytest.raises(StoreUnavailableError):
        keyring.refresh()
    assert keyring.current.number == 2


def test_a_worker_is_handed_the_opened_access_keyring() -> None:
    handed = AccessKeyring.deserialise(access_keyring().serialise())
    assert handed.epochs == (1, 2)
    assert handed.keyring_id == access_keyring().keyring_id
    assert handed.serialise() == access_keyring().serialise()


def test_a_worker_cannot_be_handed_the_renewal_keyring() -> None:
    with pytest.raises(KeyringError, match="the renewal keyring where the access keyring belongs"):
        AccessKeyring.deserialise(encode(fixed_contents(Kind.RENEWAL)))
    with pytest.raises(KeyringError, match="the access keyring where the renewal keyring belongs"):
        RenewalKeyring(contents=TWO)


def test_what_was_cut_off_or_lengthened_on_the_way_is_no_keyring() -> None:
    whole = access_keyring().serialise()
    for length in range(len(whole)):
        with pytest.raises(KeyringError):
            decode(whole[:length])
    with pytest.raises(KeyringError):
        decode(whole + b"\x00")


@pytest.mark.parametrize(
    ("genuine", "forged"),
    [
        (frame(b"\x01"), frame(b"\x02")),
        (frame(b"access"), frame(b"\xff\xff\xff\xff\xff\xff")),
    ],
    ids=["a later version", "a kind that is no text"],
)
def test_an_encoding_of_another_shape_is_no_keyring(genuine: bytes, forged: bytes) -> None:
    contents = fixed_contents(Kind.ACCESS)
    forgery = encode(contents).replace(genuine, forged, 1)
    assert forgery != encode(contents)
    with pytest.raises(KeyringError):
        decode(forgery)


def test_a_labelled_key_of_a_wrong_length_is_no_keyring() -> None:
    parts = list(unframe(access_keyring().serialise()))
    labelled = [part[:31] if len(part) == KEY_LENGTH else part for part in unframe(parts[5])]
    with pytest.raises(KeyringError, match="cannot be read"):
        decode(frame(*parts[:5], frame(*labelled)))


@pytest.mark.parametrize(
    "change",
    [
        {"current": 3},
        {"epochs": ()},
        {"epochs": tuple(reversed(TWO.epochs))},
        {"epochs": (TWO.epochs[0], TWO.epochs[0]), "current": 1},
        {"epochs": (replace(TWO.epochs[0], number=0),), "current": 0},
        {"keyring_id": bytes(15)},
        {"labelled": {}},
        {"kind": Kind.RENEWAL},
    ],
)
def test_contents_that_contradict_themselves_are_no_keyring(change: dict[str, object]) -> None:
    with pytest.raises(KeyringError):
        replace(TWO, **change)  # type: ignore[arg-type]  # as named
