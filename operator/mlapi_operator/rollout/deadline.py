"""The progress deadline: whether a rollout still comes nearer to its end."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from mlapi_operator.observe.pods import Pod

FOR_EVER: Final = float("inf")


def overdue_in(
    pods: Sequence[Pod],
    revision: str,
    *,
    began: Iterable[datetime | None],
    fetched_at: datetime | None,
    watched_since: datetime,
    deadline_seconds: float,
    now: datetime,
) -> float:
    """In how many seconds the rollout has failed; 0 or less once it has, infinity while time stands still.

    It stands still while a pod finds no node: room may come by itself, at any time.

    Args:
        pods: of the MLApi, also those that are being deleted.
        revision: name of the one that is rolled out.
        began: times from which it is waited for.
        fetched_at: when bytes of the model were last seen to come.
        watched_since: since when this process looks at downloads: how they went before is not known.
    """
    live = [pod for pod in pods if not pod.gone]
    starting = [pod for pod in live if pod.revision == revision]
    if any(pod.unschedulable or pod.gated for pod in starting):
        return FOR_EVER
    if pods and not live:
        return FOR_EVER  # those before them take their time to end
    times = [*began, *(at for pod in starting for at in steps(pod))]
    if any(fetches(pod) for pod in starting):
        times += [fetched_at, watched_since]
    last = max((at for at in times if at), default=now)
    return (last + timedelta(seconds=deadline_seconds) - now).total_seconds()


def steps(pod: Pod) -> Iterator[datetime | None]:
    """When a pod came a step further. What a container does once more is no progress."""
    yield pod.created_at
    yield pod.scheduled_at
    yield pod.ready_at
    for container in (pod.fetch, pod.server):
        if container.restarts == 0:
            yield container.running_since
            if container.ended:
                yield container.ended.started_at
    if pod.fetch.ended and pod.fetch.ended.exit_code == 0:
        yield pod.fetch.ended.finished_at


def fetches(pod: Pod) -> bool:
    return pod.fetch.running_since is not None
