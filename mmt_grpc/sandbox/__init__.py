"""A strict fake of the exchanges over HTTP, for development, demonstrations and tests."""

from mmt_grpc.sandbox.registration import provider_settings
from mmt_grpc.sandbox.server import SandboxRefusedError, SandboxServer

__all__ = ["SandboxRefusedError", "SandboxServer", "provider_settings"]
