"""A condition is a chain of checks: the first objection decides."""

from collections.abc import Callable, Iterable

from mlapi_operator.observe.facts import Facts, Objection

Check = Callable[[Facts], Objection | None]


def first(chain: Iterable[Check], facts: Facts) -> Objection | None:
    return next((objection for check in chain if (objection := check(facts))), None)
