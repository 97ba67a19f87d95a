"""Parts of the spec as Kubernetes spells them, without what the user left out."""

from typing import Any

from mlapi_operator.api.types import Manifest


def plain(model: Any) -> Manifest:
    """With the defaults of the API."""
    manifest: Manifest = model.model_dump(mode="json", by_alias=True, exclude_none=True)
    return manifest


def sparse(model: Any) -> Manifest:
    """Without empty lists and maps either: the API server does not keep them."""
    manifest: Manifest = model.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    return manifest
