"""Ready: what stands between the user and an answer, and whether waiting helps."""

from collections.abc import Mapping
from typing import Final

from mlapi_operator.api import conditions
from mlapi_operator.api.conditions import Condition, Reason
from mlapi_operator.observe.facts import Facts, Objection
from mlapi_operator.status.availability import STARTED, why_suspended
from mlapi_operator.status.chain import first

Objections = Mapping[Condition, Objection | None]

# Steps on the way, not faults: in an update they say less than that it is under way.
STEPS: Final[frozenset[Reason]] = frozenset({conditions.MODEL_RESOLVING, conditions.DOWNLOADING})
# Stages that a new pod goes through, in order.
STAGES: Final = (Condition.IMAGE_READY, Condition.MODEL_AVAILABLE, Condition.SCHEDULED)


def objection_to_ready(facts: Facts, objections: Objections) -> Objection | None:
    """The first thing in the way.

    Args:
        objections: of each condition that exists; None where it is True.
    """
    if facts.suspended:
        return Objection(conditions.SUSPENDED, why_suspended(facts))
    if refused := objections.get(Condition.ACCEPTED) or facts.refused:
        return refused
    if not facts.rolled_out and (cause := objection_to_rollout(facts, objections)):
        return cause
    for condition in (Condition.AVAILABLE, Condition.SERVING):
        if objection := objections.get(condition):
            return objection
    return stalled(objections)


def objection_to_rollout(facts: Facts, objections: Objections) -> Objection | None:
    """Why the current revision has not taken over, though an old one may still answer."""
    stages = [objection for stage in STAGES if (objection := objections.get(stage))]
    # A pod that finds no node has not begun to fetch either: the fault counts, not the step.
    faults = [objection for objection in stages if objection.reason not in STEPS]
    if fault := next(iter(faults), None) or first(STARTED, facts):
        return fault
    if facts.outdated:
        step = stages[0].message if stages else progress(facts)
        return Objection(conditions.UPDATING, f"revision {current(facts)} is being rolled out: {step}")
    return next(iter(stages), None)


def progress(facts: Facts) -> str:
    ready = sum(pod.ready for pod in facts.updated)
    return f"{ready} of its pods ready, {len(facts.outdated)} of other revisions left"


def current(facts: Facts) -> str:
    return facts.revision.name if facts.revision else "(none)"


def stalled(objections: Objections) -> Objection | None:
    """The first objection that waiting does not help."""
    return next(
        (objection for objection in objections.values() if objection and objection.reason.stalls), None
    )
