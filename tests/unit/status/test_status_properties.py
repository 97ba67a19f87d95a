"""Rules that hold for every status that can be produced, whatever is observed."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from jsonschema import Draft202012Validator, FormatChecker

from mlapi_operator.api.conditions import REASONS
from mlapi_operator.api.crd import schema
from mlapi_operator.api.status import MLApiStatus
from mlapi_operator.latency.digest import from_status
from mlapi_operator.observe.facts import Facts
from mlapi_operator.status.compose import status
from mlapi_operator.status.pace import patience, same
from mlapi_operator.status.transitions import by_type, transitions
from tests.support.recorded import NOW, facts_of
from tests.support.strategies import mlapis
from tests.unit.status.observations import observations

Object = dict[str, Any]

LATER = NOW + timedelta(hours=1)
SUMMARIES = {"Ready", "Reconciling", "Stalled"}
SCHEMA = schema()["properties"]["status"]
VALID = Draft202012Validator(SCHEMA, format_checker=FormatChecker())
EVENT_REASON = re.compile("[A-Za-z][A-Za-z0-9]{0,127}")


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


def objections(value: Any, node: Object, path: str = "status") -> Iterator[str]:
    """What a structural schema refuses or drops, though JSON schema does not mind."""
    if isinstance(value, dict):
        for name, member in value.items():
            if name in node["properties"]:
                yield from objections(member, node["properties"][name], f"{path}.{name}")
            else:
                yield f"{path}.{name} is not in the schema"
    elif isinstance(value, list):
        keys = [
            tuple(entry[key] for key in node.get("x-kubernetes-list-map-keys", ()))
            for entry in value
            if isinstance(entry, dict)
        ]
        if len(set(keys)) != len(keys):
            yield f"{path} has one key twice"
        for entry in value:
            yield from objections(entry, node["items"], f"{path}[]")


def is_hopeless(condition: Object) -> bool:
    """Whether it shows a reason that waiting does not help; Ready repeats those of the others."""
    return condition["status"] != "True" and any(
        reason.stalls and reason.name == condition["reason"]
        for reason in REASONS
        if condition["type"] in (reason.condition, "Ready")
    )


def seen_again(facts: Facts, before: Object) -> Facts:
    """What the next pass observes when nothing has changed but the status that was written."""
    return replace(facts, was_serving=by_type(before).get("Serving", {}).get("status") == "True")


@given(mlapis(), observations())
@settings(max_examples=200, deadline=None)
def test_status_of_whatever_is_observed_keeps_the_rules(mlapi: Object, recorded: Object) -> None:
    facts = facts_of(mlapi, recorded)
    built = status(mlapi, facts, NOW)
    MLApiStatus.model_validate_json(json.dumps(built))
    VALID.validate(built)
    assert not list(objections(built, SCHEMA))
    shown = by_type(built)
    is_ready, is_stalled = shown["Ready"]["status"] == "True", "Stalled" in shown
    expected = "Current" if is_ready else "Failed" if is_stalled else "InProgress"
    assert kstatus({**mlapi, "status": built}) == expected
    # Not Ready means under way, stuck, or wanted so; never two of them.
    assert is_ready + is_stalled + ("Reconciling" in shown) + facts.suspended >= 1
    assert not ("Reconciling" in shown and (is_ready or is_stalled or facts.suspended))
    assert (built["phase"] == "Ready") == is_ready
    assert (built["phase"] in ("Failed", "Degraded")) >= (is_stalled and not facts.suspended)
    assert is_stalled == any(map(is_hopeless, shown.values()))
    for condition in built["conditions"]:
        assert condition["observedGeneration"] == mlapi["metadata"]["generation"]
        assert condition["message"]
        assert len(condition["message"].encode()) <= 4096
        assert "digits-5d9f-" not in condition["message"]
        known = [reason for reason in REASONS if reason.name == condition["reason"]]
        assert any(condition["type"] in {reason.condition, *SUMMARIES} for reason in known)


@given(mlapis(), observations())
@settings(deadline=None)
def test_status_of_unchanged_facts_is_unchanged_at_any_later_time(mlapi: Object, recorded: Object) -> None:
    facts = facts_of(mlapi, recorded)
    first = status(mlapi, facts, NOW)
    second = status({**mlapi, "status": first}, seen_again(facts, first), LATER)
    third = status({**mlapi, "status": second}, seen_again(facts, second), LATER)
    assert same(second, third)
    shown = from_status(first.get("latency", {})) or facts.latency
    stale = replace(facts, latency=shown, digests={}, fresh=False)
    assert same(first, status({**mlapi, "status": first}, stale, LATER))


@given(mlapis(), observations(), observations())
@settings(deadline=None)
def test_time_of_transition_moves_exactly_with_the_status(
    mlapi: Object, before: Object, after: Object
) -> None:
    first = status(mlapi, facts_of(mlapi, before), NOW)
    second = status({**mlapi, "status": first}, facts_of(mlapi, after), LATER)
    was = by_type(first)
    for condition in second["conditions"]:
        old = was.get(condition["type"])
        moved = old is None or old["lastTransitionTime"] != condition["lastTransitionTime"]
        assert moved == (old is None or old["status"] != condition["status"])


@given(mlapis(), observations(), observations())
@settings(deadline=None)
def test_news_between_any_two_statuses_are_sound_events_and_none_without_change(
    mlapi: Object, before: Object, after: Object
) -> None:
    first = status(mlapi, facts_of(mlapi, before), NOW)
    second = status({**mlapi, "status": first}, facts_of(mlapi, after), LATER)
    for _, reason, message in transitions(first, second):
        assert EVENT_REASON.fullmatch(reason)
        assert message
    assert not list(transitions(second, second))
    assert patience(first, second) >= 0


@given(mlapis(), observations(), observations())
@settings(deadline=None)
def test_last_failure_is_kept_after_recovery(mlapi: Object, before: Object, after: Object) -> None:
    first = status(mlapi, facts_of(mlapi, before), NOW)
    second = status({**mlapi, "status": first}, facts_of(mlapi, after), LATER)
    assert ("lastFailure" in second) >= ("lastFailure" in first)
