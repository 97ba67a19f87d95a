"""Rules that hold for every status that can be produced, whatever is observed."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import given, settings

from mlapi_operator.api.conditions import REASONS
from mlapi_operator.api.status import MLApiStatus
from mlapi_operator.latency.digest import from_status
from mlapi_operator.status.compose import status
from mlapi_operator.status.pace import same
from tests.support.recorded import NOW, facts_of
from tests.support.strategies import mlapis, recordings

Object = dict[str, Any]

LATER = NOW + timedelta(hours=1)
SUMMARIES = {"Ready", "Reconciling", "Stalled"}


def kstatus(mlapi: Object) -> str:
    """Source: sigs.k8s.io/cli-utils, pkg/kstatus/status/core.go and generic.go."""
    found = mlapi["status"]
    if found["observedGeneration"] != mlapi["metadata"]["generation"]:
        return "InProgress"
    shown = {condition["type"]: condition["status"] for condition in found["conditions"]}
    if shown.get("Reconciling") == "True":
        return "InProgress"
    if shown.get("Stalled") == "True":
        return "Failed"
    return "Current" if shown["Ready"] == "True" else "InProgress"


@given(mlapis(), recordings())
@settings(max_examples=400, deadline=None)
def test_status_of_whatever_is_observed_keeps_the_rules(mlapi: Object, recorded: Object) -> None:
    facts = facts_of(mlapi, recorded)
    built = status(mlapi, facts, NOW)
    MLApiStatus.model_validate_json(json.dumps(built))
    shown = {condition["type"]: condition for condition in built["conditions"]}
    is_ready, is_stalled = shown["Ready"]["status"] == "True", "Stalled" in shown
    expected = "Current" if is_ready else "Failed" if is_stalled else "InProgress"
    assert kstatus({**mlapi, "status": built}) == expected
    # Not Ready means under way, stuck, or wanted so; never two of them.
    assert is_ready + is_stalled + ("Reconciling" in shown) + facts.suspended >= 1
    assert not ("Reconciling" in shown and (is_ready or is_stalled or facts.suspended))
    assert (built["phase"] == "Ready") == is_ready
    for condition in built["conditions"]:
        assert condition["observedGeneration"] == mlapi["metadata"]["generation"]
        assert "digits-5d9f-" not in condition["message"]
        known = [reason for reason in REASONS if reason.name == condition["reason"]]
        assert any(condition["type"] in {reason.condition, *SUMMARIES} for reason in known)


@given(mlapis(), recordings())
@settings(deadline=None)
def test_status_of_unchanged_facts_is_unchanged_at_any_later_time(mlapi: Object, recorded: Object) -> None:
    facts = facts_of(mlapi, recorded)
    first = status(mlapi, facts, NOW)
    assert same(first, status({**mlapi, "status": first}, facts, LATER))
    shown = from_status(first.get("latency", {})) or facts.latency
    stale = replace(facts, latency=shown, digests={}, fresh=False)
    assert same(first, status({**mlapi, "status": first}, stale, LATER))


@given(mlapis(), recordings(), recordings())
@settings(deadline=None)
def test_time_of_transition_moves_exactly_with_the_status(
    mlapi: Object, before: Object, after: Object
) -> None:
    first = status(mlapi, facts_of(mlapi, before), NOW)
    second = status({**mlapi, "status": first}, facts_of(mlapi, after), LATER)
    was = {condition["type"]: condition for condition in first["conditions"]}
    for condition in second["conditions"]:
        old = was.get(condition["type"])
        moved = old is None or old["lastTransitionTime"] != condition["lastTransitionTime"]
        assert moved == (old is None or old["status"] != condition["status"])


@given(mlapis(), recordings(), recordings())
@settings(deadline=None)
def test_last_failure_is_kept_after_recovery(mlapi: Object, before: Object, after: Object) -> None:
    first = status(mlapi, facts_of(mlapi, before), NOW)
    second = status({**mlapi, "status": first}, facts_of(mlapi, after), LATER)
    assert ("lastFailure" in second) >= ("lastFailure" in first)
