"""Which nodes the pods run on."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints

from mlapi_operator.api.affinity import Affinity, TopologySpreadConstraint
from mlapi_operator.api.base import Object, Rule
from mlapi_operator.api.patterns import LOWER_CASE_NAME, QUALIFIED_KEYS, LabelValue, ObjectName, QualifiedName


class Toleration(Object):
    """A taint that the pods tolerate, as in a pod's own `tolerations`."""

    key: QualifiedName | None = None
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
            field=("operator",),
        ),
        Rule(
            "self.operator != 'Exists' || !has(self.value) || self.value == ''",
            "operator Exists takes no value; remove value or write operator: Equal",
            lambda toleration: toleration.operator != "Exists" or not toleration.value,
            field=("value",),
        ),
        Rule(
            "!has(self.tolerationSeconds) || (has(self.effect) && self.effect == 'NoExecute')",
            "tolerationSeconds needs effect: NoExecute",
            lambda toleration: toleration.toleration_seconds is None or toleration.effect == "NoExecute",
            field=("tolerationSeconds",),
        ),
    )


_SPREADS = 8
_SPREAD_ONCE = Rule(
    "self.all(one, self.exists_one(other, other.topologyKey == one.topologyKey && "
    "other.whenUnsatisfiable == one.whenUnsatisfiable))",
    "two entries have the same topologyKey and whenUnsatisfiable; keep one of them",
    lambda spreads: len({(each.topology_key, each.when_unsatisfiable) for each in spreads}) == len(spreads),
)


class Scheduling(Object):
    """Which nodes the pods may run on."""

    node_selector: Annotated[dict[str, LabelValue], Field(max_length=32), QUALIFIED_KEYS] = Field(
        default_factory=dict
    )
    """Labels that a node must carry, such as `disktype: ssd`."""
    tolerations: Annotated[list[Toleration], Field(max_length=32)] = Field(default_factory=list)
    """Taints that the pods tolerate. With `spec.gpu`, those of GPU nodes are tolerated anyway."""
    affinity: Affinity | None = None
    topology_spread_constraints: Annotated[
        list[TopologySpreadConstraint], Field(max_length=_SPREADS), _SPREAD_ONCE
    ] = Field(default_factory=list)
    """How evenly the pods are spread over zones, hosts or other places."""
    priority_class_name: ObjectName | None = None
    """PriorityClass of the pods. Example: `production`."""
    runtime_class_name: ObjectName | None = None
    """RuntimeClass of the pods, where GPUs need one. Example: `nvidia`."""
    scheduler_name: ObjectName | None = None
    """Scheduler of the pods. Default: the cluster's own."""
    queue_name: Annotated[str, StringConstraints(max_length=63), LOWER_CASE_NAME] | None = None
    """LocalQueue of Kueue that admits the pods, by the label kueue.x-k8s.io/queue-name of the Deployment.
    Example: `team-a`."""
