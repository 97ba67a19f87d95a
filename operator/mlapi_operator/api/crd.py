"""The CustomResourceDefinition, made from the types: pydantic's JSON schema as a structural schema."""

import hashlib
import json
from typing import Any, Final

import yaml

from mlapi_operator.api.base import Object
from mlapi_operator.api.kinds import GROUP, MLAPI, VERSION
from mlapi_operator.api.status import MLApiStatus
from mlapi_operator.api.types import Manifest
from mlapi_operator.api.v1alpha1 import MLApi

SCHEMA_HASH: Final = f"{GROUP}/schema-hash"
"""Annotation of the CRD: lets the operator see that the cluster holds another schema than its own."""

_DROPPED: Final = ("title", "examples", "$defs")
_LAST: Final = ("items", "additionalProperties", "properties")

_READY: Final = '.status.conditions[?(@.type=="Ready")]'
# Name, path, type, whether `-o wide` alone shows it.
_COLUMNS: Final = (
    ("Framework", ".spec.framework.name", "string", False),
    ("Ready", f"{_READY}.status", "string", False),
    ("Phase", ".status.phase", "string", False),
    ("Replicas", ".status.replicas", "integer", False),
    ("P95", ".status.latency.p95", "string", False),
    ("URL", ".status.url", "string", False),
    ("Age", ".metadata.creationTimestamp", "date", False),
    ("GPU", ".status.gpu.resourceName", "string", True),
    ("Image", ".status.image.reference", "string", True),
    ("Reason", f"{_READY}.reason", "string", True),
)


def structural(model: type[Object]) -> Manifest:
    """The structural schema of one type, everything inlined."""
    schema = model.model_json_schema(by_alias=True)
    plain: Manifest = _plain(schema, schema.get("$defs", {}))
    return plain


def _plain(schema: Any, definitions: Manifest) -> Any:
    if isinstance(schema, list):
        return [_plain(entry, definitions) for entry in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        target = definitions[schema["$ref"].rpartition("/")[2]]
        return _plain(target | {key: value for key, value in schema.items() if key != "$ref"}, definitions)
    if "anyOf" in schema:
        (given,) = (choice for choice in schema["anyOf"] if choice != {"type": "null"})
        rest = {key: value for key, value in schema.items() if key != "anyOf"}
        return _plain(given | rest, definitions)
    plain = {key: value for key, value in schema.items() if key not in _DROPPED}
    if plain.get("default", ...) is None:
        del plain["default"]
    if plain.get("additionalProperties") is False:
        del plain["additionalProperties"]
    if "const" in plain:
        plain["enum"] = [plain.pop("const")]
    if "description" in plain:
        plain["description"] = " ".join(plain["description"].split())
    if "properties" in plain:
        # Names of fields are no keywords: a field may be called `title`.
        fields = plain.pop("properties")
        plain["properties"] = {name: _plain(field, definitions) for name, field in fields.items()}
    for keyword in ("items", "additionalProperties"):
        if keyword in plain:
            plain[keyword] = _plain(plain[keyword], definitions)
    if plain.get("type") == "array":
        plain.setdefault("x-kubernetes-list-type", "atomic")
    return dict(sorted(plain.items(), key=lambda item: (item[0] in _LAST, item[0])))


def schema() -> Manifest:
    """The schema of an MLApi, with spec and status."""
    root = structural(MLApi)
    root["properties"] = {
        "apiVersion": {"type": "string"},
        "kind": {"type": "string"},
        "metadata": {"type": "object", "properties": root["properties"]["metadata"]["properties"]},
        "spec": root["properties"]["spec"],
        # kstatus takes an object without conditions for a finished one, unless a generation is outstanding.
        "status": structural(MLApiStatus) | {"default": {"observedGeneration": -1}},
    }
    root["required"] = ["spec"]
    return root


def schema_hash() -> str:
    """The value of the schema hash annotation, 16 hex digits."""
    return hashlib.sha256(json.dumps(schema(), sort_keys=True).encode()).hexdigest()[:16]


def crd() -> Manifest:
    """The whole definition."""
    columns = [
        {"name": name, "type": type_, "jsonPath": path} | ({"priority": 1} if wide else {})
        for name, path, type_, wide in _COLUMNS
    ]
    version = {
        "name": VERSION,
        "served": True,
        "storage": True,
        "subresources": {
            "status": {},
            "scale": {
                "specReplicasPath": ".spec.replicas",
                "statusReplicasPath": ".status.replicas",
                "labelSelectorPath": ".status.selector",
            },
        },
        "additionalPrinterColumns": columns,
        "selectableFields": [{"jsonPath": ".spec.framework.name"}],
        "schema": {"openAPIV3Schema": schema()},
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{MLAPI.plural}.{GROUP}", "annotations": {SCHEMA_HASH: schema_hash()}},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": MLAPI.kind,
                "listKind": f"{MLAPI.kind}List",
                "plural": MLAPI.plural,
                "singular": MLAPI.kind.lower(),
                "shortNames": ["mla"],
                "categories": ["mlops"],
            },
            "versions": [version],
        },
    }


def crd_yaml() -> str:
    """The definition as the file that crds/ and the chart hold."""

    class Dumper(yaml.SafeDumper):
        def ignore_aliases(self, data: Any) -> bool:
            return True

    head = "# Made by `make crd` from operator/mlapi_operator/api; do not edit.\n"
    # Leaves on one line each: nested deep, most of a block would be indentation.
    return head + yaml.dump(
        crd(), Dumper=Dumper, sort_keys=False, width=160, allow_unicode=True, default_flow_style=None
    )
