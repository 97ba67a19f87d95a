"""The operator's role: exactly the documented table, nothing broad."""

from collections.abc import Callable
from pathlib import Path

from tests.chart.conftest import Object

TABLE = Path(__file__).parents[2] / "docs" / "reference" / "rbac.md"

Grant = tuple[str, str, str, str]  # API group, resource, verb, `watch`, `cluster` or `own`

PLACES = {
    ("ClusterRole", "mlapi-operator"): "cluster",
    ("Role", "mlapi-operator-watch"): "watch",
    ("Role", "mlapi-operator"): "own",
}


def granted(manifests: list[Object]) -> set[Grant]:
    """What the roles bound to the operator's ServiceAccount allow."""
    bound = {
        (manifest["roleRef"]["kind"], manifest["roleRef"]["name"])
        for manifest in manifests
        if manifest["kind"] in ("ClusterRoleBinding", "RoleBinding")
        and manifest["subjects"] == [{**ACCOUNT, "namespace": "mlapi-system"}]
    }
    return {
        (group, resource, verb, PLACES[role])
        for manifest in manifests
        if (role := (manifest["kind"], manifest["metadata"]["name"])) in bound
        for rule in manifest["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


ACCOUNT = {"kind": "ServiceAccount", "name": "mlapi-operator"}


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


def test_role_of_the_operator_for_all_namespaces_is_the_documented_table(
    objects: Callable[[str], list[Object]],
) -> None:
    # The ClusterRole's configmaps are those of the operator's own namespace as well.
    wanted = {
        (group, resource, verb, "cluster" if place == "watch" else place)
        for group, resource, verb, place in documented() - {("", "configmaps", "get", "own")}
    }
    assert granted(objects("defaults")) == wanted


def test_roles_of_the_operator_for_a_few_namespaces_are_the_documented_table(
    objects: Callable[[str], list[Object]],
) -> None:
    wanted = {grant for grant in documented() if grant[3] != "cluster"}
    assert granted(objects("everything")) == wanted


def test_each_watched_namespace_gets_a_role_of_the_same_rules(
    objects: Callable[[str], list[Object]],
) -> None:
    roles = [
        manifest
        for manifest in objects("everything")
        if manifest["kind"] == "Role" and manifest["metadata"]["name"] == "mlapi-operator-watch"
    ]
    assert [role["metadata"]["namespace"] for role in roles] == ["team-a", "team-b"]
    assert roles[0]["rules"] == roles[1]["rules"]


def test_roles_of_the_chart_hold_no_wildcard_and_no_secret(objects: Callable[[str], list[Object]]) -> None:
    manifests = objects("everything") + objects("defaults")
    rules = [rule for manifest in manifests for rule in manifest.get("rules", [])]
    assert rules
    for rule in rules:
        assert "*" not in [*rule["apiGroups"], *rule["resources"], *rule["verbs"]]
        assert "secrets" not in rule["resources"]
        assert not {"escalate", "bind", "impersonate"} & set(rule["verbs"])
