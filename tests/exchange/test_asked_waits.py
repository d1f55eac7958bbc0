"""What a provider asks to be left alone for is heeded by everything that it is sent, as long as it asks."""

import pytest

from mmt_grpc.domain.errors import ProviderRateLimitedError, ProviderUnavailableError, Reason
from mmt_grpc.domain.ports.providers import Failure, ProviderError
from mmt_grpc.exchange import backoff
from mmt_grpc.exchange.account_limits import LONGEST, LONGEST_BAN, SHORTEST_BAN
from mmt_grpc.exchange.admission import Admission, Refused
from mmt_grpc.exchange.breaker import IN_A_ROW
from mmt_grpc.exchange.circuit import CircuitState
from mmt_grpc.exchange.pacing import Pacing
from tests.exchange.pacing_world import HOUR, LIMITED, MINUTE, SECOND, UPHOLD_RATE, PacingWorld, admitted, ends, error
from tests.support.fakes_clock import SeededRandomness
from tests.support.fakes_exchange_faults import Fault, limited
from tests.support.fakes_world import Client, World

DAY = 24 * HOUR
SHUT = error(Failure.NOT_CONSUMED, wait=600)
"""A 503 with a Retry-After."""


def banned(seconds: float | None) -> ProviderError:
    return ProviderError(
        Failure.NOT_CONSUMED, integration="uphold", rate_limited=True, retry_after=seconds, banned=True
    )


@pytest.fixture
def paced() -> PacingWorld:
    return PacingWorld()


@pytest.fixture
def pacing(paced: PacingWorld) -> Pacing:
    return paced.replica()


def a_code_ends(pacing: Pacing, outcome: ProviderError | None) -> None:
    admission = pacing.admit("uphold", demand=True)
    assert isinstance(admission, Admission)
    with admission:
        admission.learn(outcome)


def a_lookup_ends(pacing: Pacing, outcome: ProviderError) -> None:
    admission = pacing.admit_lookup("uphold")
    assert isinstance(admission, Admission)
    with admission:
        admission.learn(outcome)


class TestGrants:
    def test_after_a_ban_nothing_is_sent_for_as_long_as_it_lasts(self, paced: PacingWorld, pacing: Pacing) -> None:
        a_code_ends(pacing, banned(7200))

        paced.clock.advance(7200 * SECOND - 1)
        for refusal in (
            pacing.admit("uphold", demand=True),
            pacing.admit("uphold", demand=True, account=b"k"),
            pacing.hindrance("uphold", demand=False, account=b"k"),
            pacing.admit_lookup("uphold"),
            pacing.admit_probe("uphold"),
        ):
            assert refusal == Refused(Reason.PROVIDER_RATE_LIMITED, 1)
        assert pacing.wait("uphold") == pacing.probe_wait("uphold") == 1
        assert not pacing.may_retry("uphold")
        assert pacing.hindrance("coinbase", demand=True) is None

        paced.clock.advance(1)
        a_code_ends(pacing, None)
        assert isinstance(pacing.admit_probe("uphold"), Admission)

    @pytest.mark.parametrize(("asked", "held"), [(None, SHORTEST_BAN), (3 * 86_400, LONGEST_BAN), (1e9, LONGEST_BAN)])
    def test_a_ban_lasts_from_minutes_to_days(self, pacing: Pacing, asked: float | None, held: int) -> None:
        a_code_ends(pacing, banned(asked))

        assert pacing.admit("uphold", demand=True) == Refused(Reason.PROVIDER_RATE_LIMITED, held)

    def test_an_account_whose_refresh_meets_a_ban_shows_it_for_all(self, pacing: Pacing) -> None:
        ends(pacing, banned(7200), key=b"k")

        assert pacing.hindrance("uphold", demand=True, account=b"other") == Refused(
            Reason.PROVIDER_RATE_LIMITED, 2 * HOUR
        )

    def test_a_limit_that_is_no_accounts_is_every_codes(self, paced: PacingWorld, pacing: Pacing) -> None:
        a_code_ends(pacing, LIMITED)

        assert pacing.admit("uphold", demand=True) == Refused(Reason.PROVIDER_RATE_LIMITED, 30 * SECOND)
        assert paced.log.named("provider_held") == [
            {"integration": "uphold", "requests": "grants", "reason": "PROVIDER_RATE_LIMITED", "seconds": 30}
        ]
        paced.clock.advance(30 * SECOND)
        a_code_ends(pacing, None)

    def test_an_accounts_limit_is_its_own(self, pacing: Pacing) -> None:
        ends(pacing, LIMITED, key=b"k")

        ends(pacing, None, key=b"other")
        assert pacing.hindrance("uphold", demand=True, account=b"k") is not None

    def test_a_503_that_says_for_how_long_holds_every_account(self, paced: PacingWorld, pacing: Pacing) -> None:
        ends(pacing, SHUT, key=b"k")

        refusal = pacing.admit("uphold", demand=True, account=b"other")
        assert refusal == Refused(Reason.PROVIDER_UNAVAILABLE, 10 * MINUTE)
        paced.clock.advance(10 * MINUTE)
        ends(pacing, None, key=b"other")

    @pytest.mark.parametrize("outcome", [error(Failure.NOT_CONSUMED), error(Failure.AMBIGUOUS)])
    def test_one_that_does_not_say_holds_nobody(self, pacing: Pacing, outcome: ProviderError) -> None:
        ends(pacing, outcome, key=b"k")

        assert pacing.hindrance("uphold", demand=True, account=b"other") is None

    def test_the_longer_of_two_waits_counts(self, pacing: Pacing) -> None:
        under_way = [admitted(pacing, key=bytes([number])) for number in range(2)]
        for admission, outcome in zip(under_way, (SHUT, error(Failure.NOT_CONSUMED, wait=5)), strict=True):
            admission.learn(outcome)

        refusal = pacing.hindrance("uphold", demand=True)
        assert refusal == Refused(Reason.PROVIDER_UNAVAILABLE, 10 * MINUTE)

    def test_whoever_waits_for_a_place_meanwhile_is_not_sent(self, paced: PacingWorld) -> None:
        pacing = paced.replica(places=1)
        first = admitted(pacing)

        def ends_badly() -> None:
            first.learn(SHUT)
            first.close()

        paced.clock.plan(SECOND, ends_badly)

        refusal = pacing.admit("uphold", demand=True, account=b"other")

        assert isinstance(refusal, Refused)
        assert refusal.wait > 9 * MINUTE

    def test_a_ban_is_every_replicas_where_a_rate_is_shared(self, paced: PacingWorld) -> None:
        one, other = paced.replica(uphold=UPHOLD_RATE), paced.replica(uphold=UPHOLD_RATE)
        a_code_ends(one, banned(2 * 86_400))

        paced.clock.advance(DAY)
        refusal = other.admit("uphold", demand=True)

        assert isinstance(refusal, Refused)
        assert refusal.reason is Reason.PROVIDER_RATE_LIMITED
        assert refusal.wait >= DAY - MINUTE


class TestTheBreaker:
    def test_its_pause_is_what_was_asked_at_least(self, paced: PacingWorld, pacing: Pacing) -> None:
        under_way = [admitted(pacing, key=bytes([number])) for number in range(IN_A_ROW)]
        for admission in under_way:
            admission.learn(SHUT)
            admission.close()
        assert pacing.state("uphold").breaker is CircuitState.OPEN

        assert pacing.probe_wait("uphold") == 10 * MINUTE
        paced.clock.advance(10 * MINUTE)
        ends(pacing, SHUT)
        assert pacing.probe_wait("uphold") == 10 * MINUTE


class TestLookups:
    @pytest.mark.parametrize(
        ("outcome", "refusal"),
        [
            (LIMITED, Refused(Reason.PROVIDER_RATE_LIMITED, 30 * SECOND)),
            (SHUT, Refused(Reason.PROVIDER_UNAVAILABLE, 10 * MINUTE)),
        ],
    )
    def test_what_one_is_told_holds_the_others_and_no_refresh(
        self, pacing: Pacing, outcome: ProviderError, refusal: Refused
    ) -> None:
        a_lookup_ends(pacing, outcome)

        assert pacing.admit_lookup("uphold") == pacing.admit_probe("uphold") == refusal
        assert pacing.probe_wait("uphold") == refusal.wait
        ends(pacing, None)

    def test_a_ban_that_one_meets_holds_every_grant(self, pacing: Pacing) -> None:
        a_lookup_ends(pacing, banned(7200))

        assert pacing.admit("uphold", demand=True) == Refused(Reason.PROVIDER_RATE_LIMITED, 2 * HOUR)

    def test_whoever_waits_for_a_place_meanwhile_is_not_sent(self, paced: PacingWorld, pacing: Pacing) -> None:
        under_way = [pacing.admit_probe("uphold") for _ in range(32)]
        first = under_way[0]
        assert isinstance(first, Admission)

        def ends_badly() -> None:
            first.learn(SHUT)
            first.close()

        paced.clock.plan(SECOND, ends_badly)

        assert isinstance(pacing.admit_lookup("uphold"), Refused)


class TestRows:
    def test_a_ban_of_days_is_not_cut_to_an_hour(self) -> None:
        wait = backoff.wait_after(banned(3 * 86_400), failures=0, randomness=SeededRandomness())

        assert wait == 3 * DAY
        assert backoff.wait_after(error(Failure.NOT_CONSUMED, wait=1e9), failures=0, randomness=SeededRandomness()) == (
            LONGEST
        )


class TestConnects:
    def test_a_login_after_a_limit_is_not_sent(self, world: World, client: Client) -> None:
        world.binance.strike("redeem", limited(7200))
        login = world.binance.add_user("alice")
        with pytest.raises(ProviderRateLimitedError):
            client.connect("alice", login, integration="binance")

        with pytest.raises(ProviderRateLimitedError) as refusal:
            client.connect("alice", login, integration="binance")

        assert refusal.value.retry_after == pytest.approx(3600)
        assert world.binance.counts["exchanges"] == 0

    @pytest.mark.parametrize(
        ("fault", "expected"),
        [
            (limited(600), ProviderRateLimitedError),
            (Fault(Failure.NOT_CONSUMED, retry_after=600), ProviderUnavailableError),
        ],
    )
    def test_a_key_whose_check_is_refused_for_a_while_keeps_others_waiting(
        self, world: World, client: Client, fault: Fault, expected: type[ProviderUnavailableError]
    ) -> None:
        world.binance.strike("redeem", fault)
        key = world.binance.add_key("alice")
        with pytest.raises(expected):
            client.connect("alice", key, integration="binance")

        with pytest.raises(expected) as refusal:
            client.connect("bob", world.binance.add_key("bob"), integration="binance")
        assert refusal.value.retry_after == pytest.approx(600)

        world.pass_time(600)
        assert client.connect("bob", world.binance.add_key("bob"), integration="binance").token_id
