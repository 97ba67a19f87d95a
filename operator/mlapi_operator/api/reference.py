"""The pages of docs/reference that are made from the types."""

from collections.abc import Iterator
from typing import Any, Final

from mlapi_operator.api.base import CEL_RULES
from mlapi_operator.api.conditions import REASONS, Condition, Phase
from mlapi_operator.api.crd import schema
from mlapi_operator.api.types import Manifest

_MADE: Final = "<!-- Made by `make crd` from operator/mlapi_operator/api; do not edit. -->\n"
_BOUNDS: Final = {
    "minimum": "at least {}",
    "maximum": "at most {}",
    "minItems": "at least {} entry",
    "maxLength": "at most {} characters",
    "maxItems": "at most {} entries",
    "maxProperties": "at most {} entries",
}


def fields_page() -> str:
    """docs/reference/api.md: every field of spec and status."""
    properties = schema()["properties"]
    lines = [
        _MADE,
        "# Fields of MLApi v1alpha1\n",
        "`kubectl explain mlapi.spec` shows the same. A default that is empty means: absent.\n",
    ]
    for part in ("spec", "status"):
        lines += [f"## {part}\n", "| field | type | default | meaning and rules |", "|---|---|---|---|"]
        lines += _rows(properties[part], "")
        lines.append("")
    return "\n".join(lines)


def _rows(node: Manifest, prefix: str) -> Iterator[str]:
    for name, field in node.get("properties", {}).items():
        path = f"{prefix}{name}"
        required = ", required" if name in node.get("required", ()) else ""
        default = f"`{_default(field['default'])}`" if "default" in field else ""
        yield f"| `{path}` | {_type(field)}{required} | {default} | {_meaning(field)} |"
        yield from _rows(field, f"{path}.")
        if "properties" in field.get("items", {}):
            yield from _rows(field["items"], f"{path}[].")


def _default(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _type(field: Manifest) -> str:
    if "enum" in field:
        return " ".join(f"`{value}`" for value in field["enum"])
    if field.get("x-kubernetes-int-or-string"):
        return "number or percentage" if "format" in field else "quantity"
    if field["type"] == "array":
        return "list"
    if "additionalProperties" in field:
        return "map of strings"
    return str(field.get("format", field["type"]))


def _meaning(field: Manifest) -> str:
    number = field.get("type") in ("integer", "array") or "additionalProperties" in field
    bounds = [text.format(field[key]) for key, text in _BOUNDS.items() if number and key in field]
    entries = field.get("items", {})
    rules = [rule["message"] for part in (field, entries) for rule in part.get(CEL_RULES, ())]
    sentences = [field.get("description", ""), ", ".join(bounds), *rules]
    return " ".join(f"{text[0].upper()}{text[1:].rstrip('.')}." for text in sentences if text).replace(
        "|", "\\|"
    )


def conditions_page() -> str:
    """docs/reference/conditions.md: every reason, in the order in which a start goes through them."""
    lines = [
        _MADE,
        "# Conditions of MLApi\n",
        "Ready repeats the reason and message of the first condition that fails. Stalled exists while "
        "waiting does not help, which is while a reason marked below holds; such failures are tried again "
        "every 10 minutes and at every change of the spec.\n",
        "| condition | reason | stalls | when |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| `{reason.condition}` | `{reason.name}` | {'yes' if reason.stalls else ''} | {reason.when} |"
        for reason in REASONS
    ]
    lines += [
        "",
        f"`{Condition.RECONCILING}` exists while the operator works towards the spec; it and "
        f"`{Condition.STALLED}` repeat the reason of Ready.\n",
        f"Phases, the first that applies: {', '.join(f'`{phase}`' for phase in Phase)}. For people only.\n",
    ]
    return "\n".join(lines)
