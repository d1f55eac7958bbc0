"""A session whose steps fail as planned."""

from mmt_grpc.store.faults import Fault, StatementError
from mmt_grpc.store.session import Session


class Scripted(Session):
    """A session whose steps raise what is planned, once each."""

    def __init__(self, plan: dict[str, list[Fault]]) -> None:
        self.plan = plan
        self.ran: list[str] = []
        self.happened = []

    def step(self, name: str) -> None:
        self.ran.append(name)
        if self.plan.get(name):
            raise StatementError(fault=self.plan[name].pop(0), kind="OperationalError", number=1)

    def begin(self) -> None:
        self.step("begin")

    def commit(self) -> None:
        self.step("commit")

    def rollback(self) -> None:
        self.step("rollback")

    def close(self) -> None:
        self.step("close")
