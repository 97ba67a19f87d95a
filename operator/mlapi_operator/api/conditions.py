"""Conditions, their reasons and the phases: names, meaning, and which reasons waiting does not help."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Condition(StrEnum):
    """Types of conditions. True means well, except Reconciling and Stalled, which exist only while True."""

    ACCEPTED = "Accepted"
    IMAGE_READY = "ImageReady"
    MODEL_AVAILABLE = "ModelAvailable"
    SCHEDULED = "Scheduled"
    AVAILABLE = "Available"
    SERVING = "Serving"
    LATENCY_WITHIN_TARGET = "LatencyWithinTarget"
    READY = "Ready"
    RECONCILING = "Reconciling"
    STALLED = "Stalled"


class Phase(StrEnum):
    """One word for people; the first that applies, in this order."""

    SUSPENDED = "Suspended"
    FAILED = "Failed"
    DEGRADED = "Degraded"
    WAITING_FOR_GPU = "WaitingForGPU"
    DOWNLOADING = "Downloading"
    STARTING = "Starting"
    UPDATING = "Updating"
    READY = "Ready"
    PENDING = "Pending"


@dataclass(frozen=True)
class Reason:
    """Why a condition is what it is.

    Attributes:
        name: as the condition shows it.
        condition: the condition that shows it first; Ready and Stalled repeat it.
        stalls: waiting does not help: somebody must change something.
        when: the sentence of the reference page.
    """

    name: str
    condition: Condition
    stalls: bool
    when: str

    def __str__(self) -> str:
        return self.name


def _reason(condition: Condition, name: str, when: str, *, stalls: bool = False) -> Reason:
    return Reason(name, condition, stalls, when)


_A = Condition.ACCEPTED
ACCEPTED: Final = _reason(_A, "Valid", "The spec is usable in this cluster.")
INVALID_SPEC: Final = _reason(
    _A, "InvalidSpec", "The API server or the operator refused what the spec asks for.", stalls=True
)
NAME_CONFLICT: Final = _reason(
    _A, "NameConflict", "An object of a name that is needed exists and belongs to somebody else.", stalls=True
)
CONFIG_MAP_NOT_FOUND: Final = _reason(
    _A, "ConfigMapNotFound", "A ConfigMap that the operator's settings name does not exist."
)

_I = Condition.IMAGE_READY
IMAGE_READY: Final = _reason(_I, "Resolved", "The image is known by its digest.")
RESOLVING: Final = _reason(_I, "Resolving", "The image is not known yet.")
IMAGE_NOT_FOUND: Final = _reason(
    _I,
    "ImageNotFound",
    "The registry has no such image, or the operator has none for this framework.",
    stalls=True,
)
PULL_DENIED: Final = _reason(
    _I, "PullDenied", "The registry does not let the node pull the image.", stalls=True
)
REGISTRY_UNREACHABLE: Final = _reason(_I, "RegistryUnreachable", "The node cannot reach the registry.")

_M = Condition.MODEL_AVAILABLE
MODEL_AVAILABLE: Final = _reason(_M, "Complete", "The model file is complete in enough pods.")
MODEL_RESOLVING: Final = _reason(_M, "Resolving", "No pod has begun to fetch the model yet.")
DOWNLOADING: Final = _reason(
    _M, "Downloading", "The model is being fetched; status.model.download tells how far."
)
SOURCE_UNREACHABLE: Final = _reason(
    _M, "SourceUnreachable", "The server of model.uri does not answer, or breaks off; it is tried again."
)
AUTH_FAILED: Final = _reason(
    _M,
    "AuthFailed",
    "The server of model.uri answered 401 or 403, or the file on the claim may not be read.",
    stalls=True,
)
NOT_FOUND: Final = _reason(
    _M, "NotFound", "The server of model.uri answered 404 or 410, or the claim has no such file.", stalls=True
)
CHECKSUM_MISMATCH: Final = _reason(
    _M, "ChecksumMismatch", "The file is not the one that model.sha256 names.", stalls=True
)
TOO_LARGE: Final = _reason(
    _M, "TooLarge", "The file is larger than the operator's fetch.maxBytes.", stalls=True
)
ADDRESS_REFUSED: Final = _reason(
    _M,
    "AddressRefused",
    "model.uri leads to a private address that the operator's fetch.allowedCIDRs does not list, or a link on "
    "the claim leads out of it.",
    stalls=True,
)
NO_SPACE: Final = _reason(_M, "NoSpace", "The node has no room for the file.", stalls=True)
DOWNLOAD_OOM: Final = _reason(
    _M, "DownloadOOM", "The fetching container was killed for using too much memory.", stalls=True
)

_S = Condition.SCHEDULED
SCHEDULED: Final = _reason(_S, "Scheduled", "No pod of the current revision is unschedulable.")
INSUFFICIENT_GPU: Final = _reason(
    _S, "InsufficientGPU", "The nodes have none of the devices that spec.gpu asks for, or too few are free."
)
NO_MATCHING_NODE: Final = _reason(
    _S, "NoMatchingNode", "No node is as spec.gpu and spec.scheduling ask: GPU, labels, pods or volumes."
)
UNTOLERATED_TAINT: Final = _reason(
    _S, "UntoleratedTaint", "The nodes that match have taints that are not tolerated."
)
INSUFFICIENT_CPU: Final = _reason(_S, "InsufficientCPU", "No matching node has enough CPU left.")
INSUFFICIENT_MEMORY: Final = _reason(_S, "InsufficientMemory", "No matching node has enough memory left.")

_V = Condition.AVAILABLE
AVAILABLE: Final = _reason(_V, "MinimumReplicasAvailable", "Some revision has enough ready pods.")
NO_READY_PODS: Final = _reason(_V, "NoReadyPods", "Too few pods are ready.")
CRASH_LOOP: Final = _reason(_V, "CrashLoop", "The server ends again and again; status.lastFailure tells how.")
LOAD_FAILED: Final = _reason(_V, "LoadFailed", "The server could not load the model.")
OOM_KILLED: Final = _reason(
    _V, "OOMKilled", "The server was killed for using more memory than resources.limits.memory."
)
RUNTIME_MISSING: Final = _reason(
    _V, "RuntimeMissing", "The image does not contain mlapi_runtime.", stalls=True
)
SECRET_NOT_FOUND: Final = _reason(
    _V, "SecretNotFound", "A Secret or ConfigMap that env refers to, or a key of it, does not exist."
)

_E = Condition.SERVING
SERVING: Final = _reason(
    _E, "Answered", "The current revision answered a request through the Service as expected."
)
NOT_YET_TRIED: Final = _reason(_E, "NotYetTried", "No request has been sent to the current revision yet.")
WRONG_STATUS: Final = _reason(
    _E, "WrongStatus", "The answer had another status than probe.smokeTest.expectStatus."
)
TOO_SLOW: Final = _reason(_E, "TooSlow", "No answer within probe.smokeTest.timeoutSeconds.")
OLD_REVISION: Final = _reason(_E, "OldRevision", "The answer came from another revision.")
UNREACHABLE: Final = _reason(
    _E,
    "Unreachable",
    "The operator cannot connect to the Service: check network policies and the service mesh.",
)

_L = Condition.LATENCY_WITHIN_TARGET
LATENCY_WITHIN_TARGET: Final = _reason(_L, "WithinTarget", "Latency and errors are within spec.slo.")
ABOVE_TARGET: Final = _reason(_L, "AboveTarget", "Latency or errors are above spec.slo.")
TOO_FEW_REQUESTS: Final = _reason(_L, "TooFewRequests", "Too few requests in the window to judge.")
NO_DATA: Final = _reason(_L, "NoData", "No pod could be asked for its figures.")

_R = Condition.READY
READY: Final = _reason(_R, "Answering", "Every pod is up to date and the current revision answers.")
UPDATING: Final = _reason(
    _R, "Updating", "A new revision is being rolled out, or held back by rollout.paused."
)
ROLLED_BACK: Final = _reason(
    _R,
    "RolledBack",
    "The revision that the spec asks for did worse than the one before it, or was never ready, and was "
    "replaced by that one; it is tried again when the spec or rollout.retryToken changes.",
    stalls=True,
)
PROGRESS_DEADLINE_EXCEEDED: Final = _reason(
    _R,
    "ProgressDeadlineExceeded",
    "The rollout has made no progress for rollout.progressDeadlineSeconds.",
    stalls=True,
)
SUSPENDED: Final = _reason(_R, "Suspended", "spec.suspend is true: there are no pods.")

REASONS: Final = tuple(value for value in globals().values() if isinstance(value, Reason))
"""Every reason, in the order of the reference page."""


def stalls(condition: str, reason: str) -> bool:
    """Whether waiting does not help while the condition shows this reason."""
    return any(known.stalls for known in REASONS if (known.condition, known.name) == (condition, reason))
