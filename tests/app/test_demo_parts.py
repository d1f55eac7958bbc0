"""What a step of the demonstration counts as kept, what the search of the files finds, and what does not start."""

from pathlib import Path
from typing import Any

import grpc
import pytest

from mmt_grpc.app.administration import RefusedError
from mmt_grpc.app.demo_installation import DemoInstallation, DevProcess
from mmt_grpc.app.demo_residue import search
from mmt_grpc.app.demo_sandbox import ExchangeGoneError, SandboxUsers
from mmt_grpc.app.demo_stage import Came, MissingError, Stage, Step, masked, refusal, short
from mmt_grpc.domain.errors import Reason, StoreUnavailableError
from mmt_grpc.domain.model import Scope
from mmt_grpc.domain.secret import Secret
from mmt_grpc.transport.client import CallFailedError

NOBODY = "http://127.0.0.1:1"


class Recording:
    """An `Audience` that remembers."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.steps: list[Step] = []

    def begins(self, what: str) -> None:
        self.begun.append(what)

    def sees(self, step: Step) -> None:
        self.steps.append(step)


@pytest.fixture
def installation(tmp_path: Path) -> DemoInstallation:
    (tmp_path / "audit").mkdir()
    (tmp_path / "spool").mkdir()
    return DemoInstallation(
        address="127.0.0.1:1",
        write_key=Secret("write"),
        read_key=Secret("read"),
        exchange=SandboxUsers(NOBODY),
        config=tmp_path / "mmt.toml",
        state_dir=tmp_path,
        audit_path=tmp_path / "audit",
    )


@pytest.fixture
def audience() -> Recording:
    return Recording()


@pytest.fixture
def stage(installation: DemoInstallation, audience: Recording) -> Stage:
    client = installation.client(installation.write_key)
    return Stage(installation=installation, audience=audience, write=client, read=client, other=client)


def test_a_step_that_brings_what_was_promised_is_kept(stage: Stage, audience: Recording) -> None:
    stage.step("what", "promised", lambda: Came("came", kept=True))
    assert audience.begun == ["what"]
    assert [(step.what, step.promised, step.came.text) for step in audience.steps] == [("what", "promised", "came")]
    assert stage.kept


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        (CallFailedError(code=grpc.StatusCode.NOT_FOUND, reason=Reason.TOKEN_NOT_FOUND), "TOKEN_NOT_FOUND: There is"),
        (StoreUnavailableError(), "STORE_UNAVAILABLE"),
        (ExchangeGoneError("the sandbox exchange: ConnectError"), "the sandbox exchange: ConnectError"),
        (MissingError(), "not tried: an earlier step failed"),
    ],
)
def test_a_failure_that_was_not_promised_is_shown_and_the_rest_goes_on(
    stage: Stage, audience: Recording, error: Exception, shown: str
) -> None:
    def fail() -> Came:
        raise error

    stage.step("what", "promised", fail)
    stage.step("next", "promised", lambda: Came("came", kept=True))
    assert [step.came.kept for step in audience.steps] == [False, True]
    assert audience.steps[0].came.text.startswith(shown)
    assert not stage.kept


def refused(**arguments: Any) -> Any:
    def call() -> None:
        raise CallFailedError(code=grpc.StatusCode.PERMISSION_DENIED, **arguments)

    return call


def test_a_promised_refusal_is_held_to_its_reason_and_its_metadata() -> None:
    mismatch = refused(reason=Reason.SCOPE_MISMATCH, metadata={"granted_scope": "SCOPE_READ"})
    assert refusal(mismatch, Reason.SCOPE_MISMATCH, {"granted_scope": "SCOPE_READ"}).kept
    assert not refusal(mismatch, Reason.SCOPE_MISMATCH).kept
    assert not refusal(mismatch, Reason.TOKEN_NOT_FOUND, {"granted_scope": "SCOPE_READ"}).kept
    assert refusal(refused(), Reason.TOKEN_NOT_FOUND) == Came("PERMISSION_DENIED", kept=False)
    assert refusal(lambda: "an answer", Reason.TOKEN_NOT_FOUND) == Came("done, not refused", kept=False)


def test_what_never_came_about_is_missing(stage: Stage) -> None:
    with pytest.raises(MissingError):
        stage.token_id("coinbase")
    with pytest.raises(MissingError):
        stage.credential("coinbase")


def test_an_exchange_that_is_not_there_is_told_without_an_address(stage: Stage, audience: Recording) -> None:
    stage.step("what", "promised", lambda: Came(str(stage.installation.exchange.book("coinbase", "ada")), kept=True))
    assert audience.steps[0].came == Came("the sandbox exchange: ConnectError", kept=False)


@pytest.mark.parametrize(
    "place", ["mmt.db", "mmt.db-wal", "ledger.db", "spool/answer-00.record", "audit/worker-0.jsonl", "dev.log"]
)
def test_the_search_finds_what_is_left_in_any_file(installation: DemoInstallation, tmp_path: Path, place: str) -> None:
    assert search(installation, [b"piece", b"other"]).count == 0
    (tmp_path / place).write_bytes(b"before piece after")
    found = search(installation, [b"piece", b"other"])
    assert (found.count, str(found)) == (1, f"1 in {Path(place).name}")


def test_the_search_leaves_the_exchanges_books_alone(installation: DemoInstallation, tmp_path: Path) -> None:
    (tmp_path / "sandbox.db").write_bytes(b"piece")
    assert str(search(installation, [b"piece"])) == "nothing"


def test_a_secret_is_shown_by_a_mark_that_tells_it_from_others_only() -> None:
    assert masked(Secret("one")) == masked(Secret("one")) != masked(Secret("two"))
    assert "one" not in masked(Secret("one"))
    assert short("0a1b2c3d-0000-8000-8000-00000000abcd") == "0a1b2c3d…"


def test_an_installation_that_does_not_start_is_refused_with_its_own_words(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "access.keyring").write_text("no keyring")
    process = DevProcess(tmp_path)
    with pytest.raises(RefusedError, match="mmt dev does not serve"):
        process.serving()
    assert process.end() != 0


def test_the_sandbox_is_asked_over_http_only_for_what_it_knows(stage: Stage) -> None:
    with pytest.raises(ExchangeGoneError):
        stage.installation.exchange.authorize("coinbase", "ada", Scope.READ)
    assert stage.installation.exchange.spoken == []
