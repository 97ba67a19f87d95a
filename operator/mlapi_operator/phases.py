"""The phases of a reconcile that write what an MLApi owns, in their order."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import ValidationError

from mlapi_operator.api import conditions
from mlapi_operator.api.kinds import (
    CONFIG_MAP,
    CONTROLLER_REVISION,
    DEPLOYMENT,
    POD_DISRUPTION_BUDGET,
    SERVICE,
    Kind,
)
from mlapi_operator.api.problems import problems
from mlapi_operator.api.types import Key, Manifest
from mlapi_operator.api.v1alpha1 import MLApiSpec, parse
from mlapi_operator.authority import Authority
from mlapi_operator.children import Children, NameHeld
from mlapi_operator.desired import labels, names, replicas, revision
from mlapi_operator.desired.ca import ca
from mlapi_operator.desired.deployment import deployment
from mlapi_operator.desired.disruption import disruption_budget
from mlapi_operator.desired.owner import Owner
from mlapi_operator.desired.pod_template import mounts_ca, pod_template
from mlapi_operator.desired.service import service
from mlapi_operator.observe.facts import Objection
from mlapi_operator.settings import IMAGE_VALUES, Settings
from mlapi_operator.store import Store

log = logging.getLogger(__name__)

# What waiting does not help is looked at again so rarely; a change of the spec is an event.
STALLED_SECONDS: Final = 600.0
LEAVING_SECONDS: Final = 2.0
MISSING_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True)
class Means:
    """What phases work with. `authority` is None where no private one is trusted."""

    store: Store
    children: Children
    settings: Settings
    authority: Authority | None


@dataclass(frozen=True, slots=True)
class Wait:
    """The phases after it are not run in this pass: no fault of ours, no back-off.

    Attributes:
        seconds: when to look again, should no event come before.
        message: what is waited for.
        refused: what a condition says about it; None if it passes by itself.
    """

    seconds: float
    message: str
    refused: Objection | None = None


def refuse(reason: conditions.Reason, message: str, seconds: float = STALLED_SECONDS) -> Wait:
    return Wait(seconds, message, Objection(reason, message))


@dataclass(slots=True)
class Scope:
    """One pass over one MLApi, as far as its phases have come.

    Attributes:
        workload_hash: of the spec.
        live: the children that were found, by kind; None where the name is free.
        revision: the ControllerRevision that the spec asks for.
    """

    mlapi: Manifest
    owner: Owner
    spec: MLApiSpec | None = None
    workload_hash: str = ""
    live: dict[Kind, Manifest | None] = field(default_factory=dict)
    revision: Manifest | None = None

    @property
    def key(self) -> Key:
        return self.owner.key

    @property
    def valid_spec(self) -> MLApiSpec:
        assert self.spec is not None, "accept runs first"
        return self.spec

    @property
    def template(self) -> Manifest:
        """The pod template of the revision, as it was rendered when the revision was made."""
        assert self.revision is not None, "revise runs first"
        template: Manifest = self.revision["data"]["template"]
        return template

    @property
    def fields(self) -> dict[str, Any]:
        """The workload fields of the revision."""
        assert self.revision is not None, "revise runs first"
        fields: dict[str, Any] = self.revision["data"]["spec"]
        return fields


Phase = Callable[[Means, Scope], Awaitable[Wait | None]]


async def accept(means: Means, scope: Scope) -> Wait | None:
    """A CRD older or newer than the operator may let pass what it does not understand."""
    try:
        scope.spec = parse(scope.mlapi)
    except ValidationError as error:
        return refuse(conditions.INVALID_SPEC, "; ".join(problems(error)))
    scope.workload_hash = revision.workload_hash(revision.workload(scope.spec))
    return None


async def claim(means: Means, scope: Scope) -> Wait | None:
    """Every name is asked for before any is written to: half an API serves nobody. All at once, for speed."""
    owner = scope.owner
    wanted = {
        DEPLOYMENT: names.deployment(owner.name),
        SERVICE: names.service(owner.name),
        POD_DISRUPTION_BUDGET: names.disruption_budget(owner.name),
        CONTROLLER_REVISION: names.revision(owner.name, scope.workload_hash),
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


def may_mount_ca(means: Means, owner: Owner, revision: str) -> bool:
    """A revision that does not exist yet will."""
    known = means.store.get(CONTROLLER_REVISION, (owner.namespace, revision))
    return known is None or mounts_ca(known["data"]["template"])


def name_conflict(what: str) -> Wait:
    return refuse(
        conditions.NAME_CONFLICT,
        f"{what} exists and belongs to somebody else, it is left alone; delete it "
        "or choose another metadata.name",
    )


async def revise(means: Means, scope: Scope) -> Wait | None:
    """A revision that exists is used as it is; a new one takes today's image, settings and template."""
    owner, spec, live = scope.owner, scope.valid_spec, scope.live[CONTROLLER_REVISION]
    name = names.revision(owner.name, scope.workload_hash)
    if live and (live.get("data") or {}).get("hash") != scope.workload_hash:
        return name_conflict(f"ControllerRevision {owner.namespace}/{name} of another workload")
    if live is None:
        image = spec.image or means.settings.images.of(spec.framework.name)
        if not image:
            return no_image(spec.framework.name)
        template = pod_template(owner, spec, revision=name, image=image, fetch=means.settings.fetch)
        known = means.store.owned(CONTROLLER_REVISION, owner.uid)
        number = max((manifest["revision"] for manifest in known), default=0) + 1
        manifest = revision.controller_revision(
            owner, fields=revision.workload(spec), image=image, template=template, number=number
        )
        # Applied, never posted: its data may not change by a byte, and apply alone writes them canonically.
        live = await means.children.write(CONTROLLER_REVISION, manifest, None, manager=names.MANAGER)
        log.info("created revision", extra={"mlapi": "/".join(owner.key), "revision": name})
    scope.revision = live
    return None


def no_image(framework: str) -> Wait:
    return refuse(
        conditions.IMAGE_NOT_FOUND,
        f"the operator has no image for {framework}; set spec.image, or {IMAGE_VALUES[framework]} in the "
        "values of the operator's chart",
    )


async def trust(means: Means, scope: Scope) -> Wait | None:
    """The copy of the certificate authority, if the pods of this revision mount one."""
    if means.authority is None or not mounts_ca(scope.template):
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
        await apply(means, scope, DEPLOYMENT, deployment(scope.owner, scope.template, fields=scope.fields))
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
    copies = {names.ca_config_map(owner.name)} if mounts_ca(scope.template) else set()
    await means.children.prune(owner, CONFIG_MAP, copies)
    return None


async def trim(means: Means, scope: Scope) -> Wait | None:
    """The oldest revisions go, but none that runs or that was last to answer."""
    limit = scope.valid_spec.rollout.revision_history_limit
    known = means.store.owned(CONTROLLER_REVISION, scope.owner.uid)
    if len(known) <= limit + 1:
        return None
    needed = {pod["metadata"]["labels"].get(labels.REVISION) for pod in means.store.pods(scope.owner.key)}
    old = [manifest for manifest in known if manifest is not scope.revision and not serves(manifest, needed)]
    old.sort(key=lambda manifest: -int(manifest["revision"]))
    kept = {manifest["metadata"]["name"] for manifest in known} - {
        manifest["metadata"]["name"] for manifest in old[limit:]
    }
    await means.children.prune(scope.owner, CONTROLLER_REVISION, kept)
    return None


def serves(manifest: Manifest, needed: set[str | None]) -> bool:
    metadata = manifest["metadata"]
    active = (metadata.get("annotations") or {}).get(labels.RESULT) == labels.ACTIVE
    return active or metadata["name"] in needed


async def apply(means: Means, scope: Scope, kind: Kind, manifest: Manifest) -> None:
    scope.live[kind] = await means.children.apply(
        scope.owner, kind, manifest, scope.live[kind], manager=names.MANAGER
    )


PHASES: Final[tuple[Phase, ...]] = (
    accept,
    claim,
    revise,
    trust,
    deploy,
    scale,
    protect,
    expose,
    prune,
    trim,
)
"""In this order; the first that waits ends the writing, never the status."""
