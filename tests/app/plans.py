"""Plans of children that do as they are told, and nothing else."""

from mmt_grpc.app.plan import ChildPlan


def plan(
    role: str, *, stubborn: bool = False, hanging: bool = False, dying: bool = False, grace: float = 0.0
) -> ChildPlan:
    return ChildPlan(
        role=role,
        module="tests.app.stubborn",
        start=lambda: {"stubborn": stubborn, "hanging": hanging, "dying": dying},
        grace=grace,
        serves=role.startswith("worker"),
        opens_gate=role == "exchanger",
    )
