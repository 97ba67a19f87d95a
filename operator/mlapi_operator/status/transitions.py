"""What a change of status is worth telling as Kubernetes events."""

from collections.abc import Iterator
from typing import Literal

from mlapi_operator.api.types import Manifest
from mlapi_operator.status.pace import STEPS

Type = Literal["Normal", "Warning"]
News = tuple[Type, str, str]


def transitions(before: Manifest, after: Manifest) -> Iterator[News]:
    """Type, reason and message of each event."""
    was, now = by_type(before), by_type(after)
    yield from of_ready(was.get("Ready"), now["Ready"], after)
    for type in ("Scheduled", "LatencyWithinTarget"):
        yield from of_fault(was.get(type), now.get(type), now["Ready"])
    yield from of_rollout(before, after)
    failure = after.get("lastFailure")
    if failure and failure != before.get("lastFailure") and failure["reason"] != now["Ready"]["reason"]:
        yield "Warning", failure["reason"], f"container {failure['container']}: {failure['message']}"


def of_ready(before: Manifest | None, ready: Manifest, after: Manifest) -> Iterator[News]:
    if not changed(before, ready):
        return
    if ready["status"] == "True":
        yield "Normal", "Ready", f"answers at {after['url']}"
    elif ready["reason"] in ("Updating", "Suspended"):
        yield "Normal", ready["reason"], ready["message"]
    elif ready["reason"] not in STEPS:
        yield "Warning", ready["reason"], ready["message"]


def of_fault(before: Manifest | None, found: Manifest | None, ready: Manifest) -> Iterator[News]:
    """Unless Ready tells it already."""
    if found and found["status"] == "False" and changed(before, found) and found["reason"] != ready["reason"]:
        yield "Warning", found["reason"], found["message"]


def of_rollout(before: Manifest, after: Manifest) -> Iterator[News]:
    """How pods are going to be replaced, which may mean that nobody answers for a while, and the end."""
    was, now = before.get("rollout") or {}, after.get("rollout") or {}
    chosen = [(found.get("startTime"), found.get("strategyUsed")) for found in (was, now)]
    if now.get("strategyUsed") and chosen[0] != chosen[1] and len(after.get("revisions", ())) > 1:
        used = now["strategyUsed"]
        yield "Normal", f"RolloutBy{used}", now.get("strategyReason", used)
    results = {revision["name"]: revision.get("result") for revision in before.get("revisions", ())}
    for revision in after.get("revisions", ()):
        accepted = revision.get("result") == "Active" != results.get(revision["name"])
        # Of the first one Ready tells all there is.
        if accepted and any(results.values()) and revision.get("message"):
            yield "Normal", "RevisionAccepted", f"revision {revision['name']}: {revision['message']}"


def by_type(status: Manifest) -> dict[str, Manifest]:
    return {condition["type"]: condition for condition in status.get("conditions", ())}


def changed(before: Manifest | None, after: Manifest) -> bool:
    return before is None or (before["status"], before["reason"]) != (after["status"], after["reason"])
