"""What the public port is protected with: TLS with certificates that may be renewed, plaintext on loopback alone."""

import ipaddress
import threading
from dataclasses import dataclass
from pathlib import Path

import grpc


class ListenError(Exception):
    """The server cannot listen as it was told to; the text says why and holds nothing secret."""


@dataclass(frozen=True, slots=True)
class CertificateFiles:
    """A certificate chain and its private key, both PEM files."""

    certificate: Path
    key: Path


class _Renewal:
    """Gives gRPC, which asks at each handshake, the files' contents again once they have changed."""

    def __init__(self, files: CertificateFiles) -> None:
        self._files = files
        self._lock = threading.Lock()
        self._stamp = self._stamped()

    def configuration(self) -> grpc.ServerCertificateConfiguration:
        pair = (self._files.key.read_bytes(), self._files.certificate.read_bytes())
        return grpc.ssl_server_certificate_configuration([pair])

    def fetch(self) -> grpc.ServerCertificateConfiguration | None:
        """Return the new configuration, None to go on with the old one: unchanged, or files that cannot be read."""
        with self._lock:
            try:
                stamp = self._stamped()
                if stamp == self._stamp:
                    return None
                renewed = self.configuration()
            except OSError:
                return None
            self._stamp = stamp
            return renewed

    def _stamped(self) -> tuple[int, ...]:
        certificate, key = self._files.certificate.stat(), self._files.key.stat()
        return certificate.st_mtime_ns, certificate.st_ino, key.st_mtime_ns, key.st_ino


def tls(files: CertificateFiles) -> grpc.ServerCredentials:
    """Return credentials that follow the files; `ListenError` if they cannot be read now."""
    try:
        renewal = _Renewal(files)
        return grpc.dynamic_ssl_server_credentials(
            renewal.configuration(),
            renewal.fetch,  # type: ignore[arg-type]  # None, which the stubs do not know, keeps the old one
        )
    except OSError as error:
        raise ListenError(f"the certificate files cannot be read: {type(error).__name__}") from None


def is_loopback(address: str) -> bool:
    """Whether `host:port` names this machine alone; a name other than `localhost` might name anything."""
    host = address.rpartition(":")[0].removeprefix("[").removesuffix("]")
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
