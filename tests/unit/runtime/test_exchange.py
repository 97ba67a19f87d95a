"""What a request holds is given back with its answer, and how a body that comes in parts is put together."""

import gc

import numpy as np
import pytest

from mlapi_runtime.answers import Message, Scope
from mlapi_runtime.exchange import KEY, Exchange
from mlapi_runtime.oip import BINARY_HEADER, Codec
from mlapi_runtime.signature import Signature, Tensor
from tests.support import oip


async def test_body_does_not_wait_for_the_garbage_collector() -> None:
    async def receive() -> Message:
        return {"type": "http.request", "body": bytes(1000)}

    async def send(message: Message) -> None:
        pass

    gc.collect()
    gc.disable()
    try:
        scope: Scope = {"type": "http", "headers": []}
        exchange = Exchange(scope, receive, send, [], 0.0)
        await exchange.read(1000)
        scope[KEY] = exchange
        exchange.close()
        del scope, exchange
        assert not [thing for thing in gc.get_objects() if isinstance(thing, Exchange)]
    finally:
        gc.enable()


@pytest.mark.parametrize("spaces", range(9))
async def test_body_in_parts_has_its_tensors_aligned_and_is_the_clients(spaces: int) -> None:
    signature = Signature((Tensor("x", "FP64", (-1, 300)),), (Tensor("y", "FP64", (-1, 1)),))
    array = np.linspace(0.0, 1.0, 600).reshape(2, 300)
    body, length = oip.request(signature.inputs, {"x": array}, binary=["x"])
    assert length is not None
    body, length = b" " * spaces + body, length + spaces
    parts = [body[start : start + 1000] for start in range(0, len(body), 1000)]

    async def receive() -> Message:
        return {"type": "http.request", "body": parts.pop(0), "more_body": bool(parts)}

    async def send(message: Message) -> None:
        pass

    exchange = Exchange({"headers": [(BINARY_HEADER, b"%d" % length)]}, receive, send, [], 0.0)
    await exchange.read(len(body), tensors=True)
    assert exchange.body == body
    tensor = Codec("m", "1", "none", signature).decode(exchange.body, length).inputs["x"]
    assert np.shares_memory(tensor, np.frombuffer(exchange.body, np.uint8))
    np.testing.assert_array_equal(tensor, array)
    assert await exchange.receive() == {"type": "http.request", "body": body, "more_body": False}
