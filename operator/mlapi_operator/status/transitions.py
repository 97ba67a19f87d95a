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
    ready, latency = now["Ready"], now.get("LatencyWithinTarget")
    if changed(was.get("Ready"), ready):
        if ready["status"] == "True":
            yield "Normal", "Ready", f"answers at {after['url']}"
        elif ready["reason"] in ("Updating", "Suspended"):
            yield "Normal", ready["reason"], ready["message"]
        elif ready["reason"] not in STEPS:
            yield "Warning", ready["reason"], ready["message"]
    if latency and latency["status"] == "False" and changed(was.get("LatencyWithinTarget"), latency):
        yield "Warning", latency["reason"], latency["message"]
    failure = after.get("lastFailure")
    if failure and failure != before.get("lastFailure") and failure["reason"] != ready["reason"]:
        yield "Warning", failure["reason"], f"container {failure['container']}: {failure['message']}"


def by_type(status: Manifest) -> dict[str, Manifest]:
    return {condition["type"]: condition for condition in status.get("conditions", ())}


def changed(before: Manifest | None, after: Manifest) -> bool:
    return before is None or (before["status"], before["reason"]) != (after["status"], after["reason"])
