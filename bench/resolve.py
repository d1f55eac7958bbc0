"""Server CPU per Resolve against a bare grpcio echo of the same messages, in one run.

`make bench` runs it: one worker of `mmt dev` (authentication, audit and metrics on) pinned to core 0, over a private
MariaDB or SQLite; ghz on core 1 loads echo and Resolve in turn. The figure is the ratio of medians over the rounds.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import grpc

from mmt.v1 import managed_token_pb2, token_service_pb2, token_service_pb2_grpc
from tests.support.dev import RunningDev, running_dev
from tests.support.mariadb import private_mariadb
from tests.support.tree import BIN, ROOT

GHZ = ROOT / "build" / "bin" / "ghz"
METHOD = "mmt.v1.TokenService.Resolve"
CONNECTIONS = 4
NINETY_NINTH = 99
TICKS = os.sysconf("SC_CLK_TCK")


@contextmanager
def echo() -> Iterator[tuple[str, int]]:
    """Run the echo; yield its address and process id."""
    port = 40000 + os.getpid() % 20000
    environment = dict(os.environ, PYTHONPATH=f"{ROOT}:{ROOT / 'generated'}")
    command = [sys.executable, "-m", "bench.echo_server", str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT, env=environment) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield f"127.0.0.1:{port}", process.pid
        finally:
            process.kill()


def worker_of(dev: RunningDev) -> int:
    """Return the process id of the installation's worker."""
    children = Path(f"/proc/{dev.process.pid}/task/{dev.process.pid}/children").read_text(encoding="ascii").split()
    for child in children:
        if Path(f"/proc/{child}/cmdline").read_bytes().startswith(b"mmt: worker"):
            return int(child)
    raise RuntimeError("there is no worker")


def seconds_of(pid: int) -> float:
    """Return the CPU seconds that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def connect(dev: RunningDev, users: int) -> list[str]:
    """Connect so many tokens that live long; return their ids."""
    tokens = []
    metadata = (("authorization", f"Bearer {dev.api_keys['write']}"),)
    with grpc.insecure_channel(dev.address) as channel:
        stub = token_service_pb2_grpc.TokenServiceStub(channel)
        for user in range(users):
            request = token_service_pb2.ConnectRequest(
                end_user_id=f"bench-{user}",
                integration="binance",
                scope=managed_token_pb2.SCOPE_READ,
                session=managed_token_pb2.Session(token="x" * 43),
            )
            request.session.expire_time.FromSeconds(int(time.time()) + 86400)
            tokens.append(stub.Connect(request, metadata=metadata, timeout=10).token_id)
    return tokens


def load(address: str, calls: int, data: Path, key: str) -> dict[str, float]:
    """Load an address with Resolve from core 1; return rate and p99 in milliseconds; every call must succeed."""
    command = ["taskset", "-c", "1", str(GHZ), "--insecure", "--call", METHOD, "--format", "json"]
    command += ["--protoset", str(data.with_name("mmt.binpb"))]
    command += ["-n", str(calls), "-c", "16", "--connections", str(CONNECTIONS), "--data-file", str(data)]
    command += ["--metadata", json.dumps({"authorization": f"Bearer {key}"}), address]
    done = subprocess.run(command, capture_output=True, check=True)
    report = json.loads(done.stdout)
    good = report["statusCodeDistribution"].get("OK", 0)
    p99 = next((entry["latency"] for entry in report["latencyDistribution"] if entry["percentage"] == NINETY_NINTH), 0)
    if good != calls:
        raise RuntimeError(f"calls failed: {report['errorDistribution']}")
    return {"rate": report["rps"], "p99": p99 / 1e6}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--calls", type=int, default=6000)
    parser.add_argument("--tokens", type=int, default=500)
    parser.add_argument("--database", choices=["mariadb", "sqlite"], default="mariadb")
    arguments = parser.parse_args()
    with ExitStack() as stack:
        env = {"MMT_WORKERS": "1", "MMT_METRICS_LISTEN": "127.0.0.1:0", "MMT_LOG__LEVEL": "warning"}
        if arguments.database == "mariadb":
            server = stack.enter_context(private_mariadb())
            env["MMT_DATABASE_URL"] = server.fresh_database()
        dev = stack.enter_context(running_dev(**env))  # type: ignore[arg-type]  # every name begins with MMT_
        address, echo_pid = stack.enter_context(echo())
        worker = worker_of(dev)
        tokens = connect(dev, arguments.tokens)
        data = dev.state_dir / "requests.json"
        data.write_text(
            json.dumps([{"token_id": token, "required_scope": "SCOPE_READ"} for token in tokens]), encoding="utf-8"
        )
        protoset = ["--as-file-descriptor-set", "-o", str(data.with_name("mmt.binpb"))]
        subprocess.run([str(BIN / "buf"), "build", *protoset], cwd=ROOT, check=True)
        figures: dict[str, list[float]] = {"echo": [], "resolve": []}
        targets = {"echo": (address, echo_pid), "resolve": (dev.address, worker)}
        for number in range(arguments.rounds + 1):
            for name, (where, pid) in targets.items():
                before = seconds_of(pid)
                report = load(where, arguments.calls, data, dev.api_keys["read"])
                per_call = (seconds_of(pid) - before) / arguments.calls * 1e6
                if number:  # the first round warms up
                    figures[name].append(per_call)
                print(f"{name:8} {per_call:7.1f} µs CPU/call {report['rate']:8.0f}/s  p99 {report['p99']:.1f} ms")
    medians = {name: statistics.median(values) for name, values in figures.items()}
    print(f"median: echo {medians['echo']:.1f} µs, resolve {medians['resolve']:.1f} µs on {arguments.database}")
    print(f"ratio: {medians['resolve'] / medians['echo']:.2f}")


if __name__ == "__main__":
    main()
