"""The header that tells where JSON ends and binary tensors begin.

What `Content-Type` says does not count: Triton's client sends none.
"""

from typing import Final

from mlapi_runtime.answers import Headers
from mlapi_runtime.errors import BadInput, UnsupportedMedia

NAME: Final = b"inference-header-content-length"
FIELD: Final = "Inference-Header-Content-Length"
ENCODING: Final = b"content-encoding"
DIGITS: Final = 18  # of a length that fits 64 bits


def header_length(headers: Headers) -> int | None:
    """Bytes of JSON in front of the binary tensors; None when a body is JSON alone.

    Args:
        headers: names in lower case.
    Raises:
        BadInput: it is no number, or there twice.
        UnsupportedMedia: the body is compressed.
    """
    known = dict(headers)
    if ENCODING in known:
        for name, value in headers:
            if name == ENCODING and value.lower() != b"identity":
                raise UnsupportedMedia(f"Content-Encoding: found {value.decode('latin-1')}, wanted none")
    length = known.get(NAME)
    if length is None:
        return None
    if len(known) < len(headers) and [name for name, _ in headers].count(NAME) > 1:
        raise BadInput.at(FIELD, "it twice", "it once")
    if not length.isdigit() or len(length) > DIGITS:
        raise BadInput.at(FIELD, length[:DIGITS].decode("latin-1") or "nothing", "a number of bytes")
    return int(length)
