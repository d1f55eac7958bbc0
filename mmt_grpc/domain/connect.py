"""Connect, the worker's part: whether it may be tried at all. The exchanger does and commits it."""

from dataclasses import dataclass

from mmt_grpc.domain import end_user
from mmt_grpc.domain.auditing import trail
from mmt_grpc.domain.callers import Method
from mmt_grpc.domain.catalogue import Catalogue
from mmt_grpc.domain.errors import InvalidRequestError, ProviderUnavailableError, ScopeMismatchError, Violation
from mmt_grpc.domain.model import Identity
from mmt_grpc.domain.ports.audit import Audit
from mmt_grpc.domain.ports.clock import Clock
from mmt_grpc.domain.ports.exchanger import CallContext, ConnectOrder, Exchanger
from mmt_grpc.domain.ports.sealing import Index
from mmt_grpc.domain.verbs import Call, ConnectCommand, ConnectResult
from mmt_grpc.domain.waiting_room import WaitingRoom


@dataclass(frozen=True, slots=True, kw_only=True)
class Connect:
    """Checks shape, integration and scope, in this order, and has the exchanger do the rest."""

    catalogue: Catalogue
    index: Index
    exchanger: Exchanger
    audit: Audit
    clock: Clock
    waiting_room: WaitingRoom

    def __call__(self, call: Call, command: ConnectCommand) -> ConnectResult:
        """Connect; raises what the exchanger raises, too."""
        with trail(self.audit, call, Method.CONNECT) as entries:
            entries.know(integration=command.integration)
            flaw = end_user.flaw(command.end_user_id)
            if flaw is not None:
                raise InvalidRequestError(Violation("end_user_id", flaw))
            entries.know(end_user_key=self.index.end_user_key(call.client_id, command.end_user_id))
            self.catalogue.admit(command.integration, command.grant)
            scope = command.scope or call.caller.scope
            if not call.caller.scope.includes(scope):
                raise ScopeMismatchError(granted=call.caller.scope, required=scope)
            identity = Identity(call.client_id, command.end_user_id, command.integration, scope)
            with self.waiting_room.place(command.integration) as placed:
                if not placed:
                    raise ProviderUnavailableError
                entries.intend()
                connected = self.exchanger.connect(self._order(call, command, identity))
            entries.know(token_key=self.index.token_key(call.client_id, connected.token_id))
            entries.succeed()
            return ConnectResult(
                token_id=connected.token_id,
                outcome=connected.outcome,
                integration=command.integration,
                scope=scope,
                expires_at=connected.expires_at,
                refreshable=connected.refreshable,
            )

    def _order(self, call: Call, command: ConnectCommand, identity: Identity) -> ConnectOrder:
        return ConnectOrder(
            context=CallContext(call.call_id, call.caller.name),
            identity=identity,
            grant=command.grant,
            request_id=command.request_id,
            allow_account_change=command.allow_account_change,
            time_left=call.remaining(self.clock),
        )
