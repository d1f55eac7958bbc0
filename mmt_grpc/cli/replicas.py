"""`mmt replicas` and `mmt spool`: who runs, and what waits on whose disk."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from mmt_grpc.cli.administration import read
from mmt_grpc.cli.output import as_json, moment, show
from mmt_grpc.domain.model import MICROSECONDS

if TYPE_CHECKING:
    from mmt_grpc.app.replica_administration import SpoolKind


@click.group()
def replicas() -> None:
    """The registered replicas."""


@replicas.command("list")
@as_json
@click.pass_obj
def list_replicas(config: Path | None, *, as_json: bool) -> None:
    """List the replicas that this database knows."""
    from mmt_grpc.app.administration import opened
    from mmt_grpc.app.replica_administration import replicas as registered

    with opened(read(config)) as administration:
        administration.check()
        found = registered(administration)
    rows = []
    for status in found:
        beat = status.replica.beat
        rows.append(
            {
                "replica": beat.owner.hex(),
                "seen": moment(status.replica.seen_at),
                "seconds_ago": status.silent_for // MICROSECONDS,
                "running_attempts": beat.running_attempts,
                "oldest_spooled": None if beat.oldest_spooled_at is None else moment(beat.oldest_spooled_at),
                "access_epochs": " ".join(map(str, beat.access_epochs)),
                "renewal_epochs": " ".join(map(str, beat.renewal_epochs)),
                "settled_recovery": status.settled_recovery,
                "open_recovery": status.open_recovery,
            }
        )
    show(rows, as_json=as_json, empty="No replica has run on this database yet.")


@replicas.command("forget")
@click.argument("replica")
@click.pass_obj
def forget_replica(config: Path | None, *, replica: str) -> None:
    """Forget a replica whose disk is lost, by its id.

    Nobody waits for it any longer to settle what it had under way.
    """
    from mmt_grpc.app.administration import opened
    from mmt_grpc.app.replica_administration import forget

    try:
        owner = bytes.fromhex(replica)
    except ValueError:
        raise click.UsageError("A replica's id is hexadecimal, as `mmt replicas list` shows it.") from None
    with opened(read(config)) as administration:
        administration.check()
        forget(administration, owner)
    click.echo(f"{replica} is forgotten.")


@click.group()
def spool() -> None:
    """What a replica keeps on its own disk until it is settled."""


@spool.command("status")
@click.option("--state-dir", type=click.Path(path_type=Path), required=True, help="The replica's state directory.")
@as_json
def spool_status(*, state_dir: Path, as_json: bool) -> None:
    """Count the records by kind, without opening them; safe beside a running replica.

    Files that the disk does not give back are named.
    """
    from mmt_grpc.app.replica_administration import spool as kinds

    show([_row_of(kind) for kind in kinds(state_dir)], as_json=as_json, empty="The spool is empty.")


@spool.command("drain")
@click.option("--state-dir", type=click.Path(path_type=Path), required=True, help="The replica's state directory.")
@as_json
@click.pass_obj
def drain_spool(config: Path | None, *, state_dir: Path, as_json: bool) -> None:
    """Settle what a replica that will not come back left on its disk; exits 1 if something is left.

    If nothing is left that it may be needed for, the replica is forgotten: nobody waits for it any longer.

    Run it where the providers can be reached, with the settings of the installation. A replica that runs is refused.
    """
    from mmt_grpc.app.draining import drain
    from mmt_grpc.settings.load import load

    drained = drain(load(config, os.environ, overrides={"state_dir": str(state_dir.absolute())}))
    show([_row_of(kind) for kind in drained.left], as_json=as_json, empty="The spool is drained.")
    if drained.is_forgotten:
        click.echo(f"Replica {drained.owner.hex()} is forgotten: its spool may go.", err=as_json)
    elif not drained.left:
        click.echo(
            f"Replica {drained.owner.hex()} stays registered: a failover of the database could take back what was"
            " committed in the last ten minutes. Keep its spool until then, and drain it again.",
            err=as_json,
        )
    sys.exit(1 if drained.left else 0)


def _row_of(kind: "SpoolKind") -> dict[str, object]:
    return {
        "kind": kind.kind,
        "records": kind.records,
        "oldest": moment(kind.oldest),
        "unreadable": " ".join(kind.unreadable),
    }


COMMANDS: Final = (replicas, spool)
