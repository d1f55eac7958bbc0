"""Another implementation seals and hashes to the very same bytes, and each opens what the other sealed."""

import json
from pathlib import Path
from typing import Any

import pytest

from mmt_grpc.crypto.contents import Kind, decode, encode
from mmt_grpc.crypto.index import KeyedCallerMacs, KeyedIndex, KeyedRequestIndex
from mmt_grpc.crypto.keyring_file import read_keyring, write_keyring
from mmt_grpc.crypto.randomness import SystemRandomness
from mmt_grpc.crypto.records import RenewalRecordSealing
from mmt_grpc.crypto.root_key import FileRootKey
from mmt_grpc.crypto.rows import RowAccessSealing, RowSealing
from mmt_grpc.domain.model import ApiKeyPair, BearerToken, Credential, Identity, Metadata, Scope
from mmt_grpc.domain.secret import Secret
from mmt_grpc.domain.token_row import Binding, SealedToken
from tests.crypto.material import (
    DrawnBefore,
    access_keyring,
    access_row,
    fixed_contents,
    next_generation,
    renewal_keyring,
    revealed,
)

VECTORS = Path(__file__).parent / "vectors"


def vectors(name: str) -> Any:
    return json.loads((VECTORS / name).read_text(encoding="utf-8"))


ROWS = [pytest.param(row, id=row["input"]["integration"]) for row in vectors("rows.json")]
every_row = pytest.mark.parametrize("row", ROWS)


def drawn(values: list[str]) -> DrawnBefore:
    return DrawnBefore(map(bytes.fromhex, values))


def unhexed(value: str | None) -> bytes | None:
    return None if value is None else bytes.fromhex(value)


def secret(value: str | None) -> Secret | None:
    return None if value is None else Secret(value)


def metadata_of(given: Any) -> Metadata:
    identity = Identity(given["client_id"], given["end_user_id"], given["integration"], Scope[given["scope"]])
    return Metadata(given["token_id"], identity, given["account"], tuple(given["granted_scopes"]))


def binding_of(row: Any) -> Binding:
    given, keys = row["input"], row["keys"]
    return Binding(
        token_key=bytes.fromhex(keys["token_key"]),
        identity_key=bytes.fromhex(keys["identity_key"]),
        integration=given["integration"],
        scope=Scope[given["scope"]],
        generation=given["generation"],
    )


def credential_of(parts: list[str]) -> Credential:
    kind, *texts = map(Secret, parts)
    return BearerToken(*texts) if kind == Secret("bearer") else ApiKeyPair(*texts)


def sealed_of(row: Any) -> SealedToken:
    columns = {name: unhexed(value) for name, value in row["sealed"].items()}
    return SealedToken(format=1, key_epoch=2, **columns)  # type: ignore[arg-type]  # None only where it may be


def row_sealing(randomness: DrawnBefore, *, current: int = 2) -> RowSealing:
    return RowSealing(
        access_keyring=access_keyring(current=current),
        renewal_keyring=renewal_keyring(current=current),
        randomness=randomness,
    )


@every_row
def test_names_hash_to_the_known_keys(row: Any) -> None:
    index, given = KeyedIndex(access_keyring=access_keyring()), row["input"]
    client, user = given["client_id"], given["end_user_id"]
    # Three hexadecimal digits are the first 12 bits.
    assert index.shard(client, user) == int(row["keys"]["shard_digest"][:3], 16)
    assert {name: key for name, key in row["keys"].items() if name != "shard_digest"} == {
        "token_key": index.token_key(client, given["token_id"]).hex(),
        "identity_key": index.identity_key(metadata_of(given).identity).hex(),
        "end_user_key": index.end_user_key(client, user).hex(),
        "client_key": index.client_key(client).hex(),
        "account_key": index.account_key(given["integration"], given["account"] or "none").hex(),
    }


def test_requests_callers_and_the_installation_hash_to_the_known_values() -> None:
    keyring = access_keyring()
    requests, macs = KeyedRequestIndex(access_keyring=keyring), KeyedCallerMacs(access_keyring=keyring)

    def api_key_mac(*, disabled: bool) -> str:
        return macs.api_key_mac(
            key_id="key-1", client_id="client-1", scope=Scope.WRITE, disabled=disabled, secret=Secret("s3cret")
        ).hex()

    assert vectors("hashes.json") == {
        "index_check": KeyedIndex(access_keyring=keyring).index_check().hex(),
        "request_key": requests.request_key("client-1", "request-1").hex(),
        "content_mac": requests.content_mac(b"canonical content").hex(),
        "client_mac": macs.client_mac("client-1", "Kundin").hex(),
        "api_key_mac": api_key_mac(disabled=False),
        "disabled_api_key_mac": api_key_mac(disabled=True),
    }


@every_row
def test_a_connection_is_sealed_to_the_known_columns(row: Any) -> None:
    given, randomness = row["input"], drawn(row["draws"]["sealed"])
    sealed = row_sealing(randomness).seal_connection(
        binding=binding_of(row),
        credential=credential_of(given["credential"]),
        renewal=secret(given["renewal"]),
        metadata=metadata_of(given),
    )
    assert sealed == sealed_of(row)
    assert randomness.is_exhausted


@every_row
def test_a_refresh_is_sealed_to_the_known_columns(row: Any) -> None:
    given, randomness = row["input"], drawn(row["draws"]["resealed"])
    blobs = row_sealing(randomness).reseal(
        binding=next_generation(binding_of(row)),
        sealed=sealed_of(row),
        credential=credential_of(given["next_credential"]),
        renewal=secret(given["next_renewal"]),
    )
    assert blobs == (unhexed(row["resealed"]["access_blob"]), unhexed(row["resealed"]["renewal_blob"]))
    assert randomness.is_exhausted


@every_row
def test_data_keys_are_wrapped_again_to_the_known_columns(row: Any) -> None:
    randomness = drawn(row["draws"]["rewrapped"])
    keys = row_sealing(randomness, current=1).rewrap(binding_of(row).token_key, sealed_of(row))
    assert keys.key_epoch == 1
    assert {"access_key": keys.access_key.hex(), "renewal_key": keys.renewal_key.hex()} == row["rewrapped"]
    assert randomness.is_exhausted


@every_row
def test_the_known_columns_open(row: Any) -> None:
    given, binding, sealed = row["input"], binding_of(row), sealed_of(row)
    opened = row_sealing(drawn([])).open(binding, sealed)
    assert opened.credential == credential_of(given["credential"])
    assert opened.renewal == secret(given["renewal"])
    assert opened.metadata == metadata_of(given)
    worker = RowAccessSealing(access_keyring=access_keyring())
    assert revealed(worker.open_access(access_row(binding, sealed))) == tuple(given["credential"][1:])
    assert worker.open_metadata(access_row(binding, sealed)) == metadata_of(given)


@pytest.mark.parametrize("record", vectors("records.json"))
def test_a_record_is_sealed_to_the_known_bytes_and_opens(record: Any) -> None:
    content, randomness = bytes.fromhex(record["content"]), drawn(record["draws"])
    sealing = RenewalRecordSealing(renewal_keyring=renewal_keyring(), randomness=randomness)
    assert sealing.seal_record(record["purpose"], content).hex() == record["sealed"]
    assert sealing.open_record(record["purpose"], bytes.fromhex(record["sealed"])) == content
    assert randomness.is_exhausted


@pytest.mark.parametrize("kind", Kind)
def test_a_keyring_is_written_to_the_known_file_and_opens(kind: Kind, tmp_path: Path) -> None:
    known, path = vectors("keyrings.json")[kind], tmp_path / "keyring"
    file_key, wrap_nonce, nonce = (bytes.fromhex(draw) for draw in known["draws"])
    root = FileRootKey(material=bytes.fromhex(known["root"]), randomness=DrawnBefore([wrap_nonce]))
    randomness = DrawnBefore([file_key, nonce])
    write_keyring(path, fixed_contents(kind), root_key=root, randomness=randomness, replace=False)
    assert path.read_text() == known["file"]

    opener = FileRootKey(material=bytes.fromhex(known["root"]), randomness=SystemRandomness())
    assert encode(read_keyring(path, kind, root_key=opener)).hex() == known["encoded"]
    assert encode(decode(bytes.fromhex(known["encoded"]))).hex() == known["encoded"]
