"""An exchange in memory, as strict as the strictest: codes and refresh tokens once only, reuse ends the whole chain."""

from collections import Counter

from mmt_grpc.domain.model import ApiKeyGrant, ApiKeyPair, AuthorizationCode, Credential, UserCredentials
from mmt_grpc.domain.ports.providers import Failure, Issued
from tests.support.fakes_clock import ManualClock
from tests.support.fakes_exchange_faults import REFUSED, Fault
from tests.support.fakes_exchange_grants import Chain, GrantingExchange, text_of


class FakeExchange(GrantingExchange):
    """What a provider's client asks of an exchange; `counts` is how often it did what was asked."""

    def __init__(self, *, name: str, clock: ManualClock) -> None:
        super().__init__(name=name, clock=clock)
        self.counts: Counter[str] = Counter()
        self.tells_account = True
        self.probes = True
        self._spent: dict[str, Chain] = {}

    def redeem_code(self, grant: AuthorizationCode) -> Issued:
        """Exchange a code, once."""
        chain = self._codes.pop(grant.code.reveal(), None)
        if chain is None:
            raise self.error(REFUSED)
        self.counts["exchanges"] += 1
        return self._issue(chain)

    def log_in(self, grant: UserCredentials) -> Issued:
        """Give a session for a login."""
        found = self._users.get((grant.username.reveal(), grant.password.reveal()))
        if found is None or not found[1].alive:
            raise self.error(REFUSED)
        otp, user = found
        if otp is not None and grant.otp is None:
            raise self.error(Fault(Failure.OTP_REQUIRED))
        self.counts["exchanges"] += 1
        return self._issue(self._chain(user.account, user.scopes, user.access_seconds, refreshable=False))

    def key_scopes(self, grant: ApiKeyGrant) -> Issued:
        """Say what a key may do."""
        chain = self._keys.get(grant.key.reveal())
        if chain is None or not chain.alive:
            raise self.error(REFUSED)
        return Issued(ApiKeyPair(grant.key, grant.secret), None, None, chain.scopes)

    def refresh(self, renewal: str) -> Issued:
        """Rotate a refresh token, once; a spent one ends the chain."""
        spent = self._spent.get(renewal)
        if spent is not None:
            self.counts["reuses"] += 1
            spent.alive = False
        chain = next((chain for chain in self._chains if chain.renewal == renewal and chain.alive), None)
        if chain is None:
            raise self.error(REFUSED)
        self.counts["refreshes"] += 1
        self._spent[renewal] = chain
        return self._issue(chain)

    def account_of(self, credential: Credential) -> str | None:
        """Say whose a credential is."""
        self.check("account")
        if not self.is_alive(credential):
            raise self.error(REFUSED)
        return self._owner(credential).account if self.tells_account else None

    def scopes_of(self, credential: Credential) -> tuple[str, ...] | None:
        """Say what a credential may do."""
        self.check("scopes")
        return self._owner(credential).scopes

    def end(self, credential: Credential, renewal: str | None) -> bool:
        """Revoke; return whether the credential was alive before."""
        self.counts["revocations"] += 1
        was_alive = self.is_alive(credential)
        text = text_of(credential)
        for chain in self._chains:
            if text in chain.access or (renewal is not None and renewal == chain.renewal):
                chain.alive = False
        return was_alive
