"""The native route as Litestar's users write it: msgspec structs in and out, the model called in place."""

import msgspec
from litestar import Litestar, post
from model import INPUTS, MAX_REQUEST_BYTES, OUTPUTS, annotation, predict

Features = msgspec.defstruct(
    "Features",
    [(f"tensor_{i}", annotation(tensor)) for i, tensor in enumerate(INPUTS)],
    rename={f"tensor_{i}": tensor.name for i, tensor in enumerate(INPUTS)},
)
Prediction = msgspec.defstruct(
    "Prediction",
    [(f"tensor_{i}", annotation(tensor)) for i, tensor in enumerate(OUTPUTS)],
    rename={f"tensor_{i}": tensor.name for i, tensor in enumerate(OUTPUTS)},
)


@post("/predict", status_code=200, request_max_body_size=MAX_REQUEST_BYTES)
async def predict_route(data: Features) -> Prediction:  # type: ignore[valid-type]
    outputs = predict({tensor.name: getattr(data, f"tensor_{i}") for i, tensor in enumerate(INPUTS)})
    return Prediction(*(outputs[tensor.name].tolist() for tensor in OUTPUTS))


app = Litestar([predict_route])
