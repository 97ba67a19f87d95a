"""MLApi v1alpha1: what a user writes. The source of the CRD, the offline checks and docs/reference/api.md."""

import re
from collections.abc import Callable
from typing import Annotated, ClassVar, Final, Literal

from pydantic import ConfigDict, Field, StringConstraints

from mlapi_operator.api.base import Object, Rule
from mlapi_operator.api.quantity import Bytes, Cpu, amount
from mlapi_operator.api.types import Manifest


def _matches(pattern: str) -> Callable[[str], bool]:
    # Python's `$` also matches before a last newline, RE2's does not.
    compiled = re.compile(pattern.removesuffix("$") + r"\Z", re.ASCII)
    return lambda value: compiled.match(value) is not None


def _pattern(pattern: str, message: str) -> Rule:
    """A pattern whose violation is answered with what to write; anchored at both ends, without `'`."""
    return Rule(f"self.matches(r'{pattern}')", message, _matches(pattern))


LABEL_VALUE: Final = r"^([A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?)?$"
QUALIFIED_NAME: Final = (
    r"^([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$"
)
OBJECT_NAME: Final = r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$"
KEY_NAME: Final = r"^[A-Za-z0-9._-]+$"

ObjectName = Annotated[str, StringConstraints(min_length=1, max_length=253, pattern=OBJECT_NAME)]
KeyName = Annotated[str, StringConstraints(min_length=1, max_length=253, pattern=KEY_NAME)]
LabelValue = Annotated[str, StringConstraints(max_length=63, pattern=LABEL_VALUE)]
TaintKey = Annotated[str, StringConstraints(max_length=316, pattern=QUALIFIED_NAME)]


class Framework(Object):
    """The web framework that serves the model. Changing it makes a new revision."""

    name: Literal["FastAPI"]
    """Name of the framework. The operator uses its own image of it unless `spec.image` names another."""


class Model(Object):
    """The model: where its file comes from and what it is called."""

    uri: Annotated[
        str,
        StringConstraints(min_length=1, max_length=2048),
        _pattern(
            r"^https://([A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?"
            r"(/[A-Za-z0-9._~!$&()*+,;=:@%-]*)*/[A-Za-z0-9_][A-Za-z0-9._-]*([?][!-~]*)?$",
            "must be https://host[:port]/path/file without user name or fragment, the file named with "
            "letters, digits, '.', '_' and '-'; other sources are not supported yet",
        ),
    ]
    """Address of the model file, `https://host[:port]/path/file`. Fetched by an init container of each pod
    before the server starts. Private addresses are refused unless the operator's `fetch.allowedCIDRs` lists
    them. Example: `https://models.example.com/resnet50.onnx`."""
    sha256: (
        Annotated[
            str,
            StringConstraints(max_length=64),
            _pattern("^[0-9a-f]{64}$", "must be 64 lower-case hex digits"),
        ]
        | None
    ) = None
    """SHA-256 of the file, 64 lower-case hex digits, as `sha256sum` prints it. A file that differs is never
    served: ModelAvailable becomes False with reason ChecksumMismatch."""
    name: (
        Annotated[
            str,
            StringConstraints(min_length=1, max_length=63),
            _pattern(
                "^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$",
                "must be letters, digits, '.', '_' and '-', beginning and ending with a letter or digit",
            ),
        ]
        | None
    ) = None
    """Name of the model in URLs (`/v2/models/<name>`) and metrics. Default: metadata.name."""
    format: Literal["Auto", "ONNX"] = "Auto"
    """Format of the file. `Auto` goes by the file name alone and knows `.onnx`."""
    tmp_size: Bytes = "1Gi"
    """Size limit of /tmp in the serving container, a quantity such as `512Mi` or `2Gi`. A pod that writes
    more is evicted."""

    rules: ClassVar = (
        Rule(
            r"self.format != 'Auto' || self.uri.matches(r'^[^?]*[.]onnx([?].*)?$')",
            "the file name must end in .onnx for format Auto; for a file of another name write format: ONNX",
            lambda model: model.format != "Auto" or _matches(r"^[^?]*[.]onnx([?].*)?$")(model.uri),
            field="uri",
        ),
    )


class Batching(Object):
    """How requests that wait at the same time share one run of the model."""

    max_size: Annotated[int, Field(ge=1, le=1024)] = 32
    """Most requests in one run. 1 turns batching off; a model that cannot batch is run one by one anyway."""
    max_delay_milliseconds: Annotated[int, Field(ge=0, le=1000)] = 0
    """Milliseconds to wait for more requests before a run. 0 takes what is queued and never waits."""


class Serving(Object):
    """How each pod answers requests."""

    workers: Annotated[int, Field(ge=1, le=64)] = 1
    """Worker processes per pod. Each holds its own copy of the model."""
    max_concurrency: Annotated[int, Field(ge=1, le=10000)] = 100
    """Requests that one pod admits at once, waiting ones included, shared evenly by its workers. Beyond it,
    requests are answered 429 with Retry-After."""
    request_timeout_seconds: Annotated[int, Field(ge=1, le=3600)] = 60
    """Seconds that a request may take, waiting included. Beyond it, it is answered 504."""
    max_request_bytes: Annotated[int, Field(ge=1024, le=1073741824)] = 10485760
    """Largest request body in bytes. A larger one is answered 413. Default: 10485760 (10 MiB)."""
    batching: Batching = Field(default_factory=Batching)
    warmup_requests: Annotated[int, Field(ge=0, le=1000)] = 1
    """Runs of the model with made-up input before the pod counts as started."""


class KeyReference(Object):
    """A key of an object in the same namespace."""

    name: ObjectName
    """Name of the Secret or ConfigMap."""
    key: KeyName
    """Key in it."""
    optional: bool = False
    """true starts the pod even if the object or the key is missing; the variable is then unset."""


class FieldReference(Object):
    """A field of the pod itself."""

    field_path: Annotated[
        str,
        StringConstraints(min_length=1, max_length=400),
        _pattern(
            r"^(metadata[.](name|namespace|uid)|metadata[.](labels|annotations)\['[^']+'\]"
            r"|spec[.](nodeName|serviceAccountName)|status[.](hostIP|hostIPs|podIP|podIPs))$",
            "must be metadata.name, metadata.namespace, metadata.uid, metadata.labels['<key>'], "
            "metadata.annotations['<key>'], spec.nodeName, spec.serviceAccountName, status.hostIP, "
            "status.hostIPs, status.podIP or status.podIPs",
        ),
    ]
    """Path of the field, as in a pod's own `env`. Examples: `metadata.name`, `status.podIP`."""


class EnvVarSource(Object):
    """Where the value of a variable comes from: exactly one of the members."""

    secret_key_ref: KeyReference | None = None
    """A key of a Secret. The operator itself never reads it."""
    config_map_key_ref: KeyReference | None = None
    """A key of a ConfigMap."""
    field_ref: FieldReference | None = None

    rules: ClassVar = (
        Rule(
            "[has(self.secretKeyRef), has(self.configMapKeyRef), has(self.fieldRef)].exists_one(set, set)",
            "must hold exactly one of secretKeyRef, configMapKeyRef and fieldRef",
            lambda source: (
                [source.secret_key_ref, source.config_map_key_ref, source.field_ref].count(None) == 2
            ),
        ),
    )


class EnvVar(Object):
    """One environment variable of the serving container."""

    name: Annotated[
        str,
        StringConstraints(min_length=1, max_length=253),
        _pattern(
            "^[A-Za-z_.-][A-Za-z0-9_.-]*$",
            "must be letters, digits, '_', '.' and '-', not beginning with a digit",
        ),
        Rule(
            "!self.startsWith('MLAPI_')",
            "must not begin with MLAPI_, which is the operator's; use another name",
            lambda name: not name.startswith("MLAPI_"),
        ),
    ]
    """Name of the variable. Names that begin with MLAPI_ are the operator's."""
    value: Annotated[str, StringConstraints(max_length=32768)] | None = None
    """Value. Anyone who can read the MLApi can read it: put secrets into a Secret and use `valueFrom`."""
    value_from: EnvVarSource | None = None

    rules: ClassVar = (
        Rule(
            "!(has(self.value) && has(self.valueFrom))",
            "must hold value or valueFrom, not both",
            lambda variable: variable.value is None or variable.value_from is None,
        ),
    )


class ResourceRequests(Object):
    """What the scheduler sets aside for each pod."""

    cpu: Cpu = "250m"
    """CPUs, such as `250m` (a quarter of one) or `2`."""
    memory: Bytes = "512Mi"
    """Memory, such as `512Mi` or `2Gi`."""
    ephemeral_storage: Annotated[Bytes | None, Field(alias="ephemeral-storage")] = None
    """Local disk, such as `10Gi`: the model file, /tmp and logs live there."""


class ResourceLimits(Object):
    """What each pod may use at most. Absent means unlimited."""

    cpu: Cpu | None = None
    """CPUs; beyond it the container is slowed down."""
    memory: Bytes | None = None
    """Memory; beyond it the container is killed (OOMKilled)."""
    ephemeral_storage: Annotated[Bytes | None, Field(alias="ephemeral-storage")] = None
    """Local disk; beyond it the pod is evicted."""


def _request_fits(member: str, name: str) -> Rule:
    attribute = member.replace("-", "_")
    request, limit = f"self.requests.{name}", f"self.limits.{name}"

    def holds(resources: "Resources") -> bool:
        least = getattr(resources.requests, attribute)
        most = getattr(resources.limits, attribute)
        return least is None or most is None or amount(least) <= amount(most)

    return Rule(
        f"!has({request}) || !has(self.limits) || !has({limit}) || "
        f"quantity(string({request})).compareTo(quantity(string({limit}))) <= 0",
        f"requests.{member} must not exceed limits.{member}; lower the request or raise the limit",
        holds,
        field=f"requests.{name}",
    )


class Resources(Object):
    """CPU, memory and disk of the serving container of each pod."""

    requests: ResourceRequests = Field(default_factory=ResourceRequests)
    limits: ResourceLimits = Field(default_factory=ResourceLimits)

    rules: ClassVar = (
        _request_fits("cpu", "cpu"),
        _request_fits("memory", "memory"),
        _request_fits("ephemeral-storage", "ephemeral__dash__storage"),
    )


class SmokeTest(Object):
    """The real request through the Service that must be answered before the MLApi is Ready."""

    mode: Literal["Service", "Off"] = "Service"
    """`Service` sends the request through the Service; `Off` sends none, and Ready then means that pods are
    ready."""
    path: (
        Annotated[
            str,
            StringConstraints(max_length=1024),
            _pattern("^/[!-.0-~][!-~]*$", "must begin with one '/' and hold no spaces, as in /predict"),
        ]
        | None
    ) = None
    """Path of a request of your own, such as `/predict`. Default: `GET /_mlapi/smoke`, which runs the model
    on made-up input."""
    method: Literal["GET", "POST"] = "POST"
    """Method of the request to `path`. Default: POST."""
    body: Annotated[str, StringConstraints(max_length=16384)] | None = None
    """Body of the request to `path`, sent as application/json. Example: `{"inputs": [[1, 2, 3]]}`."""
    expect_status: Annotated[int, Field(ge=100, le=599)] = 200
    """HTTP status that counts as passed."""
    timeout_seconds: Annotated[int, Field(ge=1, le=600)] = 30
    """Seconds to wait for the answer."""
    interval_seconds: Annotated[int, Field(ge=1, le=86400)] = 60
    """Seconds after which the test is repeated, unless real requests succeeded in the meantime."""

    rules: ClassVar = (
        Rule(
            "has(self.path) || (!has(self.method) && !has(self.body))",
            "method and body are those of a request of your own; add path",
            lambda test: test.path is not None or not test.model_fields_set & {"method", "body"},
            field="path",
        ),
        Rule(
            "!has(self.body) || !has(self.method) || self.method == 'POST'",
            "a GET request has no body; remove body or write method: POST",
            lambda test: test.body is None or test.method == "POST",
            field="body",
        ),
    )


class Probe(Object):
    """When a pod counts as started, and when the MLApi counts as answering."""

    startup_timeout_seconds: Annotated[int, Field(ge=1, le=86400)] = 900
    """Seconds that loading and warm-up may take before the container is restarted. Liveness is watched only
    afterwards. Fetching the model is not counted."""
    smoke_test: SmokeTest = Field(default_factory=SmokeTest)


class SLO(Object):
    """Targets for latency and errors. They set the condition LatencyWithinTarget and never Ready."""

    latency_p95_milliseconds: Annotated[int, Field(ge=1, le=3600000)] | None = None
    """95 of 100 requests should take at most so many milliseconds, measured in the pods."""
    max_error_percent: Annotated[int, Field(ge=0, le=100)] | None = None
    """At most so many of 100 requests should be answered with a 5xx status."""
    window_seconds: Annotated[int, Field(ge=30, le=3600)] = 300
    """Seconds of traffic that the targets and status.latency look back on."""

    rules: ClassVar = (
        Rule(
            "has(self.latencyP95Milliseconds) || has(self.maxErrorPercent)",
            "must hold latencyP95Milliseconds or maxErrorPercent, or both",
            lambda slo: slo.latency_p95_milliseconds is not None or slo.max_error_percent is not None,
        ),
    )


class Toleration(Object):
    """A taint that the pods tolerate, as in a pod's own `tolerations`."""

    key: TaintKey | None = None
    """Key of the taint. Absent, with operator Exists: every taint."""
    operator: Literal["Exists", "Equal"] = "Equal"
    """`Equal` compares `value`; `Exists` takes any value."""
    value: LabelValue | None = None
    """Value of the taint, for operator Equal."""
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None
    """Effect of the taint. Absent: every effect."""
    toleration_seconds: Annotated[int, Field(ge=0, le=2147483647)] | None = None
    """Seconds that a running pod stays on a node that gets the taint; effect NoExecute only."""

    rules: ClassVar = (
        Rule(
            "has(self.key) || self.operator == 'Exists'",
            "without key the operator must be Exists; add key or write operator: Exists",
            lambda toleration: toleration.key is not None or toleration.operator == "Exists",
            field="operator",
        ),
        Rule(
            "self.operator != 'Exists' || !has(self.value) || self.value == ''",
            "operator Exists takes no value; remove value or write operator: Equal",
            lambda toleration: toleration.operator != "Exists" or not toleration.value,
            field="value",
        ),
        Rule(
            "!has(self.tolerationSeconds) || (has(self.effect) && self.effect == 'NoExecute')",
            "tolerationSeconds needs effect: NoExecute",
            lambda toleration: toleration.toleration_seconds is None or toleration.effect == "NoExecute",
            field="tolerationSeconds",
        ),
    )


class Scheduling(Object):
    """Which nodes the pods may run on."""

    node_selector: Annotated[dict[str, LabelValue], Field(max_length=32)] = Field(default_factory=dict)
    """Labels that a node must carry, such as `disktype: ssd`."""
    tolerations: Annotated[list[Toleration], Field(max_length=32)] = Field(default_factory=list)
    """Taints that the pods tolerate."""


class Observability(Object):
    """What each pod tells about its requests."""

    log_requests: Literal["None", "Metadata"] = "None"
    """`Metadata` writes one JSON line per request to stdout: time, method, route, status, sizes in bytes and
    `durationMicroseconds`, the very number that is counted in status.latency; never the payload."""


_RESERVED = ("mlapi.dev/", "app.kubernetes.io/")
_NOT_RESERVED = Rule(
    f"self.all(key, !({' || '.join(f'key.startsWith({prefix!r})' for prefix in _RESERVED)}))",
    "keys that begin with mlapi.dev/ or app.kubernetes.io/ are the operator's; use others",
    lambda keys: not any(key.startswith(_RESERVED) for key in keys),
)


class PodMetadata(Object):
    """Labels and annotations of the pods. Those of the MLApi itself are never copied."""

    labels: Annotated[dict[str, LabelValue], Field(max_length=32), _NOT_RESERVED] = Field(
        default_factory=dict
    )
    """Labels of the pods, such as `team: vision`."""
    annotations: Annotated[
        dict[str, Annotated[str, StringConstraints(max_length=4096)]], Field(max_length=32), _NOT_RESERVED
    ] = Field(default_factory=dict)
    """Annotations of the pods, such as `sidecar.istio.io/inject: "false"`."""


class MLApiSpec(Object):
    """What to serve and how. Every change of the workload makes a new revision."""

    framework: Framework
    model: Model
    image: (
        Annotated[
            str,
            StringConstraints(max_length=512),
            _pattern(
                r"^([A-Za-z0-9.-]+(:[0-9]{1,5})?/)?[a-z0-9]+([._-]+[a-z0-9]+)*(/[a-z0-9]+([._-]+[a-z0-9]+)*)*"
                r"(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?@sha256:[0-9a-f]{64}$",
                "must name an image by digest, as in registry.example.com/resnet@sha256:<64 hex digits>; "
                "tags cannot be resolved yet",
            ),
        ]
        | None
    ) = None
    """Your own serving image, by digest. It must contain mlapi_runtime: build it FROM the operator's image of
    the framework. Default: the operator's image. Example: `registry.example.com/resnet@sha256:<64 hex>`."""
    serving: Serving = Field(default_factory=Serving)
    env: Annotated[list[EnvVar], Field(max_length=128)] = Field(default_factory=list)
    """Environment variables of the serving container. Names are unique."""
    resources: Resources = Field(default_factory=Resources)
    replicas: Annotated[int, Field(ge=0, le=1000)] | None = None
    """Pods to run. Absent means 1. `kubectl scale` and autoscalers write it through /scale; with GitOps,
    leave it out of the manifest if anything else scales."""
    probe: Probe = Field(default_factory=Probe)
    slo: SLO | None = None
    suspend: bool = False
    """true removes all pods and keeps everything else. Ready is then False with reason Suspended."""
    scheduling: Scheduling = Field(default_factory=Scheduling)
    observability: Observability = Field(default_factory=Observability)
    pod_metadata: PodMetadata = Field(default_factory=PodMetadata)


class ObjectMeta(Object):
    """The part of metadata that CEL can see."""

    model_config = ConfigDict(extra="ignore")

    name: str


_NAME = r"^[a-z]([-a-z0-9]*[a-z0-9])?$"


class MLApi(Object):
    """One model behind a web framework, rolled out and measured."""

    model_config = ConfigDict(extra="ignore")

    metadata: ObjectMeta
    spec: MLApiSpec

    rules: ClassVar = (
        Rule(
            f"self.metadata.name.size() <= 50 && self.metadata.name.matches('{_NAME}')",
            "metadata.name must be at most 50 lower-case letters, digits and '-', beginning with a letter "
            "and ending with a letter or digit: the Service bears the same name",
            lambda mlapi: len(mlapi.metadata.name) <= 50 and _matches(_NAME)(mlapi.metadata.name),
            field="metadata.name",
        ),
    )


def parse(manifest: Manifest) -> MLApiSpec:
    """The spec of an MLApi as the API server returned it, with every default filled in.

    Unknown fields are passed over: the API server prunes what its CRD does not know, so that an unknown field
    means a CRD newer than this operator (an upgrade under way, or rolled back), which must stop nobody's API.

    Raises:
        pydantic.ValidationError: the object breaks a rule; `mlapi_operator.api.problems` makes it readable.
    """
    return MLApi.model_validate(manifest, extra="ignore").spec
