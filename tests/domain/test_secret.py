"""A secret cannot get out by accident, and who opens one on purpose stands in a list."""

import copy
import json
import logging
import pickle  # noqa: TID251  # to see that it refuses
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest

from mmt_grpc.domain.model import ApiKeyPair, BearerToken, UserCredentials
from mmt_grpc.domain.secret import MASK, Secret
from tests.support.tree import ROOT

CANARY = "canary-in-a-secret"

OPENERS = {
    "app/administration.py": "a new API key is shown to who made it, once",
    "app/demo_expiring.py": "the demonstration's own",
    "app/demo_residue.py": "the demonstration looks for what must not be left",
    "app/demo_sandbox.py": "the demonstration's own",
    "app/demo_stage.py": "the demonstration's own",
    "app/dev.py": "development keeps its API keys over restarts",
    "app/process.py": "the opened keyring and the database's URL on their way into a process",
    "cli/administration.py": "a new API key is shown to who made it, once",
    "cli/token.py": "what the caller asked for is printed",
    "crypto/contents.py": "a keyring's keys are wrapped",
    "crypto/epoch.py": "an epoch's key becomes a cipher",
    "crypto/index.py": "the MAC of an API key covers its secret",
    "crypto/plaintext.py": "what is sealed into a row",
    "domain/api_key.py": "a new API key as its owner sends it",
    "exchange/attempt_records.py": "what is sealed on the exchanger's disk",
    "exchange/records.py": "what is sealed on the exchanger's disk",
    "exchange/request_identity.py": "the keyed hash of a request's content",
    "providers/bearer.py": "an exchange is spoken to",
    "providers/binance.py": "an exchange is spoken to",
    "providers/oauth.py": "an exchange is spoken to",
    "providers/signature.py": "a request to an exchange is signed",
    "settings/codec.py": "a process is handed its slice",
    "settings/rules.py": "a setting is checked",
    "settings/toml_writer.py": "development writes its settings down",
    "transport/client.py": "a caller sends its own key",
    "transport/conversion.py": "a credential leaves in an answer",
    "transport/grants.py": "a grant travels to the exchanger",
    "transport/internal/peer_secret.py": "both ends of the internal line know each other",
}
"""Who opens secrets, and what for. Whoever is not here has to say here why it must."""


def _opens(path: Path) -> bool:
    return ".reveal()" in path.read_text(encoding="utf-8")


def test_nobody_opens_a_secret_unlisted() -> None:
    tree = ROOT / "mmt_grpc"
    openers = {str(path.relative_to(tree)) for path in tree.rglob("*.py") if _opens(path)}

    assert openers - set(OPENERS) == set()


@pytest.mark.parametrize("name", OPENERS)
def test_nobody_is_listed_who_opens_none(name: str) -> None:
    path = ROOT / "mmt_grpc" / name

    assert not path.exists() or _opens(path)


@pytest.mark.parametrize(
    "show",
    [
        repr,
        lambda secret: f"{secret!r}",
        lambda secret: f"{[secret]}",
        lambda secret: str(BearerToken(secret)),
        lambda secret: str(ApiKeyPair(secret, secret)),
        lambda secret: repr(UserCredentials(secret, secret, None)),
        lambda secret: f"{ {'token': secret} }",
        ascii,
        lambda secret: f"{Exception(secret)!r}",
    ],
)
def test_it_is_masked_wherever_it_is_shown(show: Callable[[Secret], str]) -> None:
    shown = show(Secret(CANARY))

    assert CANARY not in shown
    assert MASK in shown


@pytest.mark.parametrize(
    "leak",
    [
        str,
        "{}".format,
        lambda secret: f"{secret}",
        lambda secret: f"{secret:>20}",
        lambda secret: "%s" % secret,  # noqa: UP031  # the old way leaks as well
        lambda secret: "" + secret,
        lambda secret: "".join([secret]),  # noqa: FLY002  # another way than an f-string
        hash,
        lambda secret: {secret},
        lambda secret: {secret: 1},
        pickle.dumps,
        copy.copy,
        copy.deepcopy,
        json.dumps,
        lambda secret: asdict(BearerToken(secret)),
        bytes,
        len,
        iter,
        lambda secret: secret[0],
        lambda secret: secret < Secret(""),
        vars,
        lambda secret: setattr(secret, "other", 1),
    ],
)
def test_every_way_to_let_it_slip_is_an_error_that_does_not_quote_it(leak: Callable[[object], object]) -> None:
    with pytest.raises((TypeError, AttributeError)) as refusal:
        leak(Secret(CANARY))

    assert CANARY not in str(refusal.value)


def test_a_log_line_that_formats_one_carries_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        logging.getLogger("test").info("%r", Secret(CANARY))

    assert CANARY not in caplog.text


@pytest.mark.parametrize("wrong", [b"canary", None, 5, ["canary"], Secret(CANARY)])
def test_only_a_text_is_a_secret_and_the_refusal_names_the_type_alone(wrong: object) -> None:
    with pytest.raises(TypeError) as refusal:
        Secret(wrong)  # type: ignore[arg-type]  # that is the point

    assert "canary" not in str(refusal.value)


def test_it_is_equal_to_the_same_secret_and_to_no_text() -> None:
    assert Secret(CANARY) == Secret(CANARY)
    assert Secret(CANARY) != Secret(CANARY + "x")
    assert Secret(CANARY) != CANARY
    assert (bool(Secret("")), bool(Secret("x"))) == (False, True)


def test_it_opens_when_asked() -> None:
    assert Secret(CANARY).reveal() == CANARY
