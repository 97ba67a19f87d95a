"""Ready: what stands between the user and an answer, and whether waiting helps."""

from collections.abc import Mapping
from typing import Final

from mlapi_operator.api import conditions
from mlapi_operator.api.conditions import Condition, Reason
from mlapi_operator.desired import labels
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
    if objection := rolled_back(facts, objections):
        return objection
    if cause := objection_to_current(facts, objections):
        return overdue(facts, cause)
    return held_back(facts)


def rolled_back(facts: Facts, objections: Objections) -> Objection | None:
    """What the spec asks for was tried and is not tried again by itself."""
    wanted = facts.wanted
    if wanted is None or wanted.result != labels.ROLLED_BACK or wanted.name == current(facts):
        return None
    answers = objections.get(Condition.AVAILABLE) is None
    meanwhile = f"{current(facts)} {'answers' if answers else 'is started'} instead"
    remedy = "change the spec, or spec.rollout.retryToken to try it again"
    reason = (wanted.reason or "it did worse").removesuffix(f"; {remedy}")
    return Objection(
        conditions.ROLLED_BACK, f"revision {wanted.name} was rolled back, {meanwhile}: {reason}; {remedy}"
    )


def held_back(facts: Facts) -> Objection | None:
    """All is well but that the user wants the rollout to wait, before it began or halfway."""
    if facts.rollout is None or not facts.rollout.paused:
        return None
    name = facts.wanted.name if facts.wanted else current(facts)
    how_far = progress(facts) if name == current(facts) else f"{current(facts)} answers"
    return Objection(
        conditions.UPDATING,
        f"spec.rollout.paused holds back revision {name} ({how_far}); set it to false to roll it out",
    )


def objection_to_current(facts: Facts, objections: Objections) -> Objection | None:
    """What is wrong with the revision that is to run."""
    if not facts.rolled_out and (cause := objection_to_rollout(facts, objections)):
        return cause
    for condition in (Condition.AVAILABLE, Condition.SERVING):
        if objection := objections.get(condition):
            return objection
    return stalled(objections)


def overdue(facts: Facts, cause: Objection) -> Objection:
    """A cause that waiting does not help says more than that time is up."""
    if cause.reason.stalls or facts.rollout is None or not facts.rollout.overdue:
        return cause
    return Objection(conditions.PROGRESS_DEADLINE_EXCEEDED, facts.rollout.overdue)


def objection_to_rollout(facts: Facts, objections: Objections) -> Objection | None:
    """Why the current revision has not taken over, though an old one may still answer."""
    stages = [objection for stage in STAGES if (objection := objections.get(stage))]
    # A pod that finds no node has not begun to fetch either: the fault counts, not the step.
    faults = [objection for objection in stages if objection.reason not in STEPS]
    if fault := next(iter(faults), None) or first(STARTED, facts):
        return fault
    if held := held_back(facts):
        return held
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
