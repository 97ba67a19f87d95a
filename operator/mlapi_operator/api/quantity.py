"""Kubernetes quantities: the two shapes that the API accepts, and their values."""

import re
from decimal import Decimal
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, StringConstraints, WithJsonSchema

from mlapi_operator.api.base import Rule
from mlapi_operator.api.patterns import matches

_CPU: Final = r"^([0-9]+m|[0-9]+([.][0-9]{1,3})?)$"
_BYTES: Final = r"^([1-9][0-9]*([.][0-9]+)?|0[.][0-9]*[1-9][0-9]*)(k|M|G|T|P|Ki|Mi|Gi|Ti|Pi)?$"
_LONGEST: Final = 24

_FACTORS: Final = {
    "m": Decimal("0.001"),
    "": Decimal(1),
    **{suffix: Decimal(1000) ** power for power, suffix in enumerate("kMGTP", start=1)},
    **{
        suffix: Decimal(1024) ** power for power, suffix in enumerate(("Ki", "Mi", "Gi", "Ti", "Pi"), start=1)
    },
}


def amount(quantity: str) -> Decimal:
    """The number that a quantity stands for.

    Args:
        quantity: such as `250m`, `2`, `0.5Gi` or `80G`.
    Returns:
        CPUs or bytes.
    Raises:
        ValueError: not a quantity.
    Source: Kubernetes resource.Quantity, without exponents.
    """
    match = re.fullmatch(r"([0-9]+(?:[.][0-9]+)?)([A-Za-z]*)", quantity)
    if match is None or match[2] not in _FACTORS:
        raise ValueError(f"found {quantity!r}, wanted a quantity such as 250m or 512Mi")
    return Decimal(match[1]) * _FACTORS[match[2]]


def _text(value: Any) -> Any:
    # `cpu: 2` without quotes is a number in YAML; Kubernetes takes it, so do we.
    return str(value) if type(value) is int and 0 <= value < 2**63 else value


def _quantity(pattern: str, minimum: int, message: str) -> tuple[Any, ...]:
    rule = Rule(
        f'type(self) == int ? self >= {minimum} : self.matches(r"{pattern}")', message, matches(pattern)
    )
    schema = WithJsonSchema({"x-kubernetes-int-or-string": True, "maxLength": _LONGEST})
    return BeforeValidator(_text), StringConstraints(max_length=_LONGEST), schema, rule


Cpu = Annotated[str, *_quantity(_CPU, 0, "must be CPUs such as 250m, '0.5' in quotes, or 2")]
Bytes = Annotated[str, *_quantity(_BYTES, 1, "must be bytes above 0, as in 512Mi, 2Gi or 80G")]
