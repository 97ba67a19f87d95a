"""FastAPI: `POST /predict` with pydantic models that are made from the model's signature."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated, Any, Final

import numpy as np
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field, create_model
from starlette.exceptions import HTTPException

from mlapi_runtime.adapters import Hosted
from mlapi_runtime.answers import Answer, Culprit, problem, problem_of
from mlapi_runtime.engine import VERSION, Engine
from mlapi_runtime.errors import BadInput, ServingError
from mlapi_runtime.protocol import Protocol
from mlapi_runtime.signature import Array, Tensor, Tensors
from mlapi_runtime.smoke import PREDICT_PATH

MAX_CULPRITS: Final = 10  # a wrong shape is wrong in every row


def application(engine: Engine, protocol: Protocol | None, own: FastAPI | None) -> Hosted:
    """The application that serves `engine`."""
    PredictRequest = _model("PredictRequest", engine.signature.inputs, bounded=True)  # noqa: N806
    PredictResponse = _model("PredictResponse", engine.signature.outputs, bounded=False)  # noqa: N806
    outputs = tuple(zip(PredictResponse.model_fields, engine.signature.outputs, strict=True))

    app = FastAPI(
        title=engine.name,
        version=VERSION,
        description=f"Predictions of the model {engine.name}.",
        strict_content_type=False,  # many clients of model servers send JSON without saying so
        redirect_slashes=False,
    )

    @app.post(PREDICT_PATH, summary="Predict", responses=_documented_errors())
    async def predict(request: PredictRequest) -> PredictResponse:  # type: ignore[valid-type]
        answered = await engine.predict(_arrays(request, engine.signature.inputs))
        return PredictResponse.model_construct(
            **{field: answered[tensor.name].tolist() for field, tensor in outputs}
        )

    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(ServingError, _unanswered)
    app.add_exception_handler(HTTPException, _not_routed)
    return Hosted(app, frozenset(("/docs", "/redoc", "/openapi.json")), predicts=True)


def _model(name: str, tensors: Sequence[Tensor], *, bounded: bool) -> type[BaseModel]:
    """A pydantic model with a field per tensor; aliases, as tensor names need not be Python names."""
    fields: dict[str, Any] = {
        f"tensor_{i}": (
            _annotation(tensor, bounded=bounded),
            Field(alias=tensor.name, description=f"{tensor.datatype}, shape {list(tensor.shape)}"),
        )
        for i, tensor in enumerate(tensors)
    }
    return create_model(name, __config__=ConfigDict(extra="forbid", hide_input_in_errors=True), **fields)


def _annotation(tensor: Tensor, *, bounded: bool) -> Any:
    """Nested lists as deep as the shape; `bounded` adds lengths and ranges, which only requests need."""
    annotation: Any = _element(tensor) if bounded else _kind(tensor)
    for length in reversed(tensor.shape):
        annotation = list[annotation]
        if bounded:
            longest = None if length == -1 else length
            annotation = Annotated[annotation, Field(min_length=max(length, 1), max_length=longest)]
    return annotation


def _kind(tensor: Tensor) -> type:
    return {"b": bool, "i": int, "u": int, "f": float, "O": str}[tensor.dtype.kind]


def _element(tensor: Tensor) -> Any:
    match tensor.dtype.kind:
        case "f":
            limit = float(np.finfo(tensor.dtype).max)
            return Annotated[float, Field(ge=-limit, le=limit, allow_inf_nan=False)]
        case "i" | "u":
            limits = np.iinfo(tensor.dtype)
            return Annotated[int, Field(ge=int(limits.min), le=int(limits.max))]
        case _:
            return _kind(tensor)


def _arrays(request: BaseModel, tensors: Sequence[Tensor]) -> Tensors:
    return {
        tensor.name: _array(values, tensor)
        for tensor, values in zip(tensors, request.__dict__.values(), strict=True)
    }


def _array(values: Any, tensor: Tensor) -> Array:
    try:
        return np.array(values, dtype=tensor.dtype)
    except ValueError as error:
        raise BadInput.at(tensor.name, "rows of unequal length", f"shape {list(tensor.shape)}") from error


async def _invalid(request: Request, error: Exception) -> Response:
    """What pydantic found, as problem details with a culprit each."""
    assert isinstance(error, RequestValidationError)
    content_type = request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if content_type != "application/json" and not content_type.endswith("+json"):
        detail = f"Content-Type: found {content_type}, wanted application/json"
        return _response(problem_of(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, detail))
    found = error.errors()
    if found[0]["type"] == "json_invalid":
        place, why = found[0]["loc"][-1], found[0]["ctx"]["error"]
        return _response(
            problem_of(HTTPStatus.BAD_REQUEST, f"the body is no JSON: {why} at character {place}")
        )
    culprits = tuple(_culprit(entry) for entry in found[:MAX_CULPRITS])
    first = culprits[0]
    more = f" ({len(found) - 1} more)" if len(found) > 1 else ""
    detail = f"{first.field}: found {first.found}, wanted {first.wanted}{more}"
    return _response(problem_of(HTTPStatus.UNPROCESSABLE_ENTITY, detail, culprits))


def _culprit(entry: Any) -> Culprit:
    place = entry["loc"][1:]  # the first names the body
    path = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in place).lstrip(".")
    found = "nothing" if entry["type"] == "missing" else _shown(entry.get("input"))
    wanted = str(entry["msg"]).removeprefix("Input should be ").removeprefix("List should have ")
    return Culprit(path or "body", found, wanted.partition(" after validation")[0])


def _shown(value: object) -> str:
    """A value in an error: what it is, never a whole tensor."""
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if isinstance(value, dict):
        return "an object"
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


async def _unanswered(request: Request, error: Exception) -> Response:
    assert isinstance(error, ServingError)
    return _response(problem(error))


async def _not_routed(request: Request, error: Exception) -> Response:
    """No such route, or another method; or a body that is no text at all."""
    assert isinstance(error, HTTPException)
    extra = [(name.lower().encode(), value.encode()) for name, value in (error.headers or {}).items()]
    detail = f"{request.method} {request.url.path}: {error.detail}"
    return _response(problem_of(HTTPStatus(error.status_code), detail, extra=extra))


def _response(answer: Answer) -> Response:
    headers = {name.decode(): value.decode() for name, value in answer.headers}
    return Response(answer.body, status_code=answer.status, headers=headers)


def _documented_errors() -> dict[int | str, dict[str, Any]]:
    return {
        status: {"description": description, "content": {"application/problem+json": {}}}
        for status, description in (
            (413, "The body is larger than serving.maxRequestBytes."),
            (422, "The input does not fit the model's signature; `errors` names the fields."),
            (429, "Too many requests at once; try again after `Retry-After` seconds."),
            (504, "No answer within serving.requestTimeoutSeconds."),
        )
    }
