"""Every state an MLApi was ever seen in, as a watching client saw them."""

import json
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

from e2e.kube import Kube, Object


class Recorder:
    """Runs `kubectl get mlapis --watch` over all namespaces while the context is open.

    The file is read only at the end: the recording must not slow down what it records.
    """

    def __init__(self, kube: Kube) -> None:
        self._kube = kube

    def __enter__(self) -> "Recorder":
        self._folder = tempfile.TemporaryDirectory()
        self._file = Path(self._folder.name) / "states"
        command = ["kubectl", "get", "mlapis", "-A", "--watch", "--output-watch-events", "-o", "json"]
        with self._file.open("w") as out:
            self._process = subprocess.Popen(command, stdout=out, env=self._kube.environment)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.terminate()
        self._process.wait()
        self._folder.cleanup()

    def states(self) -> list[Object]:
        """The objects as they were seen, oldest first, all names mixed."""
        return [event["object"] for event in events(self._file.read_text())]


def events(text: str) -> Iterator[Object]:
    """The watch events that `kubectl --watch --output-watch-events -o json` wrote so far."""
    decoder, position = json.JSONDecoder(), 0
    while position < len(text):
        if text[position].isspace():
            position += 1
            continue
        try:
            event, position = decoder.raw_decode(text, position)
        except json.JSONDecodeError:
            return  # the last one is still being written
        yield event
