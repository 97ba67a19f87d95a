"""Which changes of status are worth a write at once, and which can wait for the next step."""

from typing import Final

from mlapi_operator.api import conditions
from mlapi_operator.api.types import Manifest

# Steps of a start or an update. They follow one another within seconds; only where they stay is news.
STEPS: Final = frozenset(
    reason.name
    for reason in (
        conditions.RESOLVING,
        conditions.MODEL_RESOLVING,
        conditions.DOWNLOADING,
        conditions.NO_READY_PODS,
        conditions.NOT_YET_TRIED,
        conditions.OLD_REVISION,
        conditions.UPDATING,
    )
)

# The first request may come before the nodes know of the pod: only where that stays is it a verdict.
SETTLING: Final = STEPS | {conditions.UNREACHABLE.name}


def urgent(before: Manifest, after: Manifest) -> bool:
    """Whether the change tells of a verdict, a fault or a new generation, not of a step alone."""
    if before.get("observedGeneration") != after["observedGeneration"]:
        return True
    if before.get("lastFailure") != after.get("lastFailure"):
        return True
    return verdicts(before) != verdicts(after)


def verdicts(status: Manifest) -> set[tuple[str, str, str]]:
    """What each condition says, all steps being one: work under way."""
    return {
        (condition["type"], *verdict(condition))
        for condition in status.get("conditions", ())
        if condition["type"] != "Reconciling"
    }


def verdict(condition: Manifest) -> tuple[str, str]:
    under_way = condition["status"] != "True" and condition["reason"] in SETTLING
    is_summary = condition["type"] in ("Ready", "Stalled")
    if under_way or (condition["status"] == "True" and not is_summary):
        return "", ""
    return condition["status"], condition["reason"]


def same(before: Manifest, after: Manifest) -> bool:
    """Whether two statuses say the same: the API server keeps the order of list-maps as it likes."""
    return normal(before) == normal(after)


def normal(status: Manifest) -> Manifest:
    return {
        **status,
        "conditions": sorted(status.get("conditions", ()), key=lambda condition: str(condition["type"])),
        "revisions": sorted(status.get("revisions", ()), key=lambda revision: str(revision["name"])),
    }
