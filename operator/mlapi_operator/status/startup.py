"""status.startup: what the last start spent its time on."""

from datetime import UTC, datetime
from typing import Final

from mlapi_operator.api.types import Manifest
from mlapi_operator.observe.facts import Facts
from mlapi_operator.observe.pods import Pod
from mlapi_operator.status.model import file

UNKNOWN: Final = -1
NEVER: Final = datetime.max.replace(tzinfo=UTC)


def section(facts: Facts, previous: Manifest | None, same_start: bool) -> Manifest | None:
    """Seconds, of the pod of the current revision that came furthest; -1 is unknown, as yet or for ever.

    Args:
        previous: status.startup so far; it stays once the revision answered.
        same_start: it tells of the present rollout.
    """
    if facts.revision is None:
        return previous
    if previous and same_start and (previous["firstAnswerSeconds"] != UNKNOWN or not facts.updated):
        return previous
    pod = min(facts.updated, key=furthest, default=Pod("", facts.revision.name))
    return {
        "scheduleSeconds": seconds(pod.created_at, pod.scheduled_at),
        "imagePullSeconds": seconds(pod.scheduled_at, fetch_began(pod)),
        "downloadSeconds": download_seconds(pod),
        "loadSeconds": seconds(pod.server.running_since, pod.ready_at),
        "firstAnswerSeconds": seconds(pod.created_at, answered_at(facts, pod)),
    }


def fetch_began(pod: Pod) -> datetime | None:
    """Its first try, which needs the image; of later ones Kubernetes forgets when the first was."""
    if pod.fetch.restarts:
        return None
    return pod.fetch.ended.started_at if pod.fetch.ended else pod.fetch.running_since


def answered_at(facts: Facts, pod: Pod) -> datetime | None:
    """When the revision first answered, if this pod was there.

    After a rollback old pods may answer again: what is asked of them now is not their first answer.
    """
    if facts.revision and (at := facts.revision.answered_at) and pod.created_at and at >= pod.created_at:
        return at
    began = facts.rollout.started_at if facts.rollout else None
    if facts.served and began and pod.created_at and pod.created_at < began:
        return None
    return facts.smoke.at if facts.smoke and facts.smoke.passed else None


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
