"""status.lastFailure: the last failure of a container, kept after recovery."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from mlapi_operator.api import conditions
from mlapi_operator.api.types import Manifest
from mlapi_operator.observe.containers import Container
from mlapi_operator.observe.facts import Facts
from mlapi_operator.observe.pods import Pod
from mlapi_operator.observe.termination import report, runtime_missing
from mlapi_operator.observe.times import timestamp
from mlapi_operator.status import image
from mlapi_operator.status.availability import CONFIG_ERROR, NOT_STARTED
from mlapi_operator.status.conditions import cut
from mlapi_operator.status.hide import without_values

NEVER_RAN = -1
WORD: Final = re.compile("[A-Za-z][A-Za-z0-9]{0,62}")


@dataclass(frozen=True, slots=True)
class Failure:
    """`time` is None where the kubelet names none: then it is when the operator first saw it."""

    pod: str
    container: str
    reason: str
    exit_code: int
    message: str
    time: datetime | None


def last_failure(facts: Facts, previous: Manifest | None, now: datetime) -> Manifest | None:
    """The newest of what the pods show and what status had.

    Args:
        previous: status.lastFailure so far.
    """
    shown = [failure for pod in facts.pods for failure in failures(pod, facts)]
    newest = max((each for each in shown if each.time), key=time_of, default=None)
    if previous is None or (newest and time_of(newest) > previous["time"]):
        newest = newest or next(iter(shown), None)
    elif any(is_same(failure, previous) for failure in shown):
        return previous  # else those that name no time would take turns for ever
    else:
        newest = next((failure for failure in shown if not failure.time), None)
    if newest is None:
        return previous
    return {
        "pod": newest.pod,
        "container": newest.container,
        "reason": newest.reason[:63],
        "exitCode": newest.exit_code,
        "message": cut(without_values(newest.message, facts.spec)),
        "time": time_of(newest) or timestamp(now),
    }


def time_of(failure: Failure) -> str:
    """As the API server writes it; empty if the kubelet names none."""
    return timestamp(failure.time) if failure.time else ""


def is_same(failure: Failure, previous: Manifest) -> bool:
    shown = (failure.pod, failure.container, failure.reason[:63], failure.exit_code)
    same = shown == tuple(previous[name] for name in ("pod", "container", "reason", "exitCode"))
    return same and time_of(failure) in ("", previous["time"])


def failures(pod: Pod, facts: Facts) -> Iterator[Failure]:
    if pod.evicted:
        yield Failure(pod.name, "", "Evicted", NEVER_RAN, pod.evicted, None)
    for container in (pod.fetch, pod.server):
        if failure := ended(pod, container) or held_up(pod, container, facts):
            yield failure


def ended(pod: Pod, container: Container) -> Failure | None:
    """A pod that is being deleted ends as it was told to."""
    end = container.failed
    if end is None or pod.gone:
        return None
    found = report(end.message)
    if end.reason == "OOMKilled":
        reason = conditions.OOM_KILLED.name
    elif runtime_missing(end.message):
        reason = conditions.RUNTIME_MISSING.name
    else:
        reason = found.reason if found else word(end.reason)
    # Without a report of our own the message is the tail of a log, which may hold what must not be shown.
    message = found.message if found else f"{word(end.reason)}: exit code {end.exit_code}; see kubectl logs"
    return Failure(pod.name, container.name, reason, end.exit_code, message, end.finished_at)


def word(reason: str) -> str:
    """The kubelet's reason, which it takes from the container runtime."""
    return reason if WORD.fullmatch(reason) else "Error"


def held_up(pod: Pod, container: Container, facts: Facts) -> Failure | None:
    if pod.gone:
        return None
    if container.waiting in image.PULL_FAILURES:
        objection = image.pull_objection(container, facts)
        return Failure(pod.name, container.name, objection.reason.name, NEVER_RAN, objection.message, None)
    if container.waiting == CONFIG_ERROR or container.waiting in NOT_STARTED:
        missing = runtime_missing(container.waiting_message)
        reason = conditions.RUNTIME_MISSING.name if missing else container.waiting
        message = container.waiting_message or "the kubelet does not say more"
        return Failure(pod.name, container.name, reason, NEVER_RAN, message, None)
    return None
