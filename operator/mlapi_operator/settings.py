"""What the operator is told by its environment; the chart sets it from values of the same names."""

from collections.abc import Mapping
from ipaddress import ip_network
from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails

from mlapi_operator.api.problems import wanted

PREFIX = "MLAPI_"


class SettingsError(ValueError):
    """The environment is not usable; the text names each variable, what was found and what was wanted."""


def _comma_separated(value: Any) -> Any:
    return (
        tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value
    )


def _network(value: str) -> str:
    try:
        return str(ip_network(value))
    except ValueError as error:
        raise ValueError(f"a network such as 10.0.0.0/8 ({error})") from None


Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$", max_length=253)]
ImageByDigest = Annotated[str, StringConstraints(pattern=r"^(\S+@sha256:[0-9a-f]{64})?$")]
Names = Annotated[tuple[Name, ...], BeforeValidator(_comma_separated)]
Networks = Annotated[tuple[Annotated[str, BeforeValidator(_network)], ...], BeforeValidator(_comma_separated)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


IMAGE_VALUES: Final = {
    "FastAPI": "images.fastapi",
    "Litestar": "images.litestar",
    "DjangoNinja": "images.djangoNinja",
}
"""Each framework and the value of the chart that names its image."""


class Images(_Frozen):
    """The release's serving images, by digest; empty means that this operator serves no such framework.

    Each bears the name of its framework in lower case.
    """

    fastapi: ImageByDigest = ""
    litestar: ImageByDigest = ""
    djangoninja: ImageByDigest = ""

    def of(self, framework: str) -> str:
        """The image of a framework by its name in the API."""
        image: str = getattr(self, framework.lower())
        return image


class Fetch(_Frozen):
    """How pods may fetch models."""

    allowed_cidrs: Networks = ()
    """Private networks that a model may come from."""
    ca_config_map: Name | Literal[""] = ""
    """ConfigMap in the operator's namespace whose `ca.crt` is trusted besides the public authorities."""
    max_bytes: Annotated[int, Field(ge=1)] = 100 * 1024**3
    """Largest model file in bytes."""


class Settings(_Frozen):
    """The operator's settings. Durations are seconds."""

    watch_namespaces: Names = ()
    """Namespaces to look after; empty means all."""
    images: Images = Images()
    fetch: Fetch = Fetch()
    sampling_seconds: Annotated[float, Field(ge=1, le=300)] = 10.0
    """Interval at which pods are asked for their figures."""
    latency_window_seconds: Annotated[int, Field(ge=30, le=3600)] = 300
    """Window of status.latency for MLApis without an slo."""
    status_writes_per_second: Annotated[float, Field(gt=0, le=1000)] = 5.0
    """Status writes that carry a latency digest alone, over all MLApis."""
    resync_seconds: Annotated[float, Field(ge=10)] = 600.0
    """Interval of the full comparison with the API server."""
    lease_duration_seconds: Annotated[float, Field(ge=3, le=600)] = 15.0
    """A standby takes over when the Lease was not renewed for so long."""
    lease_renew_seconds: Annotated[float, Field(ge=1)] = 5.0
    """Interval at which the leader renews the Lease."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["JSON", "Plain"] = "JSON"
    port: Annotated[int, Field(ge=1, le=65535)] = 8080
    """Port of /healthz, /readyz and /metrics."""
    namespace: Name
    """The operator's own namespace."""
    pod_name: Name
    """The operator's own pod: its identity in the Lease."""

    @model_validator(mode="after")
    def _renewal_leaves_room_for_a_retry(self) -> Self:
        if self.lease_renew_seconds * 2 > self.lease_duration_seconds:
            raise ValueError(
                f"MLAPI_LEASE_RENEW_SECONDS: found {self.lease_renew_seconds:g}, wanted at most half of "
                f"MLAPI_LEASE_DURATION_SECONDS ({self.lease_duration_seconds:g})"
            )
        return self

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """The settings that the variables describe; an empty variable counts as absent.

        Raises:
            SettingsError: a value is unusable, a variable beginning with MLAPI_ is unknown, or POD_NAMESPACE
                or POD_NAME is missing.
        """
        unknown = sorted(name for name in environment if name.startswith(PREFIX) and name not in VARIABLES)
        if unknown:
            known = ", ".join(name for name in VARIABLES if name.startswith(PREFIX))
            raise SettingsError(f"{', '.join(unknown)}: unknown; wanted {known}")
        found: dict[str, Any] = {}
        for variable, path in VARIABLES.items():
            if environment.get(variable):
                *parents, member = path
                target = found
                for parent in parents:
                    target = target.setdefault(parent, {})
                target[member] = environment[variable]
        try:
            return cls.model_validate(found)
        except ValidationError as error:
            raise SettingsError("; ".join(_describe(problem) for problem in error.errors())) from None


VARIABLES = {
    **{
        f"{PREFIX}{name.upper()}": (name,)
        for name in Settings.model_fields
        if name not in ("images", "fetch", "namespace", "pod_name")
    },
    **{f"{PREFIX}IMAGES_{name.upper()}": ("images", name) for name in Images.model_fields},
    **{f"{PREFIX}FETCH_{name.upper()}": ("fetch", name) for name in Fetch.model_fields},
    "POD_NAMESPACE": ("namespace",),
    "POD_NAME": ("pod_name",),
}
"""Each variable and the setting that it becomes."""


def _describe(problem: ErrorDetails) -> str:
    if not problem["loc"]:
        return wanted(problem)
    variable = next(name for name, path in VARIABLES.items() if path == problem["loc"][: len(path)])
    if problem["type"] == "missing":
        return f"{variable}: missing"
    return f"{variable}: found {problem['input']!r}, wanted {wanted(problem)}"
