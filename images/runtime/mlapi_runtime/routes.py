"""Which requests are counted, and as what; the others are pages, health and what nobody serves."""

from mlapi_runtime.adapters import Hosted
from mlapi_runtime.protocol import Protocol, health_paths, infer_paths
from mlapi_runtime.smoke import PREDICT_PATH, SMOKE_PATH


class Routes(dict[str, str | None]):
    """Path -> route of `mlapi_stats`, None for what is not counted.

    Args:
        name: of the model.
        hosted: the framework's application.
        own: it is extended by the user's: whatever path is not ours is theirs, an unknown one too.

    Attributes:
        quiet: paths that are not logged.
    """

    def __init__(self, name: str, hosted: Hosted, *, own: bool) -> None:
        super().__init__(dict.fromkeys(infer_paths(name), "infer"))
        if hosted.predicts:
            self[PREDICT_PATH] = "predict"
        self.quiet = frozenset((SMOKE_PATH, *health_paths(name)))
        self._uncounted = hosted.documentation | {SMOKE_PATH}
        self._own = own

    def __missing__(self, path: str) -> str | None:
        if self._own and path not in self._uncounted and not Protocol.owns(path):
            return "user"
        return None
