"""The native route as FastAPI's users write it: pydantic models in and out, the model called in place."""

from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI
from model import INPUTS, OUTPUTS, Tensor, annotation, predict
from pydantic import Field, create_model


def fields(tensors: Sequence[Tensor]) -> dict[str, Any]:
    return {f"tensor_{i}": (annotation(t), Field(alias=t.name)) for i, t in enumerate(tensors)}


Features = create_model("Features", **fields(INPUTS))
Prediction = create_model("Prediction", **fields(OUTPUTS))

app = FastAPI()


@app.post("/predict")
async def predict_route(features: Features) -> Prediction:
    outputs = predict({tensor.name: getattr(features, f"tensor_{i}") for i, tensor in enumerate(INPUTS)})
    return Prediction(**{name: array.tolist() for name, array in outputs.items()})
