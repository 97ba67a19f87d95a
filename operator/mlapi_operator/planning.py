"""The phase that decides which revision runs and how it replaces another."""

import contextlib
import logging
from dataclasses import replace
from datetime import datetime

from mlapi_operator.api.kinds import DEPLOYMENT, PERSISTENT_VOLUME_CLAIM
from mlapi_operator.api.types import Manifest
from mlapi_operator.desired import labels, names, replicas, revision
from mlapi_operator.desired.pod_template import claim_of
from mlapi_operator.gpu.capacity import KEPT_SECONDS, may_run
from mlapi_operator.gpu.resolve import Resolved
from mlapi_operator.gpu.usage import held
from mlapi_operator.observe.devices import Devices
from mlapi_operator.observe.pods import Pod, is_replica, pods
from mlapi_operator.observe.revisions import Revision, revisions
from mlapi_operator.protocol import ApiError, Forbidden
from mlapi_operator.rollout.plan import Plan, running
from mlapi_operator.rollout.strategy import Choice, Room, choice, flipped
from mlapi_operator.rollout.target import stable, target
from mlapi_operator.scope import Means, Scope, Wait, annotate, known_revisions
from mlapi_operator.status.revisions import annotation
from mlapi_operator.status.transitions import by_type

log = logging.getLogger(__name__)


async def plan(means: Means, scope: Scope) -> Wait | None:
    """What is decided when a rollout begins holds until the next one, over restarts of the operator too."""
    spec, live = scope.valid_spec, scope.live[DEPLOYMENT]
    assert scope.wanted is not None, "revise runs first"
    now = means.clock().replace(microsecond=0)
    known = revisions(known_revisions(means, scope.owner))
    before = Plan.of(live, now) if live else None
    runs = running(live, before)
    wanted = Revision.of(scope.wanted)
    chosen = target(wanted, known, running=runs, paused=spec.rollout.paused)
    scope.revision = manifest_of(means, scope, chosen.name)
    if runs == chosen.name:
        going_on = before or Plan(chosen.name, now)
        scope.plan = await go_on(means, scope, resumed(going_on, scope, chosen, now), now)
    else:
        await keep_figures(means, scope, runs, known)
        scope.plan = await begin(means, scope, chosen.name, now)
    return None


def manifest_of(means: Means, scope: Scope, name: str) -> Manifest:
    found = known_revisions(means, scope.owner)
    return next((each for each in found if each["metadata"]["name"] == name), scope.wanted or {})


async def begin(means: Means, scope: Scope, name: str, now: datetime) -> Plan:
    if scope.valid_spec.rollout.strategy == "Auto" and not outdated(means, scope):
        await look_at_devices(means, scope)
        return Plan(name, now)
    return with_choice(Plan(name, now), await decide(means, scope), scope)


async def go_on(means: Means, scope: Scope, plan: Plan, now: datetime) -> Plan:
    """The choice holds, unless the user makes another or a GPU is not free after all.

    Where nothing was to be replaced at first, pods that came late may be: theirs were not seen yet.
    """
    is_automatic = plan.automatic if plan.strategy else not outdated(means, scope)
    if scope.valid_spec.rollout.strategy != "Auto" or not is_automatic:
        return with_choice(plan, await decide(means, scope), scope)
    live = [pod for pod in replicas_of(means, scope) if pod.revision == plan.revision and not pod.gone]
    waits = any(pod.unschedulable for pod in live)
    # What was counted before the scheduler looked would contradict it.
    await look_at_devices(means, scope, fresh=waits and not said_to_wait(scope))
    if scope.gpu is None:
        return plan
    _, resolved = scope.gpu
    if waits:
        scope.again.append(KEPT_SECONDS)  # what is free changes without an event of ours
    again = flipped(plan, live, resolved.resource_name, now)
    if not isinstance(again, Plan):
        scope.again.append(again)
        return plan
    if not outdated(means, scope) or not await would_make_room(means, scope, resolved):
        return plan
    log.info("replacing in place", extra={"mlapi": "/".join(scope.key), "reason": again.reason})
    return again


def resumed(plan: Plan, scope: Scope, chosen: Revision, now: datetime) -> Plan:
    """A rollout that was held up has its whole time again."""
    live = scope.live[DEPLOYMENT]
    if live is None or chosen.result == labels.ACTIVE:
        return plan
    was_paused = live["spec"].get("paused") and not scope.valid_spec.rollout.paused
    was_suspended = live["spec"].get("replicas") == 0 and replicas.wanted(scope.valid_spec) > 0
    return replace(plan, started_at=now) if was_paused or was_suspended else plan


async def keep_figures(means: Means, scope: Scope, runs: str, known: tuple[Revision, ...]) -> None:
    """What the stable revision did before it is replaced is what the next one is held against.

    Where nobody asked it, it is held against nothing: figures of an earlier day tell of another load.
    """
    before = stable(known)
    if before is None or before.name != runs:
        return
    digest = means.latency.digests(scope.owner.uid, window_seconds(means, scope)).get(runs)
    live = manifest_of(means, scope, runs)
    if digest is None or digest.requests < (0 if labels.LATENCY in revision.annotations(live) else 1):
        return
    kept = {**revision.annotations(live), labels.LATENCY: annotation(digest)}
    if kept != revision.annotations(live):
        await annotate(means, scope, revision.annotated(scope.owner, live, kept), live)


def window_seconds(means: Means, scope: Scope) -> int:
    slo = scope.spec.slo if scope.spec else None
    return slo.window_seconds if slo else means.settings.latency_window_seconds


def with_choice(plan: Plan, found: Choice, scope: Scope) -> Plan:
    if (plan.strategy, plan.reason) != (found.strategy, found.reason):
        fields = {"mlapi": "/".join(scope.key), "revision": plan.revision, "strategy": found.strategy}
        log.info("chose strategy", extra={**fields, "reason": found.reason})
    return replace(
        plan,
        strategy=found.strategy,
        reason=found.reason,
        needs_device=found.needs_device,
        automatic=scope.valid_spec.rollout.strategy == "Auto",
    )


async def decide(means: Means, scope: Scope) -> Choice:
    if scope.valid_spec.rollout.strategy != "Auto":
        await look_at_devices(means, scope)
        return choice(scope.valid_spec.rollout, Room())
    room = Room(claim=claim_of(scope.template))
    if room.claim:
        room = replace(room, access_modes=await access_modes(means, scope, room.claim))
    if scope.gpu:
        gpu, resolved = scope.gpu
        scope.devices = await means.capacity.devices(gpu, resolved, scope.template, fresh=True)
        makes_room = await would_make_room(means, scope, resolved)
        room = replace(room, devices=scope.devices, makes_room=makes_room)
    return choice(scope.valid_spec.rollout, room)


def said_to_wait(scope: Scope) -> bool:
    scheduled = by_type(scope.mlapi.get("status") or {}).get("Scheduled", {})
    return scheduled.get("status") == "False"


async def look_at_devices(means: Means, scope: Scope, *, fresh: bool = False) -> None:
    """For status alone: an API server that does not answer leaves them unknown."""
    if scope.gpu is None:
        return
    gpu, resolved = scope.gpu
    scope.devices = Devices(resolved.resource_name, resolved.per_replica)
    with contextlib.suppress(ApiError):
        scope.devices = await means.capacity.devices(gpu, resolved, scope.template, fresh=fresh)


async def would_make_room(means: Means, scope: Scope, resolved: Resolved) -> bool:
    """Whether an old pod that ends leaves enough devices for a new one; also where none can tell."""
    nodes, resource = await means.capacity.nodes(), resolved.resource_name
    if nodes is None:
        return True
    matching = [node for node in nodes if may_run(resolved, scope.template["spec"], node)]
    free = await means.capacity.free(matching, resource)
    if free is None:
        return True
    old = (
        (pod["spec"].get("nodeName"), held(pod).get(resource, 0))
        for pod in means.store.pods(scope.key)
        if is_replica(pod, names.deployment(scope.owner.name)) and is_outdated(pod, scope)
    )
    return any(
        node in free and devices > 0 and free[node] + devices >= resolved.per_replica for node, devices in old
    )


def outdated(means: Means, scope: Scope) -> bool:
    """Whether there are pods to replace."""
    name = scope.to_run["metadata"]["name"]
    return any(pod.revision != name and not pod.gone for pod in replicas_of(means, scope))


def is_outdated(pod: Manifest, scope: Scope) -> bool:
    return bool(pod["metadata"]["labels"].get(labels.REVISION) != scope.to_run["metadata"]["name"])


def replicas_of(means: Means, scope: Scope) -> tuple[Pod, ...]:
    return pods(means.store.pods(scope.key), names.deployment(scope.owner.name))


async def access_modes(means: Means, scope: Scope, claim: str) -> tuple[str, ...] | None:
    """Of a PersistentVolumeClaim: of its volume, once it has one; empty if it does not exist."""
    try:
        found = await means.cluster.get(PERSISTENT_VOLUME_CLAIM, (scope.owner.namespace, claim))
    except Forbidden:
        return None
    if found is None:
        return ()
    bound = (found.get("status") or {}).get("accessModes")
    return tuple(bound or found["spec"].get("accessModes") or ())
