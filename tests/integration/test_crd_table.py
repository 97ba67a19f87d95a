"""A real API server and `mlapi validate` say the same about every object, and what to change."""

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings

from e2e.cluster.light import LightCluster
from e2e.kube import Kube
from mlapi_operator.api.base import CEL_RULES
from mlapi_operator.api.crd import schema
from mlapi_operator.api.v1alpha1 import parse
from mlapi_operator.cli.validate import check
from tests.support.crd import serving_mlapis
from tests.support.mlapis import VALID, Invalid, Object, mlapi
from tests.support.strategies import doubtful_specs
from tests.support.wrong_mlapis import INVALID

DRY_RUN = "/apis/mlapi.dev/v1alpha1/namespaces/default/mlapis?dryRun=All&fieldValidation=Strict"


@pytest.fixture(scope="module")
def kube(light: LightCluster) -> Iterator[Kube]:
    with serving_mlapis(light) as cluster:
        yield cluster


def asked(kube: Kube, manifest: Object) -> subprocess.CompletedProcess[str]:
    """What `kubectl apply` says, without keeping the object."""
    return kube.run(
        *("kubectl", "apply", "--dry-run=server", "--output=json", "--filename=-"),
        stdin=json.dumps(manifest),
        check=False,
    )


@pytest.mark.parametrize("change", VALID.values(), ids=VALID)
def test_object_that_is_sound_is_taken_and_means_the_same_with_and_without_the_servers_defaults(
    change: Object, kube: Kube
) -> None:
    manifest = mlapi(change)
    answer = asked(kube, manifest)
    assert answer.returncode == 0, answer.stderr
    assert check(manifest) == []
    assert parse(json.loads(answer.stdout)) == parse(manifest)


@pytest.mark.parametrize("row", INVALID, ids=[row[0] for row in INVALID])
def test_object_that_is_wrong_is_refused_by_both_naming_field_and_remedy(row: Invalid, kube: Kube) -> None:
    _, change, path, server, *words = row
    twin = words[0] if words else server
    manifest = mlapi(change)
    answer = asked(kube, manifest)
    assert answer.returncode != 0
    assert any(path in line and server in line for line in answer.stderr.splitlines()), answer.stderr
    said = check(manifest)
    assert any(path in line.partition(": ")[0] and twin in line for line in said), said


@given(doubtful_specs())
@settings(max_examples=80, deadline=None)
def test_object_with_several_changes_gets_one_verdict_from_both(kube: Kube, spec: Object) -> None:
    manifest = {**mlapi({}), "spec": spec}
    answer = kube.run(
        "kubectl", "create", "--raw", DRY_RUN, "--filename=-", stdin=json.dumps(manifest), check=False
    )
    assert (answer.returncode == 0) == (check(manifest) == []), answer.stderr


@pytest.mark.parametrize("name", ["9lives", "a.b", "a" * 51])
def test_name_that_no_service_can_bear_is_refused_by_both(name: str, kube: Kube) -> None:
    answer = asked(kube, mlapi({}, name))
    assert "metadata.name must be at most 50 lower-case letters" in answer.stderr
    assert any("metadata.name must be at most 50" in line for line in check(mlapi({}, name)))


def test_longest_name_is_taken_by_both(kube: Kube) -> None:
    assert asked(kube, mlapi({}, "a" * 50)).returncode == 0
    assert check(mlapi({}, "a" * 50)) == []


def test_table_breaks_every_rule_of_the_schema() -> None:
    messages = {rule["message"] for rule in rules(schema()["properties"]["spec"])}
    words = [row[3] for row in INVALID]
    assert {message for message in messages if not any(word in message for word in words)} == set()


def rules(node: Any) -> Iterator[Object]:
    if isinstance(node, dict):
        yield from node.get(CEL_RULES, ())
        for member in node.values():
            yield from rules(member)
