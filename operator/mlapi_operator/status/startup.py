"""status.startup: what the last start spent its time on."""

from datetime import UTC, datetime
from typing import Final

from mlapi_operator.api.types import Manifest
from mlapi_operator.observe.facts import Facts
from mlapi_operator.observe.pods import Pod
from mlapi_operator.status.model import file

UNKNOWN: Final = -1
NEVER: Final = datetime.max.replace(tzinfo=UTC)


def section(facts: Facts, previous: Manifest | None, same_revision: bool) -> Manifest | None:
    """Seconds, of the pod of the current revision that came furthest; -1 is unknown, as yet or for ever.

    Args:
        previous: status.startup so far; it stays once the revision answered.
    """
    if previous and same_revision and (previous["firstAnswerSeconds"] != UNKNOWN or not facts.updated):
        return previous
    if facts.revision is None:
        return None
    pod = min(facts.updated, key=furthest, default=Pod("", facts.revision.name))
    answered_at = facts.smoke.at if facts.smoke and facts.smoke.passed else None
    fetch = pod.fetch.ended
    return {
        "scheduleSeconds": seconds(pod.created_at, pod.scheduled_at),
        "imagePullSeconds": seconds(pod.scheduled_at, fetch.started_at if fetch else None),
        "downloadSeconds": download_seconds(pod),
        "loadSeconds": seconds(pod.server.running_since, pod.ready_at),
        "firstAnswerSeconds": seconds(pod.created_at, answered_at),
    }


def furthest(pod: Pod) -> tuple[bool, datetime, bool, str]:
    return pod.ready_at is None, pod.ready_at or NEVER, pod.scheduled_at is None, pod.name


def download_seconds(pod: Pod) -> int:
    """As the fetching container measured it, which is finer than Kubernetes' times."""
    found, end = file((pod,)), pod.fetch.ended
    if found:
        return round(found.seconds)
    return seconds(end.started_at, end.finished_at) if end else UNKNOWN


def seconds(start: datetime | None, end: datetime | None) -> int:
    """Never below 0: times of the API are whole seconds, and not all of one clock."""
    if start is None or end is None:
        return UNKNOWN
    return max(round((end - start).total_seconds()), 0)
