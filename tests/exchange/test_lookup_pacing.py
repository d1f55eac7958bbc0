"""Probes and look-ups have a circuit and places of their own, beside those of refreshes."""

import pytest

from mmt_grpc.domain.errors import Reason
from mmt_grpc.domain.ports.providers import Failure, ProviderError
from mmt_grpc.exchange.admission import Admission, Refused
from mmt_grpc.exchange.breaker import FIRST_PAUSE, IN_A_ROW
from mmt_grpc.exchange.circuit import CircuitState
from mmt_grpc.exchange.lookups import LOOKUP_PLACES
from mmt_grpc.exchange.pacing import Pacing
from tests.exchange.pacing_world import DEAD, LIMITED, REFUSED_GRANT, REFUSED_US, SECOND, PacingWorld, ends, error


@pytest.fixture
def paced() -> PacingWorld:
    return PacingWorld()


@pytest.fixture
def pacing(paced: PacingWorld) -> Pacing:
    return paced.replica()


def probing(pacing: Pacing, integration: str = "uphold") -> Admission:
    admission = pacing.admit_probe(integration)
    assert isinstance(admission, Admission)
    return admission


def probes_end(pacing: Pacing, outcome: ProviderError | None, *, times: int = IN_A_ROW) -> None:
    for _ in range(times):
        with probing(pacing) as admission:
            admission.learn(outcome)


class TestTheirCircuit:
    @pytest.mark.parametrize("failure", [Failure.NOT_SENT, Failure.AMBIGUOUS, Failure.NOT_CONSUMED])
    def test_failures_in_a_row_open_it_and_refreshes_go_on(
        self, paced: PacingWorld, pacing: Pacing, failure: Failure
    ) -> None:
        probes_end(pacing, error(failure))

        refusal = pacing.admit_probe("uphold")
        assert isinstance(refusal, Refused)
        assert refusal.reason is Reason.PROVIDER_UNAVAILABLE
        assert 0 < refusal.wait <= FIRST_PAUSE
        assert pacing.state("uphold").lookups is CircuitState.OPEN
        assert pacing.wait("uphold") == 0
        assert paced.gauge.told == [("uphold", True)]
        assert paced.log.named("breaker_opened") == [
            {"integration": "uphold", "requests": "lookups", "reason": "failures"}
        ]

    @pytest.mark.parametrize("answer", [None, REFUSED_GRANT, LIMITED])
    def test_an_answer_is_no_failure(self, paced: PacingWorld, pacing: Pacing, answer: ProviderError | None) -> None:
        for _ in range(30):
            probes_end(pacing, answer, times=1)
            paced.clock.advance(30 * SECOND)

        assert pacing.state("uphold").lookups is CircuitState.CLOSED

    def test_a_trial_closes_it(self, paced: PacingWorld, pacing: Pacing) -> None:
        probes_end(pacing, DEAD)
        paced.clock.advance(FIRST_PAUSE)

        probes_end(pacing, None, times=1)

        assert pacing.state("uphold").lookups is CircuitState.CLOSED
        assert paced.gauge.told[-1] == ("uphold", False)

    def test_a_token_endpoint_that_fails_holds_probes_back_and_none_closes_its_circuit(
        self, paced: PacingWorld, pacing: Pacing
    ) -> None:
        ends(pacing, DEAD, times=IN_A_ROW)
        assert isinstance(pacing.admit_probe("uphold"), Refused)
        assert pacing.probe_wait("uphold") > 0
        assert isinstance(pacing.admit_lookup("uphold"), Admission)

        paced.clock.advance(FIRST_PAUSE)
        probes_end(pacing, None)

        assert pacing.state("uphold").breaker is CircuitState.OPEN

    def test_a_provider_that_refuses_our_client_still_answers_for_the_tokens_it_gave(self, pacing: Pacing) -> None:
        ends(pacing, REFUSED_US)

        assert pacing.wait("uphold") > 0
        assert pacing.probe_wait("uphold") == 0
        probing(pacing).close()


class TestTheirPlaces:
    def test_one_provider_has_so_many_and_no_other_notices(self, paced: PacingWorld, pacing: Pacing) -> None:
        began = paced.clock.elapsed()
        under_way = [probing(pacing) for _ in range(LOOKUP_PLACES)]

        assert isinstance(pacing.admit_probe("uphold"), Refused)
        assert paced.clock.elapsed() == began
        probing(pacing, "coinbase").close()
        under_way[0].close()
        probing(pacing)

    def test_a_connect_waits_for_one_for_a_bounded_time(self, paced: PacingWorld, pacing: Pacing) -> None:
        under_way = [probing(pacing) for _ in range(LOOKUP_PLACES)]
        paced.clock.plan(SECOND, under_way[0].close)

        assert isinstance(pacing.admit_lookup("uphold"), Admission)
        assert isinstance(pacing.admit_lookup("uphold"), Refused)
