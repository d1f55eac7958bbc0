"""The composition root of `mmt dev`: an installation of its own under one directory, with the sandbox exchange."""

import contextlib
import json
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from mmt_grpc.app.administration import Administration, RefusedError, init_keys, opened
from mmt_grpc.app.plan import ChildPlan
from mmt_grpc.app.serving import serve, write_atomically
from mmt_grpc.app.state_directory import StateDirectory
from mmt_grpc.crypto.randomness import SystemRandomness
from mmt_grpc.crypto.root_key import FileRootKey
from mmt_grpc.domain.model import Scope
from mmt_grpc.providers.options import OAuthOptions
from mmt_grpc.sandbox import provider_settings
from mmt_grpc.settings.load import Purpose, load
from mmt_grpc.settings.settings import Settings
from mmt_grpc.settings.sources import Tree, overlay, read_environment
from mmt_grpc.settings.toml_writer import write_toml

CLIENT_NAME: Final = "dev"
EXCHANGE_URLS: Final = frozenset({"token_url", "login_url"})
LOOKUP_URLS: Final = ("account_url", "revoke_url", "scopes_url")
COMMENT: Final = "Written by `mmt dev` at each start. It holds secrets of the sandbox; `mmt --config` accepts it."


@dataclass(frozen=True, slots=True)
class DevDirectory:
    """The files of a dev installation."""

    path: Path

    @property
    def config(self) -> Path:
        """The configuration that dev writes."""
        return self.path / "mmt.toml"

    @property
    def memory(self) -> Path:
        """What stays the same over restarts: client, API keys, the sandbox's port."""
        return self.path / "dev.json"

    @property
    def root_key(self) -> Path:
        """The root key of both keyrings."""
        return self.path / "root.key"

    def defaults(self, sandbox_url: str) -> Tree:
        """Return the settings that dev chooses where nothing else is said."""
        providers = provider_settings(sandbox_url)
        return {
            "mode": "dev",
            "listen": ["127.0.0.1:50051"],
            "allow_plaintext": True,
            "reflection": True,
            "workers": 1,
            "state_dir": str(self.path),
            "database_url": f"sqlite:///{self.path / 'mmt.db'}",
            "ledger_url": f"sqlite:///{self.path / 'ledger.db'}",
            "keys": {"directory": str(self.path / "keys"), "root_key_file": str(self.root_key)},
            "providers": {name: {**table, "allow_private": True} for name, table in providers.items()},
        }


def run_dev(
    *,
    listen: str | None,
    state_dir: Path,
    ready_file: Path | None,
    environ: Mapping[str, str],
    on_wait: Callable[[Path], None] = lambda _: None,
) -> bool:
    """Serve a dev installation under `state_dir` until SIGTERM; return whether everything was drained.

    `on_wait` hears of a directory that another replica holds. Raises `SettingsError`, `RefusedError` (a database that
    is neither empty nor dev's own), and what `serve` raises.
    """
    state = StateDirectory.enter(state_dir.absolute(), on_wait=on_wait)
    directory = DevDirectory(state.path)
    memory = read_memory(directory)
    port = memory.get("sandbox_port") or free_port()
    sandbox_url = f"http://127.0.0.1:{port}"
    configured = partial(configure, directory, sandbox_url, listen, dict(environ))
    settings, tree = configured()
    remembered = prepare(directory, settings, memory | {"sandbox_port": port})
    write_toml(directory.config, tree, comment=COMMENT)
    sandbox = ChildPlan(
        role="sandbox",
        module="mmt_grpc.app.sandbox",
        start=lambda: {
            "port": port,
            "mode": "dev",
            "state_file": str(state.path / "sandbox.db"),
            "clients": registered(settings),
        },
    )
    ready = {
        "client_id": remembered["client_id"],
        "api_keys": remembered["api_keys"],
        "sandbox_url": sandbox_url,
        "database_url": settings.database_url.reveal(),
        "config": str(directory.config),
    }
    return serve(settings, state, ready_file=ready_file, ready=ready, reread=lambda: configured()[0], more=[sandbox])


def configure(
    directory: DevDirectory, sandbox_url: str, listen: str | None, environ: Mapping[str, str]
) -> tuple[Settings, Tree]:
    """Return the settings, dev's choices below the environment's; and the same as a tree, for `mmt --config`."""
    given = read_environment(environ, {}, [])
    defaults = choices_below(directory.defaults(sandbox_url), given)
    overrides: Tree = {} if listen is None else {"listen": [listen]}
    settings = load(None, environ, defaults=defaults, overrides=overrides, purpose=Purpose.SERVE)
    return settings, overlay(overlay(defaults, given), overrides)


def choices_below(choices: Tree, given: Tree) -> Tree:
    """Return dev's choices as they suit what is given: every provider may be on this machine, and one that is pointed
    at another exchange is pointed nowhere else at the sandbox.
    """
    chosen, others = choices["providers"], given.get("providers", {})
    if not isinstance(chosen, dict) or not isinstance(others, dict):
        return choices
    providers: Tree = dict(chosen)
    for name, table in others.items():
        if isinstance(table, dict) and not table.keys().isdisjoint(EXCHANGE_URLS):
            kept = {field: value for field, value in chosen.get(name, {}).items() if not field.endswith("_url")}
            providers[name] = dict.fromkeys(LOOKUP_URLS, "") | kept | {"allow_private": True}
    return choices | {"providers": providers}


def registered(settings: Settings) -> dict[str, tuple[str, str]]:
    """Return each integration's client id and secret: the sandbox knows the application by what the settings say."""
    return {
        name: (options.client_id, options.client_secret.reveal())
        for name, options in settings.providers.items()
        if isinstance(options, OAuthOptions)
    }


def prepare(directory: DevDirectory, settings: Settings, memory: dict[str, Any]) -> dict[str, Any]:
    """Make keys, schema, client and API keys where they are missing; return what is remembered."""
    if not directory.root_key.exists():
        FileRootKey.create(directory.root_key, randomness=SystemRandomness())
    if not (settings.keyring_dir / "access.keyring").exists():
        init_keys(settings)
    with opened(settings) as administration:
        check_devs_own(administration)
        administration.migrate()
        administration.check()
        if "client_id" not in memory:
            client = administration.add_client(CLIENT_NAME)
            memory |= {
                "client_id": client.client_id,
                "api_keys": {
                    scope.name.lower(): administration.add_api_key(client.client_id, scope).text.reveal()
                    for scope in Scope
                },
            }
            write_atomically(directory.memory, json.dumps(memory))
    return memory


def check_devs_own(administration: Administration) -> None:
    """Raise `RefusedError` unless a database is empty or was made by dev."""
    store = administration.store
    if store.is_empty():
        return
    if store.schema_number() == 0:
        raise RefusedError("the database holds tables that are not MMT's: dev opens an empty one, or its own")
    installation = store.installations.read()
    if installation is not None and installation.mode != "dev":
        raise RefusedError("the database belongs to a production installation: dev never opens one")


def read_memory(directory: DevDirectory) -> dict[str, Any]:
    """Return what an earlier run remembers; empty the first time."""
    with contextlib.suppress(FileNotFoundError):
        memory: dict[str, Any] = json.loads(directory.memory.read_text(encoding="utf-8"))
        return memory
    return {}


def free_port() -> int:
    """Return a loopback port that is free now, for the sandbox to keep over restarts."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
