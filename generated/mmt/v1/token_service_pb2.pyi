import datetime

from buf.validate import validate_pb2 as _validate_pb2
from google.api import annotations_pb2 as _annotations_pb2
from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from mmt.v1 import managed_token_pb2 as _managed_token_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ConnectRequest(_message.Message):
    __slots__ = ("client_id", "end_user_id", "integration", "scope", "request_id", "allow_account_change", "authorization_code", "oauth_tokens", "user_credentials", "api_key", "session")
    CLIENT_ID_FIELD_NUMBER: _ClassVar[int]
    END_USER_ID_FIELD_NUMBER: _ClassVar[int]
    INTEGRATION_FIELD_NUMBER: _ClassVar[int]
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    ALLOW_ACCOUNT_CHANGE_FIELD_NUMBER: _ClassVar[int]
    AUTHORIZATION_CODE_FIELD_NUMBER: _ClassVar[int]
    OAUTH_TOKENS_FIELD_NUMBER: _ClassVar[int]
    USER_CREDENTIALS_FIELD_NUMBER: _ClassVar[int]
    API_KEY_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    client_id: str
    end_user_id: str
    integration: str
    scope: _managed_token_pb2.Scope
    request_id: str
    allow_account_change: bool
    authorization_code: _managed_token_pb2.AuthorizationCode
    oauth_tokens: _managed_token_pb2.OAuthTokens
    user_credentials: _managed_token_pb2.UserCredentials
    api_key: _managed_token_pb2.ApiKey
    session: _managed_token_pb2.Session
    def __init__(self, client_id: _Optional[str] = ..., end_user_id: _Optional[str] = ..., integration: _Optional[str] = ..., scope: _Optional[_Union[_managed_token_pb2.Scope, str]] = ..., request_id: _Optional[str] = ..., allow_account_change: bool = ..., authorization_code: _Optional[_Union[_managed_token_pb2.AuthorizationCode, _Mapping]] = ..., oauth_tokens: _Optional[_Union[_managed_token_pb2.OAuthTokens, _Mapping]] = ..., user_credentials: _Optional[_Union[_managed_token_pb2.UserCredentials, _Mapping]] = ..., api_key: _Optional[_Union[_managed_token_pb2.ApiKey, _Mapping]] = ..., session: _Optional[_Union[_managed_token_pb2.Session, _Mapping]] = ...) -> None: ...

class ConnectResponse(_message.Message):
    __slots__ = ("token_id", "outcome", "integration", "scope", "expire_time", "refreshable")
    TOKEN_ID_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    INTEGRATION_FIELD_NUMBER: _ClassVar[int]
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    EXPIRE_TIME_FIELD_NUMBER: _ClassVar[int]
    REFRESHABLE_FIELD_NUMBER: _ClassVar[int]
    token_id: str
    outcome: _managed_token_pb2.ConnectOutcome
    integration: str
    scope: _managed_token_pb2.Scope
    expire_time: _timestamp_pb2.Timestamp
    refreshable: bool
    def __init__(self, token_id: _Optional[str] = ..., outcome: _Optional[_Union[_managed_token_pb2.ConnectOutcome, str]] = ..., integration: _Optional[str] = ..., scope: _Optional[_Union[_managed_token_pb2.Scope, str]] = ..., expire_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., refreshable: bool = ...) -> None: ...

class ResolveRequest(_message.Message):
    __slots__ = ("client_id", "token_id", "end_user_id", "required_scope", "min_validity", "rejected_generation")
    CLIENT_ID_FIELD_NUMBER: _ClassVar[int]
    TOKEN_ID_FIELD_NUMBER: _ClassVar[int]
    END_USER_ID_FIELD_NUMBER: _ClassVar[int]
    REQUIRED_SCOPE_FIELD_NUMBER: _ClassVar[int]
    MIN_VALIDITY_FIELD_NUMBER: _ClassVar[int]
    REJECTED_GENERATION_FIELD_NUMBER: _ClassVar[int]
    client_id: str
    token_id: str
    end_user_id: str
    required_scope: _managed_token_pb2.Scope
    min_validity: _duration_pb2.Duration
    rejected_generation: int
    def __init__(self, client_id: _Optional[str] = ..., token_id: _Optional[str] = ..., end_user_id: _Optional[str] = ..., required_scope: _Optional[_Union[_managed_token_pb2.Scope, str]] = ..., min_validity: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., rejected_generation: _Optional[int] = ...) -> None: ...

class ResolveResponse(_message.Message):
    __slots__ = ("bearer_token", "api_key", "integration", "scope", "expire_time", "use_until", "generation")
    BEARER_TOKEN_FIELD_NUMBER: _ClassVar[int]
    API_KEY_FIELD_NUMBER: _ClassVar[int]
    INTEGRATION_FIELD_NUMBER: _ClassVar[int]
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    EXPIRE_TIME_FIELD_NUMBER: _ClassVar[int]
    USE_UNTIL_FIELD_NUMBER: _ClassVar[int]
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    bearer_token: _managed_token_pb2.BearerToken
    api_key: _managed_token_pb2.ApiKey
    integration: str
    scope: _managed_token_pb2.Scope
    expire_time: _timestamp_pb2.Timestamp
    use_until: _timestamp_pb2.Timestamp
    generation: int
    def __init__(self, bearer_token: _Optional[_Union[_managed_token_pb2.BearerToken, _Mapping]] = ..., api_key: _Optional[_Union[_managed_token_pb2.ApiKey, _Mapping]] = ..., integration: _Optional[str] = ..., scope: _Optional[_Union[_managed_token_pb2.Scope, str]] = ..., expire_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., use_until: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., generation: _Optional[int] = ...) -> None: ...

class RevokeRequest(_message.Message):
    __slots__ = ("client_id", "token_id")
    CLIENT_ID_FIELD_NUMBER: _ClassVar[int]
    TOKEN_ID_FIELD_NUMBER: _ClassVar[int]
    client_id: str
    token_id: str
    def __init__(self, client_id: _Optional[str] = ..., token_id: _Optional[str] = ...) -> None: ...

class RevokeResponse(_message.Message):
    __slots__ = ("revoke_time", "upstream")
    REVOKE_TIME_FIELD_NUMBER: _ClassVar[int]
    UPSTREAM_FIELD_NUMBER: _ClassVar[int]
    revoke_time: _timestamp_pb2.Timestamp
    upstream: _managed_token_pb2.Upstream
    def __init__(self, revoke_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., upstream: _Optional[_Union[_managed_token_pb2.Upstream, str]] = ...) -> None: ...

class CheckScopeRequest(_message.Message):
    __slots__ = ("client_id", "token_id", "required_scope")
    CLIENT_ID_FIELD_NUMBER: _ClassVar[int]
    TOKEN_ID_FIELD_NUMBER: _ClassVar[int]
    REQUIRED_SCOPE_FIELD_NUMBER: _ClassVar[int]
    client_id: str
    token_id: str
    required_scope: _managed_token_pb2.Scope
    def __init__(self, client_id: _Optional[str] = ..., token_id: _Optional[str] = ..., required_scope: _Optional[_Union[_managed_token_pb2.Scope, str]] = ...) -> None: ...

class CheckScopeResponse(_message.Message):
    __slots__ = ("allowed", "granted_scope")
    ALLOWED_FIELD_NUMBER: _ClassVar[int]
    GRANTED_SCOPE_FIELD_NUMBER: _ClassVar[int]
    allowed: bool
    granted_scope: _managed_token_pb2.Scope
    def __init__(self, allowed: bool = ..., granted_scope: _Optional[_Union[_managed_token_pb2.Scope, str]] = ...) -> None: ...
