"""What the phases of a reconcile share: one pass over one MLApi, and what it is done with."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final

from mlapi_operator.api import conditions
from mlapi_operator.api.gpu import GPU
from mlapi_operator.api.kinds import CONTROLLER_REVISION, Kind
from mlapi_operator.api.types import Key, Manifest
from mlapi_operator.api.v1alpha1 import MLApiSpec
from mlapi_operator.authority import Authority
from mlapi_operator.children import Children
from mlapi_operator.desired import names
from mlapi_operator.desired.owner import Owner
from mlapi_operator.gpu.capacity import Capacity
from mlapi_operator.gpu.resolve import Resolved
from mlapi_operator.latency.reader import LatencyReader
from mlapi_operator.observe.devices import Devices
from mlapi_operator.observe.facts import Objection
from mlapi_operator.protocol import Clock, Cluster
from mlapi_operator.rollout.plan import Plan
from mlapi_operator.settings import Settings
from mlapi_operator.store import Store

# What waiting does not help is looked at again so rarely; a change of the spec is an event.
STALLED_SECONDS: Final = 600.0


@dataclass(frozen=True, slots=True)
class Means:
    """What phases work with. `authority` is None where no private one is trusted."""

    cluster: Cluster
    store: Store
    children: Children
    settings: Settings
    authority: Authority | None
    capacity: Capacity
    latency: LatencyReader
    clock: Clock


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
        fields: the workload fields of the spec.
        digest: what the revision of the spec is named after.
        live: the children that were found, by kind; None where the name is free. The ControllerRevision is
            the one that the spec asks for.
        wanted: the ControllerRevision that the spec asks for.
        revision: the one that is to run.
        plan: how it is rolled out.
        devices: what is free of the GPU that it asks for; None where it asks for none.
        again: in how many seconds something is to be looked at again.
    """

    mlapi: Manifest
    owner: Owner
    spec: MLApiSpec | None = None
    fields: dict[str, Any] = field(default_factory=dict)
    digest: str = ""
    live: dict[Kind, Manifest | None] = field(default_factory=dict)
    wanted: Manifest | None = None
    revision: Manifest | None = None
    plan: Plan | None = None
    devices: Devices | None = None
    again: list[float] = field(default_factory=list)

    @property
    def key(self) -> Key:
        return self.owner.key

    @property
    def valid_spec(self) -> MLApiSpec:
        assert self.spec is not None, "accept runs first"
        return self.spec

    @property
    def to_run(self) -> Manifest:
        assert self.revision is not None, "plan runs first"
        return self.revision

    @property
    def template(self) -> Manifest:
        """The pod template of the revision to run, as it was rendered when the revision was made."""
        template: Manifest = self.to_run["data"]["template"]
        return template

    @property
    def gpu(self) -> tuple[GPU, Resolved] | None:
        """What the revision to run asks for, and what it was resolved to; None where it asks for none."""
        data = self.to_run["data"]
        resolved = data["resolved"].get("gpu")
        if not resolved or "gpu" not in data["spec"]:
            return None
        wanted = GPU.model_validate(data["spec"]["gpu"], extra="ignore", by_name=False, by_alias=True)
        return wanted, Resolved.of(resolved)


Phase = Callable[[Means, Scope], Awaitable[Wait | None]]


def known_revisions(means: Means, owner: Owner) -> list[Manifest]:
    """The MLApi's ControllerRevisions, newest first, without what somebody else made and gave to it."""
    owned = means.store.owned(CONTROLLER_REVISION, owner.uid)
    ours = [manifest for manifest in owned if "hash" in (manifest.get("data") or {})]
    return sorted(ours, key=lambda manifest: -int(manifest["revision"]))


async def apply(means: Means, scope: Scope, kind: Kind, manifest: Manifest) -> None:
    scope.live[kind] = await means.children.apply(
        scope.owner, kind, manifest, scope.live[kind], manager=names.MANAGER
    )


async def annotate(means: Means, scope: Scope, manifest: Manifest, live: Manifest) -> Manifest:
    """Writes a ControllerRevision from `desired.revision.annotated`.

    Applied, never posted: its data may not change by a byte, and apply alone writes them canonically.
    """
    return await means.children.write(CONTROLLER_REVISION, manifest, live, manager=names.MANAGER)
