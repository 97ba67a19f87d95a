"""The objects that MLApis own: whose a name is, and whether what should be there has been written already."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from mlapi_operator.api.kinds import MLAPI, Kind
from mlapi_operator.api.types import Key, Manifest
from mlapi_operator.desired import labels
from mlapi_operator.desired.owner import Owner
from mlapi_operator.protocol import Cluster, Conflict
from mlapi_operator.store import Store, controller_uid


class NameHeld(Exception):  # noqa: N818 - an answer, not an error
    """The name cannot be written to.

    Args:
        leaving: its holder is being deleted; else it belongs to somebody else for good.
    """

    def __init__(self, kind: Kind, key: Key, *, leaving: bool) -> None:
        super().__init__(kind, key, leaving)
        self.kind = kind
        self.key = key
        self.leaving = leaving

    def __str__(self) -> str:
        return f"{self.kind.kind} {'/'.join(self.key)}"


@dataclass(frozen=True, slots=True)
class Applied:
    """What was last applied, and what the live object looked like afterwards."""

    wanted: str
    live: str


class Children:
    """Reads from the store, except before the first write to a name: then the API server is asked."""

    def __init__(self, cluster: Cluster, store: Store) -> None:
        self._cluster = cluster
        self._store = store
        self._applied: defaultdict[Key, dict[tuple[Kind, str, str], Applied]] = defaultdict(dict)

    async def claim(self, owner: Owner, kind: Kind, name: str) -> Manifest | None:
        """The live child, None when the name is free.

        Raises:
            NameHeld: the name cannot be written to.
        """
        key = (owner.namespace, name)
        live = self._store.get(kind, key)
        if live is None or controller_uid(live) != owner.uid:
            live = await self._cluster.get(kind, key)
        if live is None:
            return None
        if "deletionTimestamp" in live["metadata"]:
            raise NameHeld(kind, key, leaving=True)
        if controller_uid(live) != owner.uid:
            # An MLApi of this name that was deleted just now: the garbage collector comes for its children.
            raise NameHeld(kind, key, leaving=was_of_namesake(live, owner))
        self._store.put(kind, live)
        return live

    async def apply(
        self, owner: Owner, kind: Kind, manifest: Manifest, live: Manifest | None, *, manager: str
    ) -> Manifest:
        """Writes the manifest unless it was written before and the live object is still as it was then.

        What was applied is compared, not the live object alone: the API server may drop or add fields.

        Args:
            live: as `claim` found it.
        Returns:
            The live object afterwards.
        """
        at = (kind, manifest["metadata"]["name"], manager)
        wanted = digest(manifest)
        manifest = annotated(manifest, wanted)
        if live:
            known = self._applied[owner.key].get(at)
            now = Applied(wanted, fingerprint(live, manifest))
            # After a start nothing is known but what the live object says of itself.
            if known == now or (known is None and covers(live, manifest)):
                self._applied[owner.key][at] = now
                return live
        answer = await self.write(kind, manifest, live, manager=manager)
        self._applied[owner.key][at] = Applied(wanted, fingerprint(answer, manifest))
        return answer

    async def write(self, kind: Kind, manifest: Manifest, live: Manifest | None, *, manager: str) -> Manifest:
        """Applies to the very object that was claimed: with its uid, so that no other one is met."""
        if live:
            manifest = {**manifest, "metadata": {**manifest["metadata"], "uid": live["metadata"]["uid"]}}
        try:
            answer = await self._cluster.apply(kind, manifest, manager=manager)
        except Conflict:
            if live:  # it is gone: the next pass must ask the API server
                self._store.remove(kind, live)
            raise
        self._store.put(kind, answer)
        return answer

    async def prune(self, owner: Owner, kind: Kind, keep: Collection[str]) -> None:
        """Deletes what the MLApi owns of this kind beyond the names to keep."""
        for child in self._store.owned(kind, owner.uid):
            metadata = child["metadata"]
            if metadata["name"] not in keep and "deletionTimestamp" not in metadata:
                key = (owner.namespace, metadata["name"])
                await self._cluster.delete(kind, key, uid=metadata["uid"])
                self._store.remove(kind, child)

    def forget(self, key: Key) -> None:
        """The MLApi is gone."""
        self._applied.pop(key, None)


def was_of_namesake(live: Manifest, owner: Owner) -> bool:
    return any(
        reference.get("controller")
        and reference["kind"] == MLAPI.kind
        and reference["apiVersion"].partition("/")[0] == MLAPI.api_version.partition("/")[0]
        and reference["name"] == owner.name
        for reference in live["metadata"].get("ownerReferences") or ()
    )


def annotated(manifest: Manifest, wanted: str) -> Manifest:
    metadata = manifest["metadata"]
    annotations = {**metadata.get("annotations", {}), labels.APPLIED: wanted}
    return {**manifest, "metadata": {**metadata, "annotations": annotations}}


def covers(live: Any, wanted: Any) -> bool:
    """Whether a live object holds all that is wanted, whatever else the API server or others added."""
    if isinstance(wanted, dict):
        return isinstance(live, dict) and all(covers(live.get(key), value) for key, value in wanted.items())
    if isinstance(wanted, list):
        same_length = isinstance(live, list) and len(live) == len(wanted)
        return same_length and all(map(covers, live, wanted))
    return bool(live == wanted)


def fingerprint(live: Manifest, manifest: Manifest) -> str:
    """Of what a manager's manifest says about a live object: labels of others and status are not looked at.

    `spec.replicas` counts for the manager alone that writes it.
    """
    wanted_metadata, live_metadata = manifest["metadata"], live["metadata"]
    seen: dict[str, Any] = {
        field: {name: (live_metadata.get(field) or {}).get(name) for name in wanted_metadata.get(field, {})}
        for field in ("labels", "annotations")
    }
    if "ownerReferences" in wanted_metadata:
        seen["ownerReferences"] = live_metadata.get("ownerReferences")
    spec = dict(live.get("spec") or {})
    if "replicas" not in manifest.get("spec", {}):
        spec.pop("replicas", None)
    seen |= {"spec": spec, "data": live.get("data")}
    return digest(seen)


def digest(document: Manifest) -> str:
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()
