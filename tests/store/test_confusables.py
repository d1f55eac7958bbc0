"""Ten thousand pairs of keys that a database of text would take for one another."""

import functools
import hashlib
import random

import pytest

from mmt_grpc.store.execution import Execution
from mmt_grpc.store.session import Session
from tests.store.backends import Database
from tests.store.conftest import MYSQL

PAIRS = 10_000
BATCH = 500
INSERT = (
    "INSERT INTO connect_request (request_key, content_mac, owner, life, state, created_at) "
    "VALUES (:request_key, :content_mac, :owner, :life, 1, 1)"
)
FIND = "SELECT content_mac FROM connect_request WHERE request_key = :request_key"
ALL = "SELECT request_key, content_mac FROM connect_request"


def confusable(number: int, generator: random.Random) -> tuple[bytes, bytes]:
    """Return two keys that differ only in the case of a letter, an accent, or what stands at the end."""
    stem = hashlib.sha256(number.to_bytes(4)).digest()[:28]
    ends = [b"aaaa", b"aaaA", b"aaa ", b"aaa\x00", b"aa\xc3\xa1", b"aa\xc3\xa4", b"aa\x00\x00", b"aa  "]
    first, second = generator.sample(ends, 2)
    return stem + first, stem + second


@pytest.mark.parametrize("opened", ["sqlite", "mariadb", MYSQL], indirect=True)
def test_no_two_of_them_collide(opened: Database) -> None:
    generator = random.Random(20261123)
    keys = [key for number in range(PAIRS) for key in confusable(number, generator)]
    execution: Execution = opened.store._execution

    def insert(batch: list[bytes]) -> None:
        def work(session: Session) -> None:
            for key in batch:
                session.change(INSERT, request_key=key, content_mac=key, owner=b"o" * 16, life=b"l" * 16)

        execution.write(work)

    for start in range(0, len(keys), BATCH):
        insert(keys[start : start + BATCH])

    assert sorted(map(tuple, execution.read(lambda session: session.rows(ALL)))) == sorted(zip(keys, keys, strict=True))
    for key in generator.sample(keys, 1000):
        assert execution.read(functools.partial(Session.row, sql=FIND, request_key=key)) == (key,)
