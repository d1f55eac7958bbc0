"""The shape of `[providers.NAME]`, and what a table becomes."""

from abc import abstractmethod
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, NonNegativeFloat
from pydantic_core import PydanticCustomError

from mmt_grpc.providers.options import (
    ClientAuth,
    LoginOptions,
    OAuthOptions,
    ProviderOptions,
    RateLimit,
    Rotation,
)
from mmt_grpc.settings.kinds import SecretText, Words
from mmt_grpc.settings.tables import Table


def _rate(text: str) -> str:
    try:
        RateLimit.parse(text)
    except ValueError:
        raise PydanticCustomError("setting", 'must be of the form "50/300s"') from None
    return text


class CommonTable(Table):
    """What every integration has; times in seconds."""

    enabled: bool = Field(default=True, description="`false` leaves the integration out.")
    account_url: str | None = Field(default=None, description="GET: whose account a credential is.")
    session_url: str | None = Field(default=None, description="GET with the token: 200 it is alive, 401 it is dead.")
    revoke_url: str | None = Field(default=None, description="POST: revokes a token.")
    refuse_wider_grants: bool = Field(default=False, description="Refuse a grant for write where read was asked for.")
    rate_limit: Annotated[str, AfterValidator(_rate)] | None = Field(
        default=None, description='Requests to the token endpoint per time, as `"50/300s"`.'
    )
    connect_timeout: NonNegativeFloat = Field(default=2.0, description="How long connecting may take; at most 45.")
    total_timeout: NonNegativeFloat = Field(default=10.0, description="How long a request may take in all; at most 45.")
    allow_private: bool | None = Field(
        default=None,
        description="It may be on a private or loopback address and speak http; unset: yes. Ignored but in mode `dev`.",
    )

    def _shared(self, *, dev: bool) -> dict[str, object]:
        """Return the fields that the options have under the same names, as they have them."""
        fields = {name: getattr(self, name) for name in type(self).model_fields if name != "enabled"}
        fields["rate_limit"] = RateLimit.parse(self.rate_limit) if self.rate_limit is not None else None
        fields["allow_private"] = dev and self.allow_private is not False
        return fields

    @abstractmethod
    def options(self, *, dev: bool) -> ProviderOptions:
        """Return what the providers take."""


class OAuthTable(CommonTable):
    """An OAuth integration: `coinbase`, `uphold`, and any other name but `binance`."""

    token_url: str = Field(description="POST: exchanges codes and refresh tokens. Required.")
    client_id: str = Field(description="The id that the provider gave this service. Required.")
    client_secret: SecretText = Field(description="The secret that goes with it. Required.")
    authorize_url: str | None = Field(default=None, description="Where end users are sent to agree.")
    account_field: str = Field(
        default="id", description="Dotted path of the account's id in the answer of `account_url`."
    )
    scopes_url: str | None = Field(
        default=None, description="GET: the scopes granted, where the token answer does not say."
    )
    scopes_field: str = Field(default="scope", description="Dotted path of the scopes in its answer.")
    client_auth: Literal["body", "basic"] = Field(default="body", description="How the client id and secret are sent.")
    read_scopes: Words = Field(default=(), description="The provider's scopes that reading needs.")
    write_scopes: Words = Field(default=(), description="The provider's scopes that writing needs.")
    rotation: Literal["strict", "overlap", "reusable"] = Field(
        default="strict", description="What becomes of a used refresh token: spent, good for a while longer, or kept."
    )
    refusal_brake: bool = Field(
        default=True,
        description="Hold refreshes back while the exchange refuses many accounts at once; `false`: believe it.",
    )

    def options(self, *, dev: bool) -> OAuthOptions:
        fields = self._shared(dev=dev)
        fields |= {"client_auth": ClientAuth(self.client_auth), "rotation": Rotation(self.rotation)}
        return OAuthOptions(**fields)  # type: ignore[arg-type]  # the same names; a test compares them


class LoginTable(CommonTable):
    """An integration of logins, sessions and API keys: `binance`."""

    login_url: str | None = Field(default=None, description="POST: exchanges a login for a session; unset: no logins.")
    restrictions_url: str | None = Field(default=None, description="GET: what an API key may do.")

    def options(self, *, dev: bool) -> LoginOptions:
        return LoginOptions(**self._shared(dev=dev))  # type: ignore[arg-type]  # the same names; a test compares them
