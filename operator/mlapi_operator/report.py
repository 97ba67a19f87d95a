"""Writing status: only what differs, steps at a walking pace, verdicts at once, and as events too."""

from dataclasses import dataclass

from mlapi_operator.api.kinds import MLAPI
from mlapi_operator.api.types import Key, Manifest
from mlapi_operator.children import digest
from mlapi_operator.desired.names import MANAGER
from mlapi_operator.events import Recorder
from mlapi_operator.older_crd import OlderCrd
from mlapi_operator.protocol import Clock, Cluster, Invalid
from mlapi_operator.status.pace import patience, same
from mlapi_operator.status.transitions import transitions
from mlapi_operator.store import Store, key_of


@dataclass(frozen=True, slots=True)
class Written:
    """Digests of what was last applied, and of what the API server made of it."""

    at: float
    applied: str
    seen: str


class Reporter:
    def __init__(self, cluster: Cluster, store: Store, recorder: Recorder, clock: Clock) -> None:
        self._cluster = cluster
        self._store = store
        self._recorder = recorder
        self._clock = clock
        self._older_crd = OlderCrd(clock)
        self._written: dict[Key, Written] = {}

    async def report(self, mlapi: Manifest, status: Manifest, *, at_once: bool) -> float | None:
        """Applies the status if there is something to say.

        Args:
            at_once: even if it tells of a step alone.
        Returns:
            In how many seconds to try again, None if nothing is left to be said.
        """
        key, before, now = key_of(mlapi), mlapi.get("status") or {}, self._clock.monotonic()
        status = self._older_crd.taken(status)
        last = self._written.get(key)
        if same(before, status) or (last and (last.applied, last.seen) == (digest(status), digest(before))):
            return None
        due = last.at + patience(before, status) if last and not at_once else now
        if now < due:
            return due - now
        status, answer = await self._apply(mlapi, status)
        self._store.put(MLAPI, answer)
        self._written[key] = Written(now, digest(status), digest(answer.get("status") or {}))
        for news in transitions(before, status):
            self._recorder.record(mlapi, *news)
        return None

    async def _apply(self, mlapi: Manifest, status: Manifest) -> tuple[Manifest, Manifest]:
        """What the installed CRD takes of the status, and the API server's answer to it."""
        metadata = {name: mlapi["metadata"][name] for name in ("name", "namespace", "uid")}
        head = {"apiVersion": MLAPI.api_version, "kind": MLAPI.kind, "metadata": metadata}
        while True:
            status = self._older_crd.taken(status)
            try:
                manifest = {**head, "status": status}
                return status, await self._cluster.apply_status(MLAPI, manifest, manager=MANAGER)
            except Invalid as error:
                if not self._older_crd.learn(error):
                    raise

    def forget(self, key: Key) -> None:
        """The MLApi is gone."""
        self._written.pop(key, None)
