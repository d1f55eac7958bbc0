"""Tokens that a provider gave and no row wants: handed over to be revoked upstream, durably."""

from typing import Protocol

from mmt_grpc.domain.ports.providers import Issued


class Unwanted(Protocol):
    """Takes tokens that are to be revoked upstream."""

    def add(self, key: bytes, integration: str, issued: Issued) -> None:
        """Keep them until the provider has revoked them, however often that has to be tried; `key` names them."""
        ...
