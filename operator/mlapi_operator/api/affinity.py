"""Nodes and neighbours that pods seek or shun, in Kubernetes' own terms."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from mlapi_operator.api.base import Object, Rule
from mlapi_operator.api.patterns import QUALIFIED_KEYS, LabelValue, QualifiedName, matches

_TERMS = 8
_INTEGER = "^-?[0-9]{1,18}$"


def _values_fit(requirement: Any) -> bool:
    values = requirement.values
    match requirement.operator:
        case "In" | "NotIn":
            return len(values) > 0
        case "Gt" | "Lt":
            return len(values) == 1 and matches(_INTEGER)(values[0])
    return not values


class NodeRequirement(Object):
    """What a label of a node must be."""

    key: QualifiedName
    """Label, such as `topology.kubernetes.io/zone`."""
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"]
    """How the label is compared with `values`."""
    values: Annotated[list[LabelValue], Field(max_length=32)] = Field(default_factory=list)
    """Values; one integer for Gt and Lt, none for Exists and DoesNotExist."""

    rules: ClassVar = (
        Rule(
            "self.operator in ['In', 'NotIn'] ? has(self.values) && self.values.size() > 0 : "
            "self.operator in ['Gt', 'Lt'] ? has(self.values) && self.values.size() == 1 && "
            f"self.values[0].matches('{_INTEGER}') : !has(self.values) || self.values.size() == 0",
            "In and NotIn need values, Gt and Lt one integer in quotes, Exists and DoesNotExist none",
            _values_fit,
            field=("values",),
        ),
    )


class NodeTerm(Object):
    """Labels that a node must have, all of them."""

    match_expressions: Annotated[list[NodeRequirement], Field(min_length=1, max_length=16)]
    """What the labels of a node must be."""


class NodeSelector(Object):
    """Nodes that match at least one term."""

    node_selector_terms: Annotated[list[NodeTerm], Field(min_length=1, max_length=_TERMS)]
    """Terms, one of which must match."""


class PreferredNodeTerm(Object):
    """Nodes that are better than others."""

    weight: Annotated[int, Field(ge=1, le=100)]
    """1 to 100; a node gets the sum of those that match."""
    preference: NodeTerm


class NodeAffinity(Object):
    """Nodes that the pods seek."""

    required_during_scheduling_ignored_during_execution: NodeSelector | None = None
    """Nodes that will do."""
    preferred_during_scheduling_ignored_during_execution: Annotated[
        list[PreferredNodeTerm], Field(max_length=_TERMS)
    ] = Field(default_factory=list)
    """Nodes that are better than others."""


class LabelRequirement(Object):
    """What a label must be."""

    key: QualifiedName
    """Label, such as `team`."""
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist"]
    """How the label is compared with `values`."""
    values: Annotated[list[LabelValue], Field(max_length=32)] = Field(default_factory=list)
    """Values; none for Exists and DoesNotExist."""

    rules: ClassVar = (
        Rule(
            "self.operator in ['In', 'NotIn'] ? has(self.values) && self.values.size() > 0 : "
            "!has(self.values) || self.values.size() == 0",
            "In and NotIn need values, Exists and DoesNotExist none",
            _values_fit,
            field=("values",),
        ),
    )


class LabelSelector(Object):
    """Pods by their labels; an empty one selects all."""

    match_labels: Annotated[dict[str, LabelValue], Field(max_length=16), QUALIFIED_KEYS] = Field(
        default_factory=dict
    )
    """Labels and their values."""
    match_expressions: Annotated[list[LabelRequirement], Field(max_length=16)] = Field(default_factory=list)
    """What labels must be."""


class PodTerm(Object):
    """Other pods of the namespace, and how near to them is meant."""

    label_selector: LabelSelector
    """The other pods. `matchLabels: {mlapi.dev/name: NAME}` selects those of an MLApi."""
    topology_key: QualifiedName
    """Label of nodes whose values tell places apart, such as `kubernetes.io/hostname`."""


class PreferredPodTerm(Object):
    """Places that are better than others."""

    weight: Annotated[int, Field(ge=1, le=100)]
    """1 to 100; a node gets the sum of those that match."""
    pod_affinity_term: PodTerm


class PodAffinity(Object):
    """Other pods that the pods seek or, as anti-affinity, shun."""

    required_during_scheduling_ignored_during_execution: Annotated[
        list[PodTerm], Field(max_length=_TERMS)
    ] = Field(default_factory=list)
    """What must hold, all of it."""
    preferred_during_scheduling_ignored_during_execution: Annotated[
        list[PreferredPodTerm], Field(max_length=_TERMS)
    ] = Field(default_factory=list)
    """What is better than its opposite."""


class Affinity(Object):
    """Nodes and other pods that the pods seek or shun, as in a pod's own `affinity`."""

    node_affinity: NodeAffinity | None = None
    pod_affinity: PodAffinity | None = None
    """Other pods to be near to."""
    pod_anti_affinity: PodAffinity | None = None
    """Other pods to keep away from."""


class TopologySpreadConstraint(Object):
    """How evenly the pods are spread, as in a pod's own `topologySpreadConstraints`."""

    max_skew: Annotated[int, Field(ge=1, le=1000)]
    """How many more pods one place may have than another."""
    topology_key: QualifiedName
    """Label of nodes whose values tell places apart, such as `topology.kubernetes.io/zone`."""
    when_unsatisfiable: Literal["DoNotSchedule", "ScheduleAnyway"]
    """What becomes of a pod that would be one too many: it waits, or takes the best place there is."""
    label_selector: LabelSelector | None = None
    """Pods that are counted. Absent: those of this MLApi."""
