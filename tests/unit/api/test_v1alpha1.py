"""What the operator makes of a stored object."""

import pytest
from pydantic import ValidationError

from mlapi_operator.api.problems import problems
from mlapi_operator.api.v1alpha1 import parse
from tests.support.mlapis import VALID, Object, mlapi
from tests.support.wrong_mlapis import INVALID


def test_parse_of_the_least_object_fills_in_every_default() -> None:
    spec = parse(mlapi({}))
    assert spec.serving.max_concurrency == 100
    assert spec.probe.smoke_test.timeout_seconds == 30
    assert (spec.resources.requests.cpu, spec.resources.requests.memory) == ("250m", "512Mi")
    assert spec.replicas is None
    assert spec.slo is None


def test_parse_of_an_object_from_a_newer_crd_passes_over_what_it_does_not_know() -> None:
    newer = mlapi({"gpu": {"count": 1}, "serving": {"workers": 2, "engine": "Shared"}})
    assert parse(newer).serving.workers == 2


@pytest.mark.parametrize("change", VALID.values(), ids=VALID)
def test_parse_of_a_sound_object_written_again_is_the_same(change: Object) -> None:
    spec = parse(mlapi(change))
    again = spec.model_dump(mode="json", by_alias=True, exclude_unset=True)
    assert parse(mlapi({}) | {"spec": again}) == spec


def test_problem_of_a_variable_never_shows_its_value() -> None:
    with pytest.raises(ValidationError) as caught:
        parse(mlapi({"env": [{"name": "TOKEN", "value": 271828}]}))
    assert problems(caught.value) == [
        "spec.env[0].value: found a value that is not shown, wanted a string; write it in quotes"
    ]


def test_problem_of_a_long_value_shows_its_beginning_alone() -> None:
    with pytest.raises(ValidationError) as caught:
        parse(mlapi({"model": {"uri": "https://" + "a" * 3000}}))
    (problem,) = problems(caught.value)
    assert problem.endswith("(3008 characters), wanted at most 2048 characters")
    assert len(problem) < 200


def test_table_has_no_sentence_twice() -> None:
    sentences = [*VALID, *(row[0] for row in INVALID)]
    assert len(set(sentences)) == len(sentences)
