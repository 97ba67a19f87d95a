"""The live objects that the operator watches, fed by LIST, watch and the answers to its own writes."""

from collections import defaultdict
from collections.abc import Hashable, Iterable
from typing import Final, TypeVar

from mlapi_operator.api.kinds import (
    CONFIG_MAP,
    CONTROLLER_REVISION,
    DEPLOYMENT,
    MLAPI,
    POD,
    POD_DISRUPTION_BUDGET,
    SERVICE,
    Kind,
)
from mlapi_operator.api.types import Key, Manifest

At = TypeVar("At", bound=Hashable)
Member = TypeVar("Member", bound=Hashable)

NAME_LABEL: Final = "mlapi.dev/name"
CHILDREN: Final = "app.kubernetes.io/managed-by=mlapi-operator"
WATCHED: Final = {
    MLAPI: "",
    DEPLOYMENT: CHILDREN,
    SERVICE: CHILDREN,
    CONTROLLER_REVISION: CHILDREN,
    POD: CHILDREN,
    CONFIG_MAP: CHILDREN,
    POD_DISRUPTION_BUDGET: CHILDREN,
}
"""The kinds that the store holds, each with the label selector that finds ours."""

# What a pod is made of is known from its template; at 5,000 MLApis these fields are most of the memory.
POD_FIELDS_DROPPED: Final = frozenset({"volumes", "tolerations", "affinity", "securityContext"})
CONTAINER_FIELDS_DROPPED: Final = frozenset(
    {"env", "volumeMounts", "startupProbe", "readinessProbe", "livenessProbe", "lifecycle", "securityContext"}
)


class Store:
    """Per object the numerically greater resourceVersion wins, whichever way it came.

    Manifests handed out are shared: read, never change them.
    """

    def __init__(self) -> None:
        self._objects: defaultdict[Kind, dict[Key, Manifest]] = defaultdict(dict)
        self._owned: defaultdict[str, set[tuple[Kind, Key]]] = defaultdict(set)
        self._pods: defaultdict[Key, set[Key]] = defaultdict(set)
        # Versions at which objects went: a late answer to an earlier write must not bring them back.
        self._gone: defaultdict[Kind, dict[Key, int]] = defaultdict(dict)

    def put(self, kind: Kind, manifest: Manifest) -> bool:
        """Keeps the object unless an equal or newer version is known. True if it was kept."""
        key = key_of(manifest)
        known = self._objects[kind].get(key)
        if version(manifest) <= max(version(known) if known else -1, self._gone[kind].get(key, -1)):
            return False
        self._gone[kind].pop(key, None)
        if known:
            self._unlink(kind, key, known)
        kept = projection(kind, manifest)
        self._objects[kind][key] = kept
        self._link(kind, key, kept)
        return True

    def remove(self, kind: Kind, manifest: Manifest) -> bool:
        """Forgets a deleted object, unless a newer one of its name is known. True if it was forgotten."""
        key = key_of(manifest)
        known = self._objects[kind].get(key)
        if known and version(known) > version(manifest):
            return False
        self._gone[kind][key] = max(version(manifest), self._gone[kind].get(key, -1))
        if not known:
            return False
        self._unlink(kind, key, known)
        del self._objects[kind][key]
        return True

    def resync(
        self, kind: Kind, items: Iterable[Manifest], resource_version: str, namespace: str | None = None
    ) -> list[Manifest]:
        """Repairs what the watch missed, from a full LIST.

        Args:
            items: everything that the API server has of this kind, in `namespace` or everywhere.
            resource_version: the LIST's; a stored object that is absent goes only if it is not newer.
        Returns:
            The objects that were missing, outdated or still here though deleted.
        """
        listed = int(resource_version)
        missed = []
        present = set()
        for item in items:
            present.add(key_of(item))
            if self.put(kind, item):
                missed.append(item)
        for key, known in list(self._objects[kind].items()):
            in_scope = namespace is None or key[0] == namespace
            if in_scope and key not in present and version(known) <= listed:
                self._unlink(kind, key, known)
                del self._objects[kind][key]
                self._gone[kind][key] = listed
                missed.append(known)
        # Requests end long before the next resync: what was deleted before this LIST cannot come late to it.
        self._gone[kind] = {key: at for key, at in self._gone[kind].items() if at >= listed}
        return missed

    def get(self, kind: Kind, key: Key) -> Manifest | None:
        return self._objects[kind].get(key)

    def keys(self) -> list[Key]:
        """Of every MLApi."""
        return list(self._objects[MLAPI])

    def owned(self, kind: Kind, uid: str) -> list[Manifest]:
        """Objects of this kind whose controller has this uid, by name."""
        keys = sorted(key for owned_kind, key in self._owned.get(uid, ()) if owned_kind == kind)
        return [self._objects[kind][key] for key in keys]

    def pods(self, key: Key) -> list[Manifest]:
        """Pods labelled with this MLApi's name in its namespace, by name."""
        return [self._objects[POD][pod] for pod in sorted(self._pods.get(key, ()))]

    def count(self, kind: Kind) -> int:
        return len(self._objects[kind])

    def _link(self, kind: Kind, key: Key, manifest: Manifest) -> None:
        if kind == POD and (owner := owner_key(kind, manifest)):
            self._pods[owner].add(key)
        if uid := controller_uid(manifest):
            self._owned[uid].add((kind, key))

    def _unlink(self, kind: Kind, key: Key, manifest: Manifest) -> None:
        if kind == POD and (owner := owner_key(kind, manifest)):
            discard(self._pods, owner, key)
        if uid := controller_uid(manifest):
            discard(self._owned, uid, (kind, key))


def owner_key(kind: Kind, manifest: Manifest) -> Key | None:
    """The MLApi that an object belongs to: itself, or the one that its label names."""
    namespace, name = key_of(manifest)
    if kind == MLAPI:
        return namespace, name
    label = (manifest["metadata"].get("labels") or {}).get(NAME_LABEL)
    return (namespace, label) if label else None


def controller_uid(manifest: Manifest) -> str | None:
    owners = manifest["metadata"].get("ownerReferences") or ()
    return next((owner["uid"] for owner in owners if owner.get("controller")), None)


def key_of(manifest: Manifest) -> Key:
    metadata = manifest["metadata"]
    return metadata.get("namespace", ""), metadata["name"]


def version(manifest: Manifest) -> int:
    """Source: KEP-5504, resource versions of one kind are integers that can be compared."""
    return int(manifest["metadata"]["resourceVersion"])


def projection(kind: Kind, manifest: Manifest) -> Manifest:
    """The object without what nobody reads."""
    metadata = {name: value for name, value in manifest["metadata"].items() if name != "managedFields"}
    kept = {**manifest, "metadata": metadata}
    if kind == POD:
        spec = without(manifest["spec"], POD_FIELDS_DROPPED)
        for field in ("initContainers", "containers"):
            if field in spec:
                spec[field] = [without(container, CONTAINER_FIELDS_DROPPED) for container in spec[field]]
        kept["spec"] = spec
    return kept


def without(fields: Manifest, dropped: frozenset[str]) -> Manifest:
    return {name: value for name, value in fields.items() if name not in dropped}


def discard(index: dict[At, set[Member]], at: At, member: Member) -> None:
    index[at].discard(member)
    if not index[at]:
        del index[at]
