"""The native route as Django Ninja's users write it: schemas in and out, an async view, no middleware."""

from collections.abc import Sequence
from typing import Any

import django
from django.conf import settings
from model import INPUTS, MAX_REQUEST_BYTES, OUTPUTS, Tensor, annotation, predict

settings.configure(
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    SECRET_KEY="not used: no sessions, no signatures",  # noqa: S106 - and required all the same
    DATA_UPLOAD_MAX_MEMORY_SIZE=MAX_REQUEST_BYTES,
)
django.setup()

from django.core.asgi import get_asgi_application  # noqa: E402 - Django is set up before its modules are used
from django.http import HttpRequest  # noqa: E402
from django.urls import path  # noqa: E402
from ninja import NinjaAPI, Schema  # noqa: E402
from pydantic import Field, create_model  # noqa: E402


def fields(tensors: Sequence[Tensor]) -> dict[str, Any]:
    return {f"tensor_{i}": (annotation(t), Field(alias=t.name)) for i, t in enumerate(tensors)}


Features = create_model("Features", __base__=Schema, **fields(INPUTS))
Prediction = create_model("Prediction", __base__=Schema, **fields(OUTPUTS))

api = NinjaAPI()


@api.post("/predict", response=Prediction, by_alias=True)
async def predict_route(request: HttpRequest, features: Features) -> dict[str, object]:
    outputs = predict({tensor.name: getattr(features, f"tensor_{i}") for i, tensor in enumerate(INPUTS)})
    return {name: array.tolist() for name, array in outputs.items()}


urlpatterns = [path("", api.urls)]
app = get_asgi_application()
