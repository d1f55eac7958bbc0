"""The primitives once more, without the libraries that MMT uses: hashlib, hmac, the openssl program and long division.

AES itself is `openssl enc -aes-256-ecb`; counter mode and GHASH are written out here after NIST SP 800-38D, HKDF after
RFC 5869. Slow, and no good for secrets: its keys stand on command lines.
"""

import hashlib
import hmac
import struct
import subprocess

BLOCK = 16
_POLYNOMIAL = 0xE1 << 120


def aes_blocks(key: bytes, blocks: bytes) -> bytes:
    """Encrypt whole blocks, each by itself."""
    command = ["openssl", "enc", "-aes-256-ecb", "-nopad", "-K", key.hex()]
    return subprocess.run(command, input=blocks, capture_output=True, check=True).stdout


def aes_gcm_seal(key: bytes, nonce: bytes, plaintext: bytes, associated_data: bytes) -> bytes:
    """Return ciphertext and tag for a 96-bit nonce."""
    count = -(-len(plaintext) // BLOCK)
    counters = b"".join(nonce + struct.pack(">I", number) for number in range(1, count + 2))
    blocks = aes_blocks(key, bytes(BLOCK) + counters)
    hash_key, mask, stream = blocks[:BLOCK], blocks[BLOCK : 2 * BLOCK], blocks[2 * BLOCK :]
    ciphertext = bytes(left ^ right for left, right in zip(plaintext, stream, strict=False))
    lengths = struct.pack(">QQ", 8 * len(associated_data), 8 * len(ciphertext))
    digest = _ghash(hash_key, _padded(associated_data) + _padded(ciphertext) + lengths)
    return ciphertext + bytes(left ^ right for left, right in zip(digest, mask, strict=True))


def hkdf(material: bytes, info: bytes, length: int) -> bytes:
    """Return HKDF-SHA256 with an empty salt."""
    pseudorandom = hmac.new(bytes(hashlib.sha256().digest_size), material, hashlib.sha256).digest()
    output, block, number = b"", b"", 1
    while len(output) < length:
        block = hmac.new(pseudorandom, block + info + bytes((number,)), hashlib.sha256).digest()
        output += block
        number += 1
    return output[:length]


def keyed_hash(key: bytes, message: bytes) -> bytes:
    """Return HMAC-SHA256."""
    return hmac.new(key, message, hashlib.sha256).digest()


def framed(*parts: bytes) -> bytes:
    """Return the parts, each behind its length in 4 bytes."""
    return b"".join(struct.pack(">I", len(part)) + part for part in parts)


def check_primitives() -> None:
    """Compare AES-GCM with test case 16 of its submission to NIST, HKDF with test case 3 of RFC 5869."""
    sealed = aes_gcm_seal(
        bytes.fromhex("feffe9928665731c6d6a8f9467308308" * 2),
        bytes.fromhex("cafebabefacedbaddecaf888"),
        bytes.fromhex(
            "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
            "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"
        ),
        bytes.fromhex("feedfacedeadbeeffeedfacedeadbeefabaddad2"),
    )
    if sealed[-BLOCK:].hex() != "76fc6ece0f4e1768cddf8853bb2d551b":
        raise RuntimeError("AES-GCM does not give the known answer")
    if (
        not hkdf(b"\x0b" * 22, b"", 42)
        .hex()
        .startswith("8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d")
    ):
        raise RuntimeError("HKDF does not give the known answer")


def _padded(text: bytes) -> bytes:
    return text + bytes(-len(text) % BLOCK)


def _ghash(hash_key: bytes, text: bytes) -> bytes:
    factor, digest = int.from_bytes(hash_key), 0
    for at in range(0, len(text), BLOCK):
        digest = _multiply(digest ^ int.from_bytes(text[at : at + BLOCK]), factor)
    return digest.to_bytes(BLOCK)


def _multiply(left: int, right: int) -> int:
    product = 0
    for bit in range(127, -1, -1):
        if left >> bit & 1:
            product ^= right
        right = right >> 1 ^ (_POLYNOMIAL if right & 1 else 0)
    return product
