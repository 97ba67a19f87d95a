"""status.phase: one word for people."""

from typing import Final

from mlapi_operator.api import conditions
from mlapi_operator.api.conditions import Condition, Phase, Reason
from mlapi_operator.observe.facts import Facts
from mlapi_operator.status.ready import Objections, held_back
from mlapi_operator.status.scheduling import waits_for_gpu

# Serving is not True because nobody has been asked yet, or the update is under way: nothing is degraded.
NOT_ASKED: Final[frozenset[Reason]] = frozenset({conditions.NOT_YET_TRIED, conditions.OLD_REVISION})


def phase(facts: Facts, objections: Objections, *, ready: bool, stalled: bool) -> Phase:
    """The first that applies, in the order of `Phase`."""
    serving, model = objections.get(Condition.SERVING), objections.get(Condition.MODEL_AVAILABLE)
    available = objections.get(Condition.AVAILABLE) is None
    if facts.suspended:
        return Phase.SUSPENDED
    if stalled and not available:
        return Phase.FAILED
    # A first request may come before the nodes know of the pod: until one was answered, that is the start.
    is_failing = serving and serving.reason not in NOT_ASKED and (facts.ever_served or not serving.unknown)
    if stalled or is_failing:
        return Phase.DEGRADED
    if not ready and waits_for_gpu(facts, objections.get(Condition.SCHEDULED)):
        return Phase.WAITING_FOR_GPU
    if model and model.reason is conditions.DOWNLOADING:
        return Phase.DOWNLOADING
    if not facts.ever_served and not ready and any(pod.scheduled_at for pod in facts.updated):
        return Phase.STARTING
    if ready:
        return Phase.READY
    is_new = facts.ever_served and not facts.served
    return Phase.UPDATING if facts.outdated or is_new or held_back(facts) else Phase.PENDING
