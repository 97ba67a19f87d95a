"""Of a refused status exactly what the API server named is left out."""

import pytest

from mlapi_operator.older_crd import Gap, gaps, without

HEAD = "failed to create typed patch object (default/a; mlapi.dev/v1alpha1, Kind=MLApi): "
STATUS = {
    "phase": "WaitingForGPU",
    "gpu": {"perReplica": 1},
    "rollout": {"revision": "a-2", "strategyUsed": "Surge"},
    "revisions": [
        {"name": "a-2", "result": "Active"},
        {"name": "a-1", "result": "RolledBack", "message": "x"},
    ],
}


@pytest.mark.parametrize(
    ("message", "found"),
    [
        (f"{HEAD}.status.gpu: field not declared in schema", {Gap(("gpu",))}),
        (
            f"{HEAD}errors:\n"
            '  .status.revisions[name="a-1"].message: field not declared in schema\n'
            "  .status.rollout.strategyUsed: field not declared in schema",
            {Gap(("revisions", "message")), Gap(("rollout", "strategyUsed"))},
        ),
        (
            'MLApi.mlapi.dev "a" is invalid: [status.revisions[1].result: Unsupported value: "RolledBack": '
            'supported values: "Active", status.phase: Unsupported value: "WaitingForGPU": supported values: '
            '"Ready", <nil>: Invalid value: null: some validation rules were not checked]',
            {Gap(("revisions", "result"), "RolledBack"), Gap(("phase",), "WaitingForGPU")},
        ),
        (f"{HEAD}.spec.gpu: field not declared in schema", set()),
        ('MLApi.mlapi.dev "a" is invalid: status.replicas: Invalid value: -1: should be at least 0', set()),
    ],
)
def test_gaps_of_a_refusal_are_those_that_it_names(message: str, found: set[Gap]) -> None:
    assert gaps(message) == found


@pytest.mark.parametrize(
    ("gap", "left"),
    [
        (Gap(("gpu",)), {"gpu": None}),
        (Gap(("rollout", "strategyUsed")), {"rollout": {"revision": "a-2"}}),
        (
            Gap(("revisions", "result"), "RolledBack"),
            {"revisions": [{"name": "a-2", "result": "Active"}, {"name": "a-1", "message": "x"}]},
        ),
        (Gap(("phase",), "Failed"), {}),
        (Gap(("latency", "p95")), {}),
    ],
)
def test_status_without_a_gap_keeps_everything_else(gap: Gap, left: dict[str, object]) -> None:
    expected = {name: value for name, value in {**STATUS, **left}.items() if value is not None}
    assert without(STATUS, [gap]) == expected
