"""MLApi v1alpha1: what a user writes. The source of the CRD, the offline checks and docs/reference/api.md."""

from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field, JsonValue, StringConstraints

from mlapi_operator.api.base import ListMap, Object, Rule
from mlapi_operator.api.gpu import GPU
from mlapi_operator.api.patterns import SUBDOMAIN, matches, pattern
from mlapi_operator.api.pod import EnvVar, PodMetadata, Resources, Security
from mlapi_operator.api.quantity import Bytes
from mlapi_operator.api.rollout import Disruption, Rollout
from mlapi_operator.api.scheduling import Scheduling
from mlapi_operator.api.types import Manifest


def _no_default(schema: dict[str, JsonValue]) -> None:
    del schema["default"]


ImportPath = Annotated[
    str,
    StringConstraints(min_length=3, max_length=253),
    pattern(
        "^[A-Za-z_][A-Za-z0-9_]*([.][A-Za-z_][A-Za-z0-9_]*)*:[A-Za-z_][A-Za-z0-9_]*$",
        "must be a module and a name in it, as in package.module:name",
    ),
]


class Framework(Object):
    """The web framework that serves the model. Changing it makes a new revision."""

    name: Literal["FastAPI", "Litestar", "DjangoNinja"]
    """Name of the framework. The operator uses its own image of it unless `spec.image` names another."""
    app: ImportPath | None = None
    """Your own application object, `module:attribute`: a FastAPI, a Litestar or a NinjaAPI, as `name` says.
    It is extended, not replaced: its routes, middlewares and lifespan work as without the operator, and the
    model's routes stand beside them. Needs `spec.image`. Example: `shop.api:app`."""


_FILE = "[A-Za-z0-9_][A-Za-z0-9._-]*"
_HTTPS = (
    r"https://([A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?"
    rf"(/[A-Za-z0-9._~!$&()*+,;=:@%-]*)*/{_FILE}([?][!-~]*)?"
)
_CLAIM = f"pvc://{SUBDOMAIN}(/{_FILE})+"
_KNOWN_SUFFIX = r"^[^?]*[.](onnx|skops)([?].*)?$"


class Model(Object):
    """The model: where its file comes from and what it is called."""

    uri: Annotated[
        str,
        StringConstraints(min_length=1, max_length=2048),
        pattern(
            f"^({_HTTPS}|{_CLAIM})$",
            "must be https://host[:port]/path/file without user name or fragment, or pvc://CLAIM/path/file, "
            "the file named with letters, digits, '.', '_' and '-'; other sources are not supported yet",
        ),
    ]
    """Address of the model file. `https://host[:port]/path/file` is fetched by an init container of each pod
    before the server starts; private addresses are refused unless the operator's `fetch.allowedCIDRs` lists
    them. `pvc://CLAIM/path/file` is read in place, from a PersistentVolumeClaim of the same namespace that
    is mounted read-only. Examples: `https://models.example.com/resnet50.onnx`,
    `pvc://models/vision/resnet50.onnx`."""
    sha256: (
        Annotated[
            str,
            StringConstraints(max_length=64),
            pattern("^[0-9a-f]{64}$", "must be 64 lower-case hex digits"),
        ]
        | None
    ) = None
    """SHA-256 of the file, 64 lower-case hex digits, as `sha256sum` prints it. A file that differs is never
    served: ModelAvailable becomes False with reason ChecksumMismatch."""
    name: (
        Annotated[
            str,
            StringConstraints(min_length=1, max_length=63),
            pattern(
                "^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$",
                "must be letters, digits, '.', '_' and '-', beginning and ending with a letter or digit",
            ),
        ]
        | None
    ) = None
    """Name of the model in URLs (`/v2/models/<name>`) and metrics. Default: metadata.name."""
    format: Literal["Auto", "ONNX", "Sklearn", "Python"] = "Auto"
    """Format of the file. `Auto` goes by the file name alone: `.onnx` is ONNX, `.skops` is Sklearn. `Sklearn`
    is a scikit-learn estimator saved by skops; pickle and joblib are not read. `Python` is whatever the class
    of `handler` reads."""
    handler: ImportPath | None = None
    """Your own class that loads the file and predicts, `module:Class`; it has the methods load and predict or
    predict_batch. For format Python. Needs `spec.image`. Example: `shop.model:Prices`."""
    tmp_size: Bytes = "1Gi"
    """Size limit of /tmp in the serving container, a quantity such as `512Mi` or `2Gi`. A pod that writes
    more is evicted."""

    rules: ClassVar = (
        Rule(
            f"self.format != 'Auto' || self.uri.matches(r'{_KNOWN_SUFFIX}')",
            "the file name must end in .onnx or .skops for format Auto; for a file of another name write "
            "format: ONNX, Sklearn or Python",
            lambda model: model.format != "Auto" or matches(_KNOWN_SUFFIX)(model.uri),
            field=("uri",),
        ),
        Rule(
            "self.format != 'Python' || has(self.handler)",
            "format Python needs the class that reads the file; add handler: module:Class",
            lambda model: model.format != "Python" or model.handler is not None,
            field=("handler",),
        ),
        Rule(
            "!has(self.handler) || self.format == 'Python'",
            "no other format than Python has a handler; write format: Python or remove handler",
            lambda model: model.handler is None or model.format == "Python",
            field=("handler",),
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
    fast_path: bool = True
    """Whether requests of the Open Inference Protocol (`/v2/...`) are answered in front of the framework, the
    faster way. false sends them through the framework's own routing, and so through your own middlewares."""
    warmup_requests: Annotated[int, Field(ge=0, le=1000)] = 1
    """Runs of the model with made-up input before the pod counts as started."""


class SmokeTest(Object):
    """The real request through the Service that must be answered before the MLApi is Ready."""

    mode: Literal["Service", "Off"] = "Service"
    """`Service` sends the request through the Service; `Off` sends none, and Ready then means that pods are
    ready. Write `"Off"` in quotes: YAML reads a bare Off as false."""
    path: (
        Annotated[
            str,
            StringConstraints(max_length=1024),
            pattern("^/[!-.0-~][!-~]*$", "must begin with one '/' and hold no spaces, as in /predict"),
        ]
        | None
    ) = None
    """Path of a request of your own, such as `/predict`. Default: `GET /_mlapi/smoke`, which runs the model
    on made-up input."""
    # No default in the schema: only a request of one's own has a method, and a rule asks who wrote it.
    method: Literal["GET", "POST"] = Field("POST", json_schema_extra=_no_default)
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
            field=("path",),
        ),
        Rule(
            "!has(self.body) || !has(self.method) || self.method == 'POST'",
            "a GET request has no body; remove body or write method: POST",
            lambda test: test.body is None or test.method == "POST",
            field=("body",),
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


class Observability(Object):
    """What each pod tells about its requests."""

    log_requests: Literal["None", "Metadata"] = "None"
    """`Metadata` writes one JSON line per request to stdout: time, method, route, status, sizes in bytes and
    `durationMicroseconds`, the very number that is counted in status.latency; never the payload."""


class MLApiSpec(Object):
    """What to serve and how. Every change of the workload makes a new revision."""

    framework: Framework
    model: Model
    image: (
        Annotated[
            str,
            StringConstraints(max_length=512),
            pattern(
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
    env: Annotated[list[EnvVar], Field(max_length=128), ListMap("name")] = Field(default_factory=list)
    """Environment variables of the serving container. Names are unique."""
    gpu: GPU | None = None
    resources: Resources = Field(default_factory=Resources)
    replicas: Annotated[int, Field(ge=0, le=1000)] | None = None
    """Pods to run. Absent means 1. `kubectl scale` and autoscalers write it through /scale; with GitOps,
    leave it out of the manifest if anything else scales."""
    rollout: Rollout = Field(default_factory=Rollout)
    probe: Probe = Field(default_factory=Probe)
    slo: SLO | None = None
    suspend: bool = False
    """true removes all pods and keeps everything else. Ready is then False with reason Suspended."""
    scheduling: Scheduling = Field(default_factory=Scheduling)
    disruption: Disruption = Field(default_factory=Disruption)
    security: Security = Field(default_factory=Security)
    observability: Observability = Field(default_factory=Observability)
    pod_metadata: PodMetadata = Field(default_factory=PodMetadata)

    rules: ClassVar = (
        Rule(
            "!has(self.framework.app) || has(self.image)",
            "your own application needs an image that holds it; build one FROM the operator's image of the "
            "framework and name it in spec.image",
            lambda spec: spec.framework.app is None or spec.image is not None,
            field=("framework", "app"),
        ),
        Rule(
            "!has(self.model.handler) || has(self.image)",
            "a handler needs an image that holds its class; build one FROM the operator's image of the "
            "framework and name it in spec.image",
            lambda spec: spec.model.handler is None or spec.image is not None,
            field=("model", "handler"),
        ),
    )


class ObjectMeta(Object):
    """The part of metadata that CEL can see."""

    model_config = ConfigDict(extra="ignore")

    name: Annotated[str, StringConstraints(max_length=253)]


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
            lambda mlapi: len(mlapi.metadata.name) <= 50 and matches(_NAME)(mlapi.metadata.name),
            field=("metadata", "name"),
        ),
    )


def parse(manifest: Manifest) -> MLApiSpec:
    """The spec of an MLApi as the API server returned it, with every default filled in.

    Unknown fields are passed over: the API server prunes what its CRD does not know, so that an unknown field
    means a CRD newer than this operator (an upgrade under way, or rolled back), which must stop nobody's API.

    Raises:
        pydantic.ValidationError: the object breaks a rule; `mlapi_operator.api.problems` makes it readable.
    """
    return MLApi.model_validate(manifest, extra="ignore", by_name=False, by_alias=True).spec
