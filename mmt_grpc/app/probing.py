"""The composition root of `mmt health`: which server is meant, and what it says of itself."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from cryptography import x509

from mmt_grpc.app.listening import split
from mmt_grpc.settings.load import CONFIG_VARIABLE, Purpose, load
from mmt_grpc.settings.sources import NOT_SETTINGS
from mmt_grpc.transport.client import Health, HealthClient, Target

SERVICES: Final = ("", "mmt.v1.TokenService")
ANY_HOST: Final = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # what is listened on, here turned into one address
PREFIX: Final = "MMT_"


def check(target: Target, *, timeout: float) -> Mapping[str, Health]:
    """Ask for the server and for its service, each within `timeout` seconds. Raises `TargetError`."""
    client = HealthClient(target=target, timeout=timeout)
    try:
        return {service: client.check(service) for service in SERVICES}
    finally:
        client.close()


def own_server(config: Path | None, environ: Mapping[str, str], otherwise: Target) -> Target:
    """Return the server that the settings describe, on this machine and by its own certificate.

    `otherwise` where nothing is configured. Raises `SettingsError`.
    """
    names = [name for name in environ if name.startswith(PREFIX) and not NOT_SETTINGS.fullmatch(name)]
    if config is None and CONFIG_VARIABLE not in environ and not names:
        return otherwise
    settings = load(config, environ, purpose=Purpose.ADMINISTER)
    host, port = split(settings.table.listen[0])
    host = ANY_HOST.get(host, host)
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    certificate = settings.table.tls_certificate
    if certificate is None:
        return Target(address=address, tls=otherwise.tls, tls_ca=otherwise.tls_ca, tls_name=otherwise.tls_name)
    # Whoever answers with this very certificate is meant, whatever name it was made for.
    return Target(
        address=address,
        tls=True,
        tls_ca=otherwise.tls_ca or certificate,
        tls_name=otherwise.tls_name or certified_name(certificate),
    )


def certified_name(certificate: Path) -> str | None:
    """Return the first name that a certificate is for; None for one without names, or that cannot be read."""
    try:
        leaf = x509.load_pem_x509_certificate(certificate.read_bytes())
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (OSError, ValueError, x509.ExtensionNotFound):
        return None
    dns = names.get_values_for_type(x509.DNSName)
    return next(iter([*dns, *map(str, names.get_values_for_type(x509.IPAddress))]), None)
