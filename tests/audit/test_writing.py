"""What a written record looks like, and when it is there."""

import dataclasses
import hashlib
import json
import re
import stat
import subprocess
import sys
import threading
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmt_grpc.audit.file_audit import FileAudit
from mmt_grpc.audit.record import HEADER_FIELDS, RECORD_FIELDS, check, encode, seal
from mmt_grpc.audit.verify import verify_directory
from mmt_grpc.domain.errors import AuditUnavailableError, Reason
from mmt_grpc.domain.ports.audit import AuditRecord, Phase
from mmt_grpc.domain.secret import Secret
from tests.audit.conftest import Open, Watcher, a_record, lines
from tests.support.tree import ROOT


def test_a_record_is_in_the_file_when_write_returns(open_audit: Open, path: Path) -> None:
    open_audit().write(a_record(end_user_key=b"\x02" * 32, reason=Reason.CONFLICT, outcome="refused"))

    written = json.loads(lines(path)[1])
    assert written == {
        "seq": 1,
        "time": "2026-09-21T14:13:21.000000Z",
        "call_id": "call-1",
        "caller": "key-1",
        "client_id": "acme",
        "method": "Resolve",
        "phase": "outcome",
        "token_key": "01" * 32,
        "end_user_key": "02" * 32,
        "integration": "coinbase",
        "generation": 3,
        "outcome": "refused",
        "reason": "CONFLICT",
        "key_epoch": 1,
        "previous": json.loads(lines(path)[0])["hash"],
        "hash": written["hash"],
    }
    assert tuple(written) == RECORD_FIELDS


@given(
    text=st.text(),
    number=st.none() | st.integers(),
    key=st.none() | st.binary(),
    phase=st.sampled_from(Phase),
    reason=st.none() | st.sampled_from(Reason),
    nanoseconds=st.integers(min_value=0, max_value=2**62),
)
def test_whatever_a_record_holds_its_line_says(
    *, text: str, number: int | None, key: bytes | None, phase: Phase, reason: Reason | None, nanoseconds: int
) -> None:
    record = AuditRecord(text, text, text, text, phase, key, key, text, number, text, reason, number)

    line, digest = seal(1, encode(record, nanoseconds), "0" * 64)
    checked = check(line.removesuffix(b"\n"))

    assert checked is not None
    said, previous, said_digest = checked
    assert (previous, said_digest) == ("0" * 64, digest)
    for field in dataclasses.fields(record):
        value = getattr(record, field.name)
        assert said.get(field.name) == (value.hex() if isinstance(value, bytes) else value)
    assert datetime.fromisoformat(str(said["time"])).timestamp() * 1e9 == pytest.approx(nanoseconds, rel=1e-9, abs=2000)


def test_what_does_not_apply_is_left_out(open_audit: Open, path: Path) -> None:
    open_audit().write(AuditRecord("call-1", "key-1", "acme", "Connect", Phase.INTENT))

    assert set(json.loads(lines(path)[1])) == {
        "seq", "time", "call_id", "caller", "client_id", "method", "phase", "previous", "hash",
    }  # fmt: skip


def test_every_field_of_the_port_is_written() -> None:
    ours = {"seq", "time", "previous", "hash"}

    assert {field.name for field in dataclasses.fields(AuditRecord)} == set(RECORD_FIELDS) - ours


def test_the_documentation_lists_every_field_and_no_other() -> None:
    text = (ROOT / "docs/audit.md").read_text(encoding="utf-8")
    sections = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL))

    for title, fields in (("Records", RECORD_FIELDS), ("Headers", HEADER_FIELDS)):
        assert tuple(re.findall(r"^\| `(\w+)` \|", sections[title], re.MULTILINE)) == fields


def test_the_hash_is_that_of_the_line_without_its_last_member(open_audit: Open, path: Path) -> None:
    open_audit().write(a_record(client_id='é"\\\n,"hash":"x"}'))

    for line in lines(path):
        digest = json.loads(line)["hash"]
        canonical = line.replace(f',"hash":"{digest}"'.encode(), b"")
        assert hashlib.sha256(canonical).hexdigest() == digest
    assert json.loads(lines(path)[1])["client_id"] == 'é"\\\n,"hash":"x"}'


def test_a_file_begins_with_who_wrote_it_and_what_it_continues(open_audit: Open, path: Path) -> None:
    first = open_audit(life=b"\xaa" * 16)
    first.write(a_record())
    first.close()
    open_audit(life=b"\xbb" * 16)

    name, following = sorted(path.iterdir())
    assert re.fullmatch(r"worker-0\.00000001\.20260921T141320\.000000Z\.(aa){16}\.jsonl", name.name)
    header = json.loads(following.read_bytes())
    assert tuple(header) == HEADER_FIELDS
    assert (header["format"], header["role"], header["life"]) == ("mmt-audit/1", "worker-0", "bb" * 16)
    last = json.loads(name.read_bytes().splitlines()[-1])["hash"]
    assert header["predecessor"] == {"file": name.name, "hash": last, "torn_bytes": 0}
    assert header["previous"] == last


def test_nobody_else_may_read_the_log(open_audit: Open, path: Path) -> None:
    open_audit().write(a_record())

    assert stat.S_IMODE(path.stat().st_mode) == 0o700
    assert [stat.S_IMODE(file.stat().st_mode) for file in path.iterdir()] == [0o600]


def test_the_records_of_many_callers_form_one_chain(open_audit: Open, path: Path) -> None:
    audit = open_audit()

    def call(number: int) -> None:
        for turn in range(50):
            audit.write(a_record(call_id=f"call-{number}-{turn}"))

    callers = [threading.Thread(target=call, args=(number,)) for number in range(16)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()

    assert len({json.loads(line)["call_id"] for line in lines(path)[1:]}) == 16 * 50
    assert verify_directory(path).ok


@pytest.mark.parametrize("durability", ["kernel", "fsync"])
def test_the_chain_goes_on_in_another_file_when_one_is_full(
    open_audit: Open, path: Path, watcher: Watcher, durability: str
) -> None:
    audit = open_audit(rotate_bytes=2000, durability=durability)
    for _ in range(20):
        audit.write(a_record())
    audit.close()

    report = verify_directory(path)
    assert report.ok
    assert not report.notes
    assert len(report.files) > 2
    assert sum(file.records for file in report.files) == 20
    assert watcher.names == sorted(file.name for file in path.iterdir())


def test_a_secret_is_not_a_field(open_audit: Open) -> None:
    with pytest.raises(TypeError):
        open_audit().write(a_record(client_id=Secret("canary")))


def test_nothing_is_taken_after_the_end(open_audit: Open, path: Path) -> None:
    audit = open_audit()
    audit.close()

    with pytest.raises(AuditUnavailableError):
        audit.write(a_record())
    assert len(lines(path)) == 1


def test_a_directory_that_cannot_be_made_stops_the_start(path: Path, open_audit: Open, watcher: Watcher) -> None:
    path.write_text("a file stands in its place", encoding="utf-8")

    with pytest.raises(AuditUnavailableError):
        open_audit()
    assert watcher.failures == ["open:EEXIST"]


def test_an_end_may_come_before_the_beginning_and_twice(path: Path, watcher: Watcher) -> None:
    audit = FileAudit(path=path, role="worker-0", life=b"", wall_clock=lambda: 0, observer=watcher)
    audit.close()
    audit.close()

    with pytest.raises(AuditUnavailableError):
        audit.write(a_record())


KILLED = """
import itertools, os, sys, time
from pathlib import Path
from mmt_grpc.audit.file_audit import FileAudit
from tests.audit.conftest import Watcher, a_record

audit = FileAudit(path=Path(sys.argv[1]), role="worker-0", life=bytes(16), wall_clock=time.time_ns, observer=Watcher(),
                  timeout=30.0)
audit.start()
for number in itertools.count():
    audit.write(a_record(call_id=f"call-{number}"))
    os.write(1, b"%d\\n" % number)
"""


def test_no_acknowledged_record_is_lost_when_the_process_is_killed(path: Path, open_audit: Open) -> None:
    with subprocess.Popen([sys.executable, "-c", KILLED, path], stdout=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stdout is not None
        for _ in range(200):
            process.stdout.readline()
        process.kill()
        acknowledged = 200 + len(process.stdout.read().splitlines())

    open_audit()
    report = verify_directory(path)
    assert report.ok
    assert report.files[0].records >= acknowledged
