"""ImageReady: what the kubelet says about pulling the image."""

import re
from typing import Final

from mlapi_operator.api.conditions import (
    IMAGE_NOT_FOUND,
    PULL_DENIED,
    REGISTRY_UNREACHABLE,
    RESOLVING,
    Condition,
)
from mlapi_operator.observe.containers import Container
from mlapi_operator.observe.facts import Facts, Objection
from mlapi_operator.status.chain import Check

PULL_FAILURES: Final = frozenset(
    {
        "ErrImagePull",
        "ImagePullBackOff",
        "ErrImageNeverPull",
        "InvalidImageName",
        "ImageInspectError",
        "RegistryUnavailable",
        "SignatureValidationFailed",
    }
)
# Checked first: registries that hide what exists say both, `pull access denied, repository does not exist`.
DENIED: Final = re.compile(
    r"denied|unauthori[sz]ed|forbidden|authentication required|authorization failed"
    r"|insufficient_scope|no basic auth|\b40[13]\b",
    re.IGNORECASE,
)
ABSENT: Final = re.compile(
    r"not found|not_found|manifest unknown|name unknown|does not exist|InvalidImageName|\b404\b",
    re.IGNORECASE,
)
# Between tries the kubelet puts this in front of the same text: the message must not alternate.
BACK_OFF: Final = re.compile(r'^Back-off pulling image "[^"]*":? ?(ErrImagePull: )?')


def image_chosen(facts: Facts) -> Objection | None:
    refused = facts.refused
    if refused and refused.reason.condition is Condition.IMAGE_READY:
        return refused
    if facts.revision is None:
        return Objection(RESOLVING, facts.waiting or "no revision has been made of the spec yet")
    return None


def image_pulled(facts: Facts) -> Objection | None:
    """One pod that has run the image proves it."""
    if any(pod.ready or pod.fetch.has_run or pod.server.has_run for pod in facts.updated):
        return None
    return next(
        (
            pull_objection(container, facts)
            for pod in facts.updated
            for container in (pod.fetch, pod.server)
            if container.waiting in PULL_FAILURES
        ),
        None,
    )


def pull_objection(container: Container, facts: Facts) -> Objection:
    cause = BACK_OFF.sub("", container.waiting_message) or container.waiting
    image = facts.revision.image if facts.revision else "the image"
    if DENIED.search(cause):
        remedy = "make it public, or give the namespace's default service account an image pull secret"
        return Objection(PULL_DENIED, f"the registry denies {image}; {remedy}: {cause}")
    if ABSENT.search(cause) or container.waiting in ("InvalidImageName", "ErrImageNeverPull"):
        return Objection(
            IMAGE_NOT_FOUND, f"{image} does not exist; push it or name another in spec.image: {cause}"
        )
    return Objection(REGISTRY_UNREACHABLE, f"{image} cannot be pulled, it is tried again: {cause}")


IMAGE_READY: Final[tuple[Check, ...]] = (image_chosen, image_pulled)
