"""What each answer means for what was sent, as a table."""

import json
from email.utils import formatdate

import pytest

from mmt_grpc.domain.ports.providers import Failure
from mmt_grpc.providers.classification import (
    CODE,
    LOGIN,
    LOOKUP,
    REFRESH,
    Rules,
    classify,
    is_rate_limited,
    retry_after,
)
from mmt_grpc.providers.message import Answer

NOW = 1_800_000_000.0
ACROSS = {"code": CODE, "refresh": REFRESH, "login": LOGIN, "lookup": LOOKUP}


def answer(status: int, body: object = None, **headers: str) -> Answer:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(status, {name.replace("_", "-"): value for name, value in headers.items()}, content)


def named(error: str) -> dict[str, object]:
    return {"error": error, "error_description": "never looked at"}


def listed(error: str) -> dict[str, object]:
    return {"errors": [{"id": error, "message": "never looked at"}]}


@pytest.mark.parametrize("rules", ACROSS.values(), ids=ACROSS)
@pytest.mark.parametrize(
    ("status", "failure"),
    [
        (429, Failure.NOT_CONSUMED),
        (418, Failure.NOT_CONSUMED),
        (503, Failure.NOT_CONSUMED),
        (500, Failure.AMBIGUOUS),
        (502, Failure.AMBIGUOUS),
        (504, Failure.AMBIGUOUS),
        (520, Failure.AMBIGUOUS),
        (301, Failure.AMBIGUOUS),
        (307, Failure.AMBIGUOUS),
        (408, Failure.AMBIGUOUS),
        (402, Failure.OTP_REQUIRED),
    ],
)
@pytest.mark.parametrize("body", [None, b"<html>", named("invalid_grant"), listed("invalid_client")], ids=str)
def test_some_statuses_speak_for_themselves(rules: Rules, status: int, body: object, failure: Failure) -> None:
    assert classify(answer(status, body), rules) is failure


@pytest.mark.parametrize("shape", [named, listed])
@pytest.mark.parametrize("status", [400, 401, 403])
@pytest.mark.parametrize("rules", [CODE, REFRESH], ids=["code", "refresh"])
@pytest.mark.parametrize(
    ("error", "failure"),
    [
        ("invalid_grant", Failure.PERMANENT),
        ("invalid_token", Failure.PERMANENT),
        ("expired_token", Failure.PERMANENT),
        ("revoked_token", Failure.PERMANENT),
        ("invalid_client", Failure.OUR_OUTAGE),
        ("unauthorized_client", Failure.OUR_OUTAGE),
        ("two_factor_required", Failure.OTP_REQUIRED),
        ("temporarily_unavailable", Failure.NOT_CONSUMED),
        ("slow_down", Failure.NOT_CONSUMED),
    ],
)
def test_an_error_that_is_named_counts_more_than_the_status(
    rules: Rules, status: int, shape: type, error: str, *, failure: Failure
) -> None:
    assert classify(answer(status, shape(error)), rules) is failure


@pytest.mark.parametrize(
    ("rules", "status", "failure"),
    [
        ("code", 400, Failure.PERMANENT),
        ("code", 422, Failure.PERMANENT),
        ("code", 401, Failure.NOT_CONSUMED),
        ("code", 404, Failure.OUR_OUTAGE),
        ("refresh", 400, Failure.NOT_CONSUMED),
        ("refresh", 401, Failure.NOT_CONSUMED),
        ("refresh", 403, Failure.NOT_CONSUMED),
        ("refresh", 404, Failure.OUR_OUTAGE),
        ("login", 400, Failure.PERMANENT),
        ("login", 401, Failure.PERMANENT),
        ("login", 403, Failure.NOT_CONSUMED),
        ("login", 404, Failure.OUR_OUTAGE),
        ("lookup", 401, Failure.PERMANENT),
        ("lookup", 404, Failure.OUR_OUTAGE),
        ("lookup", 400, Failure.NOT_CONSUMED),
    ],
)
@pytest.mark.parametrize("body", [None, b"", b"\xff\xfe", [], {"error": {}}, {"errors": []}, named("invalid_request")])
def test_a_refusal_that_names_nothing_known_goes_by_its_status(
    rules: str, status: int, body: object, *, failure: Failure
) -> None:
    assert classify(answer(status, body), ACROSS[rules]) is failure


def test_a_login_tells_a_wrong_password_from_a_missing_second_factor() -> None:
    assert classify(answer(401, named("invalid_credentials")), LOGIN) is Failure.PERMANENT
    assert classify(answer(401, named("otp_required")), LOGIN) is Failure.OTP_REQUIRED


@pytest.mark.parametrize("rules", [REFRESH, LOOKUP], ids=["refresh", "lookup"])
def test_the_header_of_uphold_asks_for_a_second_factor(rules: Rules) -> None:
    wanted = answer(401, {"code": "unauthorized"}, otp_token="Required")
    assert classify(wanted, rules) is Failure.OTP_REQUIRED


@pytest.mark.parametrize(
    ("status", "text", "seconds"),
    [
        (429, "7", 7.0),
        (503, " 0 ", 0.0),
        (429, "86400", 3600.0),
        (418, "86400", 86400.0),
        (418, "99999999", 3 * 86400.0),
        (429, formatdate(NOW + 90, usegmt=True), 90.0),
        (429, formatdate(NOW - 90, usegmt=True), 0.0),
        (429, "Fri, 15 Jan 2027 08:01:00", 60.0),
        (429, "Tue, 01 Jan 9999 00:00:00 GMT", 3600.0),
        (429, "", None),
        (429, "-5", None),
        (429, "1e3", None),
        (429, "soon", None),
        (429, "٣", None),
        (429, "9" * 5000, None),
    ],
)
def test_a_wait_is_read_and_capped(status: int, text: str, seconds: float | None) -> None:
    assert retry_after(answer(status, retry_after=text), now=NOW) == seconds


def test_a_limit_is_told_from_an_outage() -> None:
    assert [is_rate_limited(answer(status)) for status in (429, 418, 503)] == [True, True, False]
    assert is_rate_limited(answer(400, named("slow_down")))


def test_an_answer_shows_nothing_but_its_status() -> None:
    shown = repr(answer(200, {"access_token": "canary"}, set_cookie="canary"))
    assert shown == "Answer(status=200)"
