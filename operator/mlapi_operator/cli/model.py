"""The model's file on this machine: fetched as a pod does it, or one that is here."""

import hashlib
import json
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, Final

from mlapi_operator.api.v1alpha1 import MLApiSpec
from mlapi_operator.cli import cache, children, ports, told
from mlapi_operator.cli.environment import Environment
from mlapi_operator.cli.problem import Problem, Usage
from mlapi_operator.desired.documents import fetch_order
from mlapi_operator.desired.volumes import claim_name, model_path
from mlapi_operator.latency import progress
from mlapi_operator.latency.progress import Progress
from mlapi_operator.settings import Fetch

# One's own machine is no cluster that others share: any address may be asked.
FETCH: Final = Fetch(allowed_cidrs=("0.0.0.0/0", "::/0"))
_STEP_SECONDS: Final = 0.1


class NotFetched(Problem):
    """There is no model; the text is the fetch's own."""


def given(file: Path | None, spec: MLApiSpec) -> Path | None:
    """A file of this machine, once its checksum is that of the manifest; None if it has to be fetched.

    Args:
        file: of the command line.
    Raises:
        Usage: there is no such file, or none and nothing to fetch it from.
        Problem: it is another one.
    """
    if file is None:
        if claim := claim_name(spec.model.uri):
            raise Usage(
                f"spec.model.uri: {spec.model.uri} is on the PersistentVolumeClaim {claim} of a cluster, "
                "which is not here; --model FILE takes a file of this machine instead"
            )
        return None
    if not file.is_file():
        raise Usage(f"--model: {file} is no file")
    if spec.model.sha256 is not None:
        with file.open("rb") as content:
            found = hashlib.file_digest(content, "sha256").hexdigest()
        if found != spec.model.sha256:
            raise Problem(
                f"--model: {file} has sha256 {found}, wanted {spec.model.sha256} (spec.model.sha256); "
                "take the right file, or write the checksum of this one into the manifest"
            )
    return file.absolute()


def fetched(spec: MLApiSpec, environment: Environment, show: Callable[[Progress], None]) -> Path:
    """The file at `spec.model.uri`, by the runtime's own fetch; kept, and asked for anew only if it changed.

    Args:
        show: told how far it is.
    Raises:
        NotFetched
    """
    model = spec.model
    folder = cache.folder(f"models/{_key(model.uri, model.sha256)}")
    order = {
        **fetch_order(spec, FETCH),
        "directory": str(folder),
        # What has the checksum that was asked for cannot be an older one.
        "revalidate": model.sha256 is None,
    }
    with cache.locked(folder):
        _fetch(order, folder.with_name(f"{folder.name}.termination"), environment, show)
    return folder / PurePosixPath(model_path(model.uri)).name


def _fetch(
    order: Mapping[str, Any], last_words: Path, environment: Environment, show: Callable[[Progress], None]
) -> None:
    port = ports.free(ports.LOOPBACK)
    variables = {
        **children.inherited(),
        **environment.variables,
        "MLAPI_FETCH": json.dumps(order),
        "MLAPI_HOST": ports.LOOPBACK,
        "MLAPI_ADMIN_PORT": str(port),
        "MLAPI_TERMINATION_LOG": str(last_words),
    }
    last_words.unlink(missing_ok=True)
    command = [str(environment.python), "-P", "-m", "mlapi_runtime.fetch"]
    # What it would log is in its last words.
    process = children.start(command, variables, subprocess.DEVNULL)
    try:
        while not children.ended(process):
            if document := told.page(ports.LOOPBACK, port, "/_mlapi/progress"):
                show(progress.decode("", document))
            time.sleep(_STEP_SECONDS)
    finally:
        code = children.stop(process, seconds=1)
    if code:
        raise NotFetched(
            f"the model cannot be fetched: {told.last_words(last_words)}; "
            "--model FILE takes a file of this machine instead"
        )


def _key(uri: str, sha256: str | None) -> str:
    return hashlib.sha256(f"{uri}\n{sha256}".encode()).hexdigest()[:20]
