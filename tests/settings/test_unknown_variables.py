"""A setting that is none is named as whoever gave it wrote it: in the environment a variable, in the file a name."""

from tests.settings.conftest import Refused


def test_a_variable_is_named_as_it_was_given(refused: Refused) -> None:
    assert refused(environ={"MMT_NOPE": "canary"}) == ["MMT_NOPE: is no setting"]
    assert refused(environ={"MMT_LOG__COLOUR": "canary"}) == ["MMT_LOG__COLOUR: is no setting"]


def test_each_variable_of_a_table_that_is_none_is_named(refused: Refused) -> None:
    assert refused(environ={"MMT_NOPE__ONE": "canary", "MMT_NOPE__TWO": "canary"}) == [
        "MMT_NOPE__ONE: is no setting",
        "MMT_NOPE__TWO: is no setting",
    ]


def test_what_the_file_says_too_is_named_by_both(refused: Refused) -> None:
    assert refused({"nope": "canary"}, {"MMT_NOPE": "canary"}) == ["MMT_NOPE: is no setting", "nope: is no setting"]
    assert refused({"nope": "canary"}) == ["nope: is no setting"]


def test_a_provider_whose_name_has_a_hyphen_is_found_by_its_variable(refused: Refused) -> None:
    problems = refused({"providers": {"my-bank": {}}}, {"MMT_PROVIDERS__MY_BANK__NOPE": "canary"})

    assert "MMT_PROVIDERS__MY_BANK__NOPE: is no setting" in problems
    assert not [problem for problem in problems if problem.startswith("providers.my-bank.nope")]
