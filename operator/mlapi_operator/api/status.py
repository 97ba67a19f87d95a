"""MLApi v1alpha1: what the operator reports. Unknown numbers are -1, never left out."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from mlapi_operator.api.base import ListMap, Object
from mlapi_operator.api.conditions import Phase

Name = Annotated[str, StringConstraints(max_length=253)]
Text = Annotated[str, StringConstraints(max_length=4096)]
Sentence = Annotated[str, StringConstraints(max_length=1024)]
Time = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
Number = Annotated[int, Field(ge=-1)]
Percent = Annotated[int, Field(ge=-1, le=100)]


class ConditionStatus(Object):
    """One aspect of the MLApi. True means well; Reconciling and Stalled exist only while they are True."""

    type: Annotated[str, StringConstraints(min_length=1, max_length=63)]
    """Type of the condition."""
    status: Literal["True", "False", "Unknown"]
    observed_generation: Annotated[int, Field(ge=0)] = 0
    """Generation of the MLApi that the condition was judged on."""
    last_transition_time: Time
    """When `status` last flipped."""
    reason: Annotated[str, StringConstraints(max_length=63, pattern="^[A-Za-z][A-Za-z0-9]*$")]
    """Why, in one word; docs/reference/conditions.md lists them."""
    message: Text
    """Why, in a sentence, and what to do."""


class FrameworkStatus(Object):
    """The framework of the current revision."""

    name: Annotated[str, StringConstraints(max_length=63)]


class Download(Object):
    """The pod that is furthest behind in fetching the model; absent when none is fetching."""

    done_bytes: Number
    total_bytes: Number
    """Bytes in all; -1 when the server does not say."""
    bytes_per_second: Number
    remaining_seconds: Number
    """Seconds until the file is complete; -1 when unknown."""
    pod: Name


class ModelStatus(Object):
    """The model as the pods have it."""

    name: Name
    """Name in URLs and metrics."""
    resolved_revision: Annotated[str, StringConstraints(max_length=253)] | None = None
    """What was fetched: `sha256:<64 hex>` of the file."""
    size_bytes: Number
    """Size of the file; -1 until it is complete somewhere."""
    download: Download | None = None


class ImageStatus(Object):
    """The image of the current revision."""

    reference: Annotated[str, StringConstraints(max_length=512)]
    """The image by digest."""
    source: Literal["Prebuilt", "Provided"]
    """`Prebuilt` is the operator's own, `Provided` is spec.image."""


class GPUStatus(Object):
    """The GPUs that the pods could use; absent when none is asked for."""

    resource_name: Annotated[str, StringConstraints(max_length=316)]
    """Resource that a pod asks for, such as `nvidia.com/gpu`."""
    per_replica: Annotated[int, Field(ge=0)]
    """Devices per pod."""
    products: Annotated[list[Annotated[str, StringConstraints(max_length=63)]], Field(max_length=64)] = Field(
        default_factory=list
    )
    """Products of the nodes that match, in the order of preference."""
    matching_nodes: Number
    """Nodes that have the wanted GPU and may run the pods; -1 where the operator may not read nodes."""
    free_devices: Number
    """Devices of these nodes that no pod has asked for; -1 when unknown."""
    message: Sentence | None = None
    """Why a pod waits, and what the nearest node lacks."""


class Rollout(Object):
    """The revision that is being rolled out, or was last."""

    revision: Name
    """The revision that the spec asks for, `<name>-<8 hex>`."""
    stable_revision: Annotated[str, StringConstraints(max_length=253)] | None = None
    """The revision that was last fully rolled out, answered and was accepted."""
    strategy_used: Literal["Surge", "InPlace", "RollingUpdate", "Recreate"] | None = None
    """How pods are replaced: `Surge` starts a new one first, `InPlace` ends an old one first."""
    strategy_reason: Sentence | None = None
    """Why that one."""
    start_time: Time | None = None
    """When the Deployment was given the revision."""
    message: Sentence | None = None
    """What the rollout waits for, on what grounds the revision was accepted, or why it was rolled back."""


class Revision(Object):
    """A revision and how it did. Latency and errors are those of status.latency's window."""

    name: Name
    framework: Annotated[str, StringConstraints(max_length=63)]
    image_digest: Annotated[str, StringConstraints(max_length=80)] | None = None
    model_revision: Annotated[str, StringConstraints(max_length=253)] | None = None
    created_at: Time
    ready_replicas: Annotated[int, Field(ge=0)]
    requests: Number
    error_percent: Percent
    p50_microseconds: Number
    p95_microseconds: Number
    result: Literal["Active", "Superseded", "RolledBack", "Failed"] | None = None
    """`Active` was accepted last, `Superseded` was replaced by a later one, `RolledBack` did worse than the
    one before it, `Failed` never became ready and had none before it."""
    message: Sentence | None = None
    """Why it was rolled back, or on what grounds it was accepted."""


class Latency(Object):
    """Latency over the window, merged from the pods' own counts; rejected requests are not in it."""

    window_seconds: Annotated[int, Field(ge=1)]
    sampled_at: Time | None = None
    """When the pods were last asked."""
    requests: Number
    requests_per_minute: Number
    error_percent: Percent
    """Of 100 requests, those answered with a 5xx status."""
    pods_sampled: Annotated[int, Field(ge=0)]
    p50_microseconds: Number
    p95_microseconds: Number
    p99_microseconds: Number
    p95: Annotated[str, StringConstraints(max_length=32)] | None = None
    """p95 as people read it, such as `4.2ms`."""


class Startup(Object):
    """Seconds that the steps of the last start took, each measured to a whole second by Kubernetes."""

    schedule_seconds: Number
    image_pull_seconds: Number
    download_seconds: Number
    load_seconds: Number
    first_answer_seconds: Number


class LastFailure(Object):
    """The last failure of a container; kept after recovery."""

    pod: Name
    container: Name
    reason: Annotated[str, StringConstraints(max_length=63)]
    exit_code: int
    """Exit code; -1 when the container never ran."""
    message: Text
    time: Time


class MLApiStatus(Object):
    """What the operator observed."""

    observed_generation: int = -1
    """The newest generation of the spec that the conditions take into account; -1 before the first look."""
    conditions: Annotated[list[ConditionStatus], Field(max_length=16), ListMap("type")] = Field(
        default_factory=list
    )
    """Ready is True when every pod is up to date and the current revision answered a real request."""
    phase: Phase | None = None
    """The state in one word, for people; programs read the conditions."""
    url: Annotated[str, StringConstraints(max_length=2048)] | None = None
    """Where users reach the API."""
    internal_url: Annotated[str, StringConstraints(max_length=2048)] | None = None
    """Where pods of the cluster reach the API."""
    replicas: Annotated[int, Field(ge=0)] | None = None
    """Pods that exist."""
    ready_replicas: Annotated[int, Field(ge=0)] | None = None
    updated_replicas: Annotated[int, Field(ge=0)] | None = None
    """Pods of the revision that is to run."""
    available_replicas: Annotated[int, Field(ge=0)] | None = None
    selector: Annotated[str, StringConstraints(max_length=512)] | None = None
    """Label selector of the pods, for autoscalers."""
    framework: FrameworkStatus | None = None
    model: ModelStatus | None = None
    image: ImageStatus | None = None
    gpu: GPUStatus | None = None
    rollout: Rollout | None = None
    revisions: Annotated[list[Revision], Field(max_length=16), ListMap("name")] = Field(default_factory=list)
    """The current revision and those before it, newest first."""
    latency: Latency | None = None
    startup: Startup | None = None
    last_failure: LastFailure | None = None
