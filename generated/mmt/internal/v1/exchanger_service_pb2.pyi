from mmt.v1 import managed_token_pb2 as _managed_token_pb2
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class RefreshProgress(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    REFRESH_PROGRESS_UNSPECIFIED: _ClassVar[RefreshProgress]
    REFRESH_PROGRESS_STARTED: _ClassVar[RefreshProgress]
    REFRESH_PROGRESS_RUNNING: _ClassVar[RefreshProgress]
    REFRESH_PROGRESS_BACKING_OFF: _ClassVar[RefreshProgress]
    REFRESH_PROGRESS_SETTLED: _ClassVar[RefreshProgress]

class Liveness(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    LIVENESS_UNSPECIFIED: _ClassVar[Liveness]
    LIVENESS_ALIVE: _ClassVar[Liveness]
    LIVENESS_DEAD: _ClassVar[Liveness]
    LIVENESS_UNKNOWN: _ClassVar[Liveness]
REFRESH_PROGRESS_UNSPECIFIED: RefreshProgress
REFRESH_PROGRESS_STARTED: RefreshProgress
REFRESH_PROGRESS_RUNNING: RefreshProgress
REFRESH_PROGRESS_BACKING_OFF: RefreshProgress
REFRESH_PROGRESS_SETTLED: RefreshProgress
LIVENESS_UNSPECIFIED: Liveness
LIVENESS_ALIVE: Liveness
LIVENESS_DEAD: Liveness
LIVENESS_UNKNOWN: Liveness

class CallContext(_message.Message):
    __slots__ = ("call_id", "caller")
    CALL_ID_FIELD_NUMBER: _ClassVar[int]
    CALLER_FIELD_NUMBER: _ClassVar[int]
    call_id: str
    caller: str
    def __init__(self, call_id: _Optional[str] = ..., caller: _Optional[str] = ...) -> None: ...

class ConnectRequest(_message.Message):
    __slots__ = ("context", "client_id", "end_user_id", "integration", "scope", "request_id", "allow_account_change", "authorization_code", "oauth_tokens", "user_credentials", "api_key", "session")
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
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
    context: CallContext
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
    def __init__(self, context: _Optional[_Union[CallContext, _Mapping]] = ..., client_id: _Optional[str] = ..., end_user_id: _Optional[str] = ..., integration: _Optional[str] = ..., scope: _Optional[_Union[_managed_token_pb2.Scope, str]] = ..., request_id: _Optional[str] = ..., allow_account_change: bool = ..., authorization_code: _Optional[_Union[_managed_token_pb2.AuthorizationCode, _Mapping]] = ..., oauth_tokens: _Optional[_Union[_managed_token_pb2.OAuthTokens, _Mapping]] = ..., user_credentials: _Optional[_Union[_managed_token_pb2.UserCredentials, _Mapping]] = ..., api_key: _Optional[_Union[_managed_token_pb2.ApiKey, _Mapping]] = ..., session: _Optional[_Union[_managed_token_pb2.Session, _Mapping]] = ...) -> None: ...

class ConnectResponse(_message.Message):
    __slots__ = ("token_id", "outcome", "expire_at", "refreshable")
    TOKEN_ID_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    EXPIRE_AT_FIELD_NUMBER: _ClassVar[int]
    REFRESHABLE_FIELD_NUMBER: _ClassVar[int]
    token_id: str
    outcome: _managed_token_pb2.ConnectOutcome
    expire_at: int
    refreshable: bool
    def __init__(self, token_id: _Optional[str] = ..., outcome: _Optional[_Union[_managed_token_pb2.ConnectOutcome, str]] = ..., expire_at: _Optional[int] = ..., refreshable: bool = ...) -> None: ...

class RefreshRequest(_message.Message):
    __slots__ = ("context", "shard", "token_key", "generation")
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    SHARD_FIELD_NUMBER: _ClassVar[int]
    TOKEN_KEY_FIELD_NUMBER: _ClassVar[int]
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    context: CallContext
    shard: int
    token_key: bytes
    generation: int
    def __init__(self, context: _Optional[_Union[CallContext, _Mapping]] = ..., shard: _Optional[int] = ..., token_key: _Optional[bytes] = ..., generation: _Optional[int] = ...) -> None: ...

class RefreshResponse(_message.Message):
    __slots__ = ("progress", "reason", "wait")
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    WAIT_FIELD_NUMBER: _ClassVar[int]
    progress: RefreshProgress
    reason: str
    wait: int
    def __init__(self, progress: _Optional[_Union[RefreshProgress, str]] = ..., reason: _Optional[str] = ..., wait: _Optional[int] = ...) -> None: ...

class ProbeRequest(_message.Message):
    __slots__ = ("context", "shard", "token_key", "generation")
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    SHARD_FIELD_NUMBER: _ClassVar[int]
    TOKEN_KEY_FIELD_NUMBER: _ClassVar[int]
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    context: CallContext
    shard: int
    token_key: bytes
    generation: int
    def __init__(self, context: _Optional[_Union[CallContext, _Mapping]] = ..., shard: _Optional[int] = ..., token_key: _Optional[bytes] = ..., generation: _Optional[int] = ...) -> None: ...

class ProbeResponse(_message.Message):
    __slots__ = ("liveness",)
    LIVENESS_FIELD_NUMBER: _ClassVar[int]
    liveness: Liveness
    def __init__(self, liveness: _Optional[_Union[Liveness, str]] = ...) -> None: ...

class StageRevocationRequest(_message.Message):
    __slots__ = ("context", "shard", "token_key", "sealed")
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    SHARD_FIELD_NUMBER: _ClassVar[int]
    TOKEN_KEY_FIELD_NUMBER: _ClassVar[int]
    SEALED_FIELD_NUMBER: _ClassVar[int]
    context: CallContext
    shard: int
    token_key: bytes
    sealed: SealedToken
    def __init__(self, context: _Optional[_Union[CallContext, _Mapping]] = ..., shard: _Optional[int] = ..., token_key: _Optional[bytes] = ..., sealed: _Optional[_Union[SealedToken, _Mapping]] = ...) -> None: ...

class SealedToken(_message.Message):
    __slots__ = ("identity_key", "integration", "scope", "generation", "format", "key_epoch", "access_key", "renewal_key", "access_blob", "renewal_blob", "metadata_blob", "account_key", "unsettled")
    IDENTITY_KEY_FIELD_NUMBER: _ClassVar[int]
    INTEGRATION_FIELD_NUMBER: _ClassVar[int]
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    KEY_EPOCH_FIELD_NUMBER: _ClassVar[int]
    ACCESS_KEY_FIELD_NUMBER: _ClassVar[int]
    RENEWAL_KEY_FIELD_NUMBER: _ClassVar[int]
    ACCESS_BLOB_FIELD_NUMBER: _ClassVar[int]
    RENEWAL_BLOB_FIELD_NUMBER: _ClassVar[int]
    METADATA_BLOB_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_KEY_FIELD_NUMBER: _ClassVar[int]
    UNSETTLED_FIELD_NUMBER: _ClassVar[int]
    identity_key: bytes
    integration: str
    scope: _managed_token_pb2.Scope
    generation: int
    format: int
    key_epoch: int
    access_key: bytes
    renewal_key: bytes
    access_blob: bytes
    renewal_blob: bytes
    metadata_blob: bytes
    account_key: bytes
    unsettled: bool
    def __init__(self, identity_key: _Optional[bytes] = ..., integration: _Optional[str] = ..., scope: _Optional[_Union[_managed_token_pb2.Scope, str]] = ..., generation: _Optional[int] = ..., format: _Optional[int] = ..., key_epoch: _Optional[int] = ..., access_key: _Optional[bytes] = ..., renewal_key: _Optional[bytes] = ..., access_blob: _Optional[bytes] = ..., renewal_blob: _Optional[bytes] = ..., metadata_blob: _Optional[bytes] = ..., account_key: _Optional[bytes] = ..., unsettled: bool = ...) -> None: ...

class StageRevocationResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class CompleteRevocationRequest(_message.Message):
    __slots__ = ("context", "shard", "token_key")
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    SHARD_FIELD_NUMBER: _ClassVar[int]
    TOKEN_KEY_FIELD_NUMBER: _ClassVar[int]
    context: CallContext
    shard: int
    token_key: bytes
    def __init__(self, context: _Optional[_Union[CallContext, _Mapping]] = ..., shard: _Optional[int] = ..., token_key: _Optional[bytes] = ...) -> None: ...

class CompleteRevocationResponse(_message.Message):
    __slots__ = ("upstream",)
    UPSTREAM_FIELD_NUMBER: _ClassVar[int]
    upstream: _managed_token_pb2.Upstream
    def __init__(self, upstream: _Optional[_Union[_managed_token_pb2.Upstream, str]] = ...) -> None: ...
