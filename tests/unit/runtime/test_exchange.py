"""What a request holds is given back with its answer."""

import gc

from mlapi_runtime.answers import Message, Scope
from mlapi_runtime.exchange import KEY, Exchange


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
