"""What happens next for one MLApi: its phases in order, then, whatever came of them, its status."""

import zlib
from math import inf

from mlapi_operator.api import conditions
from mlapi_operator.api.kinds import CONTROLLER_REVISION, DEPLOYMENT, MLAPI, SERVICE
from mlapi_operator.api.types import Key, Manifest
from mlapi_operator.authority import Authority
from mlapi_operator.children import Children
from mlapi_operator.conclusion import conclude, judged, refreshed, supersede, with_rollout
from mlapi_operator.desired import labels, names
from mlapi_operator.desired.owner import Owner
from mlapi_operator.desired.service import PORT
from mlapi_operator.events import Recorder
from mlapi_operator.gpu.capacity import KEPT_SECONDS, Capacity
from mlapi_operator.latency.digest import Digest, from_status
from mlapi_operator.latency.reader import LatencyReader
from mlapi_operator.observe.deployments import Deployment
from mlapi_operator.observe.facts import Facts
from mlapi_operator.observe.pods import pods
from mlapi_operator.observe.revisions import Revision, revisions
from mlapi_operator.phases import LEAVING_SECONDS, PHASES
from mlapi_operator.planning import window_seconds
from mlapi_operator.protocol import (
    ApiError,
    Clock,
    Cluster,
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    Unavailable,
)
from mlapi_operator.report import Reporter
from mlapi_operator.scope import STALLED_SECONDS, Means, Scope, Wait, refuse
from mlapi_operator.settings import Settings
from mlapi_operator.smoke import SmokeTester
from mlapi_operator.status.compose import status
from mlapi_operator.status.transitions import by_type
from mlapi_operator.store import Store


class PhaseError(Exception):
    """A phase failed; another try may get over it. Its cause is the API server's answer.

    Args:
        phase: its name.
    """

    def __init__(self, phase: str, error: ApiError) -> None:
        super().__init__(f"{phase}: {error}")
        self.phase = phase


class Reconciler:
    """Called with a key, it brings the cluster nearer to what the MLApi asks for and says so in its status.

    Returns in how many seconds to look again, None if nothing but an event matters.

    Raises:
        PhaseError: the API server did not do what was asked; try again with back-off.
        NotLeading: another process may hold the lease.
    """

    def __init__(
        self,
        cluster: Cluster,
        store: Store,
        settings: Settings,
        latency: LatencyReader,
        smoke: SmokeTester,
        recorder: Recorder,
        clock: Clock,
    ) -> None:
        ca = settings.fetch.ca_config_map
        authority = Authority(cluster, clock, (settings.namespace, ca)) if ca else None
        children, capacity = Children(cluster, store), Capacity(cluster, clock)
        self._means = Means(cluster, store, children, settings, authority, capacity, latency, clock)
        self._reporter = Reporter(cluster, store, recorder, clock)
        self._latency = latency
        self._smoke = smoke
        self._clock = clock
        self._began = clock()

    async def __call__(self, key: Key) -> float | None:
        mlapi = self._means.store.get(MLAPI, key)
        if mlapi is None or "deletionTimestamp" in mlapi["metadata"]:
            # The garbage collector takes the children.
            self._means.children.forget(key)
            self._reporter.forget(key)
            self._smoke.forget(key)
            return None
        scope = Scope(mlapi, Owner.of(mlapi))
        failure: PhaseError | None = None
        try:
            wait = await self._run_phases(scope)
        except PhaseError as error:
            if isinstance(error.__cause__, Conflict | Unavailable):
                raise
            if is_terminating(error.__cause__):
                return LEAVING_SECONDS
            wait, failure = Wait(0.0, str(error)), error
        facts, now = self._observe(scope, wait), self._clock()
        facts, due_in = with_rollout(self._means, scope, facts, self._began, now)
        new = status(scope.mlapi, facts, now)
        try:
            if outcome := judged(self._means, scope, facts, new, now):
                await conclude(self._means, scope, outcome, now)
            if await supersede(self._means, scope) or outcome:
                facts = refreshed(self._means, scope, facts)
                facts, due_in = with_rollout(self._means, scope, facts, self._began, now)
                new = status(scope.mlapi, facts, now)
            if outcome and outcome.result == labels.ROLLED_BACK:
                return 0.0  # the next pass brings back what was there before
        except ApiError as error:
            failure = PhaseError("conclude", error)
        deadlines = [wait.seconds if wait else None, due_in, self._ask(scope, facts)]
        deadlines += [*scope.again, *await self._report(scope, new, at_once=facts.fresh)]
        if failure:
            raise failure
        found = (seconds for seconds in deadlines if seconds is not None)
        soonest = min(found, default=inf)
        return None if soonest == inf else soonest

    async def _run_phases(self, scope: Scope) -> Wait | None:
        for phase in PHASES:
            try:
                wait = await phase(self._means, scope)
            except Invalid as error:
                # The API server's verdict on what the spec asks for, or that of a policy in front of it.
                return refuse(conditions.INVALID_SPEC, str(error))
            except ApiError as error:
                raise PhaseError(phase.__name__, error) from error
            if wait:
                return wait
        return None

    def _observe(self, scope: Scope, wait: Wait | None) -> Facts:
        store, uid = self._means.store, scope.owner.uid
        slo, window = scope.spec.slo if scope.spec else None, window_seconds(self._means, scope)
        deployments = store.owned(DEPLOYMENT, uid)
        previous = scope.mlapi.get("status") or {}
        shown, today = from_status(previous.get("latency") or {}), self._latency.total(uid, window)
        fresh = self._latency.should_write(shown, today, slo)
        return Facts(
            spec=scope.spec,
            refused=wait.refused if wait else None,
            waiting=wait.message if wait else "",
            revision=Revision.of(scope.revision) if scope.revision else None,
            wanted=Revision.of(scope.wanted) if scope.wanted else None,
            revisions=revisions(store.owned(CONTROLLER_REVISION, uid)),
            deployment=Deployment.of(deployments[0]) if deployments else Deployment(),
            pods=pods(store.pods(scope.key), names.deployment(scope.owner.name)),
            smoke=self._smoke.result(uid, scope.revision["metadata"]["name"]) if scope.revision else None,
            was_serving=by_type(previous).get("Serving", {}).get("status") == "True",
            latency=today if fresh else shown or Digest(window),
            digests=self._latency.digests(uid, window),
            fresh=fresh,
            progress=self._latency.progress(uid),
            devices=scope.devices,
        )

    def _ask(self, scope: Scope, facts: Facts) -> float | None:
        """Has the smoke test run when it is due; in how many seconds it is due next."""
        address = self._address(scope)
        if facts.spec is None or facts.revision is None or facts.suspended or address is None:
            return None
        test = facts.spec.probe.smoke_test
        if test.mode == "Off" or not any(pod.ready for pod in facts.updated):
            return None
        uid, revision = scope.owner.uid, facts.revision
        if facts.smoke and facts.smoke.passed:
            due_in = test.interval_seconds - (self._clock() - facts.smoke.at).total_seconds()
        elif facts.smoke is None and facts.proven:
            # A new leader takes the annotation's word at first, so as not to ask the whole fleet at once.
            age = (self._clock() - self._began).total_seconds()
            due_in = test.interval_seconds * (1 + spread(uid)) - age
        else:
            due_in = 0.0
        if due_in > 0:
            return due_in
        digest = self._latency.digests(uid, test.interval_seconds).get(revision.name)
        if (
            facts.proven
            and (facts.smoke is None or facts.smoke.passed)
            and digest
            and digest.requests > 0 <= digest.error_percent < 100
        ):
            return float(test.interval_seconds)
        self._smoke.want(scope.key, uid, revision.name, address, test)
        return None

    def _address(self, scope: Scope) -> str | None:
        """By address, not by name: the operator needs no cluster DNS."""
        live = scope.live.get(SERVICE)
        ip = live["spec"].get("clusterIP", "") if live else ""
        if not ip:
            return None
        return f"http://[{ip}]:{PORT}" if ":" in ip else f"http://{ip}:{PORT}"

    async def _report(self, scope: Scope, new: Manifest, *, at_once: bool) -> list[float | None]:
        """Writes the status; in how many seconds to look at it again."""
        try:
            again = await self._reporter.report(scope.mlapi, new, at_once=at_once)
        except NotFound:
            return []  # the MLApi has been deleted meanwhile
        except ApiError as error:
            raise PhaseError("status", error) from error
        shown = by_type(new)
        # What was counted may be as old when the pod was refused; that others end tells nobody.
        counts = "gpu" in new and shown.get("Scheduled", {}).get("status") == "False"
        return [
            again,
            STALLED_SECONDS if "Stalled" in shown else None,
            KEPT_SECONDS if counts else None,
        ]


def is_terminating(error: BaseException | None) -> bool:
    """Nothing can be created in a namespace that is being deleted, and the MLApi goes with it."""
    return isinstance(error, Forbidden) and "being terminated" in error.message


def spread(uid: str) -> float:
    """From 0 to 1, always the same for one MLApi."""
    return zlib.crc32(uid.encode()) / 2**32
