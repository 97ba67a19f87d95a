"""Everything that status depends on, read once per reconcile."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from mlapi_operator.api.conditions import Reason
from mlapi_operator.api.v1alpha1 import SLO, MLApiSpec
from mlapi_operator.desired import labels, replicas
from mlapi_operator.latency.digest import Digest
from mlapi_operator.latency.progress import Progress
from mlapi_operator.observe.deployments import Deployment
from mlapi_operator.observe.devices import Devices
from mlapi_operator.observe.pods import Pod
from mlapi_operator.observe.revisions import Revision
from mlapi_operator.observe.rollout import Rollout
from mlapi_operator.smoke import SmokeResult


@dataclass(frozen=True, slots=True)
class Objection:
    """Why a condition is not True.

    Attributes:
        message: cause and remedy, without names that are random.
        unknown: it cannot be told; the condition is Unknown, not False.
    """

    reason: Reason
    message: str
    unknown: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """
    Attributes:
        spec: None if the stored object is not valid for this operator.
        refused: why nothing of the spec was applied.
        waiting: what the reconcile waits for or was held up by; empty when all is applied.
        revision: the one that the Deployment is to run; None until its image is known.
        wanted: the one that the spec asks for: another one only while it is held back, or after it was rolled
            back.
        revisions: all of them, newest first.
        pods: also those that are being deleted.
        smoke: the last test of `revision`; None before the first, also of an operator that started anew.
        was_serving: what status says of it so far.
        latency: the digest that status is to show: today's if it is news, else the one that it shows already.
        digests: of today, by revision.
        fresh: whether these are news.
        progress: of the pod that is furthest behind with fetching the model.
        rollout: how the current rollout goes; None before the first.
        devices: None where no GPU is asked for.
    """

    spec: MLApiSpec | None = None
    refused: Objection | None = None
    waiting: str = ""
    revision: Revision | None = None
    wanted: Revision | None = None
    revisions: tuple[Revision, ...] = ()
    deployment: Deployment = field(default_factory=Deployment)
    pods: tuple[Pod, ...] = ()
    smoke: SmokeResult | None = None
    was_serving: bool = False
    latency: Digest | None = None
    digests: Mapping[str, Digest] = field(default_factory=dict)
    fresh: bool = False
    progress: Progress | None = None
    rollout: Rollout | None = None
    devices: Devices | None = None

    @property
    def slo(self) -> SLO | None:
        return self.spec.slo if self.spec else None

    @property
    def suspended(self) -> bool:
        """No pods are wanted."""
        return self.spec is not None and replicas.wanted(self.spec) == 0

    @property
    def live(self) -> tuple[Pod, ...]:
        """Pods that serve or may yet."""
        return tuple(pod for pod in self.pods if not pod.gone)

    @property
    def updated(self) -> tuple[Pod, ...]:
        """Live pods of the current revision."""
        return tuple(pod for pod in self.live if self.revision and pod.revision == self.revision.name)

    @property
    def outdated(self) -> tuple[Pod, ...]:
        """Live pods of other revisions."""
        return tuple(pod for pod in self.live if not self.revision or pod.revision != self.revision.name)

    @property
    def rolled_out(self) -> bool:
        """Further pods of the current revision may still be starting."""
        return not self.outdated and any(pod.ready for pod in self.updated)

    @property
    def proven(self) -> bool:
        """The current revision once answered, and nothing seen since denies it."""
        return self.served and self.was_serving

    @property
    def served(self) -> bool:
        """The current revision was the last to answer."""
        revision = self.revision
        if revision is None or revision.result == labels.ACTIVE:
            return revision is not None
        return not revision.result and revision.answered_at is not None

    @property
    def ever_served(self) -> bool:
        return any(revision.result in (labels.ACTIVE, labels.SUPERSEDED) for revision in self.revisions)
