"""What the status of an MLApi says. Pure."""

from collections.abc import Iterator

from mlapi_operator.api.conditions import Condition
from mlapi_operator.api.types import Manifest

# Exist only while they are True, and tell what Ready means; Ready is what all the others add up to.
_ABOUT_READY = (Condition.READY, Condition.RECONCILING, Condition.STALLED)


def condition(mlapi: Manifest, type: Condition) -> Manifest | None:
    """None when the operator has not written it."""
    return next((found for found in _conditions(mlapi) if found["type"] == type), None)


def observed(mlapi: Manifest) -> bool:
    """Whether the status is about the present spec."""
    status = mlapi.get("status") or {}
    return bool(status.get("observedGeneration") == mlapi["metadata"]["generation"])


def is_ready(mlapi: Manifest) -> bool:
    """Whether the present spec is what answers."""
    ready = condition(mlapi, Condition.READY)
    return observed(mlapi) and ready is not None and ready["status"] == "True"


def is_stuck(mlapi: Manifest) -> bool:
    """Whether waiting does not help."""
    stalled = condition(mlapi, Condition.STALLED)
    return stalled is not None and stalled["status"] == "True"


def faults(mlapi: Manifest) -> list[Manifest]:
    """The conditions that are not good, Ready and those about it left out."""
    return [
        found
        for found in _conditions(mlapi)
        if found["type"] not in _ABOUT_READY and found["status"] != "True"
    ]


def _conditions(mlapi: Manifest) -> Iterator[Manifest]:
    yield from (mlapi.get("status") or {}).get("conditions") or ()
