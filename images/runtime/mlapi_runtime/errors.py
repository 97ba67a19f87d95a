"""Errors that a client sees: each carries its HTTP status; adapters and protocols give it their own shape."""

# ruff: noqa: N818 - they are named as HTTP and gRPC name these states

from http import HTTPStatus


class ServingError(Exception):
    """A request that cannot be answered with a prediction.

    `field` is the path of the culprit in the request, empty when it is the request as a whole.
    """

    status = HTTPStatus.INTERNAL_SERVER_ERROR

    def __init__(self, detail: str, *, field: str = "", found: str = "", wanted: str = "") -> None:
        super().__init__(detail)
        self.detail = detail
        self.field = field
        self.found = found
        self.wanted = wanted

    @classmethod
    def hidden(cls, error: Exception) -> "ServingError":
        """An error that nobody foresaw: clients learn its kind, the log has its words."""
        return cls(f"{type(error).__name__} in the server; its log has the cause")


class LoadError(Exception):
    """The model cannot be served; the text says what to change."""


class BadInput(ServingError):
    """The request does not fit the model's signature."""

    status = HTTPStatus.BAD_REQUEST

    @classmethod
    def at(cls, field: str, found: object, wanted: object) -> "BadInput":
        return cls(
            f"{field}: found {found}, wanted {wanted}", field=field, found=str(found), wanted=str(wanted)
        )


class Malformed(ServingError):
    """The body is not in the format that it should be in."""

    status = HTTPStatus.BAD_REQUEST


class NotFound(ServingError):
    status = HTTPStatus.NOT_FOUND


class WrongMethod(ServingError):
    status = HTTPStatus.METHOD_NOT_ALLOWED

    def __init__(self, detail: str, allowed: str) -> None:
        super().__init__(detail)
        self.allowed = allowed


class TooLarge(ServingError):
    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE


class UnsupportedMedia(ServingError):
    """The body is of a kind that is not taken."""

    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE


class Overloaded(ServingError):
    status = HTTPStatus.TOO_MANY_REQUESTS

    def __init__(self, detail: str, retry_after_seconds: int) -> None:
        super().__init__(detail)
        self.retry_after_seconds = retry_after_seconds


class ModelFailed(ServingError):
    """The model raised on an input that fits its signature."""


class Unavailable(ServingError):
    status = HTTPStatus.SERVICE_UNAVAILABLE


class DeadlineExceeded(ServingError):
    status = HTTPStatus.GATEWAY_TIMEOUT
