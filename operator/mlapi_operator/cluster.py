"""The only module that talks to the API server.

The client library carries the bytes (connection, certificates, token renewal) and nothing else: its typed
models refuse what a newer API server sends, and it parses the partial answers of server-side apply as errors.
"""

import json
import os
from collections.abc import Callable, Sequence
from typing import Any, Final

import aiohttp
from kubernetes.aio import config
from kubernetes.aio.client import ApiClient
from kubernetes.aio.client.configuration import Configuration

from mlapi_operator import __version__, metrics
from mlapi_operator.api.kinds import EVENT, LEASE, Kind
from mlapi_operator.api.types import Key, Manifest
from mlapi_operator.protocol import ApiError, Conflict, Forbidden, Invalid, NotFound, Unavailable
from mlapi_operator.store import key_of

MANAGER: Final = "mlapi-operator"
CONNECT_SECONDS: Final = 5.0
REQUEST_SECONDS: Final = 10.0
LIST_SECONDS: Final = 30.0
PAGE: Final = 500
CONNECTIONS: Final = 32

# Server-side apply of a field that the schema lacks is answered with 500 (seen on 1.36), and never passes.
UNKNOWN_FIELD: Final = "field not declared in schema"

ERRORS: Final[dict[int, type[ApiError]]] = {
    400: Invalid,
    401: Forbidden,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    410: Unavailable,  # a page's token has expired: the list is asked for anew
    422: Invalid,
    429: Unavailable,
}


async def connect() -> Configuration:
    """How to reach the API server: $KUBECONFIG where set, else the pod's service account.

    Raises:
        ConfigException: neither is usable.
    """
    configuration = Configuration()
    if path := os.environ.get("KUBECONFIG"):
        await config.load_kube_config(path, client_configuration=configuration, persist_config=False)  # type: ignore[no-untyped-call]
    else:
        config.load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call]
    configuration.connection_pool_maxsize = CONNECTIONS
    # A proxy meant for downloads must not stand between the operator and its API server.
    configuration.client_session_kwargs = {"trust_env": False}
    return configuration


class KubernetesCluster:
    """`protocol.Cluster` over HTTP.

    Args:
        configuration: from `connect`.
        fence: called before each write, but those of the Lease itself; answers for how many seconds a
            request may still be under way, and raises NotLeading when this process must not write.
        agent: who asks; the API server takes it for the field manager of what `replace` changes.
    """

    def __init__(
        self, configuration: Configuration, fence: Callable[[], float], *, agent: str = MANAGER
    ) -> None:
        self._client = ApiClient(configuration)
        self._client.user_agent = f"{agent}/{__version__}"
        self._fence = fence

    async def close(self) -> None:
        await self._client.close()  # type: ignore[no-untyped-call]

    async def get(self, kind: Kind, key: Key) -> Manifest | None:
        try:
            return await self._request("get", "GET", kind, key)
        except NotFound:
            return None

    async def list(
        self, kind: Kind, *, namespace: str | None = None, labels: str = "", fields: str = ""
    ) -> tuple[list[Manifest], str]:
        query = [("limit", str(PAGE))]
        query += [("labelSelector", labels)] if labels else []
        query += [("fieldSelector", fields)] if fields else []
        items: list[Manifest] = []
        token = version = ""
        while True:
            page = await self._request(
                "list",
                "GET",
                kind,
                (namespace or "", ""),
                query=[*query, *([("continue", token)] if token else [])],
                seconds=LIST_SECONDS,
            )
            items += ({"apiVersion": kind.api_version, "kind": kind.kind, **item} for item in page["items"])
            version = version or page["metadata"]["resourceVersion"]
            token = page["metadata"].get("continue", "")
            if not token:
                return items, version

    async def create(self, kind: Kind, manifest: Manifest) -> Manifest:
        return await self._write("create", "POST", kind, key_of(manifest), manifest)

    async def apply(self, kind: Kind, manifest: Manifest, *, manager: str) -> Manifest:
        return await self._apply("apply", kind, manifest, manager)

    async def apply_status(self, kind: Kind, manifest: Manifest, *, manager: str) -> Manifest:
        return await self._apply("apply_status", kind, manifest, manager)

    async def replace(self, kind: Kind, manifest: Manifest) -> Manifest:
        return await self._write("replace", "PUT", kind, key_of(manifest), manifest)

    async def delete(self, kind: Kind, key: Key, *, uid: str) -> None:
        options = {"preconditions": {"uid": uid}, "propagationPolicy": "Background"}
        try:
            await self._write("delete", "DELETE", kind, key, options)
        except NotFound:
            return

    async def record_event(self, event: Manifest) -> None:
        await self._apply("apply", EVENT, event, MANAGER)

    async def _apply(self, verb: str, kind: Kind, manifest: Manifest, manager: str) -> Manifest:
        query = [("fieldManager", manager), ("force", "true"), ("fieldValidation", "Strict")]
        return await self._write(verb, "PATCH", kind, key_of(manifest), manifest, query)

    async def _write(
        self,
        verb: str,
        method: str,
        kind: Kind,
        key: Key,
        body: Manifest,
        query: Sequence[tuple[str, str]] = (),
    ) -> Manifest:
        seconds = REQUEST_SECONDS if kind == LEASE else min(REQUEST_SECONDS, self._fence())
        return await self._request(verb, method, kind, key, query=query, body=body, seconds=seconds)

    async def _request(
        self,
        verb: str,
        method: str,
        kind: Kind,
        key: Key,
        *,
        query: Sequence[tuple[str, str]] = (),
        body: Manifest | None = None,
        seconds: float = REQUEST_SECONDS,
    ) -> Manifest:
        act = f"{ACTS[verb]} {kind.kind} {'/'.join(filter(None, key))}".rstrip()
        url = path(
            kind, key if verb != "create" else (key[0], ""), "status" if verb == "apply_status" else ""
        )
        headers = {"Accept": "application/json"}
        if method == "PATCH":
            headers["Content-Type"] = "application/apply-patch+yaml"
        code = 0
        try:
            request = await self._client.param_serialize(
                method,
                url,
                query_params=list(query),
                header_params=headers,
                body=body,
                auth_settings=["BearerToken"],
            )
            timeout = aiohttp.ClientTimeout(total=seconds, sock_connect=CONNECT_SECONDS)
            response = await self._client.call_api(*request, _request_timeout=timeout)
            payload = await response.read()  # type: ignore[no-untyped-call]
            code = response.status
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Unavailable(act, 0, "", str(error) or type(error).__name__) from error
        finally:
            metrics.API_REQUESTS.labels(verb, kind.kind, str(code)).inc()
        answer: Manifest = decoded(payload)
        if code >= 300:
            raise failure(act, code, answer, payload, response.headers.get("Retry-After"))
        return answer


ACTS: Final = {
    "get": "getting",
    "list": "listing",
    "create": "creating",
    "apply": "applying",
    "apply_status": "applying status of",
    "replace": "replacing",
    "delete": "deleting",
}


def path(kind: Kind, key: Key, subresource: str = "") -> str:
    """Of an object, or of the collection when the key's name is empty."""
    namespace, name = key
    root = "/apis/" if "/" in kind.api_version else "/api/"
    scope = f"/namespaces/{namespace}" if namespace else ""
    parts = (f"{root}{kind.api_version}{scope}/{kind.plural}", name, subresource)
    return "/".join(filter(None, parts))


def decoded(payload: bytes) -> Any:
    try:
        return json.loads(payload)
    except ValueError:  # a proxy or load balancer answered, not the API server
        return None


def failure(act: str, code: int, answer: Any, payload: bytes, retry_after: str | None) -> ApiError:
    """The error that a Kubernetes Status, or whatever else was answered, stands for."""
    status = answer if isinstance(answer, dict) else {}
    seconds = retry_after or (status.get("details") or {}).get("retryAfterSeconds")
    try:
        wait = float(seconds) if seconds else None
    except ValueError:  # an HTTP date: proxies may send one, the API server never does
        wait = None
    message = status.get("message") or payload[:200].decode(errors="replace")
    error = ERRORS.get(code, Unavailable if code >= 500 else ApiError)
    if UNKNOWN_FIELD in message:
        error = Invalid
    return error(act, code, status.get("reason", ""), message, wait)
