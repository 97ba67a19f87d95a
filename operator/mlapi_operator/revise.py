"""The phase that finds or makes the revision that a spec asks for."""

import logging
from typing import Any

from mlapi_operator.api import conditions
from mlapi_operator.api.kinds import CONTROLLER_REVISION
from mlapi_operator.api.types import Manifest
from mlapi_operator.api.v1alpha1 import MLApiSpec
from mlapi_operator.desired import labels, names, revision
from mlapi_operator.desired.owner import Owner
from mlapi_operator.desired.pod_template import pod_template
from mlapi_operator.gpu.resolve import Resolved, resolve
from mlapi_operator.scope import Means, Scope, Wait, annotate, known_revisions, refuse
from mlapi_operator.settings import IMAGE_VALUES

log = logging.getLogger(__name__)

GIVEN_UP = frozenset({labels.ROLLED_BACK, labels.FAILED})


def digest(means: Means, owner: Owner, spec: MLApiSpec, fields: dict[str, Any]) -> str:
    """What the revision that the spec asks for is named after, whether or not it exists yet.

    The hash of the workload fields; where an operator upgrade may restart pods, and has changed what they are
    made of, that of all they are made of.
    """
    same = [known for known in known_revisions(means, owner) if known["data"].get("spec") == fields]
    if not same:
        return revision.workload_hash(fields)
    image = today_image(means, spec)
    if spec.rollout.operator_upgrade == "Manual" or not image:
        chosen = next((known for known in same if result(known) not in GIVEN_UP), same[0])
        return str(chosen["data"]["hash"])

    # Labels of nodes are looked at for another spec alone.
    gpu = same[0]["data"]["resolved"].get("gpu")

    def render(name: str) -> Manifest:
        return pod_template(
            owner,
            spec,
            revision=name,
            image=image,
            fetch=means.settings.fetch,
            gpu=Resolved.of(gpu) if gpu else None,
        )

    for known in same:
        data = known["data"]
        if data["resolved"]["image"] == image and data["template"] == render(known["metadata"]["name"]):
            return str(data["hash"])
    return revision.workload_hash({"spec": fields, "image": image, "template": render("")})


async def revise(means: Means, scope: Scope) -> Wait | None:
    """A revision that exists is used as it is; a new one takes today's image, settings and template."""
    owner, live = scope.owner, scope.live[CONTROLLER_REVISION]
    name = names.revision(owner.name, scope.digest)
    if live and (live.get("data") or {}).get("hash") != scope.digest:
        return refuse(
            conditions.NAME_CONFLICT,
            f"ControllerRevision {owner.namespace}/{name} is of another workload; delete it",
        )
    known = known_revisions(means, owner)
    newest = max((int(manifest["revision"]) for manifest in known), default=0)
    if live is None:
        image = today_image(means, scope.valid_spec)
        if not image:
            return no_image(scope.valid_spec.framework.name)
        manifest = await made(means, scope, name, image, newest + 1)
        live = await means.children.write(CONTROLLER_REVISION, manifest, None, manager=names.MANAGER)
        log.info("created revision", extra={"mlapi": "/".join(owner.key), "revision": name})
    elif live["revision"] < newest:
        # The spec came back to it: it is the newest again and, unless it is in use, has to prove itself anew.
        kept = revision.annotations(live) if result(live) == labels.ACTIVE else {}
        manifest = revision.annotated(owner, live, kept, number=newest + 1)
        live = await annotate(means, scope, manifest, live)
        log.info("came back to revision", extra={"mlapi": "/".join(owner.key), "revision": name})
    scope.live[CONTROLLER_REVISION] = scope.wanted = live
    return None


async def made(means: Means, scope: Scope, name: str, image: str, number: int) -> Manifest:
    """The manifest of a revision that does not exist yet."""
    owner, spec = scope.owner, scope.valid_spec
    gpu = await resolved_gpu(means, scope)
    template = pod_template(owner, spec, revision=name, image=image, fetch=means.settings.fetch, gpu=gpu)
    return revision.controller_revision(
        owner,
        fields=scope.fields,
        image=image,
        template=template,
        number=number,
        gpu=gpu.manifest() if gpu else None,
        digest=scope.digest,
    )


async def resolved_gpu(means: Means, scope: Scope) -> Resolved | None:
    """As it was for the revision of the same fields, if there is one; else as the nodes are now."""
    if scope.valid_spec.gpu is None:
        return None
    for known in known_revisions(means, scope.owner):
        data = known["data"]
        if data.get("spec") == scope.fields and (stored := data["resolved"].get("gpu")):
            return Resolved.of(stored)
    return resolve(scope.valid_spec.gpu, await means.capacity.nodes(fresh=True))


def today_image(means: Means, spec: MLApiSpec) -> str:
    return spec.image or means.settings.images.of(spec.framework.name)


def result(manifest: Manifest) -> str:
    found: str = (manifest["metadata"].get("annotations") or {}).get(labels.RESULT, "")
    return found


def no_image(framework: str) -> Wait:
    return refuse(
        conditions.IMAGE_NOT_FOUND,
        f"the operator has no image for {framework}; set spec.image, or {IMAGE_VALUES[framework]} in the "
        "values of the operator's chart",
    )
