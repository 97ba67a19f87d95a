"""The way back: which revision, and what becomes of the spec."""

import pytest
from hypothesis import given, settings

from mlapi_operator.api.v1alpha1 import parse
from mlapi_operator.cli.kept import Kept, before, kept, named, restored, understood
from mlapi_operator.cli.problem import Problem
from mlapi_operator.desired.revision import WORKLOAD, WORKLOAD_OF, workload
from tests.support.mlapis import mlapi
from tests.support.recorded import controller_revision
from tests.support.strategies import Object, valid_mlapis


def revisions(*results: str) -> list[Kept]:
    """Newest first; each with a framework version of its own in its fields, `v1` the oldest."""
    found = []
    for number, result in enumerate(results, start=1):
        annotations = {"mlapi.dev/result": result} if result else {}
        made = controller_revision(f"digits-v{number}", number, **annotations)
        made["metadata"]["ownerReferences"] = [{"uid": "u-1"}]
        made["data"]["spec"] = fields(number)
        found.append(made)
    return kept(found, "u-1")


def fields(number: int) -> Object:
    return {"framework": {"name": "FastAPI"}, "model": {"uri": f"https://m/v{number}.onnx"}}


@pytest.mark.parametrize(
    ("results", "present", "expected"),
    [
        (("Superseded", "Active", ""), 3, 2),
        (("Superseded", "Active", "RolledBack"), 3, 2),
        (("Superseded", "Superseded", "Active"), 3, 2),
        (("Superseded", "RolledBack", "Active"), 3, 1),
        (("Superseded", "Failed", "Superseded", "Active"), 4, 3),
        (("Active", "RolledBack", "RolledBack"), 3, 1),
    ],
)
def test_way_back_leads_to_the_last_accepted_one_that_the_spec_does_not_ask_for(
    results: tuple[str, ...], present: int, expected: int
) -> None:
    assert before(revisions(*results), fields(present)).revision.number == expected


@pytest.mark.parametrize("results", [(), ("Active",), ("RolledBack", "Active"), ("Failed", "")])
def test_way_back_from_the_only_one_that_was_accepted_is_refused(results: tuple[str, ...]) -> None:
    with pytest.raises(Problem, match="nothing to go back to"):
        before(revisions(*results), fields(len(results)))


def test_revision_of_a_name_that_does_not_exist_names_those_that_do() -> None:
    found = revisions("Superseded", "Active")
    assert named(found, "digits-v1").revision.number == 1
    with pytest.raises(Problem, match="no revision digits-v9; there is digits-v2, digits-v1"):
        named(found, "digits-v9")


def test_revisions_of_an_earlier_mlapi_of_the_same_name_are_left_out() -> None:
    made = controller_revision("digits-v1")
    made["metadata"]["ownerReferences"] = [{"uid": "another"}]
    assert kept([made, {"metadata": {"name": "not-ours"}, "revision": 1, "data": None}], "u-1") == []


def test_spec_restored_keeps_what_is_no_workload_and_drops_fields_that_the_revision_lacks() -> None:
    spec = {
        "framework": {"name": "Litestar"},
        "model": {"uri": "https://m/v2.onnx"},
        "gpu": {"count": 1, "vendor": "NVIDIA"},
        "env": [{"name": "A", "value": "1"}],
        "replicas": 3,
        "suspend": False,
        "slo": {"latencyP95Milliseconds": 50},
        "probe": {"startupTimeoutSeconds": 900, "smokeTest": {"mode": "Off"}},
        "rollout": {"retryToken": "again", "bakeSeconds": 5},
        "security": {"runAsUser": 1000},
    }
    assert restored(spec, {**fields(1), "probe": {"startupTimeoutSeconds": 60}}) == {
        **fields(1),
        "replicas": 3,
        "suspend": False,
        "slo": {"latencyP95Milliseconds": 50},
        "probe": {"startupTimeoutSeconds": 60, "smokeTest": {"mode": "Off"}},
        "rollout": {"bakeSeconds": 5},
    }


def rest(manifest: Object) -> Object:
    """Sections of the spec that hold nothing of the workload."""
    dumped = parse(manifest).model_dump(by_alias=True)
    return {name: value for name, value in dumped.items() if name not in {*WORKLOAD, *WORKLOAD_OF}}


@settings(max_examples=100, deadline=None)
@given(one=valid_mlapis, other=valid_mlapis)
def test_spec_restored_asks_for_the_very_revision_and_for_nothing_else_anew(
    one: Object, other: Object
) -> None:
    wanted = workload(parse(other))
    back = {**one, "spec": restored(one["spec"], wanted)}
    assert workload(parse(back)) == wanted
    assert rest(back) == rest(one)
    assert restored(back["spec"], wanted) == back["spec"]


def test_field_of_a_newer_operator_is_not_dropped_but_refused() -> None:
    with pytest.raises(Problem, match=r"of the operator's release\? spec.sparkle"):
        understood(mlapi({"sparkle": True}))
