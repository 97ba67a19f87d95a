"""A module per framework; each has `application(engine, protocol, own) -> Hosted`."""

from dataclasses import dataclass

from mlapi_runtime.answers import App


@dataclass(frozen=True, slots=True)
class Hosted:
    """What an adapter serves: its framework's application, and what the core must know of it.

    `app` answers ASGI's lifespan too. `documentation`: paths of its pages, never counted or limited.
    `predicts`: `POST /predict` is ours; false when the user's own application has that route, which wins.
    """

    app: App
    documentation: frozenset[str]
    predicts: bool
