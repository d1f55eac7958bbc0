"""What a replica that will not come back has not revoked yet is revoked by command, and nobody waits for it then."""

import json
import os
from pathlib import Path

from mmt.v1 import managed_token_pb2 as nouns
from mmt_grpc.app.exchanger import open_keyrings
from mmt_grpc.crypto.randomness import SystemRandomness
from mmt_grpc.crypto.records import RenewalRecordSealing
from mmt_grpc.domain.failpoints import NoFailpoints
from mmt_grpc.domain.model import BearerToken
from mmt_grpc.domain.secret import Secret
from mmt_grpc.exchange.records import GrantRecord, encode_grant
from mmt_grpc.exchange.sending import UNWANTED
from mmt_grpc.exchange.spool import Spool
from mmt_grpc.settings.load import load
from mmt_grpc.settings.slices import ChannelSlice
from mmt_grpc.settings.slicing import Birth, exchanger_slice
from tests.support.crashing import spool
from tests.support.fakes_failure import RecordingLog
from tests.support.replica import running_serve
from tests.support.service import Service, ended, running_service, someone

GRANTS = 10
OFTEN = 1000


def leave_a_revocation(service: Service, state_dir: Path) -> str:
    """Run another replica until it has a revocation that its exchange refused; return the account."""
    token_id, account = service.connected("uphold")
    with running_serve(service.dev.config, state_dir) as replica:
        service.fault("uphold", account, "unavailable", times=OFTEN, endpoint="revoke")
        with service.caller_at(replica.address, service.dev.api_keys["write"]) as caller:
            assert caller.revoke(token_id).upstream == nouns.UPSTREAM_FAILED
    service.fault("uphold", account, "unavailable", times=0, endpoint="revoke")
    return account


def leave_grants(service: Service, state_dir: Path) -> list[str]:
    """Put grants that no row holds on that replica's disk; return their accounts."""
    nobody = Birth(role="test", life=b"", channel=ChannelSlice(socket=Path(), secret=Secret("")), metrics_dir=None)
    _, renewal_keyring = open_keyrings(exchanger_slice(load(service.dev.config, os.environ), nobody).keys)
    sealing = RenewalRecordSealing(renewal_keyring=renewal_keyring, randomness=SystemRandomness())
    records = Spool(directory=state_dir / "spool", sealing=sealing, failpoints=NoFailpoints(), log=RecordingLog())
    accounts = [someone("account") for _ in range(GRANTS)]
    for account in accounts:
        tokens, key = service.tokens("coinbase", account), os.urandom(32)
        record = GrantRecord(key, "coinbase", BearerToken(Secret(tokens.access_token)), Secret(tokens.refresh_token))
        records.put(UNWANTED, key, encode_grant(record))
    return accounts


def test_all_it_has_to_revoke_is_revoked_and_the_replica_is_forgotten(tmp_path: Path) -> None:
    other = tmp_path / "other"
    with running_service(tmp_path / "dev") as service:
        revoked = leave_a_revocation(service, other)
        unwanted = leave_grants(service, other)
        owner = (other / "lock").read_bytes().hex()
        assert owner in service.mmt("replicas", "list", "--json")

        done = ended("--config", str(service.dev.config), "spool", "drain", "--state-dir", str(other), "--json")

        assert (done.returncode, json.loads(done.stdout)) == (0, []), done.stderr
        assert f"{owner} is forgotten" in done.stderr
        assert spool(other) == []
        assert not service.books("uphold", revoked)["live"]
        assert not any(service.books("coinbase", account)["live"] for account in unwanted)
        left = json.loads(service.mmt("replicas", "list", "--json"))
        assert [one["replica"] == owner for one in left] == [False]


def test_what_an_exchange_refuses_is_left_and_the_replica_is_not_forgotten(tmp_path: Path) -> None:
    other = tmp_path / "other"
    with running_service(tmp_path / "dev") as service:
        account = leave_a_revocation(service, other)
        service.fault("uphold", account, "unavailable", times=OFTEN, endpoint="revoke")

        done = ended("--config", str(service.dev.config), "spool", "drain", "--state-dir", str(other))

        assert (done.returncode, "revocation" in done.stdout, "forgotten" in done.stdout) == (1, True, False)
        assert (other / "lock").read_bytes().hex() in service.mmt("replicas", "list", "--json")
