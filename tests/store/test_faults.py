"""What each error of a database says of the statement."""

import peewee
import pymysql
import pytest

from mmt_grpc.store.faults import DuplicateError, Fault, read

KEY_IN_TEXT = "Duplicate entry 'planted-key' for key 'PRIMARY'"
NOT_APPLIED = [1020, 1047, 1180, 1205, 1213, 3101]
READ_ONLY = [1290, 1836]
LOST = [0, 1053, 1158, 1159, 1927, 2006, 2013, 2055]
OTHER = [1105, 1064, 1146, 1317, 1406, 9999]


def raised(number: int, kind: type[Exception] = pymysql.err.OperationalError) -> Exception:
    """Return an error as Peewee hands it on."""
    origin = kind(number, KEY_IN_TEXT)
    return peewee.OperationalError(origin, *origin.args)


@pytest.mark.parametrize(
    ("number", "fault"),
    [
        *[(number, Fault.NOT_APPLIED) for number in NOT_APPLIED],
        *[(number, Fault.READ_ONLY) for number in READ_ONLY],
        *[(number, Fault.LOST) for number in LOST],
        *[(number, Fault.OTHER) for number in OTHER],
        (1062, Fault.DUPLICATE),
        (1045, Fault.DENIED),
    ],
)
def test_a_servers_number_says_what_is_known(number: int, fault: Fault) -> None:
    error = read(raised(number))

    assert (error.fault, error.number) == (fault, number)
    assert isinstance(error, DuplicateError) is (fault is Fault.DUPLICATE)


@pytest.mark.parametrize(
    "error", [OSError("planted-key"), RuntimeError("planted-key"), ValueError("1062"), raised(1062), raised(1064)]
)
def test_no_error_carries_the_drivers_text(error: Exception) -> None:
    told = read(error)

    assert "planted" not in repr(told)
    assert "planted" not in str(told)
    assert told.kind


def test_a_broken_socket_is_a_lost_connection() -> None:
    assert read(BrokenPipeError(32, "Broken pipe")).fault is Fault.LOST


def test_an_error_without_a_number_says_nothing() -> None:
    assert read(RuntimeError()).fault is Fault.OTHER
