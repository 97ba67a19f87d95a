"""What to do next about an MLApi: by the reason that its status shows, in commands and fields. Pure."""

import shlex
from collections.abc import Iterator
from typing import Any, Final

from mlapi_operator.api.conditions import Condition
from mlapi_operator.api.types import Manifest
from mlapi_operator.cli.state import condition, is_ready, is_stuck, observed

_WAIT: Final = "nothing but wait; follow it with: mlapi status {name} {options} --watch"
_LOG: Final = "kubectl logs {options} {pods} -c server --tail=50"
_LOG_BEFORE: Final = "kubectl logs {options} {pods} -c server --previous --tail=50"
_DESCRIBE: Final = "kubectl describe pod {options} {pods}"
_MANIFEST: Final = "kubectl edit mlapi {options} {name}"
_BACK: Final = "mlapi rollback {name} {options}"

# By the reason's name: reasons that several conditions share mean the same. Names in braces are filled in.
STEPS: Final[dict[str, tuple[str, ...]]] = {
    # Accepted
    "InvalidSpec": ("correct the field that the message names", _MANIFEST, _BACK),
    "NameConflict": (
        "delete or rename the object that the message names, or give the MLApi another name",
        "kubectl get deployment,service,configmap {options} {name} --show-labels --ignore-not-found",
    ),
    "ConfigMapNotFound": (
        "create the ConfigMap in the operator's namespace, or correct the operator's fetch.caConfigMap",
        "kubectl get configmap -n mlapi-system",
    ),
    # ImageReady
    "Resolving": (_WAIT,),
    "ImageNotFound": (
        "push the image, or correct spec.image; without spec.image, the operator's images.* name it",
        _DESCRIBE,
    ),
    "PullDenied": (
        "give the service account of the pods an image pull secret",
        "kubectl create secret docker-registry {options} registry --docker-server=HOST "
        "--docker-username=NAME --docker-password=PASSWORD",
        "kubectl patch serviceaccount {options} default "
        """-p '{{"imagePullSecrets":[{{"name":"registry"}}]}}'""",
    ),
    "RegistryUnreachable": ("it is tried again; see what the node says of the registry", _DESCRIBE),
    # ModelAvailable
    "Downloading": (_WAIT,),
    "SourceUnreachable": (
        "it is tried again; look at the fetch's log, then at the network policies and spec.model.uri",
        "kubectl logs {options} {pods} -c fetch --tail=50",
    ),
    "AuthFailed": ("make the file of spec.model.uri readable without credentials", _MANIFEST),
    "NotFound": ("correct spec.model.uri, or upload the file", _MANIFEST),
    "ChecksumMismatch": ("correct spec.model.sha256, or the file of spec.model.uri", _MANIFEST),
    "TooLarge": ("serve a smaller file, or have the operator's fetch.maxBytes raised", _MANIFEST),
    "AddressRefused": (
        "have the operator's fetch.allowedCIDRs list the address, or correct spec.model.uri",
        _MANIFEST,
    ),
    "NoSpace": ("free disk space on the node, or set spec.resources.requests.ephemeral-storage", _DESCRIBE),
    "DownloadOOM": ("raise spec.resources.limits.memory", _MANIFEST),
    "PickleRefused": ("serve a file of another format", _MANIFEST),
    # Scheduled
    "InsufficientGPU": (
        "free a device, or ask for less: spec.gpu.products, minMemory, count, sharing",
        "kubectl get pods -A -o custom-columns='NAMESPACE:.metadata.namespace,POD:.metadata.name,"
        "NODE:.spec.nodeName,DEVICES:.spec.containers[*].resources.limits.{resource}'",
    ),
    "NoMatchingNode": ("correct spec.scheduling, or label a node", "kubectl get nodes --show-labels"),
    "UntoleratedTaint": (
        "add the taint to spec.scheduling.tolerations, or remove it from a node",
        "kubectl get nodes -o custom-columns='NAME:.metadata.name,TAINTS:.spec.taints'",
    ),
    "InsufficientCPU": ("lower spec.resources.requests.cpu, or add a node", "kubectl describe nodes"),
    "InsufficientMemory": ("lower spec.resources.requests.memory, or add a node", "kubectl describe nodes"),
    # Available
    "NoReadyPods": ("see what its pods wait for", _DESCRIBE),
    "CrashLoop": ("see how the server ended", _LOG_BEFORE, _BACK),
    "LoadFailed": (
        "see why the model cannot be loaded, and try it on this machine",
        _LOG_BEFORE,
        "kubectl get mlapi {options} {name} -o yaml | mlapi serve -f -",
    ),
    "OOMKilled": ("raise spec.resources.limits.memory, or lower spec.serving.workers", _MANIFEST),
    "RuntimeMissing": ("build spec.image from a runtime image of this project, or remove it", _MANIFEST),
    "SecretNotFound": (
        "create the Secret or ConfigMap that the message names, or correct spec.env",
        "kubectl get secret,configmap {options}",
    ),
    # Serving
    "NotYetTried": (_WAIT,),
    "WrongStatus": (
        "try the request, see the server's log, and correct spec.probe.smokeTest or the application",
        _LOG,
        "kubectl port-forward {options} service/{name} 8080:80",
    ),
    "TooSlow": (
        "raise spec.probe.smokeTest.timeoutSeconds, or give the server more CPU: spec.resources",
        _LOG,
    ),
    "OldRevision": (_WAIT,),
    "Unreachable": (
        "let the operator's namespace reach the pods: network policies, service mesh",
        "kubectl get networkpolicy {options}",
    ),
    # LatencyWithinTarget
    "AboveTarget": (
        "raise spec.replicas, spec.serving.workers or spec.resources.requests.cpu, or the target in spec.slo",
        "mlapi history {name} {options}",
    ),
    "TooFewRequests": (),
    "NoData": ("see whether the operator reaches the pods' admin port: network policies",),
    # Ready
    "Updating": (_WAIT,),
    "RolledBack": (
        "see what the revision changed, correct it and apply it; the change is tried at once",
        "mlapi history {name} {options} --revision {revision}",
        f"make the spec say what runs: {_BACK}",
        "try the same again: kubectl patch mlapi {options} {name} --type=merge "
        """-p '{{"spec":{{"rollout":{{"retryToken":"retry-{generation}"}}}}}}'""",
    ),
    "ProgressDeadlineExceeded": (
        "see what its pods wait for; a large model may need a longer spec.rollout.progressDeadlineSeconds",
        _DESCRIBE,
        "kubectl logs {options} {pods} --all-containers --tail=50",
        _BACK,
    ),
    "Suspended": ("set spec.suspend to false", _MANIFEST),
}
_PAUSED: Final = (
    "let the revision out: set spec.rollout.paused to false",
    "kubectl patch mlapi {options} {name} --type=merge "
    """-p '{{"spec":{{"rollout":{{"paused":false}}}}}}'""",
)
_UNSEEN: Final = (
    "see whether the operator runs, and what it says",
    "kubectl get pods -A -l app.kubernetes.io/name=mlapi-operator",
    "kubectl logs -n mlapi-system -l app.kubernetes.io/name=mlapi-operator --tail=50",
)
_UNKNOWN: Final = ("do as the message says", "kubectl events {options} --for mlapi/{name}", _DESCRIBE)


def what_next(mlapi: Manifest, options: str) -> list[str]:
    """
    Args:
        mlapi: with its status, as read.
        options: what leads kubectl and mlapi to its place, such as `-n team-a`.
    Returns:
        A sentence or a command each, the first thing first; nothing where all is well.
    """
    terms = _terms(mlapi, options)
    steps = list(_steps(mlapi))
    # Where a revision was accepted before this one, waiting for the remedy is not the only way.
    if is_stuck(mlapi) and _has_other_stable(mlapi) and not any(_BACK in step for step in steps):
        steps.append(_BACK)
    return list(dict.fromkeys(step.format_map(terms) for step in steps))


def _has_other_stable(mlapi: Manifest) -> bool:
    rollout = (mlapi.get("status") or {}).get("rollout") or {}
    return rollout.get("stableRevision", rollout.get("revision")) != rollout.get("revision")


def _steps(mlapi: Manifest) -> Iterator[str]:
    if not observed(mlapi):
        yield from _UNSEEN
        return
    if is_ready(mlapi):
        target = condition(mlapi, Condition.LATENCY_WITHIN_TARGET)
        if target and target["status"] != "True":
            yield from STEPS.get(target["reason"], ())
        return
    # Ready repeats the first thing in the way; what waiting does not help may be another.
    for shown in (condition(mlapi, Condition.READY), condition(mlapi, Condition.STALLED)):
        if shown is None:
            continue
        if shown["reason"] == "Updating" and (mlapi["spec"].get("rollout") or {}).get("paused"):
            yield from _PAUSED
        else:
            yield from STEPS.get(shown["reason"], _UNKNOWN)


def _terms(mlapi: Manifest, options: str) -> dict[str, Any]:
    metadata, status = mlapi["metadata"], mlapi.get("status") or {}
    name = metadata["name"]
    revision = (status.get("rollout") or {}).get("revision", "")
    chosen = [f"mlapi.dev/name={name}", *([f"mlapi.dev/revision={revision}"] if revision else [])]
    resource = (status.get("gpu") or {}).get("resourceName", "nvidia.com/gpu")
    return {
        "name": shlex.quote(name),
        "options": options,
        "generation": metadata.get("generation", 0),
        "revision": revision,
        "pods": f"-l {','.join(chosen)}",
        # As a JSONPath of kubectl needs a name that holds dots.
        "resource": resource.replace(".", "\\."),
    }
