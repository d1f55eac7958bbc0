"""A keyring that cannot be read for a while costs a replica that serves nothing but the child that needs it."""

import os
import stat
from pathlib import Path

import pytest

from mmt_grpc.app.serving import write_atomically
from tests.support.clients import Refused
from tests.support.processes import children, kill
from tests.support.service import Service, running_service
from tests.support.waiting import until


def test_a_worker_that_dies_while_the_keyring_is_away_is_started_once_it_is_back() -> None:
    with running_service() as service:
        token_id, _ = service.connected()
        supervisor = service.dev.process.pid
        keyring = service.dev.state_dir / "keys" / "access.keyring"
        hidden = keyring.rename(keyring.with_suffix(".away"))

        kill(children(supervisor)["mmt: worker 0"])
        until(lambda: '"event":"child_not_started"' in service.dev.logs(), "the worker cannot be started")
        exchanger = children(supervisor)["mmt: exchanger"]
        hidden.rename(keyring)
        until(lambda: resolves(service, token_id), "the worker is back")

        assert children(supervisor)["mmt: exchanger"] == exchanger


def resolves(service: Service, token_id: str) -> bool:
    """Whether a call is answered yet."""
    try:
        return bool(service.write.resolve(token_id).bearer_token.access_token)
    except Refused:
        return False


def test_what_others_have_put_beside_a_file_is_not_written_into(tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    theirs.write_text("", encoding="utf-8")
    (tmp_path / f".ready.json.{os.getpid()}").symlink_to(theirs)

    write_atomically(tmp_path / "ready.json", "secret")

    assert theirs.read_text(encoding="utf-8") == ""
    assert stat.S_IMODE((tmp_path / "ready.json").stat().st_mode) == 0o600


def test_a_file_that_cannot_be_put_in_place_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "ready.json").mkdir()

    with pytest.raises(OSError, match="directory"):
        write_atomically(tmp_path / "ready.json", "secret")

    assert [path.name for path in tmp_path.iterdir()] == ["ready.json"]
