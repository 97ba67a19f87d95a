"""The one setter of conditions."""

from datetime import datetime
from typing import Final

from mlapi_operator.api.conditions import Condition, Reason
from mlapi_operator.api.types import Manifest
from mlapi_operator.api.v1alpha1 import MLApiSpec
from mlapi_operator.observe.facts import Objection
from mlapi_operator.observe.times import timestamp
from mlapi_operator.status.hide import without_values

MESSAGE_BYTES: Final = 4096
CUT: Final = " ... (cut)"


class Conditions:
    """Of one status, in the order in which they are set.

    Args:
        previous: status.conditions so far: a time of transition moves only when the status does.
        generation: of the MLApi that is judged.
        spec: whose environment no message may show.
    """

    def __init__(
        self, previous: list[Manifest], generation: int, now: datetime, spec: MLApiSpec | None
    ) -> None:
        self._previous = {condition["type"]: condition for condition in previous}
        self._generation = generation
        self._now = now
        self._spec = spec
        self.manifests: list[Manifest] = []

    def judge(self, type: Condition, objection: Objection | None, good: Reason, message: str) -> None:
        """False or Unknown with the objection, else True.

        Args:
            good: reason while True.
            message: while True.
        """
        if objection is None:
            self.set(type, "True", good.name, message)
        else:
            status = "Unknown" if objection.unknown else "False"
            self.set(type, status, objection.reason.name, objection.message)

    def set(self, type: Condition, status: str, reason: str, message: str) -> None:
        before = self._previous.get(type)
        unmoved = before is not None and before["status"] == status
        self.manifests.append(
            {
                "type": type.value,
                "status": status,
                "observedGeneration": self._generation,
                "lastTransitionTime": before["lastTransitionTime"]
                if before and unmoved
                else timestamp(self._now),
                "reason": reason,
                "message": cut(without_values(message, self._spec)),
            }
        )


def cut(message: str, limit: int = MESSAGE_BYTES) -> str:
    """
    Args:
        limit: bytes of UTF-8.
    """
    encoded = message.encode()
    if len(encoded) <= limit:
        return message
    return encoded[: limit - len(CUT)].decode(errors="ignore") + CUT
