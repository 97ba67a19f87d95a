"""What the operator makes of a stored object."""

import pytest
from pydantic import ValidationError

from mlapi_operator.api.problems import problems
from mlapi_operator.api.v1alpha1 import parse
from mlapi_operator.cli.validate import check
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


def test_check_of_a_misspelt_field_with_nothing_in_it_is_a_problem_as_for_kubectl_create() -> None:
    (problem,) = check(mlapi({"modle": None}))
    assert problem.startswith("spec.modle: unknown field")


def test_parse_of_a_large_number_as_helm_writes_it_is_an_integer() -> None:
    spec = parse(mlapi({"serving": {"maxRequestBytes": 1.048576e7}, "replicas": 2.0}))
    assert [type(number) for number in (spec.serving.max_request_bytes, spec.replicas)] == [int, int]


def test_gpu_of_any_kind_written_without_defaults_is_still_one() -> None:
    spec = parse(mlapi({"gpu": {}}))
    written = spec.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    assert written["gpu"] == {"count": 1}
    assert "gpu" not in parse(mlapi({})).model_dump(mode="json", by_alias=True, exclude_defaults=True)


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


def test_problem_of_a_map_names_its_keys_and_not_their_values() -> None:
    (problem,) = check(
        mlapi({"podMetadata": {"annotations": {"a b": "secret", **{f"k{i}": "" for i in range(30)}}}})
    )
    assert problem.startswith("spec.podMetadata.annotations: found an object with 'a b', 'k0', ")
    assert "secret" not in problem
    assert len(problem) < 300


def test_table_has_no_sentence_twice() -> None:
    sentences = [*VALID, *(row[0] for row in INVALID)]
    assert len(set(sentences)) == len(sentences)
