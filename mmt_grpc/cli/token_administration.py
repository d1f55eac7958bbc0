"""`mmt token status|discard`: for administrators, who need the settings and no API key."""

from pathlib import Path
from typing import Final

import click

from mmt_grpc.cli.administration import read
from mmt_grpc.cli.output import as_json, show_one, timestamp
from mmt_grpc.cli.parameters import TEXT

client_id_option = click.option("--client-id", type=TEXT, required=True, help="The client company.")
token_id_option = click.option("--token-id", type=TEXT, required=True, help="What connect returned.")


@click.command()
@client_id_option
@token_id_option
@as_json
@click.pass_obj
def status(config: Path | None, *, client_id: str, token_id: str, as_json: bool) -> None:
    """Show how a token stands (administration: needs the settings). Never a credential."""
    from mmt_grpc.app.administration import opened
    from mmt_grpc.app.token_administration import TokenAdministration

    with opened(read(config)) as administration:
        administration.check()
        found = TokenAdministration(administration=administration, client_id=client_id, token_id=token_id).status()
    row = found.row
    backs_off = row.backs_off(found.now)
    told = {
        "integration": row.binding.integration,
        "scope": row.binding.scope.name.lower(),
        "state": row.state.name.lower(),
        "alive": found.is_alive,
        "cause": None if found.cause is None else found.cause.value,
        "connected": timestamp(row.connected_at),
        "expires": timestamp(row.access_expires_at),
        "refreshable": row.sealed.renewal_blob is not None,
        "last_refresh": timestamp(row.refreshed_at),
        "next_refresh": timestamp(row.next_refresh_at),
        "failures": row.failures,
        "last_failure": row.last_failure,
        "failed": timestamp(row.failed_at),
        "backs_off_until": timestamp(row.not_before) if backs_off else None,
        "in_doubt": row.doubt is not None,
        "lease_owner": _replica(row.lease_owner),
        "doubt_owner": _replica(row.doubt_owner),
        "generation": row.binding.generation,
        "key_epoch": row.sealed.key_epoch,
        "readable": found.readable.value,
    }
    show_one(told, as_json=as_json)


def _replica(owner: bytes | None) -> str | None:
    """Return a replica's id as `mmt replicas list` shows it."""
    return None if owner is None else owner.hex()


@click.command()
@client_id_option
@token_id_option
@as_json
@click.pass_obj
def discard(config: Path | None, *, client_id: str, token_id: str, as_json: bool) -> None:
    """Remove a token that nobody can read (administration: needs the settings).

    It is written to the ledger, so that no backup brings it back, and to the audit log, before and after. The exchange
    is not told: nobody can read what it would have to be told. A token that can be read is refused: revoke it.
    """
    from mmt_grpc.app.administration import opened
    from mmt_grpc.app.administrators_audit import administrators_audit
    from mmt_grpc.app.token_administration import TokenAdministration

    settings = read(config)
    with opened(settings) as administration:
        administration.check()
        token = TokenAdministration(administration=administration, client_id=client_id, token_id=token_id)
        unreadable = token.unreadable()
        with administrators_audit(settings.audit_path) as audit:
            discarded_at = token.discard(unreadable, audit)
    show_one({"discard_time": timestamp(discarded_at)}, as_json=as_json)


TOKEN_COMMANDS: Final = (status, discard)
