"""Available: whether some pod serves, and if not, what its server died of."""

import re
from collections.abc import Iterator
from typing import Final

from mlapi_operator.api import conditions
from mlapi_operator.observe.containers import Container, Termination
from mlapi_operator.observe.facts import Facts, Objection
from mlapi_operator.observe.pods import Pod
from mlapi_operator.observe.termination import report, runtime_missing
from mlapi_operator.status.chain import Check, first

CONFIG_ERROR: Final = "CreateContainerConfigError"
# States in which the kubelet names the cause in the waiting message, before any run has ended.
NOT_STARTED: Final = frozenset({"CreateContainerError", "RunContainerError"})
CRASH_LOOP: Final = "CrashLoopBackOff"
# `secret "keys" not found`, `couldn't find key token in ConfigMap team-a/settings`.
REFERENCE: Final = re.compile("secret|configmap", re.IGNORECASE)
# `container has runAsNonRoot and image will run as root`, or `... image has non-numeric user (app)`.
NON_ROOT: Final = "container has runAsNonRoot"


def pods_created(facts: Facts) -> Objection | None:
    if not facts.deployment.create_failure:
        return None
    return Objection(
        conditions.NO_READY_PODS,
        f"pods cannot be created, it is tried again: {facts.deployment.create_failure}",
    )


def runtime_present(facts: Facts) -> Objection | None:
    said = (
        text
        for pod in starting(facts)
        for container in (pod.fetch, pod.server)
        for text in (container.waiting_message, container.failed.message if container.failed else "")
    )
    if not any(runtime_missing(text) for text in said):
        return None
    image = facts.revision.image if facts.revision else "the image"
    return Objection(
        conditions.RUNTIME_MISSING,
        f"{image} does not contain mlapi_runtime in /opt/app; "
        "build it FROM the operator's image of the framework",
    )


def references_resolved(facts: Facts) -> Objection | None:
    message = next((found.waiting_message for found in held_up(facts) if lacks_reference(found)), None)
    if message is None:
        return None
    return Objection(
        conditions.SECRET_NOT_FOUND, f"spec.env: {message}; create it, the pod starts by itself then"
    )


def held_up(facts: Facts) -> Iterator[Container]:
    """Containers that the kubelet cannot even start."""
    for pod in starting(facts):
        for container in (pod.fetch, pod.server):
            if container.waiting == CONFIG_ERROR or container.waiting in NOT_STARTED:
                yield container


def lacks_reference(container: Container) -> bool:
    return container.waiting == CONFIG_ERROR and bool(REFERENCE.search(container.waiting_message))


def server_alive(facts: Facts) -> Objection | None:
    return next((crash(end, pod, facts) for pod in starting(facts) if (end := pod.server.failed)), None)


def container_started(facts: Facts) -> Objection | None:
    found = next(held_up(facts), None)
    if found is None:
        return None
    message = found.waiting_message or found.waiting
    remedy = "; set spec.security.runAsUser, or a numeric USER in the image" if NON_ROOT in message else ""
    return Objection(
        conditions.CRASH_LOOP,
        f"container {found.name} cannot be started, it is tried again: {message}{remedy}",
    )


def starting(facts: Facts) -> tuple[Pod, ...]:
    """Pods of the current revision that do not serve (yet)."""
    return tuple(pod for pod in facts.updated if not pod.ready)


def crash(end: Termination, pod: Pod, facts: Facts) -> Objection | None:
    found = report(end.message)
    if end.reason == "OOMKilled":
        return Objection(
            conditions.OOM_KILLED,
            f"the server was killed for using too much memory (exit code {end.exit_code}); "
            f"{raise_memory_limit(facts)}",
        )
    if found and found.reason == conditions.LOAD_FAILED.name:
        return Objection(
            conditions.LOAD_FAILED,
            f"{found.message} (exit code {end.exit_code}); correct the file at spec.model.uri, "
            "or see what else the log of container server says",
        )
    if pod.server.waiting == CRASH_LOOP or pod.server.restarts:
        said = f": {found.message}" if found else ""
        return Objection(
            conditions.CRASH_LOOP,
            f"the server ended with exit code {end.exit_code} and is started again{said}; "
            "its log tells more (kubectl logs --previous, container server)",
        )
    return None


def raise_memory_limit(facts: Facts) -> str:
    limit = facts.spec.resources.limits.memory if facts.spec else None
    if limit:
        return f"raise spec.resources.limits.memory ({limit})"
    return "it has no limit of its own, so the node ran out: raise spec.resources.requests.memory"


def some_ready(facts: Facts) -> Objection | None:
    return Objection(conditions.NO_READY_PODS, why_suspended(facts) if facts.suspended else "no pod is ready")


def why_suspended(facts: Facts) -> str:
    by_suspend = facts.spec is not None and facts.spec.suspend
    return f"no pods are wanted: {'spec.suspend is true' if by_suspend else 'spec.replicas is 0'}"


# What keeps pods of the current revision from serving, whether or not an old revision still does.
STARTED: Final[tuple[Check, ...]] = (
    runtime_present,
    references_resolved,
    server_alive,
    container_started,
    pods_created,
)


def available(facts: Facts) -> Objection | None:
    """One ready pod of any revision is enough: replicas that are starting never clear it."""
    if any(pod.ready for pod in facts.live):
        return None
    return first((*STARTED, some_ready), facts)


AVAILABLE: Final[tuple[Check, ...]] = (available,)
