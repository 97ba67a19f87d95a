"""Rules for single strings, and the names that Kubernetes gives to things."""

import re
from collections.abc import Callable
from typing import Annotated, Final

from pydantic import StringConstraints

from mlapi_operator.api.base import Rule


def matches(pattern: str) -> Callable[[str], bool]:
    """Whether a whole string matches, as RE2 would say it."""
    # Python's `$` also matches before a last newline, RE2's does not.
    compiled = re.compile(pattern.removesuffix("$") + r"\Z", re.ASCII)
    return lambda value: compiled.match(value) is not None


def pattern(pattern: str, message: str) -> Rule:
    """A pattern whose violation is answered with what to write; anchored at both ends, without `"`."""
    return Rule(f'self.matches(r"{pattern}")', message, matches(pattern))


LABEL_VALUE: Final = r"^([A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?)?$"
_DNS_LABEL: Final = "[a-z0-9]([a-z0-9-]*[a-z0-9])?"
SUBDOMAIN: Final = f"{_DNS_LABEL}([.]{_DNS_LABEL})*"
OBJECT_NAME: Final = f"^{SUBDOMAIN}$"
QUALIFIED_NAME: Final = f"^({SUBDOMAIN}/)?[A-Za-z0-9]([A-Za-z0-9._-]{{0,61}}[A-Za-z0-9])?$"
KEY_NAME: Final = r"^[A-Za-z0-9._-]+$"

LOWER_CASE_NAME: Final = pattern(
    OBJECT_NAME,
    "must be a name such as team-a: lower-case letters, digits, '-' and '.', a letter or digit at both ends",
)

# Patterns of the schema itself, which stand in it many times: the CLI says in words what is wanted.
WORDS: Final = {
    LABEL_VALUE: "letters, digits, '.', '_' and '-', beginning and ending with a letter or digit",
    QUALIFIED_NAME: "a key such as team or example.com/team",
    KEY_NAME: "letters, digits, '.', '_' and '-'",
}

ObjectName = Annotated[str, StringConstraints(max_length=253), LOWER_CASE_NAME]
KeyName = Annotated[str, StringConstraints(min_length=1, max_length=253, pattern=KEY_NAME)]
LabelValue = Annotated[str, StringConstraints(max_length=63, pattern=LABEL_VALUE)]
QualifiedName = Annotated[str, StringConstraints(max_length=316, pattern=QUALIFIED_NAME)]

QUALIFIED_KEYS: Final = Rule(
    f'self.all(key, key.matches(r"{QUALIFIED_NAME}"))',
    "keys must be like team or example.com/team: letters, digits, '.', '_' and '-', at most 63 after the '/'",
    lambda keys: all(map(matches(QUALIFIED_NAME), keys)),
)
