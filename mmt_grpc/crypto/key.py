"""A key is a type of its own: it cannot be printed, pickled or compared by accident."""

from typing import Final, NoReturn

KEY_LENGTH: Final = 32
"""Bytes of every symmetric key here: AES-256, HMAC-SHA256, HKDF-SHA256."""


class Key:
    """256 bits of key material, opened only by `reveal()`."""

    __slots__ = ("_material",)

    def __init__(self, material: bytes) -> None:
        """Wrap `material`; a `ValueError` or `TypeError` tells the flaw, never the value."""
        if not isinstance(material, bytes):
            raise TypeError(f"a key is bytes, not {type(material).__name__}")
        if len(material) != KEY_LENGTH:
            raise ValueError(f"a key has {KEY_LENGTH} bytes, not {len(material)}")
        self._material = material

    def reveal(self) -> bytes:
        """Return the material itself, for the cipher or hash that it is made for."""
        return self._material

    def __repr__(self) -> str:
        return "Key(***)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a key is not pickled")
