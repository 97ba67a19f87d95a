"""Whether a server answers."""

import ssl
import urllib.error
import urllib.request
from pathlib import Path


def answers(url: str, context: ssl.SSLContext | None = None) -> bool:
    """Whether a GET is answered with 200 within a second."""
    direct = urllib.request.ProxyHandler({})
    handlers = [direct, urllib.request.HTTPSHandler(context=context)] if context else [direct]
    try:
        with urllib.request.build_opener(*handlers).open(url, timeout=1) as response:
            return bool(response.status == 200)
    except (OSError, urllib.error.URLError):
        return False


def api_server_ready(server: str, ca: Path) -> bool:
    """Whether the API server reports ready; anyone may ask it that."""
    return answers(f"{server}/readyz", ssl.create_default_context(cafile=str(ca)))
