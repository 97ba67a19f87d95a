"""Why a model could not be fetched, in the reasons of the MLApi's `ModelAvailable` condition."""

from typing import Literal

Reason = Literal[
    "ChecksumMismatch", "NotFound", "AuthFailed", "TooLarge", "AddressRefused", "NoSpace", "SourceUnreachable"
]

# sysexits.h: EX_DATAERR where waiting does not help, EX_TEMPFAIL where it may.
TERMINAL, RETRY = 65, 75


class Failure(Exception):  # noqa: N818 - it is the outcome of the container
    """The fetch ends here. `retry_after_seconds`: what the source asked for, when trying again may help."""

    def __init__(self, reason: Reason, message: str, retry_after_seconds: float = 0.0) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.retry_after_seconds = retry_after_seconds

    @property
    def exit_code(self) -> int:
        return RETRY if self.reason == "SourceUnreachable" else TERMINAL
