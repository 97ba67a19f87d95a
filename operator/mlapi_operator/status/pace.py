"""Which changes of status are worth a write at once, and which can wait for the next step."""

import re
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

# Seconds after the last write.
STEP_SECONDS: Final = 4.0
COUNT_SECONDS: Final = 300.0

# Whose messages count nodes and devices.
COUNTING: Final = frozenset(
    reason.name for reason in conditions.REASONS if reason.condition is conditions.Condition.SCHEDULED
)
# Numbers, and the words that agree with them.
NUMBER: Final = re.compile(r"\d+|\b(?:nodes?|match(?:es)?|its|their|is|are)\b")

# The first request may come before the nodes know of the pod: only where that stays is it a verdict.
SETTLING: Final = STEPS | {conditions.UNREACHABLE.name}


def patience(before: Manifest, after: Manifest) -> float:
    """How long after the last write a change waits, in seconds: others may come meanwhile."""
    if urgent(before, after):
        return 0.0
    return COUNT_SECONDS if same(uncounted(before), uncounted(after)) else STEP_SECONDS


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


def uncounted(status: Manifest) -> Manifest:
    """Without how many nodes and devices there are: those move with everybody else's pods."""
    told = [
        {**condition, "message": NUMBER.sub("#", condition["message"])}
        if condition["reason"] in COUNTING
        else condition
        for condition in status.get("conditions", ())
    ]
    return {**status, "conditions": told, "gpu": None}


def same(before: Manifest, after: Manifest) -> bool:
    """Whether two statuses say the same: the API server keeps the order of list-maps as it likes.

    While the API is Ready, free devices are other people's news: they go with the next thing there is to say.
    """
    if is_ready(before) and is_ready(after) and before.get("gpu") and after.get("gpu"):
        before, after = {**before, "gpu": None}, {**after, "gpu": None}
    return normal(before) == normal(after)


def is_ready(status: Manifest) -> bool:
    return any(
        (condition["type"], condition["status"]) == ("Ready", "True")
        for condition in status.get("conditions", ())
    )


def normal(status: Manifest) -> Manifest:
    return {
        **status,
        "conditions": sorted(status.get("conditions", ()), key=lambda condition: str(condition["type"])),
        "revisions": sorted(status.get("revisions", ()), key=lambda revision: str(revision["name"])),
    }
