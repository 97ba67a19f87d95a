"""What shapes the pods in Kubernetes' own terms: environment, resources, labels, user."""

from typing import Annotated, ClassVar

from pydantic import Field, StringConstraints

from mlapi_operator.api.base import Object, Rule
from mlapi_operator.api.patterns import QUALIFIED_KEYS, KeyName, LabelValue, ObjectName, pattern
from mlapi_operator.api.quantity import Bytes, Cpu, amount


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
        pattern(
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
        pattern(
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
    value = ResourceRequests.model_fields[attribute].default
    default = f" (default {value})" if value else ""

    def holds(resources: "Resources") -> bool:
        least = getattr(resources.requests, attribute)
        most = getattr(resources.limits, attribute)
        return least is None or most is None or amount(least) <= amount(most)

    return Rule(
        f"!has({request}) || !has(self.limits) || !has({limit}) || "
        f"!isQuantity(string({request})) || !isQuantity(string({limit})) || "
        f"quantity(string({request})).compareTo(quantity(string({limit}))) <= 0",
        f"requests.{member}{default} must not exceed limits.{member}; lower the request or raise the limit",
        holds,
        field=("requests", member),
    )


class Resources(Object):
    """CPU, memory and disk of the serving container of each pod."""

    # Defaulted in the schema too: the rules compare what holds, also where only limits were written.
    requests: ResourceRequests = Field(default_factory=ResourceRequests, json_schema_extra={"default": {}})
    limits: ResourceLimits = Field(default_factory=ResourceLimits)

    rules: ClassVar = (
        _request_fits("cpu", "cpu"),
        _request_fits("memory", "memory"),
        _request_fits("ephemeral-storage", "ephemeral__dash__storage"),
    )


_RESERVED = ("mlapi.dev/", "app.kubernetes.io/")
_NOT_RESERVED = Rule(
    f"self.all(key, !({' || '.join(f'key.startsWith({prefix!r})' for prefix in _RESERVED)}))",
    "keys that begin with mlapi.dev/ or app.kubernetes.io/ are the operator's; use others",
    lambda keys: not any(key.startswith(_RESERVED) for key in keys),
)


class PodMetadata(Object):
    """Labels and annotations of the pods. Those of the MLApi itself are never copied."""

    labels: Annotated[dict[str, LabelValue], Field(max_length=32), QUALIFIED_KEYS, _NOT_RESERVED] = Field(
        default_factory=dict
    )
    """Labels of the pods, such as `team: vision`."""
    annotations: Annotated[
        dict[str, Annotated[str, StringConstraints(max_length=4096)]],
        Field(max_length=32),
        QUALIFIED_KEYS,
        _NOT_RESERVED,
    ] = Field(default_factory=dict)
    """Annotations of the pods, such as `sidecar.istio.io/inject: "false"`."""


class Security(Object):
    """As whom the pods run. They are never root, and their file systems are read-only."""

    run_as_user: Annotated[int, Field(ge=1, le=2147483647)] | None = None
    """Numeric user of every container. Absent: the image's own, or the one that the platform assigns.
    Example: `1000`, where a volume's files belong to it."""
