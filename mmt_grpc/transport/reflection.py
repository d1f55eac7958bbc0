"""gRPC's reflection over Python's descriptor pool, which does not know methods by their names."""

from typing import Any, Final

from google.protobuf import descriptor_pool
from google.protobuf.descriptor import FileDescriptor
from grpc_reflection.v1alpha import reflection

SERVICES: Final = ("mmt.v1.TokenService", "grpc.health.v1.Health", reflection.SERVICE_NAME)


class MethodAwarePool:
    """The default pool, which also finds the file of a method's symbol: ghz asks for nothing else."""

    def __init__(self) -> None:
        self._pool = descriptor_pool.Default()

    def FindFileContainingSymbol(self, symbol: str) -> FileDescriptor:  # noqa: N802  # the pool's own name
        """Return the file that defines a symbol; `KeyError` if there is none."""
        try:
            return self._pool.FindFileContainingSymbol(symbol)
        except KeyError:
            service, _, method = symbol.rpartition(".")
            descriptor = self._pool.FindServiceByName(service)
            if method not in descriptor.methods_by_name:
                raise
            return descriptor.file

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  # whatever else the pool offers
        return getattr(self._pool, name)
