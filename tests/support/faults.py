"""A proxy in front of a real kube-apiserver that misbehaves as told and counts what passes."""

import asyncio
import base64
import contextlib
import json
import ssl
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp
import yaml
from aiohttp import web

HOP_BY_HOP = {"connection", "transfer-encoding", "content-length", "host", "content-encoding"}


@dataclass
class Answer:
    """Answers itself instead of the API server."""

    status: int
    retry_after: int | None = None
    reason: str = "Injected"


@dataclass
class Gone:
    """Opens the watch and at once sends what the API server sends for a resourceVersion that is too old."""


@dataclass
class Silent:
    """Accepts the watch and never sends anything."""


@dataclass
class Delay:
    """Passes the request on after so many seconds."""

    seconds: float


@dataclass
class Drop:
    """Closes the connection without an answer; `after` the API server has done what was asked, if so told."""

    after: bool = False


Fault = Answer | Gone | Silent | Delay | Drop


@dataclass
class Rule:
    verb: str
    plural: str
    fault: Fault
    times: int


@dataclass(frozen=True)
class Request:
    verb: str
    plural: str
    name: str
    code: int


class FaultProxy:
    """Listens without TLS on the loopback, and calls the API server as the user of `kubeconfig`.

    Args:
        impersonate: user that the API server is asked to treat each request as coming from.
    """

    def __init__(self, kubeconfig: Path, impersonate: str = "", groups: Sequence[str] = ()) -> None:
        self._upstream, self._tls = credentials(kubeconfig)
        self._headers = [("Impersonate-User", impersonate)] if impersonate else []
        self._headers += [("Impersonate-Group", group) for group in groups]
        self._rules: list[Rule] = []
        self._silenced: set[str] = set()
        self._cutting: set[str] = set()
        self._watches: dict[asyncio.Task[Any], str] = {}
        self._port = 0
        self.requests: list[Request] = []

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ssl=self._tls), auto_decompress=False, read_bufsize=2**21
        )
        app = web.Application(client_max_size=2**24)
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._runner.cleanup()
        await self._session.close()

    async def start(self) -> None:
        """Listens, again at the same port after `stop`."""
        self._site = web.TCPSite(self._runner, "127.0.0.1", self._port, reuse_address=True)
        await self._site.start()
        self._port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """The API server is down: connections are refused, and those that were open end."""
        await self._site.stop()
        for connection in list(self._runner.server.connections):  # type: ignore[union-attr]
            if connection.transport:
                connection.transport.abort()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def kubeconfig(self, folder: Path) -> Path:
        """A file that leads a client here."""
        named = {"cluster": {"server": self.url}, "user": {}, "context": {"cluster": "c", "user": "u"}}
        config: dict[str, Any] = {"apiVersion": "v1", "kind": "Config", "current-context": "x"}
        for plural, singular, name in (
            ("clusters", "cluster", "c"),
            ("users", "user", "u"),
            ("contexts", "context", "x"),
        ):
            config[plural] = [{"name": name, singular: named[singular]}]
        file = folder / "faults.kubeconfig"
        file.write_text(json.dumps(config))
        return file

    def fail(self, verb: str, plural: str, fault: Fault, times: int = 1_000_000) -> Rule:
        """The next so many requests of this verb (`*`: any) and plural (`*`: any) meet the fault."""
        rule = Rule(verb, plural, fault, times)
        self._rules.append(rule)
        return rule

    def heal(self) -> None:
        """From now on everything passes; streams that were silenced stay open and speak again."""
        self._rules.clear()
        self._silenced.clear()

    def silence(self, plural: str) -> None:
        """Open watches of this kind stay open, and what the API server sends on them is lost."""
        self._silenced.add(plural)

    def cut(self, plural: str) -> None:
        """The next event on a watch of this kind arrives in half, and the connection ends there."""
        self._cutting.add(plural)

    def end_watches(self, plural: str) -> None:
        """Open watches of this kind end now."""
        for task, watched in list(self._watches.items()):
            if watched == plural:
                task.cancel()

    def watching(self, plural: str) -> bool:
        """Whether a watch of this kind is open."""
        return plural in self._watches.values()

    def counts(self, since: int = 0) -> Counter[tuple[str, str]]:
        """Answered requests by verb and plural, from the so manieth on."""
        return Counter((each.verb, each.plural) for each in self.requests[since:])

    def writes(self, since: int = 0) -> list[Request]:
        """Requests that change something, but the Lease's."""
        reading = {"get", "list", "watch"}
        return [
            each for each in self.requests[since:] if each.verb not in reading and each.plural != "leases"
        ]

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        verb, plural, name = parse(request)
        response: web.StreamResponse | None = None
        try:
            response = await self._answer(request, verb, plural)
            return response
        finally:
            self.requests.append(Request(verb, plural, name, response.status if response else 0))

    async def _answer(self, request: web.Request, verb: str, plural: str) -> web.StreamResponse:
        fault = self._fault(verb, plural)
        match fault:
            case Answer(status, retry_after, reason):
                return injected(status, retry_after, reason)
            case Gone() | Silent():
                return await self._false_watch(request, fault)
            case Drop(after):
                if after:
                    async with self._forward(request) as answer:
                        await answer.read()
                assert request.transport
                request.transport.abort()
                return web.Response()
            case Delay(seconds):
                await asyncio.sleep(seconds)
        async with self._forward(request) as answer:
            if verb == "watch" and answer.status == 200:
                return await self._stream(request, answer, plural)
            kept = [
                (k, v)
                for k, v in answer.headers.items()
                if k.lower() not in HOP_BY_HOP - {"content-encoding"}
            ]
            return web.Response(status=answer.status, headers=kept, body=await answer.read())

    def _fault(self, verb: str, plural: str) -> Fault | None:
        for rule in self._rules:
            if rule.verb in (verb, "*") and rule.plural in (plural, "*") and rule.times > 0:
                rule.times -= 1
                return rule.fault
        return None

    def _forward(self, request: web.Request) -> Any:
        headers = [(k, v) for k, v in request.headers.items() if k.lower() not in HOP_BY_HOP]
        return self._session.request(
            request.method,
            self._upstream + request.raw_path,
            headers=headers + self._headers,
            data=request.content if request.body_exists else None,
            timeout=aiohttp.ClientTimeout(total=None),
        )

    async def _stream(
        self, request: web.Request, answer: aiohttp.ClientResponse, plural: str
    ) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        task = asyncio.ensure_future(self._copy(request, answer, response, plural))
        self._watches[task] = plural
        try:
            await asyncio.wait({task})
        finally:
            task.cancel()
            del self._watches[task]
        return response

    async def _copy(
        self,
        request: web.Request,
        answer: aiohttp.ClientResponse,
        response: web.StreamResponse,
        plural: str,
    ) -> None:
        with contextlib.suppress(ConnectionResetError):  # the client may leave at any time
            async for chunk in answer.content.iter_any():
                if plural in self._cutting:
                    self._cutting.discard(plural)
                    await response.write(chunk[: len(chunk) // 2])
                    assert request.transport
                    request.transport.close()
                    return
                if plural not in self._silenced:
                    await response.write(chunk)

    async def _false_watch(self, request: web.Request, fault: Gone | Silent) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        if isinstance(fault, Silent):
            await asyncio.Event().wait()
        status = {
            "kind": "Status",
            "apiVersion": "v1",
            "code": 410,
            "reason": "Expired",
            "message": "too old",
        }
        await response.write(json.dumps({"type": "ERROR", "object": status}).encode() + b"\n")
        return response


def injected(status: int, retry_after: int | None, reason: str) -> web.Response:
    """A Status as the API server would send it."""
    body = {"kind": "Status", "apiVersion": "v1", "code": status, "reason": reason, "message": "injected"}
    headers = {"Retry-After": str(retry_after)} if retry_after is not None else {}
    return web.json_response(body, status=status, headers=headers)


def parse(request: web.Request) -> tuple[str, str, str]:
    """Verb (as in RBAC, but `apply` and `apply_status` for PATCH), plural and name of a request."""
    parts = request.path.strip("/").split("/")
    parts = parts[2:] if parts[0] == "api" else parts[3:]
    if len(parts) > 2 and parts[0] == "namespaces":
        parts = parts[2:]
    plural, name, subresource = (*parts, "", "", "")[:3]
    match request.method:
        case "GET" if request.query.get("watch") in ("true", "1"):
            verb = "watch"
        case "GET":
            verb = "get" if name else "list"
        case "PATCH":
            verb = "apply_status" if subresource == "status" else "apply"
        case method:
            verb = {"POST": "create", "PUT": "replace", "DELETE": "delete"}.get(method, method.lower())
    return verb, plural, name


def credentials(kubeconfig: Path) -> tuple[str, ssl.SSLContext]:
    """Address of the API server, and the TLS context of the file's first user."""
    config = yaml.safe_load(kubeconfig.read_text())
    cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
    context = ssl.create_default_context(
        cadata=base64.b64decode(cluster["certificate-authority-data"]).decode()
    )
    with tempfile.NamedTemporaryFile() as certificate, tempfile.NamedTemporaryFile() as key:
        certificate.write(base64.b64decode(user["client-certificate-data"]))
        key.write(base64.b64decode(user["client-key-data"]))
        certificate.flush()
        key.flush()
        context.load_cert_chain(certificate.name, key.name)
    return cluster["server"], context
