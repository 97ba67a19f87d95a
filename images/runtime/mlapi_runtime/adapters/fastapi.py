"""FastAPI: `POST /predict` with pydantic models that are made from the model's signature.

A user's own FastAPI gets the same route beside its own: its middlewares, dependencies, lifespan, exception
handlers and pages stay as they are.
"""

from collections.abc import Sequence
from http import HTTPMethod
from typing import Any

import msgspec
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.routing import iter_route_contexts
from pydantic import BaseModel, ConfigDict, Field, create_model
from pydantic.types import FailFast
from starlette.exceptions import HTTPException

from mlapi_runtime import problems, schema
from mlapi_runtime.adapters import Hosted
from mlapi_runtime.adapters.fastapibody import checked
from mlapi_runtime.answers import PROBLEM, Answer
from mlapi_runtime.config import ConfigError
from mlapi_runtime.engine import VERSION, Engine
from mlapi_runtime.errors import ServingError
from mlapi_runtime.exchange import KEY
from mlapi_runtime.protocol import ROOT, Protocol
from mlapi_runtime.signature import plain
from mlapi_runtime.smoke import PREDICT_PATH


def application(engine: Engine, protocol: Protocol | None, own: object | None) -> Hosted:
    """The application that serves `engine`.

    Args:
        protocol: gets the routes of `/v2`; None if they are answered in front of the framework.
        own: the user's FastAPI, which is extended.
    Raises:
        ConfigError: `own` is something else.
    """
    if own is not None and not isinstance(own, FastAPI):
        raise ConfigError(f"app: found {type(own).__module__}.{type(own).__qualname__}, wanted a FastAPI")
    app = _plain(engine.name) if own is None else own
    predicts = not _has_predict(app)
    if predicts:
        _add_predict(app.router, engine)
    if protocol is not None:
        _add_protocol(app.router, protocol)
    app.exception_handlers.setdefault(ServingError, _unanswered)
    pages = (app.openapi_url, app.docs_url, app.redoc_url, app.swagger_ui_oauth2_redirect_url)
    return Hosted(app, frozenset(filter(None, pages)), predicts)


def _plain(name: str) -> FastAPI:
    app = FastAPI(
        title=name,
        version=VERSION,
        description=f"Predictions of the model {name}.",
        redirect_slashes=False,
    )
    app.add_exception_handler(HTTPException, _not_routed)
    app.add_exception_handler(Exception, _failed)
    return app


def _has_predict(app: FastAPI) -> bool:
    routes = iter_route_contexts(app.routes)
    return any(route.path == PREDICT_PATH and "POST" in (route.methods or ()) for route in routes)


def _add_predict(router: APIRouter, engine: Engine) -> None:
    inputs = schema.requested(engine.signature, Field, FailFast())  # a wrong datatype is wrong in every row
    outputs = schema.answered(engine.signature, Field)
    PredictRequest: Any = _model("PredictRequest", inputs) if inputs else dict[str, Any]  # noqa: N806
    PredictResponse: Any = _model("PredictResponse", outputs) if outputs else dict[str, Any]  # noqa: N806
    content = {PROBLEM: {"schema": problems.documented()}}
    errors: dict[int | str, dict[str, Any]] = {
        status: {"description": text, "content": content} for status, text in problems.RESPONSES.items()
    }

    async def predict(request: PredictRequest, response: Response) -> Response:
        values = schema.values(request, inputs) if inputs else request
        outputs = plain(await engine.predict(engine.signature.proven(values)))
        # Encoded here: FastAPI would validate the answer first. The model of it is for the document.
        answer = Response(msgspec.json.encode(outputs), media_type="application/json")
        answer.raw_headers += response.raw_headers  # of dependencies in the user's own application
        return answer

    router.add_api_route(
        PREDICT_PATH,
        predict,
        response_model=PredictResponse,
        methods=["POST"],
        summary="Predict",
        responses=errors,
        route_class_override=checked(engine.signature),
        strict_content_type=False,  # many clients of model servers send JSON without saying so
    )
    _first(router)


def _first(router: APIRouter) -> None:
    """Puts the newest route before one of the user's that takes any path."""
    router.routes.insert(0, router.routes.pop())


def _model(name: str, fields: Sequence[schema.Field]) -> type[BaseModel]:
    config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)
    definitions: dict[str, Any] = {
        field.attribute: (field.annotation, Field(alias=field.name)) for field in fields
    }
    return create_model(name, __config__=config, **definitions)


def _add_protocol(router: APIRouter, protocol: Protocol) -> None:
    methods = [method.value for method in HTTPMethod]

    async def serve(request: Request) -> Response:
        path, headers = request.scope["path"], request.scope["headers"]
        return _response(await protocol.answer(request.method, path, headers, request.scope.get(KEY)))

    for path in (ROOT, f"{ROOT}/{{path:path}}"):
        router.add_api_route(path, serve, methods=methods, include_in_schema=False)
        _first(router)


async def _unanswered(request: Request, error: Exception) -> Response:
    assert isinstance(error, ServingError)
    return _response(problems.problem(error))


async def _not_routed(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return _response(
        problems.unrouted(
            request.method, request.scope["path"], error.status_code, error.detail, error.headers
        )
    )


async def _failed(request: Request, error: Exception) -> Response:
    return _response(problems.problem(ServingError.hidden(error)))


def _response(answer: Answer) -> Response:
    response = Response(answer.body, answer.status)
    response.raw_headers = list(answer.headers)
    return response
