"""What the operator's roles allow, and which of it docs/reference/rbac.md calls optional."""

import json
import re
from pathlib import Path
from typing import Final

from e2e.audit import Entry
from e2e.install import NAMESPACE
from e2e.kube import Kube

TABLE: Final = Path(__file__).parents[1] / "docs" / "reference" / "rbac.md"
_CODE: Final = re.compile(r"`([^`]+)`")

# group, resource with its subresource, verb
Verb = tuple[str, str, str]


def granted(kube: Kube) -> set[Verb]:
    """What the installed roles of the operator allow."""
    found: set[Verb] = set()
    for role in ("clusterrole", "role"):
        rules = kube.kubectl("-n", NAMESPACE, "get", role, "mlapi-operator", "-o", "jsonpath={.rules}")
        for rule in json.loads(rules):
            found |= {
                (group, resource, verb)
                for group in rule["apiGroups"]
                for resource in rule["resources"]
                for verb in rule["verbs"]
            }
    return found


def optional() -> set[Verb]:
    """Verbs that the last column of the table names: the operator works without them."""
    found: set[Verb] = set()
    for line in TABLE.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) != 6 or not (resource := _CODE.fullmatch(cells[1])):
            continue
        group = cells[0].strip("`")
        group = "" if group == "core" else group
        found |= {(group, resource[1], verb) for cell in _CODE.findall(cells[5]) for verb in cell.split(", ")}
    return found


def used(entries: list[Entry]) -> set[Verb]:
    """Verbs that requests needed; an apply that made an object needed `create` too."""
    found: set[Verb] = set()
    for entry in entries:
        resource = f"{entry.resource}/{entry.subresource}" if entry.subresource else entry.resource
        found.add((entry.group, resource, entry.verb))
        if entry.verb == "patch" and entry.code == 201:
            found.add((entry.group, resource, "create"))
    return found
