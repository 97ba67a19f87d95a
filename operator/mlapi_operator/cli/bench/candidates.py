"""The servers that are measured: each is one entry here, and the pages show whatever was measured."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mlapi_operator.cli.bench.record import Route

SERVERS: Final = Path(__file__).with_name("servers")
NATIVE: Final[Mapping[Route, str]] = {"native": "/predict"}
EVERY_ROUTE: Final[Mapping[Route, str]] = {
    **NATIVE,
    "json": "/v2/models/{model}/infer",
    "binary": "/v2/models/{model}/infer",
}
USUAL_WORKER: Final = "uvicorn_worker.UvicornWorker"


@dataclass(frozen=True, slots=True)
class Script:
    """A server beside ours: an ASGI application in `servers/`, run by gunicorn.

    Args:
        routes: route -> path, `{model}` for the model's name.
        application: `module:attribute`.
        worker: gunicorn's worker class.
    """

    name: str
    routes: Mapping[Route, str]
    application: str
    worker: str = USUAL_WORKER


FLOOR: Final = Script("floor", EVERY_ROUTE, "floor:app", worker="floor.Worker")
TWIN: Final = Script("floor again", EVERY_ROUTE, "floor:app", worker="floor.Worker")
# Framework -> what somebody would write who serves one model with it and nothing of ours.
BY_HAND: Final[Mapping[str, Script]] = {
    "FastAPI": Script("FastAPI by hand", NATIVE, "fastapi_by_hand:app"),
    "Litestar": Script("Litestar by hand", NATIVE, "litestar_by_hand:app"),
    "DjangoNinja": Script("DjangoNinja by hand", NATIVE, "djangoninja_by_hand:app"),
}
