"""Events: what they look like, and what can never stand in one."""

import enum
import json
import subprocess
import sys
from pathlib import Path

import pytest
from google.protobuf.wrappers_pb2 import StringValue

from mmt_grpc.domain.secret import Secret
from mmt_grpc.telemetry.log import Level, Log
from mmt_grpc.telemetry.render import as_json, for_terminal
from tests.support.tree import ROOT

CANARY = "canary-7f3a"
NOW = 1_790_000_000_123_456_789


class Colour(enum.Enum):
    RED = "red"


class Sly(str):
    """A text that shows more than it is."""

    __slots__ = ()

    def __str__(self) -> str:
        return CANARY


@pytest.fixture
def lines() -> list[str]:
    return []


@pytest.fixture
def log(lines: list[str]) -> Log:
    return Log(sink=lines.append, render=as_json, wall_clock=lambda: NOW, bound={"process": "worker-0"})


def test_an_event_is_one_json_object_on_a_line(log: Log, lines: list[str]) -> None:
    log.info("worker_started", port=50051, colour=Colour.RED, path=Path("/a"), parts=("a", 1), text="zwei\nZeilen")

    [line] = lines
    assert line == (
        '{"time":"2026-09-21T14:13:20.123Z","level":"info","event":"worker_started","process":"worker-0",'
        '"port":50051,"colour":"red","path":"/a","parts":["a",1],"text":"zwei\\nZeilen"}'
    )


@pytest.mark.parametrize(
    "value",
    [Secret(CANARY), CANARY.encode(), bytearray(CANARY.encode()), StringValue(value=CANARY), {"a": CANARY}, Sly("x")],
    ids=lambda value: type(value).__name__,
)
def test_what_could_hold_a_secret_is_named_by_its_type_alone(log: Log, lines: list[str], value: object) -> None:
    log.info("event", field=value, fields=[value], error=ValueError(value))

    assert CANARY not in lines[0]
    assert json.loads(lines[0])["field"] == f"({type(value).__name__} not shown)"


def test_an_exception_shows_its_class_and_where_it_came_from_but_not_its_text(log: Log, lines: list[str]) -> None:
    def fail() -> None:
        try:
            int(CANARY)
        except ValueError as error:
            raise RuntimeError(CANARY) from error

    try:
        fail()
    except RuntimeError as error:
        log.error("failed", error=error)

    shown = json.loads(lines[0])["error"]
    assert (shown["class"], shown["causes"]) == ("RuntimeError", ["ValueError"])
    assert [frame.rpartition(":")[0] for frame in shown["frames"]] == ["telemetry/test_log.py"] * 2
    assert CANARY not in lines[0]


def test_long_texts_are_cut(log: Log, lines: list[str]) -> None:
    log.info("event", text="x" * 100_000)

    assert len(lines[0]) < 1500


def test_what_matters_less_than_the_level_is_left_out(lines: list[str]) -> None:
    log = Log(sink=lines.append, render=as_json, wall_clock=lambda: NOW, level=Level.WARNING)
    log.debug("one")
    log.info("two")
    log.warning("three")
    log.error("four")

    assert [json.loads(line)["event"] for line in lines] == ["three", "four"]


def test_bound_fields_stand_in_every_event(log: Log, lines: list[str]) -> None:
    log.bind(integration="coinbase", secret=Secret(CANARY)).info("refreshed")

    assert json.loads(lines[0])["integration"] == "coinbase"
    assert CANARY not in lines[0]


def test_on_a_terminal_no_control_character_of_a_field_gets_through(lines: list[str]) -> None:
    Log(sink=lines.append, render=for_terminal, wall_clock=lambda: NOW).info("event", field="\x1b]0;title\x07\u202e")

    shown = lines[0].partition("field=")[2].removeprefix("\x1b[0m")
    assert shown == '"\\u001b]0;title\\u0007\\u202e"'


PROGRAM = """
import logging, sys, threading, time, warnings
import grpc
from mmt_grpc.telemetry.foreign import capture
from mmt_grpc.telemetry.log import Log

logging.basicConfig()
logging.getLogger("noisy").addHandler(logging.StreamHandler())
capture(Log.to_stderr(process="test", wall_clock=time.time_ns))

def fail():
    raise ValueError("canary-7f3a")

class Slot:
    def __del__(self):
        fail()

try:
    fail()
except ValueError:
    logging.getLogger("grpc._server").exception("Exception calling application: canary-7f3a")
    logging.getLogger("noisy").error("canary-7f3a %s", "canary-7f3a")
    logging.getLogger("broken").error("canary-7f3a %s %s", "canary-7f3a")
warnings.warn("canary-7f3a")
thread = threading.Thread(target=fail, name="some-thread")
thread.start()
thread.join()
del (slot := [Slot()])[:]
fail()
"""


@pytest.fixture(scope="module")
def told() -> list[dict[str, object]]:
    done = subprocess.run([sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert CANARY not in done.stdout + done.stderr
    return [json.loads(line) for line in done.stderr.splitlines()]


def test_libraries_speak_without_their_text(told: list[dict[str, object]]) -> None:
    loggers = {event["logger"]: event for event in told if event["event"] == "library_log"}

    assert set(loggers) == {"grpc._server", "noisy", "broken", "py.warnings"}
    assert loggers["grpc._server"]["level"] == "error"
    assert loggers["grpc._server"]["error"] == {"class": "ValueError", "frames": ["<string>:19", "<string>:12"]}


def test_exceptions_that_nobody_caught_speak_without_their_text(told: list[dict[str, object]]) -> None:
    uncaught = [(event["event"], event.get("thread")) for event in told if event["event"] != "library_log"]

    assert uncaught == [
        ("uncaught_exception", "some-thread"),
        ("unraisable_exception", None),
        ("uncaught_exception", None),
    ]
