"""What becomes of a revision: when its bake begins, and whether it is accepted or given up."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from mlapi_operator.desired import labels
from mlapi_operator.latency.digest import UNKNOWN
from mlapi_operator.observe.facts import Facts
from mlapi_operator.observe.pods import Pod
from mlapi_operator.observe.revisions import Revision
from mlapi_operator.rollout.judge import Sample, judge
from mlapi_operator.rollout.target import stable

CRASHES: Final = 3


@dataclass(frozen=True, slots=True)
class Outcome:
    """
    Attributes:
        result: empty when the revision answered for the first time: its bake begins.
        reason: of the result.
    """

    result: Literal["", "Active", "RolledBack", "Failed"]
    reason: str = ""


def outcome(
    facts: Facts, *, ready: bool, overdue: str, cause: str, new: Sample, now: datetime
) -> Outcome | None:
    """What is to be written down now; None if nothing is.

    Args:
        facts: of the revision that is to run.
        ready: it is rolled out and answers.
        overdue: why the progress deadline has passed; empty if it has not.
        cause: what its pods suffer from; empty if nothing is seen.
        new: what it was asked since it answered first.
    """
    revision = facts.revision
    if revision is None or facts.spec is None or facts.suspended or revision.result == labels.ACTIVE:
        return None
    before, settings = stable(facts.revisions), facts.spec.rollout
    if before is None:
        if ready:
            return Outcome("Active", "the first revision to answer")
        return failed(revision, overdue)
    if settings.paused:
        return None
    crashed = max((crashes(pod) for pod in facts.updated), default=0)
    if settings.auto_rollback and crashed >= CRASHES:
        return Outcome("RolledBack", f"its server ended {crashed} times; {cause or 'its log tells more'}")
    if overdue:
        return Outcome("RolledBack", overdue) if settings.auto_rollback else failed(revision, overdue)
    since = answered_at(revision, now)
    if since is None:
        if not ready:
            return None
        if settings.bake_seconds:
            return Outcome("")
        return Outcome("Active", "spec.rollout.bakeSeconds is 0: it is not compared with the one before")
    at_end = ready and now >= since + timedelta(seconds=settings.bake_seconds)
    verdict = judge(new, old_sample(before), at_end=at_end)
    if verdict is None:
        return None
    if not verdict.worse:
        return Outcome("Active", verdict.message)
    if settings.auto_rollback:
        return Outcome("RolledBack", verdict.message)
    if at_end:
        return Outcome("Active", f"{verdict.message}; kept, as spec.rollout.autoRollback is false")
    return None


def failed(revision: Revision, overdue: str) -> Outcome | None:
    return Outcome("Failed", overdue) if overdue and revision.result != labels.FAILED else None


def answered_at(revision: Revision, now: datetime) -> datetime | None:
    """A time to come was not written by the operator."""
    return revision.answered_at if revision.answered_at and revision.answered_at <= now else None


def bake_ends_in(facts: Facts, now: datetime) -> float | None:
    """Seconds until the revision that runs is judged; None if it is not being watched."""
    revision = facts.revision
    if revision is None or facts.spec is None or stable(facts.revisions) in (None, revision):
        return None
    since = answered_at(revision, now)
    if since is None:
        return None
    return (since + timedelta(seconds=facts.spec.rollout.bake_seconds) - now).total_seconds()


def crashes(pod: Pod) -> int:
    """How often the pod's server has ended: Kubernetes counts a run when the next one starts."""
    server = pod.server
    return server.restarts + (server.running_since is None and server.last_end is not None)


def old_sample(before: Revision) -> Sample:
    """The figures that were kept when the rollout began."""
    figures = before.figures
    requests = max(figures.get("requests", 0), 0)
    errors = figures.get("errors", UNKNOWN)
    if errors == UNKNOWN:
        errors = round(requests * max(figures.get("errorPercent", 0), 0) / 100)
    return Sample(requests, min(errors, requests), figures.get("p95Microseconds", UNKNOWN))
