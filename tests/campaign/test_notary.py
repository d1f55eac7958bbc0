"""The notary's count of what a dead replica had sent: a death is judged by it."""

import socket

import pytest

from mmt_grpc.sandbox import SandboxServer
from tests.campaign.notary import Notary

BODY = b"grant_type=refresh_token&refresh_token=not-one"
POST = b"POST /coinbase/oauth2/token HTTP/1.1\r\ncontent-length: %d\r\n\r\n%s" % (len(BODY), BODY)
PATIENCE = 30.0


def test_the_last_words_of_the_dead_count_though_nobody_had_read_them_yet() -> None:
    with Notary() as notary, SandboxServer() as sandbox:
        notary.forward_to(sandbox.base_url)
        member, url = notary.open_door()
        notary.stand_still(0.3)
        with socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2]))) as last:
            last.sendall(POST)
        assert not notary.exchanges
        notary.await_last_words(member, PATIENCE)
        (noted,) = notary.exchanges
        assert noted.committed_at is not None


def test_a_member_that_keeps_a_connection_is_not_dead() -> None:
    with Notary() as notary:
        member, url = notary.open_door()
        with socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2]))), pytest.raises(TimeoutError):
            notary.await_last_words(member, 0.2)


def test_an_answer_is_unheard_whose_asker_has_given_up() -> None:
    with Notary() as notary, SandboxServer() as sandbox:
        notary.forward_to(sandbox.base_url)
        member, url = notary.open_door()
        with socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2]))) as patient:
            patient.sendall(POST)
            assert patient.recv(1 << 16)
        notary.stand_still(0.3)
        with socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2]))) as hasty:
            hasty.sendall(POST)
        notary.await_last_words(member, PATIENCE)
        assert [each.is_unheard for each in notary.exchanges] == [False, True]
