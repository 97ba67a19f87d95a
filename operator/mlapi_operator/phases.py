"""The phases of a reconcile that write what an MLApi owns, in their order."""

import asyncio
from typing import Final

from pydantic import ValidationError

from mlapi_operator.api import conditions
from mlapi_operator.api.kinds import (
    CONFIG_MAP,
    CONTROLLER_REVISION,
    DEPLOYMENT,
    POD_DISRUPTION_BUDGET,
    SERVICE,
)
from mlapi_operator.api.problems import problems
from mlapi_operator.api.v1alpha1 import parse
from mlapi_operator.children import NameHeld
from mlapi_operator.desired import labels, names, replicas, revision
from mlapi_operator.desired.ca import ca
from mlapi_operator.desired.deployment import deployment
from mlapi_operator.desired.disruption import disruption_budget
from mlapi_operator.desired.owner import Owner
from mlapi_operator.desired.pod_template import mounts_ca
from mlapi_operator.desired.service import service
from mlapi_operator.planning import plan
from mlapi_operator.revise import digest, result, revise
from mlapi_operator.rollout import strategy
from mlapi_operator.scope import Means, Phase, Scope, Wait, apply, known_revisions, refuse

LEAVING_SECONDS: Final = 2.0
MISSING_SECONDS: Final = 30.0


async def accept(means: Means, scope: Scope) -> Wait | None:
    """A CRD older or newer than the operator may let pass what it does not understand."""
    try:
        scope.spec = parse(scope.mlapi)
    except ValidationError as error:
        return refuse(conditions.INVALID_SPEC, "; ".join(problems(error)))
    scope.fields = revision.workload(scope.spec)
    scope.digest = digest(means, scope.owner, scope.spec, scope.fields)
    return None


async def claim(means: Means, scope: Scope) -> Wait | None:
    """Every name is asked for before any is written to: half an API serves nobody. All at once, for speed."""
    owner = scope.owner
    wanted = {
        DEPLOYMENT: names.deployment(owner.name),
        SERVICE: names.service(owner.name),
        POD_DISRUPTION_BUDGET: names.disruption_budget(owner.name),
        CONTROLLER_REVISION: names.revision(owner.name, scope.digest),
    }
    if means.authority and may_mount_ca(means, owner, wanted[CONTROLLER_REVISION]):
        wanted[CONFIG_MAP] = names.ca_config_map(owner.name)
    claims = (means.children.claim(owner, kind, name) for kind, name in wanted.items())
    for kind, found in zip(wanted, await asyncio.gather(*claims, return_exceptions=True), strict=True):
        if isinstance(found, NameHeld):
            if found.leaving:
                return Wait(LEAVING_SECONDS, f"{found} is being deleted")
            return name_conflict(str(found))
        if isinstance(found, BaseException):
            raise found
        scope.live[kind] = found
    return None


def may_mount_ca(means: Means, owner: Owner, wanted: str) -> bool:
    """A revision that does not exist yet will, and an older one may be gone back to."""
    known = known_revisions(means, owner)
    is_new = not any(manifest["metadata"]["name"] == wanted for manifest in known)
    return is_new or any(mounts_ca(manifest["data"]["template"]) for manifest in known)


def name_conflict(what: str) -> Wait:
    return refuse(
        conditions.NAME_CONFLICT,
        f"{what} exists and belongs to somebody else, it is left alone; delete it "
        "or choose another metadata.name",
    )


async def trust(means: Means, scope: Scope) -> Wait | None:
    """The copy of the certificate authority, if pods that run or may run again mount one."""
    if means.authority is None or not mount_ca(means, scope):
        return None
    certificates = await means.authority.certificates()
    if certificates is None:
        return refuse(
            conditions.CONFIG_MAP_NOT_FOUND,
            f"ConfigMap {means.authority} with the key ca.crt, which the operator's fetch.caConfigMap names, "
            "does not exist; create it",
            MISSING_SECONDS,
        )
    await apply(means, scope, CONFIG_MAP, ca(scope.owner, certificates))
    return None


async def deploy(means: Means, scope: Scope) -> Wait | None:
    """A suspended MLApi gets none: a new Deployment starts a pod before its replicas can be set to 0."""
    if scope.live[DEPLOYMENT] or replicas.wanted(scope.valid_spec) > 0:
        assert scope.plan is not None, "plan runs first"
        rollout = scope.valid_spec.rollout
        manifest = deployment(
            scope.owner,
            scope.template,
            fields=scope.to_run["data"]["spec"],
            strategy=strategy.manifest(scope.plan.strategy, rollout),
            plan=scope.plan.annotation(),
            paused=rollout.paused,
        )
        await apply(means, scope, DEPLOYMENT, manifest)
    return None


async def scale(means: Means, scope: Scope) -> Wait | None:
    """Whoever else changed the number is overruled; the right number is not written again."""
    live, wanted = scope.live[DEPLOYMENT], replicas.wanted(scope.valid_spec)
    if live and live["spec"].get("replicas", 1) != wanted:
        scope.live[DEPLOYMENT] = await means.children.write(
            DEPLOYMENT, replicas.replicas(scope.owner, wanted), live, manager=names.REPLICAS_MANAGER
        )
    return None


async def protect(means: Means, scope: Scope) -> Wait | None:
    budget = disruption_budget(scope.owner, scope.valid_spec.disruption)
    await apply(means, scope, POD_DISRUPTION_BUDGET, budget)
    return None


async def expose(means: Means, scope: Scope) -> Wait | None:
    await apply(means, scope, SERVICE, service(scope.owner))
    return None


async def prune(means: Means, scope: Scope) -> Wait | None:
    owner = scope.owner
    await means.children.prune(owner, DEPLOYMENT, {names.deployment(owner.name)})
    await means.children.prune(owner, SERVICE, {names.service(owner.name)})
    await means.children.prune(owner, POD_DISRUPTION_BUDGET, {names.disruption_budget(owner.name)})
    copies = {names.ca_config_map(owner.name)} if mount_ca(means, scope) else set()
    await means.children.prune(owner, CONFIG_MAP, copies)
    return None


def mount_ca(means: Means, scope: Scope) -> bool:
    """Whether pods of the revision that runs, or of the one to go back to, mount the copy."""
    return any(
        mounts_ca(manifest["data"]["template"])
        for manifest in (scope.to_run, *known_revisions(means, scope.owner))
        if manifest is scope.to_run or result(manifest) == labels.ACTIVE
    )


async def trim(means: Means, scope: Scope) -> Wait | None:
    """The oldest revisions go, but none that runs, is wanted or was accepted last."""
    limit = scope.valid_spec.rollout.revision_history_limit
    known = known_revisions(means, scope.owner)
    if len(known) <= limit + 1:
        return None
    needed = {pod["metadata"]["labels"].get(labels.REVISION) for pod in means.store.pods(scope.key)}
    needed |= {manifest["metadata"]["name"] for manifest in (scope.to_run, scope.wanted) if manifest}
    old = [
        manifest["metadata"]["name"]
        for manifest in known
        if manifest["metadata"]["name"] not in needed and result(manifest) != labels.ACTIVE
    ]
    kept = {manifest["metadata"]["name"] for manifest in known} - set(old[limit:])
    await means.children.prune(scope.owner, CONTROLLER_REVISION, kept)
    return None


PHASES: Final[tuple[Phase, ...]] = (
    accept,
    claim,
    revise,
    plan,
    trust,
    deploy,
    scale,
    protect,
    expose,
    prune,
    trim,
)
"""In this order; the first that waits ends the writing, never the status."""
