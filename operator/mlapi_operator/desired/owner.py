"""The MLApi as the owner of its children."""

from dataclasses import dataclass
from typing import Self

from mlapi_operator.api.kinds import MLAPI, Kind
from mlapi_operator.api.types import Key, Manifest
from mlapi_operator.desired import labels


@dataclass(frozen=True, slots=True)
class Owner:
    namespace: str
    name: str
    uid: str

    @classmethod
    def of(cls, mlapi: Manifest) -> Self:
        metadata = mlapi["metadata"]
        return cls(metadata["namespace"], metadata["name"], metadata["uid"])

    @property
    def key(self) -> Key:
        return self.namespace, self.name

    def child(self, kind: Kind, name: str, *, revision: str | None = None) -> Manifest:
        """The head of a child's manifest: who it is and whose it is."""
        own = labels.of_revision(self.name, revision) if revision else labels.child(self.name)
        return {
            "apiVersion": kind.api_version,
            "kind": kind.kind,
            "metadata": {
                "name": name,
                "namespace": self.namespace,
                "labels": own,
                # No blockOwnerDeletion: setting it needs the right to update finalizers of MLApis.
                "ownerReferences": [
                    {
                        "apiVersion": MLAPI.api_version,
                        "kind": MLAPI.kind,
                        "name": self.name,
                        "uid": self.uid,
                        "controller": True,
                    }
                ],
            },
        }
