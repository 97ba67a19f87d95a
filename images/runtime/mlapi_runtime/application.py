"""Puts a worker's application together: guard, protocol routes, framework, one engine."""

import asyncio
import gc
import os
from collections.abc import Awaitable

import msgspec

from mlapi_runtime import cpus
from mlapi_runtime.adapters import Hosted
from mlapi_runtime.answers import Message, Receive, Scope, Send
from mlapi_runtime.config import Config
from mlapi_runtime.engine import Engine
from mlapi_runtime.errors import LoadError
from mlapi_runtime.fastpath import FastPath
from mlapi_runtime.guard import Guard
from mlapi_runtime.hook import bind
from mlapi_runtime.native import Native
from mlapi_runtime.protocol import Protocol, infer_paths
from mlapi_runtime.registry import FORMATS, FRAMEWORKS, attribute, format_of, resolve
from mlapi_runtime.requestlog import RequestLog
from mlapi_runtime.routes import Routes
from mlapi_runtime.shared import READY, STATE, Shared, Slot
from mlapi_runtime.signature import plain
from mlapi_runtime.smoke import PREDICT_PATH, Smoke


class Application:
    """ASGI application of one worker. Its lifespan starts the engine, warms it up and reports it ready."""

    def __init__(self, config: Config, shared: Shared, slot: Slot) -> None:
        """Loads the model.

        Raises:
            ConfigError, LoadError
        """
        serving = config.serving
        create = resolve("framework", FRAMEWORKS, config.framework)
        load = resolve("model.format", FORMATS, format_of(config.model.format, config.model.path))
        own = None if config.app is None else attribute("app", config.app)
        self._engine = Engine(
            config.model.name, load(config.model, threads(serving.workers)), serving.batching
        )
        protocol = Protocol(self._engine)
        hosted: Hosted = create(self._engine, None if serving.fast_path else protocol, own)
        self._framework = hosted.app
        fast = FastPath(
            hosted.app,
            protocol if serving.fast_path else None,
            Native(self._engine.signature) if hosted.predicts else None,
        )
        tested, path, example = fast, PREDICT_PATH, msgspec.json.encode(plain(self._engine.example))
        if not hosted.predicts or (own is not None and self._engine.signature.typed):
            # In front of the user's application, which may ask for a key or a host that no example has.
            tested = FastPath(hosted.app, protocol, None)
            path, example = infer_paths(config.model.name)[0], protocol.example()
        self._smoke = Smoke(fast, tested, path, example, serving.request_timeout_seconds)
        self._guard = Guard(
            self._smoke,
            protocol if serving.fast_path else None,
            routes=Routes(config.model.name, hosted, own=own is not None),
            serving=serving,
            revision=config.revision,
            batcher=self._engine.batcher,
            slot=slot,
            shared=shared,
            request_log=RequestLog() if config.log_requests == "Metadata" else None,
        )
        self._shared = shared
        self._slot = slot
        self._warmup_requests = serving.warmup_requests

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        serve = self._guard if scope["type"] == "http" else self._live
        return serve(scope, receive, send)

    async def _live(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The framework's own lifespan, with the engine's around it: the user's start may predict already."""
        failure = ""

        async def observed() -> Message:
            message = await receive()
            if message["type"] == "lifespan.shutdown":
                self._engine.batcher.stop()
                watch.cancel()
            return message

        async def answered(message: Message) -> None:
            nonlocal failure
            if message["type"] == "lifespan.startup.failed":
                failure = message.get("message", "")
            if message["type"] == "lifespan.startup.complete":
                try:
                    await self._warm_up()
                except LoadError as error:
                    self._shared.cause = str(error)
                    raise
                # What is loaded by now lives as long as the worker: the collector need not walk it again.
                gc.freeze()
                gc.enable()
                self._slot.cells[STATE] = READY
            await send(message)

        self._engine.batcher.start()
        bind(self._engine)
        self._smoke.state = scope.get("state", {})
        watch = asyncio.create_task(self._guard.watch())
        try:
            await self._framework(scope, observed, answered)
        except Exception as error:
            cause = error
            while isinstance(cause, ExceptionGroup):  # as task groups wrap them, Litestar's own among them
                cause = cause.exceptions[0]
            failure = f"{type(cause).__name__}: {cause}"
            raise
        finally:
            # The first cause stands: a failed warm-up comes by here too, in whatever the lifespan made of it.
            if failure and self._slot.cells[STATE] != READY:
                self._shared.cause = f"the application failed to start: {failure}"

    async def _warm_up(self) -> None:
        """Through the whole application: no client's request is the first to import, compile or allocate.

        Raises:
            LoadError: the example is not answered.
        """
        for _ in range(self._warmup_requests):
            if failure := await self._smoke.once():
                raise LoadError(
                    "the warm-up request (a handler's example, else zeros with 1 for every free dimension) "
                    f"failed: {failure}; a model that cannot take it needs serving.warmupRequests: 0"
                )
        if self._warmup_requests:
            await self._engine.rehearse()


def threads(workers: int) -> int:
    """Threads that one call of a model may use: OMP_NUM_THREADS, else this worker's share of the CPUs."""
    declared = os.environ.get("OMP_NUM_THREADS", "")
    return (
        int(declared) if declared.isdecimal() and int(declared) > 0 else max(1, cpus.available() // workers)
    )
