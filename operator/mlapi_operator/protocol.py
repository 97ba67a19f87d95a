"""What the parts of the operator ask of the API server and of time; no client is imported here.

Errors: ApiError
          NotFound      404
          Conflict      409
          Invalid       400, 422
          Forbidden     401, 403
          Unavailable   429, 5xx, timeouts, no connection
"""

# ruff: noqa: N818 - the names are the API server's own words for it.
import asyncio
import time
from datetime import UTC, datetime
from typing import Protocol

from mlapi_operator.api.kinds import Kind
from mlapi_operator.api.types import Key, Manifest


class ApiError(Exception):
    """The API server did not do what was asked.

    Args:
        act: what was being done, such as `applying Deployment team-a/resnet`.
        status: HTTP status, 0 when there was no answer.
        reason: Kubernetes' own word for it, such as `AlreadyExists`; may be empty.
        message: the answer's text.
        retry_after: seconds to wait, if the server named them.
    """

    def __init__(
        self, act: str, status: int, reason: str, message: str, retry_after: float | None = None
    ) -> None:
        super().__init__(act, status, reason, message, retry_after)
        self.act = act
        self.status = status
        self.reason = reason
        self.message = message
        self.retry_after = retry_after

    def __str__(self) -> str:
        return f"{self.act}: {self.status or 'no answer'}: {self.message or self.reason}"


class NotFound(ApiError):
    """The object, or its kind, does not exist."""


class Conflict(ApiError):
    """The object exists already, has another uid, or has changed since it was read."""


class Invalid(ApiError):
    """The API server refuses the object as it is; sending it again does not help."""


class Forbidden(ApiError):
    """The operator's role does not allow it, or its credentials are not accepted."""


class Unavailable(ApiError):
    """The API server is overloaded, failing or unreachable; trying again later may help."""


class NotLeading(Exception):
    """A write was refused here because this process may no longer hold the Lease."""


class Cluster(Protocol):
    """The API server as the operator uses it. Every method raises ApiError, every write also NotLeading."""

    async def get(self, kind: Kind, key: Key) -> Manifest | None:
        """The live object, None when absent. `key` has an empty namespace for cluster-scoped kinds."""
        ...

    async def list(
        self, kind: Kind, *, namespace: str | None = None, labels: str = "", fields: str = ""
    ) -> tuple[list[Manifest], str]:
        """All objects, read in pages, and the list's resourceVersion; every namespace when None."""
        ...

    async def create(self, kind: Kind, manifest: Manifest) -> Manifest:
        """Conflict when the name is taken."""
        ...

    async def apply(self, kind: Kind, manifest: Manifest, *, manager: str) -> Manifest:
        """Server-side apply, forced, unknown fields refused."""
        ...

    async def apply_status(self, kind: Kind, manifest: Manifest, *, manager: str) -> Manifest:
        """The same on the status subresource."""
        ...

    async def replace(self, kind: Kind, manifest: Manifest) -> Manifest:
        """Conflict unless `metadata.resourceVersion` is the live one."""
        ...

    async def delete(self, kind: Kind, key: Key, *, uid: str) -> None:
        """Deletes only the object with this uid; absent is fine. Conflict when the name has another uid."""
        ...

    async def record_event(self, event: Manifest) -> None:
        """Creates the core/v1 Event, or updates the one of its name."""
        ...


class Clock(Protocol):
    """Calling it gives the time of day in UTC; decisions about waiting use `monotonic` and `sleep`."""

    def __call__(self) -> datetime: ...

    def monotonic(self) -> float:
        """Seconds, never set back."""
        ...

    async def sleep(self, seconds: float) -> None: ...


class SystemClock:
    def __call__(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
