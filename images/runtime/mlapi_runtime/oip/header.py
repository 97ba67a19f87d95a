"""The header that tells where JSON ends and binary tensors begin."""

from typing import Final

from mlapi_runtime.answers import Headers
from mlapi_runtime.errors import BadInput

NAME: Final = b"inference-header-content-length"
FIELD: Final = "Inference-Header-Content-Length"
DIGITS: Final = 18  # of a length that fits 64 bits


def header_length(headers: Headers) -> int | None:
    """Bytes of JSON in front of the binary tensors; None when a body is JSON alone.

    Args:
        headers: names in lower case.
    Raises:
        BadInput: it is no number, or there twice.
    """
    found = None
    for name, value in headers:
        if name == NAME:
            if found is not None:
                raise BadInput.at(FIELD, "it twice", "it once")
            if not value.isdigit() or len(value) > DIGITS:
                raise BadInput.at(FIELD, value[:DIGITS].decode("latin-1") or "nothing", "a number of bytes")
            found = int(value)
    return found
