"""What the containers are told, as JSON in their environment."""

import json
from typing import Any, Final

from mlapi_operator.api.v1alpha1 import MLApiSpec
from mlapi_operator.desired import ca
from mlapi_operator.desired.owner import Owner
from mlapi_operator.desired.volumes import CA_DIRECTORY, MODELS, model_path, needs_ca
from mlapi_operator.settings import Fetch

# For so long after the pod left the Service's endpoints its server still takes connections: proxies lag.
DRAIN_SECONDS: Final = 10


def fetch_order(spec: MLApiSpec, fetch: Fetch) -> dict[str, Any]:
    """What the fetching container reads from MLAPI_FETCH."""
    return {
        "uri": spec.model.uri,
        "sha256": spec.model.sha256,
        "maxBytes": fetch.max_bytes,
        "allowedCIDRs": list(fetch.allowed_cidrs),
        "caFile": f"{CA_DIRECTORY}/{ca.KEY}" if needs_ca(spec, fetch) else None,
        "directory": MODELS,
    }


def serving_config(owner: Owner, spec: MLApiSpec, revision: str) -> dict[str, Any]:
    """What the launcher reads from MLAPI_CONFIG.

    A key that came with a later release stands in it only where its value is not the default: images of the
    releases before refuse what they do not know.
    """
    serving = spec.serving
    return {
        "revision": revision,
        "framework": spec.framework.name,
        **({"app": spec.framework.app} if spec.framework.app else {}),
        "model": {
            "name": spec.model.name or owner.name,
            "format": spec.model.format,
            "path": model_path(spec.model.uri),
            **({"handler": spec.model.handler} if spec.model.handler else {}),
        },
        "serving": {
            "workers": serving.workers,
            "maxConcurrency": serving.max_concurrency,
            "requestTimeoutSeconds": serving.request_timeout_seconds,
            "maxRequestBytes": serving.max_request_bytes,
            "batching": {
                "maxSize": serving.batching.max_size,
                "maxDelayMilliseconds": serving.batching.max_delay_milliseconds,
            },
            "warmupRequests": serving.warmup_requests,
            **({} if serving.fast_path else {"fastPath": False}),
        },
        "logRequests": spec.observability.log_requests,
        "drainSeconds": DRAIN_SECONDS,
    }


def compact(document: dict[str, Any]) -> str:
    """JSON without spaces, keys in the order of the document: the same input gives the same pod template."""
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False)
