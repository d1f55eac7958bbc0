"""The demonstration: the whole life of tokens, with real gRPC and real HTTP, held against what is promised."""

from contextlib import ExitStack
from typing import Final

from mmt_grpc.app import demo_connecting, demo_ending, demo_expiring
from mmt_grpc.app.demo_installation import DemoInstallation, DevProcess, dev_process
from mmt_grpc.app.demo_stage import Audience, Came, Stage
from mmt_grpc.domain.model import Scope
from mmt_grpc.domain.secret import Secret

OTHER_CLIENT: Final = "another company"


def demonstrate(audience: Audience) -> bool:
    """Start an installation, play everything, end it; return whether every promise was kept.

    Raises `RefusedError` if the installation does not start.
    """
    with dev_process() as process:
        installation = process.serving()
        stage = play(installation, audience)
        stage.step("End the service", "everything drained, exit status 0", lambda: _ended(process))
        return stage.kept


def play(installation: DemoInstallation, audience: Audience) -> Stage:
    """Play everything on an installation; the stage says whether every promise was kept."""
    with ExitStack() as stack:
        stage = Stage(
            installation=installation,
            audience=audience,
            write=stack.enter_context(installation.client(installation.write_key)),
            read=stack.enter_context(installation.client(installation.read_key)),
            other=stack.enter_context(installation.client(other_key(installation))),
        )
        demo_expiring.prepare(stage)
        demo_connecting.play(stage)
        demo_expiring.play(stage)
        demo_ending.play(stage)
    return stage


def other_key(installation: DemoInstallation) -> Secret:
    """Make another client company, as an administrator would, and return its API key."""
    with installation.administration() as administration:
        client = administration.add_client(OTHER_CLIENT)
        return administration.add_api_key(client.client_id, Scope.WRITE).text


def _ended(process: DevProcess) -> Came:
    status = process.end()
    return Came(f"exit status {status}", status == 0)
