"""Serving: whether the current revision answers through the Service."""

from typing import Final

from mlapi_operator.api import conditions
from mlapi_operator.observe.facts import Facts, Objection
from mlapi_operator.status.chain import Check


def tried(facts: Facts) -> Objection | None:
    """A restarted operator takes the annotated result until a new test says otherwise."""
    if not any(pod.ready for pod in facts.updated):
        return Objection(conditions.NOT_YET_TRIED, "no pod of the current revision is ready to be asked")
    if facts.smoke is None and not facts.proven:
        return Objection(conditions.NOT_YET_TRIED, "a pod is ready and is about to be asked")
    return None


def answered(facts: Facts) -> Objection | None:
    if facts.smoke is None or facts.smoke.reason is None:
        return None
    unknown = facts.smoke.reason == conditions.UNREACHABLE
    return Objection(facts.smoke.reason, facts.smoke.message, unknown)


SERVING: Final[tuple[Check, ...]] = (tried, answered)
