"""What a pod gets from the cluster or its image, a laptop gets from its user, or says what is missing."""

from pathlib import Path

import pytest

from mlapi_operator.api.v1alpha1 import MLApiSpec, parse
from mlapi_operator.cli import locally
from mlapi_operator.cli.problem import Problem, Usage
from tests.support.mlapis import Object, framework, mlapi, model, provided


def spec(change: Object) -> MLApiSpec:
    return parse(mlapi(change))


SECRET = {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "hub", "key": "token"}}}
FIELD = {"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}
OPTIONAL = {
    "name": "HINT",
    "valueFrom": {"configMapKeyRef": {"name": "hints", "key": "hint", "optional": True}},
}


def test_variables_with_a_value_are_taken_as_they_stand() -> None:
    env = [{"name": "A", "value": "1"}, {"name": "EMPTY"}]
    assert locally.variables(spec({"env": env}), {"A": "of the caller"}) == {"A": "1", "EMPTY": ""}


def test_variables_of_the_cluster_are_taken_from_the_caller() -> None:
    given = {"TOKEN": "t", "NODE": "laptop", "OTHER": "x"}
    assert locally.variables(spec({"env": [SECRET, FIELD]}), given) == {"TOKEN": "t", "NODE": "laptop"}


def test_variables_that_nobody_sets_are_all_named_with_the_remedy() -> None:
    with pytest.raises(Problem) as told:
        locally.variables(spec({"env": [SECRET, OPTIONAL, FIELD]}), {})
    assert str(told.value) == (
        "spec.env[0]: TOKEN is key token of the Secret hub; spec.env[2]: NODE is the pod's spec.nodeName: "
        "there is none without a cluster; set it yourself, as in `TOKEN=... NODE=... mlapi serve`"
    )


def test_optional_variable_that_nobody_sets_stays_unset() -> None:
    assert locally.variables(spec({"env": [OPTIONAL]}), {}) == {}


APP = provided(framework("FastAPI", app="shop.api:app"))
HANDLER = provided(model(format="Python", handler="shop:Prices"))


@pytest.mark.parametrize(("change", "file"), [(APP, "shop/api.py"), (HANDLER, "shop.py"), ({}, "unused.py")])
def test_code_that_is_there_is_put_on_the_path(change: Object, file: str, tmp_path: Path) -> None:
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).touch()
    assert locally.code(spec(change), tmp_path) == (tmp_path,)


def test_code_is_not_needed_by_a_manifest_without_any() -> None:
    assert locally.code(spec(provided({})), None) == ()


@pytest.mark.parametrize(
    ("change", "source", "words"),
    [
        (
            APP,
            None,
            "spec.framework.app: shop.api:app is code of yours, which no image brings here; name its",
        ),
        (HANDLER, None, "spec.model.handler: shop:Prices is code of yours"),
        (HANDLER, ".", "spec.model.handler: found neither shop.py nor a folder shop in"),
        ({}, "nowhere", "is no folder; name the one that holds your code"),
    ],
)
def test_code_that_is_missing_is_asked_for(
    change: Object, source: str | None, words: str, tmp_path: Path
) -> None:
    with pytest.raises(Usage) as told:
        locally.code(spec(change), None if source is None else tmp_path / source)
    assert words in str(told.value)
