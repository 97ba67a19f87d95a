"""What holds for `POST /predict` before any framework reads it: the kind of the body, and no key twice."""

from mlapi_runtime.answers import Headers
from mlapi_runtime.errors import Malformed, UnsupportedMedia
from mlapi_runtime.jsonkeys import check_unique
from mlapi_runtime.signature import Signature


class Native:
    """Checks requests of one model.

    The frameworks' JSON parsers take the last of two equal keys; which one the client meant nobody knows.
    """

    def __init__(self, signature: Signature) -> None:
        # An object that nobody declared may hold any number: with none expected all are looked at.
        self._pairs = len(signature.inputs) if signature.typed else 0

    def check(self, headers: Headers, body: bytes) -> None:
        """Passes what a framework should read.

        Raises:
            UnsupportedMedia: it is declared to be something other than JSON.
            BadInput: an object has a key twice.
            Malformed: it is nested beyond reason.
        """
        for name, value in headers:
            if name == b"content-type":
                kind = value.partition(b";")[0].strip().lower()
                if kind != b"application/json" and not kind.endswith(b"+json"):
                    found = kind.decode("latin-1") or "nothing"
                    raise UnsupportedMedia(f"Content-Type: found {found}, wanted application/json")
        try:
            check_unique(body, self._pairs)
        except RecursionError:
            raise Malformed("the body: found JSON nested too deeply to be read, wanted an object") from None
