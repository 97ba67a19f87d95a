"""What is wrong with an object, in the words of its author: field, found, wanted."""

from collections.abc import Callable
from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from mlapi_operator.api.patterns import WORDS

_LONGEST: Final = 80

_WANTED: Final[dict[str, Callable[[dict[str, Any]], str]]] = {
    "string_type": lambda _: "a string",
    "int_type": lambda _: "an integer",
    "int_parsing": lambda _: "an integer",
    "float_parsing": lambda _: "a number",
    "bool_type": lambda _: "true or false",
    "list_type": lambda _: "a list",
    "dict_type": lambda _: "an object of strings",
    "model_type": lambda _: "an object",
    "literal_error": lambda context: str(context["expected"]),
    "greater_than_equal": lambda context: f"at least {context['ge']}",
    "greater_than": lambda context: f"more than {context['gt']}",
    "less_than_equal": lambda context: f"at most {context['le']}",
    "string_too_short": lambda context: f"at least {context['min_length']} character",
    "string_too_long": lambda context: f"at most {context['max_length']} characters",
    "too_short": lambda context: f"at least {context['min_length']} entry",
    "too_long": lambda context: f"at most {context['max_length']} entries",
    "string_pattern_mismatch": lambda context: WORDS.get(
        context["pattern"], f"a match of {context['pattern']}"
    ),
}


def problems(error: ValidationError) -> list[str]:
    """One sentence per problem: `spec.serving.workers: found 0, wanted at least 1`.

    Values of environment variables are never shown: they may be secrets.
    """
    return [_sentence(details) for details in error.errors(include_url=False)]


def wanted(details: ErrorDetails) -> str:
    """What would have been right, such as `at least 1`."""
    if describe := _WANTED.get(details["type"]):
        return describe(details.get("ctx", {}))
    return details["msg"].removeprefix("Value error, ")


def _sentence(details: ErrorDetails) -> str:
    location, found, context = list(details["loc"]), details["input"], details.get("ctx", {})
    kind = details["type"]
    if kind == "missing":
        return f"{_path(location)}: missing; add it"
    if kind == "extra_forbidden":
        return (
            f"{_path(location)}: unknown field; `kubectl explain mlapi.spec --recursive` lists the known ones"
        )
    for member in context.get("field", ()):
        location.append(member)
        found = found.get(member) if isinstance(found, dict) else None
    what = f"{_path(location)}: found {_shown(found, secret=_is_environment(location))}"
    if kind == "rule":
        return f"{what}; {context['wanted']}"
    # YAML reads a bare 1 as a number and a bare Off as false.
    bare = isinstance(found, (bool, int, float)) and kind in ("literal_error", "string_type")
    return f"{what}, wanted {wanted(details)}{'; write it in quotes' if bare else ''}"


def _is_environment(location: list[int | str]) -> bool:
    return location[:2] == ["spec", "env"] and location[-1] == "value"


def _shown(found: Any, *, secret: bool) -> str:
    match found:
        case None:
            return "nothing"
        case dict():
            keys = ", ".join(map(repr, found)) or "nothing in it"
            return f"an object with {keys[:_LONGEST]}{'...' if len(keys) > _LONGEST else ''}"
        case list():
            return f"a list of {len(found)}"
        case bool():
            return str(found).lower()
        case _ if secret:
            return "a value that is not shown"
        case str() if len(found) > _LONGEST:
            return f"{found[:_LONGEST]!r}... ({len(found)} characters)"
    return repr(found)


def _path(location: list[int | str]) -> str:
    path = ""
    for part in location:
        if isinstance(part, int):
            path += f"[{part}]"
        elif part.isidentifier():
            path += f".{part}"
        else:
            path += f"['{part}']"
    return path.removeprefix(".")
