"""Quantities mean what Kubernetes' own client makes of them."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kubernetes.utils.quantity import parse_quantity

from mlapi_operator.api.quantity import amount

NUMBERS = st.integers(0, 10**6).map(str) | st.decimals(0, 1000, places=2).map(lambda value: f"{value:f}")
SUFFIXES = st.sampled_from(["", "m", "k", "M", "G", "T", "P", "Ki", "Mi", "Gi", "Ti", "Pi"])


@given(NUMBERS, SUFFIXES)
def test_amount_of_any_quantity_equals_that_of_the_kubernetes_client(number: str, suffix: str) -> None:
    theirs = parse_quantity(number + suffix)  # type: ignore[no-untyped-call]
    assert amount(number + suffix) == Decimal(theirs)


@pytest.mark.parametrize("text", ["", "1 Gi", "-1", "1e3", "Gi", "1KiB"])
def test_amount_of_something_else_is_refused_naming_it(text: str) -> None:
    with pytest.raises(ValueError, match="wanted a quantity such as 250m or 512Mi"):
        amount(text)
