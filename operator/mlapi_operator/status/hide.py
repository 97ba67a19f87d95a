"""Values of environment variables stay out of messages, whoever wrote them: they may be secrets."""

from typing import Final

from mlapi_operator.api.v1alpha1 import MLApiSpec

# Shorter ones hide nothing and would make holes into ordinary words.
SHORTEST: Final = 6


def without_values(message: str, spec: MLApiSpec | None) -> str:
    for variable in spec.env if spec else ():
        if variable.value and len(variable.value) >= SHORTEST:
            message = message.replace(variable.value, f"(value of {variable.name})")
    return message
