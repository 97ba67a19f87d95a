"""What a process of the runtime tells besides its answers: pages of its admin port, its last words."""

import http.client
import json
from pathlib import Path
from typing import Final

_SECONDS: Final = 5.0


def page(host: str, port: int, path: str) -> bytes | None:
    """A page of the admin port; None unless it answers 200."""
    connection = http.client.HTTPConnection(host, port, timeout=_SECONDS)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        body = response.read()
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
    return body if response.status == 200 else None


def last_words(file: Path) -> str:
    """Why it ended, as it would have told the cluster in its termination message."""
    try:
        return str(json.loads(file.read_text())["message"])
    except (OSError, ValueError, KeyError):
        return "it ended without a word"
