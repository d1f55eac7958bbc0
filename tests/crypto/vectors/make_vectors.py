"""Makes the known answers again, from the second implementation: `python -m tests.crypto.vectors.make_vectors`.

What is random in production comes from a counter here and stands in the files, in the order in which it is drawn.
"""

import base64
import hashlib
import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.crypto.vectors.second_implementation import aes_gcm_seal, check_primitives, framed, hkdf, keyed_hash

FORMAT, SUITE = b"\x01", b"\x01"
EPOCHS = (1, 2)
DATA_KEY_INFO = framed(b"mmt data key", FORMAT, SUITE)
SCOPES = {"READ": b"\x01", "WRITE": b"\x02"}
HERE = Path(__file__).parent

ROWS: tuple[Mapping[str, Any], ...] = (
    {
        "name": "OAuth tokens with a refresh token, a known account and two granted scopes",
        "token_id": "5f30a1b2-c3d4-8e5f-a6b7-c8d9e0f1a2b3",
        "client_id": "client-1",
        "end_user_id": "user@example.com",
        "integration": "coinbase",
        "scope": "READ",
        "account": "a1d7c0de-account",
        "granted_scopes": ["wallet:accounts:read", "offline_access"],
        "generation": 1,
        "credential": ["bearer", "access-token-of-the-first-generation"],
        "renewal": "refresh-token-of-the-first-generation",
        "next_credential": ["bearer", "access-token-of-the-second-generation"],
        "next_renewal": "refresh-token-of-the-second-generation",
    },
    {
        "name": "an API key pair, without renewal, account or granted scopes, at a high generation",
        "token_id": "00100000-0000-8000-8000-000000000000",
        "client_id": "Kundin-ß",
        "end_user_id": "用户-é-🪙",
        "integration": "binance",
        "scope": "WRITE",
        "account": None,
        "granted_scopes": [],
        "generation": 2**40 + 7,
        "credential": ["api_key", "public-key", "secret-key"],
        "renewal": None,
        "next_credential": ["bearer", ""],
        "next_renewal": None,
    },
)


class Counter:
    """Stands in for randomness, and remembers what it gave."""

    def __init__(self, seed: str) -> None:
        self._seed = seed
        self.drawn: list[bytes] = []

    def draw(self, count: int) -> bytes:
        given = hashlib.sha256(f"{self._seed} {len(self.drawn)}".encode()).digest()[:count]
        self.drawn.append(given)
        return given


def fixed_key(name: str) -> bytes:
    """Return a key of the vectors' keyring."""
    return hashlib.sha256(f"known answer {name}".encode()).digest()


def seal(data_key: bytes, plaintext: bytes, bound: bytes, nonce: bytes) -> bytes:
    """Return a message under a data key."""
    derived = hkdf(data_key, DATA_KEY_INFO, 64)
    return FORMAT + SUITE + derived[32:] + nonce + aes_gcm_seal(derived[:32], nonce, plaintext, bound)


def wrap(side: str, epoch: int, data_key: bytes, *, field: bytes, owner: bytes, nonce: bytes) -> bytes:
    """Return a data key wrapped under an epoch's key of one side."""
    bound = framed(FORMAT, SUITE, struct.pack(">I", epoch), field, owner)
    return FORMAT + SUITE + nonce + aes_gcm_seal(fixed_key(f"{side} {epoch}"), nonce, data_key, bound)


def keys_of(row: Mapping[str, Any]) -> dict[str, bytes]:
    """Return the keyed hashes of a row's names."""
    client, user, integration = (row[name].encode() for name in ("client_id", "end_user_id", "integration"))
    index = fixed_key("index")
    return {
        "token_key": keyed_hash(index, framed(b"token", client, row["token_id"].encode())),
        "identity_key": keyed_hash(index, framed(b"identity", client, user, integration, SCOPES[row["scope"]])),
        "end_user_key": keyed_hash(index, framed(b"end_user", client, user)),
        "client_key": keyed_hash(index, framed(b"client", client)),
        "account_key": keyed_hash(index, framed(b"account", integration, (row["account"] or "none").encode())),
        "shard_digest": keyed_hash(fixed_key("shard"), framed(client, user)),
    }


def make_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row sealed by a Connect, sealed again by a refresh, and wrapped again under the first epoch."""
    keys = keys_of(row)
    owner = keys["token_key"]
    first, second, third = (
        Counter(row["name"]),
        Counter(row["name"] + " refreshed"),
        Counter(row["name"] + " rewrapped"),
    )
    access, renewal = first.draw(32), first.draw(32)
    bound = (owner, keys["identity_key"], row["integration"].encode(), SCOPES[row["scope"]])
    sealed = {
        "access_key": wrap("access", 2, access, field=b"access", owner=owner, nonce=first.draw(12)),
        "renewal_key": wrap("renewal", 2, renewal, field=b"renewal", owner=owner, nonce=first.draw(12)),
        **make_blobs(row, "", bound, (access, renewal), first),
    }
    metadata_bound = framed(FORMAT, SUITE, b"metadata", *bound)
    sealed["metadata_blob"] = seal(access, metadata_of(row), metadata_bound, first.draw(12))
    resealed = make_blobs({**row, "generation": row["generation"] + 1}, "next_", bound, (access, renewal), second)
    rewrapped = {
        "access_key": wrap("access", 1, access, field=b"access", owner=owner, nonce=third.draw(12)),
        "renewal_key": wrap("renewal", 1, renewal, field=b"renewal", owner=owner, nonce=third.draw(12)),
    }
    draws = {"sealed": first.drawn, "resealed": second.drawn, "rewrapped": third.drawn}
    return {"input": row, "keys": keys, "draws": draws, "sealed": sealed, "resealed": resealed, "rewrapped": rewrapped}


def make_blobs(
    row: Mapping[str, Any], which: str, bound: tuple[bytes, ...], data_keys: tuple[bytes, bytes], counter: Counter
) -> dict[str, bytes | None]:
    """Return the access and the renewal blob of a generation."""
    generation = struct.pack(">q", row["generation"])
    kind, *texts = row[which + "credential"]
    plain = framed(kind.encode(), *(text.encode() for text in texts))
    access = seal(data_keys[0], plain, framed(FORMAT, SUITE, b"access", *bound, generation), counter.draw(12))
    renewal = None
    if row[which + "renewal"] is not None:
        plain = framed(b"refresh", row[which + "renewal"].encode())
        renewal = seal(data_keys[1], plain, framed(FORMAT, SUITE, b"renewal", *bound, generation), counter.draw(12))
    return {"access_blob": access, "renewal_blob": renewal}


def metadata_of(row: Mapping[str, Any]) -> bytes:
    """Return the plaintext of a row's metadata."""
    names = (row[name].encode() for name in ("token_id", "client_id", "end_user_id", "integration"))
    account = b"" if row["account"] is None else framed(row["account"].encode())
    granted = framed(*(scope.encode() for scope in row["granted_scopes"]))
    return framed(b"\x01", *names, SCOPES[row["scope"]], account, granted)


def make_record() -> dict[str, Any]:
    """Return a sealed record of the exchanger."""
    counter = Counter("record")
    purpose, content, data_key = b"refresh-answer", b"what an exchange said", counter.draw(32)
    wrapped = wrap("renewal", 2, data_key, field=b"record", owner=purpose, nonce=counter.draw(12))
    message = seal(data_key, content, framed(FORMAT, SUITE, b"record", purpose), counter.draw(12))
    sealed = FORMAT + SUITE + struct.pack(">I", 2) + wrapped + message
    return {"purpose": purpose.decode(), "content": content, "draws": counter.drawn, "sealed": sealed}


def make_hashes() -> dict[str, bytes]:
    """Return the keyed hashes that belong to no row."""
    caller, request = fixed_key("caller"), fixed_key("request")
    return {
        "index_check": keyed_hash(fixed_key("index"), framed(b"check")),
        "request_key": keyed_hash(request, framed(b"request", b"client-1", b"request-1")),
        "content_mac": keyed_hash(request, framed(b"content", b"canonical content")),
        "client_mac": keyed_hash(caller, framed(b"client", b"client-1", b"Kundin")),
        "api_key_mac": keyed_hash(caller, framed(b"api_key", b"key-1", b"client-1", b"\x02", b"\x00", b"s3cret")),
        "disabled_api_key_mac": keyed_hash(
            caller, framed(b"api_key", b"key-1", b"client-1", b"\x02", b"\x01", b"s3cret")
        ),
    }


def make_keyring(kind: str) -> dict[str, Any]:
    """Return a keyring's encoding and its file under a root key."""
    counter, root, keyring_id = Counter(f"{kind} file"), fixed_key("root"), fixed_key("keyring id")[:16]
    epochs = (
        framed(struct.pack(">I", number), struct.pack(">q", number * 10**15), fixed_key(f"{kind} {number}"))
        for number in EPOCHS
    )
    labels = ("caller", "index", "request", "shard") if kind == "access" else ()
    labelled = (part for label in labels for part in (label.encode(), fixed_key(label)))
    current = struct.pack(">I", EPOCHS[-1])
    encoded = framed(b"\x01", kind.encode(), keyring_id, current, framed(*epochs), framed(*labelled))
    file_key, wrap_nonce = counter.draw(32), counter.draw(12)
    bound = framed(b"mmt keyring", b"mmt-keyring-1", keyring_id, kind.encode())
    wrapped = wrap_nonce + aes_gcm_seal(hkdf(root, framed(b"mmt root key", b"wrap"), 32), wrap_nonce, file_key, bound)
    header = (
        f'{{"file_key":"{base64.b64encode(wrapped).decode()}","format":"mmt-keyring-1","keyring_id":"{keyring_id.hex()}",'
        f'"kind":"{kind}","root_key":{{"id":"{hkdf(root, framed(b"mmt root key", b"id"), 8).hex()}","kind":"file"}}}}'
    ).encode()
    nonce = counter.draw(12)
    body = base64.b64encode(nonce + aes_gcm_seal(file_key, nonce, encoded, header))
    file = (header + b"\n" + body + b"\n").decode()
    return {"root": root, "encoded": encoded, "draws": counter.drawn, "file": file}


def main() -> None:
    """Write every file of vectors beside this one."""
    check_primitives()
    files = {
        "keyrings.json": {kind: make_keyring(kind) for kind in ("access", "renewal")},
        "hashes.json": make_hashes(),
        "rows.json": [make_row(row) for row in ROWS],
        "records.json": [make_record()],
    }
    for name, vectors in files.items():
        text = json.dumps(vectors, default=bytes.hex, ensure_ascii=False, indent=2)
        (HERE / name).write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
