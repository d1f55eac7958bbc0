"""What is marked as a secret in the protos does not survive redaction, and every secret is marked."""

import pytest
from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message

from mmt.internal.v1 import exchanger_service_pb2 as internal_pb
from mmt.v1 import managed_token_pb2 as nouns
from mmt.v1 import token_service_pb2 as pb
from mmt_grpc.transport.redaction import MASK, redacted

CANARY = "CANARY-1d9"
SECRETS = {
    "AuthorizationCode.code",
    "AuthorizationCode.code_verifier",
    "OAuthTokens.access_token",
    "OAuthTokens.refresh_token",
    "UserCredentials.username",
    "UserCredentials.password",
    "UserCredentials.otp",
    "ApiKey.key",
    "ApiKey.secret",
    "Session.token",
    "BearerToken.access_token",
}
MESSAGES: list[Message] = [
    pb.ConnectRequest(authorization_code=nouns.AuthorizationCode(code=CANARY, code_verifier=CANARY)),
    pb.ConnectRequest(oauth_tokens=nouns.OAuthTokens(access_token=CANARY, refresh_token=CANARY)),
    pb.ConnectRequest(user_credentials=nouns.UserCredentials(username=CANARY, password=CANARY, otp=CANARY)),
    pb.ConnectRequest(api_key=nouns.ApiKey(key=CANARY, secret=CANARY)),
    pb.ConnectRequest(session=nouns.Session(token=CANARY)),
    pb.ResolveResponse(bearer_token=nouns.BearerToken(access_token=CANARY)),
    pb.ResolveResponse(api_key=nouns.ApiKey(key=CANARY, secret=CANARY)),
    internal_pb.ConnectRequest(oauth_tokens=nouns.OAuthTokens(access_token=CANARY)),
]


def marked(message: Descriptor) -> set[str]:
    return {f"{message.name}.{field.name}" for field in message.fields if field.GetOptions().debug_redact}


def test_exactly_the_secrets_are_marked() -> None:
    files = (nouns.DESCRIPTOR, pb.DESCRIPTOR, internal_pb.DESCRIPTOR)
    messages = [message for file in files for message in file.message_types_by_name.values()]
    assert set().union(*map(marked, messages)) == SECRETS


@pytest.mark.parametrize("message", MESSAGES)
def test_no_secret_survives(message: Message) -> None:
    assert CANARY in str(message)
    shown = str(redacted(message))
    assert CANARY not in shown
    assert MASK in shown


def test_what_is_no_secret_stays_and_the_message_is_not_touched() -> None:
    request = pb.ConnectRequest(
        end_user_id="u",
        oauth_tokens=nouns.OAuthTokens(access_token=CANARY, granted_scopes=["a", "b"]),
    )
    shown = redacted(request)
    assert shown == pb.ConnectRequest(
        end_user_id="u", oauth_tokens=nouns.OAuthTokens(access_token=MASK, granted_scopes=["a", "b"])
    )
    assert request.oauth_tokens.access_token == CANARY
