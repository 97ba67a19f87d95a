"""What is served while it is measured: one of the two examples, or the user's model."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from mlapi_operator.api.kinds import MLAPI
from mlapi_operator.api.v1alpha1 import MLApiSpec, parse
from mlapi_operator.cli.bench import onnx, plan
from mlapi_operator.desired.documents import serving_config
from mlapi_operator.desired.owner import Owner

REVISION: Final = "bench"
# Name -> shape of the input, number of classes: four floats, and an image as vision models take it.
EXAMPLES: Final[Mapping[str, tuple[tuple[int | str, ...], int]]] = {
    "linear": ((onnx.FREE, 4), 3),
    "image": ((1, 3, 224, 224), 10),
}
# Libraries would start threads on cores that are not theirs.
ONE_THREAD: Final = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


@dataclass(frozen=True, slots=True)
class Subject:
    """
    Args:
        config: MLAPI_CONFIG but for the framework.
        path: folders with code of the user.
        variables: of the servers' environment.
    """

    name: str
    config: Mapping[str, Any]
    path: tuple[Path, ...] = ()
    variables: Mapping[str, str] = field(default_factory=lambda: ONE_THREAD)

    def hosted(self, framework: str) -> dict[str, Any]:
        """MLAPI_CONFIG for one framework."""
        return {**self.config, "framework": framework}


def examples(folder: Path) -> Iterator[Subject]:
    """The two that are built in, as the operator would configure them.

    Args:
        folder: for the models.
    """
    for name, (shape, classes) in EXAMPLES.items():
        model = folder / f"{name}.onnx"
        model.write_bytes(onnx.classifier(shape, classes))
        manifest = {
            "apiVersion": MLAPI.api_version,
            "kind": MLAPI.kind,
            "metadata": {"name": name},
            "spec": {"framework": {"name": "FastAPI"}, "model": {"uri": f"https://localhost/{model.name}"}},
        }
        yield Subject(name, config(name, parse(manifest), model))


def config(name: str, spec: MLApiSpec, model: Path) -> dict[str, Any]:
    """MLAPI_CONFIG for one worker on one core that refuses none of the benchmark's clients.

    Args:
        name: of the MLApi.
        model: the file on this machine.
    """
    serving = spec.serving.model_copy(
        update={
            "workers": 1,
            "max_concurrency": max(spec.serving.max_concurrency, *plan.CONNECTIONS),
        }
    )
    observability = spec.observability.model_copy(update={"log_requests": "None"})
    spec = spec.model_copy(update={"serving": serving, "observability": observability})
    found = serving_config(Owner("default", name, ""), spec, REVISION)
    found["model"]["path"] = str(model)
    return found
