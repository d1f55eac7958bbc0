"""Commands of administration: `migrate`, `clients`, `api-keys`, `keys`, `replicas`, `audit`."""

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path

import click

from mmt_grpc.cli.output import as_json, moment, show, show_one
from mmt_grpc.domain.model import Scope
from mmt_grpc.settings.load import Purpose, load
from mmt_grpc.settings.settings import Settings

SCOPES = {scope.name.lower(): scope for scope in Scope}


def read(config: Path | None) -> Settings:
    """Read the settings as far as administration needs them."""
    return load(config, os.environ, purpose=Purpose.ADMINISTER)


@click.command()
@as_json
@click.pass_obj
def migrate(config: Path | None, *, as_json: bool) -> None:
    """Bring the database and the ledger up to date; the first time, make them this installation's."""
    from mmt_grpc.app.administration import opened

    with opened(read(config)) as administration:
        steps = administration.migrate()
        installation = administration.check()
    done = {"steps": list(steps), "schema": installation.schema, "mode": installation.mode}
    show_one(done, as_json=as_json)


@click.group()
def clients() -> None:
    """Client companies."""


@clients.command("add")
@click.option("--name", required=True, help="The company's name, for people.")
@as_json
@click.pass_obj
def add_client(config: Path | None, name: str, *, as_json: bool) -> None:
    """Add a client company."""
    from mmt_grpc.app.administration import opened

    with opened(read(config)) as administration:
        administration.check()
        row = administration.add_client(name)
    show_one({"client_id": row.client_id, "name": row.name}, as_json=as_json)


@clients.command("list")
@as_json
@click.pass_obj
def list_clients(config: Path | None, *, as_json: bool) -> None:
    """List the client companies."""
    from mmt_grpc.app.administration import opened

    with opened(read(config)) as administration:
        administration.check()
        rows = [
            {"client_id": row.client_id, "name": row.name, "created": moment(row.created_at)}
            for row in administration.clients()
        ]
    show(rows, as_json=as_json, empty="There are no clients yet: mmt clients add --name …")


@click.group("api-keys")
def api_keys() -> None:
    """API keys of client companies."""


@api_keys.command("create")
@click.option("--client", required=True, help="The client's id.")
@click.option("--scope", type=click.Choice(sorted(SCOPES)), required=True, help="The highest scope it may use.")
@as_json
@click.pass_obj
def create_api_key(config: Path | None, client: str, scope: str, *, as_json: bool) -> None:
    """Make an API key; it is shown this once and kept nowhere."""
    from mmt_grpc.app.administration import opened

    with opened(read(config)) as administration:
        administration.check()
        key = administration.add_api_key(client, SCOPES[scope])
    told = {"key_id": key.row.key_id, "client_id": client, "scope": scope, "api_key": key.text.reveal()}
    show_one(told, as_json=as_json)


@api_keys.command("list")
@click.option("--client", help="The client's id; else all are listed.")
@as_json
@click.pass_obj
def list_api_keys(config: Path | None, client: str | None, *, as_json: bool) -> None:
    """List API keys, without their secrets."""
    from mmt_grpc.app.administration import opened

    with opened(read(config)) as administration:
        administration.check()
        rows = [
            {
                "key_id": row.key_id,
                "client_id": row.client_id,
                "scope": row.scope.name.lower(),
                "disabled": row.disabled,
                "created": moment(row.created_at),
            }
            for row in administration.api_keys(client)
        ]
    show(rows, as_json=as_json, empty="There are no API keys yet: mmt api-keys create --client … --scope …")


@api_keys.command("disable")
@click.argument("key_id")
@click.pass_obj
def disable_api_key(config: Path | None, key_id: str) -> None:
    """Disable an API key; a second later nobody accepts it."""
    from mmt_grpc.app.administration import opened

    with opened(read(config)) as administration:
        administration.check()
        administration.disable_api_key(key_id)
    click.echo(f"{key_id} is disabled.")


@click.group()
def keys() -> None:
    """The keyrings."""


@keys.command("init")
@as_json
@click.pass_obj
def init_keys(config: Path | None, *, as_json: bool) -> None:
    """Make both keyrings; keyrings that exist are never overwritten."""
    from mmt_grpc.app.administration import init_keys as init

    status = init(read(config))
    show_one({"keyring_id": status.keyring_id, "epochs": len(status.epochs)}, as_json=as_json)


@keys.command("status")
@as_json
@click.pass_obj
def keys_status(config: Path | None, *, as_json: bool) -> None:
    """Show the epochs of the keyrings, without key material."""
    from mmt_grpc.app.administration import keyrings

    status = keyrings(read(config)).status()
    rows = [
        {
            "epoch": epoch.number,
            "current": epoch.is_current,
            "access": epoch.in_access,
            "renewal": epoch.in_renewal,
            "created": moment(epoch.created_at),
        }
        for epoch in status.epochs
    ]
    show(rows, as_json=as_json, empty="There are no epochs.")


@click.group()
def audit() -> None:
    """The audit log."""


@audit.command("verify")
@click.argument("directory", type=click.Path(path_type=Path), required=False)
@as_json
@click.pass_obj
def verify_audit(config: Path | None, directory: Path | None, *, as_json: bool) -> None:
    """Check the chains of all audit files, of the replica's directory or of another; exits 1 if one is broken."""
    from mmt_grpc.audit.verify import verify_directory

    report = verify_directory(directory or read(config).audit_path)
    told = {
        "files": len(report.files),
        "records": sum(file.records for file in report.files),
        "problems": [asdict(finding) for finding in report.problems],
        "notes": [asdict(finding) for finding in report.notes],
    }
    if as_json:
        click.echo(json.dumps(told))
    else:
        for kind, findings in (("problem", report.problems), ("note", report.notes)):
            for finding in findings:
                click.echo(f"{kind}: {finding.file}:{finding.line}: {finding.text}")
        verdict = "every chain is whole" if report.ok else "BROKEN"
        click.echo(f"{told['files']} files, {told['records']} records: {verdict}.")
    sys.exit(0 if report.ok else 1)


COMMANDS = (migrate, clients, api_keys, keys, audit)
