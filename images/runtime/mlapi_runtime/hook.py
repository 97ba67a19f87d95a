"""The one-line hook: the model that this worker serves, for routes and lifespans of the user's own code."""

from collections.abc import Mapping
from typing import Any

from mlapi_runtime.engine import Engine
from mlapi_runtime.signature import Array

_engine: Engine | None = None


def bind(engine: Engine) -> None:
    """From here on `predict` asks `engine`."""
    global _engine
    _engine = engine


async def predict(inputs: Mapping[str, Any]) -> dict[str, Array]:
    """Outputs of the model by name; the call is batched with those of other requests.

    To be awaited on the worker's event loop: from `async` routes, or from the start of a lifespan on.

    Args:
        inputs: every input of the model by name: arrays, or nested lists as JSON has them.
    Raises:
        BadInput: they do not fit the model's signature; a route that lets it pass answers 422.
        ModelFailed, DeadlineExceeded, Unavailable
        RuntimeError: no worker of the serving runtime runs here.
    """
    if _engine is None:
        raise RuntimeError(
            "mlapi_runtime.predict: no model is served in this process; "
            "call it in an application that the runtime starts (framework.app, or mlapi serve)"
        )
    return dict(await _engine.predict(_engine.signature.arrays(inputs)))
