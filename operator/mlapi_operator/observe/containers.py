"""One container of a pod, as the kubelet reports it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from mlapi_operator.api.types import Manifest
from mlapi_operator.observe.times import moment


@dataclass(frozen=True, slots=True)
class Termination:
    """How a container ended.

    Attributes:
        reason: the kubelet's word, such as `Error`, `OOMKilled`, `StartError`.
        message: the container's termination message, or the tail of its log.
    """

    exit_code: int
    reason: str
    message: str
    started_at: datetime | None = None
    finished_at: datetime | None = None

    @classmethod
    def of(cls, state: Manifest | None) -> Self | None:
        if not state:
            return None
        return cls(
            exit_code=state.get("exitCode", -1),
            reason=state.get("reason", ""),
            message=state.get("message", ""),
            started_at=moment(state.get("startedAt")),
            finished_at=moment(state.get("finishedAt")),
        )


@dataclass(frozen=True, slots=True)
class Container:
    """
    Attributes:
        waiting: why the kubelet does not run it, such as `ImagePullBackOff`; empty if it does.
        waiting_message: the same in a sentence.
        running_since: None unless it runs.
        ended: how its present state was reached, if it is terminated.
        before: how the run before the present state ended.
        image_id: names the image that was pulled; empty before.
    """

    name: str
    waiting: str = ""
    waiting_message: str = ""
    running_since: datetime | None = None
    ended: Termination | None = None
    before: Termination | None = None
    restarts: int = 0
    image_id: str = ""

    @classmethod
    def of(cls, status: Manifest, worded: Callable[[str], str]) -> Self:
        """
        Args:
            worded: takes out of the kubelet's words what is another at every attempt.
        """
        state = status.get("state") or {}
        waiting = state.get("waiting") or {}
        return cls(
            name=status["name"],
            waiting=waiting.get("reason", ""),
            waiting_message=worded(waiting.get("message", "")),
            running_since=moment((state.get("running") or {}).get("startedAt")),
            ended=Termination.of(state.get("terminated")),
            before=Termination.of((status.get("lastState") or {}).get("terminated")),
            restarts=status.get("restartCount", 0),
            image_id=status.get("imageID", ""),
        )

    @property
    def last_end(self) -> Termination | None:
        return self.ended or self.before

    @property
    def failed(self) -> Termination | None:
        """Its last end, unless that was a success."""
        return self.last_end if self.last_end and self.last_end.exit_code != 0 else None

    @property
    def has_run(self) -> bool:
        """Its image was pulled and its process started at least once."""
        return self.running_since is not None or self.last_end is not None
