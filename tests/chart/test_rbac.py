"""The operator's role: exactly the documented table, nothing broad."""

from collections.abc import Callable
from pathlib import Path

from tests.chart.conftest import Object

TABLE = Path(__file__).parents[2] / "docs" / "reference" / "rbac.md"

Grant = tuple[str, str, str, str]  # API group, resource, verb, kind of role


def granted(manifests: list[Object]) -> set[Grant]:
    """What the roles bound to the operator's ServiceAccount allow."""
    bound = {
        (manifest["roleRef"]["kind"], manifest["roleRef"]["name"])
        for manifest in manifests
        if manifest["kind"] in ("ClusterRoleBinding", "RoleBinding")
        and manifest["subjects"][0]["name"] == "mlapi-operator"
    }
    return {
        (group, resource, verb, manifest["kind"])
        for manifest in manifests
        if (manifest["kind"], manifest["metadata"]["name"]) in bound
        for rule in manifest["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def documented() -> set[Grant]:
    """The rows of the table: | API group | Resource | Verbs | Role | ... |, each in `code`."""
    rows = [
        [cell.strip(" `") for cell in line.strip().strip("|").split("|")]
        for line in TABLE.read_text().splitlines()
        if line.startswith("| `")
    ]
    return {
        ("" if group == "core" else group, resource, verb.strip(), role)
        for group, resource, verbs, role, *_ in rows
        for verb in verbs.split(",")
    }


def test_role_of_the_operator_is_the_documented_table(objects: Callable[[str], list[Object]]) -> None:
    assert granted(objects("defaults")) == documented()


def test_roles_of_the_chart_hold_no_wildcard_and_no_secret(objects: Callable[[str], list[Object]]) -> None:
    rules = [rule for manifest in objects("everything") for rule in manifest.get("rules", [])]
    assert rules
    for rule in rules:
        assert "*" not in [*rule["apiGroups"], *rule["resources"], *rule["verbs"]]
        assert "secrets" not in rule["resources"]
        assert not {"escalate", "bind", "impersonate"} & set(rule["verbs"])
