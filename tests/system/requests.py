"""Good requests of every method, to be made bad."""

from typing import Any

from google.protobuf.message import Message

from mmt.v1 import token_service_pb2 as pb
from tests.support.clients import READ

TOKEN_ID = "12345678-1234-8234-9234-123456789abc"
CODE: dict[str, Any] = {"code": "c", "redirect_uri": "https://example.com/", "code_verifier": "v"}
METHODS: dict[str, Message] = {
    "Connect": pb.ConnectRequest(end_user_id="user", integration="coinbase", scope=READ, authorization_code=CODE),
    "Resolve": pb.ResolveRequest(token_id=TOKEN_ID, required_scope=READ),
    "Revoke": pb.RevokeRequest(token_id=TOKEN_ID),
    "CheckScope": pb.CheckScopeRequest(token_id=TOKEN_ID, required_scope=READ),
}
