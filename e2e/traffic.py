"""Sends held-out digits to a served model, with clients from outside this project."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import httpx
import numpy as np
import tritonclient.http.aio as oip
from numpy.typing import NDArray

from e2e.digits import INPUT, Digits

CONCURRENCY: Final = 16

Recognise = Callable[[NDArray[np.float32]], Awaitable[int]]


def native(client: httpx.AsyncClient) -> Recognise:
    """One digit through the framework's own typed route."""

    async def recognise(image: NDArray[np.float32]) -> int:
        answer = await client.post("/predict", json={INPUT: [image.tolist()]})
        if answer.is_error:
            raise RuntimeError(f"POST /predict: {answer.status_code} {answer.text}")
        return int(answer.json()["label"][0])

    return recognise


def open_inference_protocol(client: oip.InferenceServerClient, model: str, *, binary: bool) -> Recognise:
    """One digit through the Open Inference Protocol, with NVIDIA's client for it."""
    wanted = [oip.InferRequestedOutput("label", binary_data=binary)]

    async def recognise(image: NDArray[np.float32]) -> int:
        tensor = oip.InferInput(INPUT, [1, image.size], "FP32")
        tensor.set_data_from_numpy(image[np.newaxis], binary_data=binary)
        answer = await client.infer(model, [tensor], outputs=wanted)
        return int(answer.as_numpy("label")[0])

    return recognise


async def _all(recognise: Recognise, images: Sequence[NDArray[np.float32]]) -> list[int]:
    free = asyncio.Semaphore(CONCURRENCY)

    async def one(image: NDArray[np.float32]) -> int:
        async with free:
            return await recognise(image)

    return await asyncio.gather(*(one(image) for image in images))


async def answers(address: str, model: str, digits: Digits) -> dict[str, list[int]]:
    """What the model makes of each held-out digit, one request per digit and route.

    Args:
        address: host:port of the Service.
    Returns:
        Name of the route -> labels, in the order of `digits.images`.
    Raises:
        Exception: a request failed.
    """
    images = list(digits.images)
    async with httpx.AsyncClient(base_url=f"http://{address}", timeout=60, trust_env=False) as http:
        predicted = await _all(native(http), images)
    async with oip.InferenceServerClient(address, conn_limit=CONCURRENCY) as client:
        inferred = await _all(open_inference_protocol(client, model, binary=False), images)
        in_binary = await _all(open_inference_protocol(client, model, binary=True), images)
    route = f"POST /v2/models/{model}/infer"
    return {"POST /predict": predicted, f"{route}, JSON": inferred, f"{route}, binary": in_binary}
