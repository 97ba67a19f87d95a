"""The termination message: how a container tells Kubernetes, and so the operator, how it ended."""

import json
import sys

MAX_MESSAGE_BYTES = 3500  # kubelet keeps 4096 bytes of the whole file


def shortened(text: str) -> str:
    """`text`, cut in the middle so that it fits: a cause has its point at the start or at the end."""
    raw = text.encode()
    if len(raw) <= MAX_MESSAGE_BYTES:
        return text
    half = MAX_MESSAGE_BYTES // 2 - 8
    return f"{raw[:half].decode(errors='ignore')} ... {raw[-half:].decode(errors='ignore')}"


def write(path: str, document: dict[str, object]) -> None:
    """Writes `document` as JSON; outside Kubernetes the place may be absent, then stderr alone has it."""
    text = json.dumps(document, ensure_ascii=False)
    try:
        with open(path, "w") as file:
            file.write(text)
    except OSError as error:
        print(f"termination message not written to {path}: {error}: {text}", file=sys.stderr)
