"""The composition root of the exchanger: the only process with egress, provider secrets and renewal keys."""

import secrets
import signal
import sys
import threading

from mmt_grpc.app import process
from mmt_grpc.app.child import Orders, join_line
from mmt_grpc.app.engine_parts import Parts
from mmt_grpc.app.engine_wiring import EngineWiring
from mmt_grpc.app.failpoints import failpoints
from mmt_grpc.app.line import Line, from_text
from mmt_grpc.crypto.index import KeyedIndex
from mmt_grpc.crypto.keyrings import load_access_keyring, load_renewal_keyring
from mmt_grpc.crypto.randomness import SystemRandomness
from mmt_grpc.crypto.records import RenewalRecordSealing
from mmt_grpc.crypto.root_key import FileRootKey
from mmt_grpc.domain.failpoints import Failpoints
from mmt_grpc.exchange.spool import Spool
from mmt_grpc.providers.registry import open_providers
from mmt_grpc.settings.exchanger_slice import ExchangerSlice
from mmt_grpc.store.installations import check_installation
from mmt_grpc.telemetry.clock import BootClock
from mmt_grpc.telemetry.log import Log
from mmt_grpc.transport.internal.server import ExchangerServer


def gather(settings: ExchangerSlice, owner: bytes, points: Failpoints, log: Log) -> Parts:
    """Open everything that the settings name; raises `KeyringError`, `AuditUnavailableError`."""
    randomness = SystemRandomness()
    keys, clock = settings.keys, BootClock()
    access_root = FileRootKey.load(keys.access_root_key_file, randomness=randomness)
    renewal_root = FileRootKey.load(keys.renewal_root_key_file, randomness=randomness)
    renewal_keyring = load_renewal_keyring(directory=keys.directory, root_key=renewal_root, clock=clock)
    store, ledger = process.open_stores(settings.store, log)
    sealing = RenewalRecordSealing(renewal_keyring=renewal_keyring, randomness=randomness)
    return Parts(
        owner=owner,
        life=secrets.token_bytes(16),
        access_keyring=load_access_keyring(directory=keys.directory, root_key=access_root, clock=clock),
        renewal_keyring=renewal_keyring,
        store=store,
        ledger=ledger,
        audit=process.open_audit(settings.audit, settings.process, log),
        providers=open_providers(
            settings.providers,
            on_retry=lambda integration, failure, number: log.info(
                "provider_retry", integration=integration, failure=failure.value, number=number
            ),
        ),
        spool=Spool(directory=settings.state_dir / "spool", sealing=sealing),
        failpoints=points,
        stopping=threading.Event(),
        log=log,
    )


def run(line: Line, settings: ExchangerSlice, owner: bytes, points: Failpoints, log: Log) -> bool:
    """Do exchanges until told to stop; True if everything came to its end."""
    stop = threading.Event()
    process.stop_on_signals(stop.set)
    Orders(line, {}, gone=stop.set).start()
    parts = gather(settings, owner, points, log)
    parts.store.check_schema()
    index_check = KeyedIndex(access_keyring=parts.access_keyring).index_check()
    check_installation(
        parts.store.installations,
        parts.ledger,
        index_check=index_check,
        mode="dev" if settings.process.is_dev else "production",
    )
    engine = EngineWiring(parts).engine()
    engine.start()
    server = ExchangerServer(
        exchanger=engine,
        socket_path=str(settings.channel.socket),
        secret=settings.channel.secret,
        log=log,
    )
    server.start()
    line.send("ready")
    stop.wait()
    server.stop(settings.process.grace)
    engine.stop()
    parts.audit.close()
    return True


def main(arguments: list[str]) -> None:
    """Run as a child of the supervisor; at its death what is under way comes to its end first."""
    line = join_line(arguments, signal.SIGTERM)
    message = line.receive()
    settings = ExchangerSlice.from_bytes(from_text(message["slice"]))
    log = process.enter(settings.process)
    points = failpoints(message["failpoints"], log)
    process.run_guarded(log, lambda: run(line, settings, from_text(message["owner"]), points, log))


if __name__ == "__main__":
    main(sys.argv[1:])
