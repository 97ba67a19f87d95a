"""What became of a revision is written down on it: status is no database."""

import logging
from dataclasses import replace
from datetime import datetime
from math import inf

from mlapi_operator.api.kinds import DEPLOYMENT
from mlapi_operator.api.types import Manifest
from mlapi_operator.desired import labels
from mlapi_operator.desired.revision import annotated, annotations
from mlapi_operator.observe.facts import Facts
from mlapi_operator.observe.revisions import REASON_LIMIT, Revision, revisions
from mlapi_operator.observe.times import timestamp
from mlapi_operator.rollout import words
from mlapi_operator.rollout.deadline import overdue_in
from mlapi_operator.rollout.judge import Sample
from mlapi_operator.rollout.outcome import Outcome, answered_at, bake_ends_in, outcome
from mlapi_operator.rollout.plan import Plan
from mlapi_operator.rollout.target import stable
from mlapi_operator.scope import Means, Scope, annotate, known_revisions
from mlapi_operator.status.transitions import by_type

log = logging.getLogger(__name__)


def with_rollout(
    means: Means, scope: Scope, facts: Facts, watched_since: datetime, now: datetime
) -> tuple[Facts, float]:
    """The facts with how the rollout goes, and in how many seconds to look at it again.

    Args:
        watched_since: since when this process leads.
    """
    revision, plan, spec = facts.revision, scope.plan, facts.spec
    if revision is None or plan is None or spec is None:
        return facts, inf
    if revision.result == labels.ACTIVE or facts.suspended or spec.rollout.paused:
        return told(scope, facts, plan, ""), inf
    left = inf
    if not words.answers(facts):
        left = overdue_in(
            facts.pods,
            revision.name,
            began=(plan.started_at, answered_at(revision, now)),
            fetched_at=means.latency.fetched_at(scope.owner.uid),
            watched_since=watched_since,
            deadline_seconds=spec.rollout.progress_deadline_seconds,
            now=now,
        )
    said = words.overdue(facts, words.cause(facts)) if left <= 0 else ""
    bake = bake_ends_in(facts, now)
    # Errors need not wait for the end of the bake.
    look = min(bake, means.settings.sampling_seconds) if bake is not None and bake > 0 else inf
    return told(scope, facts, plan, said), min(look, left if left > 0 else inf)


def told(scope: Scope, facts: Facts, plan: Plan, overdue: str) -> Facts:
    """A plan that was not given to the Deployment is made anew in every pass: it has not begun."""
    live = scope.live.get(DEPLOYMENT)
    given = live and (live["metadata"].get("annotations") or {}).get(labels.ROLLOUT) == plan.annotation()
    rollout = words.rollout(facts, plan, overdue)
    return replace(facts, rollout=rollout if given else replace(rollout, started_at=None))


def judged(means: Means, scope: Scope, facts: Facts, status: Manifest, now: datetime) -> Outcome | None:
    """What is to be written on the revision that is to run.

    Args:
        status: as it is about to be written.
    """
    if facts.revision is None or scope.plan is None:
        return None
    since = answered_at(facts.revision, now)
    seconds = int((now - since).total_seconds()) if since else 0
    digests = means.latency.digests(scope.owner.uid, seconds) if seconds else {}
    return outcome(
        facts,
        ready=by_type(status)["Ready"]["status"] == "True",
        overdue=facts.rollout.overdue if facts.rollout else "",
        cause=words.cause(facts),
        new=Sample.of(digests.get(facts.revision.name)),
        now=now,
    )


async def conclude(means: Means, scope: Scope, outcome: Outcome, now: datetime) -> None:
    live, written = scope.to_run, annotations(scope.to_run)
    if not outcome.result:
        written[labels.ANSWERED] = timestamp(now)
    else:
        written |= {labels.RESULT: outcome.result, labels.REASON: outcome.reason[:REASON_LIMIT]}
        fields = {"mlapi": "/".join(scope.key), "revision": live["metadata"]["name"]}
        log.info("concluded", extra={**fields, "result": outcome.result, "reason": outcome.reason})
    scope.revision = await annotate(means, scope, annotated(scope.owner, live, written), live)


async def supersede(means: Means, scope: Scope) -> bool:
    """Of several accepted revisions the newest is it. True if another one was marked as superseded."""
    known = known_revisions(means, scope.owner)
    current = stable(revisions(known))
    if current is None:
        return False
    lingering = [
        manifest
        for manifest in known
        if Revision.of(manifest).result == labels.ACTIVE and manifest["metadata"]["name"] != current.name
    ]
    for live in lingering:
        written = {**annotations(live), labels.RESULT: labels.SUPERSEDED}
        await annotate(means, scope, annotated(scope.owner, live, written), live)
    return bool(lingering)


def refreshed(means: Means, scope: Scope, facts: Facts) -> Facts:
    """The facts after what was written."""
    known = revisions(known_revisions(means, scope.owner))
    by_name = {revision.name: revision for revision in known}
    return replace(
        facts,
        revisions=known,
        revision=facts.revision and by_name.get(facts.revision.name, facts.revision),
        wanted=facts.wanted and by_name.get(facts.wanted.name, facts.wanted),
    )
