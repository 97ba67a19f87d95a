"""Reading one pod's admin port."""

from typing import Final

import aiohttp

from mlapi_operator.latency import progress
from mlapi_operator.latency.progress import Progress
from mlapi_operator.latency.target import Target
from mlapi_stats import document
from mlapi_stats.document import Stats

ADMIN_PORT: Final = 9090
TIMEOUT_SECONDS: Final = 1


class Unreachable(Exception):  # noqa: N818 - as the reason in status
    """The pod gave no answer in time."""


async def read_stats(session: aiohttp.ClientSession, target: Target) -> Stats:
    """The pod's stats document.

    Raises:
        Unreachable: no answer within a second.
        ValueError: an answer, but not a document of this pod's revision.
    """
    stats = document.decode(await _read(session, target, "/_mlapi/stats", document.MAX_BYTES))
    if stats.revision != target.revision:
        raise ValueError(f"revision: {stats.revision}, the pod's label says {target.revision}")
    return stats


async def read_progress(session: aiohttp.ClientSession, target: Target) -> Progress:
    """How far the pod's fetch is. Raises as `read_stats` does."""
    return progress.decode(target.name, await _read(session, target, "/_mlapi/progress", progress.MAX_BYTES))


async def _read(session: aiohttp.ClientSession, target: Target, path: str, limit: int) -> bytes:
    # A pod's word is taken for nothing but its own figures: no redirect, no encoding that could unfold.
    try:
        async with session.get(
            f"http://{target.address}:{ADMIN_PORT}{path}",
            allow_redirects=False,
            headers={"Accept-Encoding": "identity"},
            timeout=aiohttp.ClientTimeout(total=TIMEOUT_SECONDS),
        ) as response:
            if response.status != 200 or "Content-Encoding" in response.headers:
                raise ValueError(f"status: {response.status}, wanted 200 in identity encoding")
            data = b""
            async for chunk in response.content.iter_any():
                data += chunk
                if len(data) > limit:
                    raise ValueError(f"body: more than {limit} bytes")
            return data
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise Unreachable(str(error) or type(error).__name__) from error
