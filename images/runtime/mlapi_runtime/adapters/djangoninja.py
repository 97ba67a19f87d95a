"""Django Ninja: `POST /predict` with schemas that are made from the model's signature."""

# ruff: noqa: E402 - Ninja reads Django's settings as it is imported

import os
from collections.abc import Callable, Sequence
from typing import Any, Final

import django
import msgspec
from django.conf import settings
from django.http import HttpRequest, HttpResponse

from mlapi_runtime import schema
from mlapi_runtime.adapters import Hosted, djangosettings
from mlapi_runtime.adapters.djangohost import Host, response_of
from mlapi_runtime.answers import PROBLEM, answer
from mlapi_runtime.config import ConfigError
from mlapi_runtime.engine import VERSION, Engine
from mlapi_runtime.errors import ServingError
from mlapi_runtime.problems import RESPONSES, decoded, documented, misfit, problem
from mlapi_runtime.protocol import Protocol
from mlapi_runtime.signature import Signature, plain
from mlapi_runtime.smoke import PREDICT_PATH

SETTINGS: Final = djangosettings.__name__
chosen = os.environ.setdefault("DJANGO_SETTINGS_MODULE", SETTINGS)
try:
    django.setup()
except Exception as error:
    raise ConfigError(f"DJANGO_SETTINGS_MODULE: found {chosen}: {type(error).__name__}: {error}") from error

from ninja import Body, NinjaAPI, Schema
from ninja.errors import ConfigError as NinjaConfigError
from ninja.errors import HttpError, ValidationError
from ninja.parser import Parser
from pydantic import ConfigDict, FailFast, Field, create_model, model_validator

from mlapi_runtime.adapters import djangourls

Handler = Callable[[HttpRequest, Any], HttpResponse]


class Tensors(Schema):
    """Checked once: a Schema that forbids other fields would be twice, the second time through getters."""

    model_config = ConfigDict(extra="forbid", strict=True)

    @model_validator(mode="wrap")
    @classmethod
    def _run_root_validator(cls, values: Any, handler: Any) -> Any:
        return handler(values)


class QuickParser(Parser):
    def parse_body(self, request: HttpRequest) -> Any:
        return decoded(request.body)


def application(engine: Engine, protocol: Protocol | None, own: Any | None) -> Hosted:
    """The application that serves `engine`, beside the views of the user's project.

    Raises:
        ConfigError: `own` is no NinjaAPI, no route can be added to it, or the project has no usable URLs.
    """
    if own is not None and not isinstance(own, NinjaAPI):
        raise ConfigError(f"app: found {type(own).__module__}.{type(own).__qualname__}, wanted a NinjaAPI")
    ours = chosen == SETTINGS
    theirs = None if ours else djangourls.project()
    apis = [] if own is None or djangourls.mounted(own, theirs) else [own]
    predicts = not djangourls.taken(PREDICT_PATH, theirs, apis)
    if predicts:
        apis = apis or [_api(engine)]
        _add_predict(apis[0], engine)
    # What the project leaves to Django is as in our settings: serving.maxRequestBytes limits bodies, and the
    # guard logs and answers what fails, unless the project has a page for it.
    if not settings.is_overridden("DATA_UPLOAD_MAX_MEMORY_SIZE"):
        settings.DATA_UPLOAD_MAX_MEMORY_SIZE = None
    if not (settings.is_overridden("DEBUG_PROPAGATE_EXCEPTIONS") or hasattr(theirs, "handler500")):
        settings.DEBUG_PROPAGATE_EXCEPTIONS = True
    settings.ROOT_URLCONF = djangourls.urlconf(theirs, protocol, apis, assets=ours)
    documented = [*apis, own] if own is not None else apis
    pages = djangourls.documentation(settings.ROOT_URLCONF, documented, assets=ours)
    return Hosted(Host(), pages, predicts)


def _api(engine: Engine) -> NinjaAPI:
    return NinjaAPI(
        title=engine.name,
        version=VERSION,
        description=f"Predictions of the model {engine.name}.",
        urls_namespace="mlapi",
        parser=QuickParser(),
    )


def _add_predict(api: NinjaAPI, engine: Engine) -> None:
    inputs = schema.requested(engine.signature, Field, FailFast())  # a wrong datatype is wrong in every row
    outputs = schema.answered(engine.signature, Field)
    PredictRequest: Any = _schema("PredictRequest", inputs) if inputs else Body[dict[str, Any]]  # noqa: N806
    PredictResponse: Any = _schema("PredictResponse", outputs) if outputs else dict[str, Any]  # noqa: N806
    content = {PROBLEM: {"schema": documented()}}
    errors = {status: {"description": text, "content": content} for status, text in RESPONSES.items()}

    async def predict(request: HttpRequest, tensors: PredictRequest) -> HttpResponse:
        values = schema.values(tensors, inputs) if inputs else tensors
        answered = plain(await engine.predict(engine.signature.arrays(values)))
        # A response of its own: Ninja would check the answer, copy it and encode it with Python's json.
        return response_of(answer(200, msgspec.json.encode(answered)))

    try:
        api.post(
            PREDICT_PATH,
            response=PredictResponse,
            by_alias=True,
            operation_id="predict",
            openapi_extra={"responses": errors},
        )(predict)
    except NinjaConfigError as error:
        raise ConfigError(
            "app: the URLs of this NinjaAPI are made already, so that no route can be added to it; "
            "name in env, as DJANGO_SETTINGS_MODULE, the settings of the project whose ROOT_URLCONF has them"
        ) from error
    for kind in (ValidationError, HttpError):
        api.add_exception_handler(kind, _refusal(engine.signature, api._exception_handlers[kind]))
    api._exception_handlers.setdefault(ServingError, _unanswered)


def _unanswered(request: HttpRequest, error: Any) -> HttpResponse:
    return response_of(problem(error))


def _schema(name: str, fields: Sequence[schema.Field]) -> type[Tensors]:
    definitions: dict[str, Any] = {
        field.attribute: (field.annotation, Field(alias=field.name)) for field in fields
    }
    return create_model(name, __base__=Tensors, **definitions)


def _refusal(signature: Signature, otherwise: Handler) -> Handler:
    """Says what is wrong with a body of `/predict`; errors of other routes and kinds are as they were."""

    def refuse(request: HttpRequest, error: Any) -> HttpResponse:
        unread = isinstance(error, HttpError) and error.__cause__ is not None
        if request.path_info != PREDICT_PATH or not (unread or isinstance(error, ValidationError)):
            return otherwise(request, error)
        try:
            document = decoded(request.body)
        except ServingError as reason:
            return response_of(problem(reason))
        # Each begins with the source and the parameter's name.
        places = [entry["loc"][2:] for entry in getattr(error, "errors", ())]
        return response_of(problem(misfit(document, places, signature, str(error))))

    return refuse
