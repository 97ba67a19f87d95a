"""Litestar: `POST /predict` with msgspec structs that are made from the model's signature.

A user's own Litestar gets the same route beside its own: its middlewares, guards, dependencies, lifespan,
exception handlers and pages stay as they are.
"""

import logging
from typing import Any, cast

import msgspec
from litestar import Litestar, Request, Response, asgi, get, post
from litestar.exceptions import HTTPException, NotFoundException
from litestar.handlers import BaseRouteHandler
from litestar.openapi import OpenAPIConfig, ResponseSpec
from litestar.openapi.plugins import SwaggerRenderPlugin
from litestar.status_codes import HTTP_500_INTERNAL_SERVER_ERROR
from litestar.types import Receive

from mlapi_runtime import problems, schema
from mlapi_runtime.adapters import Hosted
from mlapi_runtime.adapters.litestarbody import Encoded, asked_path, reader
from mlapi_runtime.adapters.litestarstructs import Documentation, struct
from mlapi_runtime.answers import PROBLEM, Answer, App, Problem
from mlapi_runtime.config import ConfigError
from mlapi_runtime.engine import VERSION, Engine
from mlapi_runtime.errors import ServingError
from mlapi_runtime.exchange import KEY
from mlapi_runtime.protocol import ROOT, Protocol
from mlapi_runtime.signature import plain
from mlapi_runtime.smoke import PREDICT_PATH

DOCUMENT_PATH = "/openapi.json"

log = logging.getLogger("uvicorn.error")


def application(engine: Engine, protocol: Protocol | None, own: object | None) -> Hosted:
    """The application that serves `engine`.

    Args:
        protocol: gets the routes of `/v2`; None if they are answered in front of the framework.
        own: the user's Litestar, which is extended.
    Raises:
        ConfigError: `own` is something else.
    """
    if own is not None and not isinstance(own, Litestar):
        raise ConfigError(f"app: found {type(own).__module__}.{type(own).__qualname__}, wanted a Litestar")
    app = _plain(engine.name) if own is None else own
    if app.path.strip("/"):
        raise ConfigError(
            f"app: found path={app.path!r}, under which the model's routes would stand too; "
            "give the path to a Router that holds your own"
        )
    predicts = not any(route.path == PREDICT_PATH and "POST" in route.methods for route in app.routes)
    if predicts:
        app.plugins.openapi = (Documentation(), *app.plugins.openapi)
        app.register(_predict(engine))
    if protocol is not None:
        app.register(_serve(protocol))
    app.exception_handlers.setdefault(ServingError, _unanswered)
    # For what has no handler: Litestar by itself answers it and logs nothing.
    app.exception_handlers.setdefault(HTTP_500_INTERNAL_SERVER_ERROR, _failed)
    return Hosted(cast("App", app), _pages(app), predicts)


def _plain(name: str) -> Litestar:
    @get(DOCUMENT_PATH, include_in_schema=False, sync_to_thread=False)
    def document(request: Request[Any, Any, Any]) -> dict[str, Any]:
        return request.app.openapi_schema.to_schema()

    return Litestar(
        [document],
        debug=False,
        logging_config=None,
        openapi_config=OpenAPIConfig(
            title=name,
            version=VERSION,
            description=f"Predictions of the model {name}.",
            path="/docs",
            render_plugins=[SwaggerRenderPlugin(path="/")],
        ),
        exception_handlers={HTTPException: _not_routed, Exception: _failed},
    )


def _pages(app: Litestar) -> frozenset[str]:
    if app.openapi_config is None:
        return frozenset()
    root = "/" + (app.openapi_config.path or "schema").strip("/")  # Litestar's own default
    return frozenset(
        route.path
        for route in app.routes
        if route.path == DOCUMENT_PATH or f"{route.path}/".startswith(f"{root}/")
    )


def _predict(engine: Engine) -> BaseRouteHandler:
    inputs = schema.requested(engine.signature, msgspec.Meta)
    outputs = schema.answered(engine.signature, msgspec.Meta)
    PredictRequest: Any = struct("PredictRequest", inputs) if inputs else dict[str, Any]  # noqa: N806
    PredictResponse: Any = struct("PredictResponse", outputs) if outputs else dict[str, Any]  # noqa: N806

    @post(
        PREDICT_PATH,
        status_code=200,
        summary="Predict",
        responses={
            status: ResponseSpec(Problem, description=text, media_type=PROBLEM, generate_examples=False)
            for status, text in problems.RESPONSES.items()
        },
        request_class=reader(msgspec.json.Decoder(PredictRequest).decode, engine.signature),
        request_max_body_size=None,  # the guard has checked it
        dto=None,
        return_dto=None,
    )
    async def predict(data: PredictRequest) -> PredictResponse:
        values = schema.values(data, inputs) if inputs else data
        return Encoded(msgspec.json.encode(plain(await engine.predict(engine.signature.proven(values)))))

    return predict


def _serve(protocol: Protocol) -> BaseRouteHandler:
    @asgi(ROOT, is_mount=True, copy_scope=True)
    async def serve(scope: Any, receive: Receive, send: Any) -> None:
        path = asked_path(scope)
        if not protocol.owns(path):  # a mount takes /v2x too
            raise NotFoundException
        found = await protocol.answer(scope["method"], path, scope["headers"], scope.get(KEY))
        await found.send(send)

    return serve


def _unanswered(_: Request[Any, Any, Any], error: ServingError) -> Response[bytes]:
    return _response(problems.problem(error))


def _not_routed(request: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    return _response(
        problems.unrouted(
            request.method, asked_path(request.scope), error.status_code, error.detail, error.headers
        )
    )


def _failed(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    log.error("request failed: %s %s", request.method, request.url.path, exc_info=error)
    return _response(problems.problem(ServingError.hidden(error)))


def _response(answer: Answer) -> Response[bytes]:
    headers = {name.decode(): value.decode() for name, value in answer.headers}
    return Response(
        answer.body, status_code=answer.status, headers=headers, media_type=headers["content-type"]
    )
