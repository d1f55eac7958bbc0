"""Settings that a roll does not take are named, and stay as they were."""

from pathlib import Path

from mmt_grpc.app.reloading import keeping, wait_for_restart
from mmt_grpc.settings.settings import Settings
from mmt_grpc.settings.tables import SettingsTable

BEGAN = {
    "listen": ["127.0.0.1:50051"],
    "restart_pause": 10,
    "state_dir": "/var/lib/one",
    "max_calls": 128,
    "log": {"level": "info"},
}


def settings(**changed: object) -> Settings:
    return Settings(table=SettingsTable.model_validate(BEGAN | changed), providers={})


def test_what_only_a_restart_takes_is_named_without_its_value() -> None:
    now = settings(
        listen=["127.0.0.1:50052"],
        metrics_listen="127.0.0.1:9100",
        restart_pause=1,
        state_dir="/var/lib/other",
        log={"level": "debug", "format": "json"},
        max_calls=7,
    )

    assert wait_for_restart(settings(), now) == [
        "listen",
        "metrics_listen",
        "restart_pause",
        "state_dir",
        "log.format",
        "log.level",
    ]


def test_what_a_roll_takes_is_not_named() -> None:
    assert wait_for_restart(settings(), settings(max_calls=7, workers=3, grace=1)) == []


def test_children_keep_the_state_directory_that_is_locked_and_take_the_rest() -> None:
    now = keeping(settings(), settings(state_dir="/var/lib/other", max_calls=7, log={"level": "debug"}))

    assert now.state_dir == Path("/var/lib/one")
    assert now.table.max_calls == 7
    assert now.log.level == "debug"
