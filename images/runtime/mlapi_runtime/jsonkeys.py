"""No object of a JSON body may have a key twice: parsers take the last one, and which was meant nobody knows.

RFC 8259, section 4: "The names within an object SHOULD be unique"; what happens otherwise is unpredictable.
"""

import json
from collections.abc import Sequence
from typing import Any, Final

from mlapi_runtime.errors import BadInput

SHOWN: Final = 80  # characters of a key in an error


def check_unique(body: bytes, pairs: int) -> None:
    """Passes a body whose objects have each of their keys once; one that is no JSON is left to its parser.

    Args:
        body: JSON as it came.
        pairs: keys with their values that a parser found in it, plus colons known to be inside of strings.
            As many colons as that leave none for another pair, and nothing more is looked at.
    Raises:
        BadInput: names the key.
        RecursionError: the body is nested too deeply.
    """
    if body.count(b":") == pairs:
        return
    try:
        _decode(str(body, "utf-8"))
    except ValueError:
        return


def _once(pairs: Sequence[tuple[str, Any]]) -> None:
    keys = set()
    for key, _ in pairs:
        if key in keys:
            raise BadInput.at(key[:SHOWN] or '""', "twice in one object", "each key once")
        keys.add(key)


# Numbers stay text: none is used, and integers of thousands of digits would be refused.
_decode = json.JSONDecoder(object_pairs_hook=_once, parse_int=str, parse_float=str).decode
