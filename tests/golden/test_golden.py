"""What is built from an MLApi and from what is known about it, compared with files that people read."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlapi_operator.api.status import MLApiStatus
from mlapi_operator.api.types import Manifest
from mlapi_operator.api.v1alpha1 import parse
from mlapi_operator.desired import names, revision
from mlapi_operator.desired.ca import ca
from mlapi_operator.desired.deployment import deployment
from mlapi_operator.desired.disruption import disruption_budget
from mlapi_operator.desired.owner import Owner
from mlapi_operator.desired.pod_template import pod_template
from mlapi_operator.desired.replicas import replicas, wanted
from mlapi_operator.desired.service import service
from mlapi_operator.gpu.nodes import Node
from mlapi_operator.gpu.resolve import Resolved, resolve
from mlapi_operator.observe.times import moment
from mlapi_operator.settings import Settings
from mlapi_operator.status.compose import status
from tests.support.recorded import facts_of

HERE = Path(__file__).parent
Object = dict[str, Any]


def build_template(mlapi: Manifest, facts: Object) -> Manifest:
    spec, settings = parse(mlapi), settings_of(facts)
    name = names.revision(mlapi["metadata"]["name"], revision.workload_hash(revision.workload(spec)))
    image = spec.image or settings.images.of(spec.framework.name)
    gpu = resolved(mlapi, facts)
    return pod_template(Owner.of(mlapi), spec, revision=name, image=image, fetch=settings.fetch, gpu=gpu)


def build_deployment(mlapi: Manifest, facts: Object) -> Manifest:
    template = build_template(mlapi, facts)
    return deployment(Owner.of(mlapi), template, fields=revision.workload(parse(mlapi)))


def build_controller_revision(mlapi: Manifest, facts: Object) -> Manifest:
    spec, settings = parse(mlapi), settings_of(facts)
    gpu = resolved(mlapi, facts)
    return revision.controller_revision(
        Owner.of(mlapi),
        fields=revision.workload(spec),
        image=spec.image or settings.images.of(spec.framework.name),
        template=build_template(mlapi, facts),
        number=facts["number"],
        gpu=gpu.manifest() if gpu else None,
    )


def resolved(mlapi: Manifest, facts: Object) -> Resolved | None:
    gpu = parse(mlapi).gpu
    nodes = [Node.of(node) for node in facts["nodes"]] if "nodes" in facts else None
    return resolve(gpu, nodes) if gpu else None


def build_status(mlapi: Manifest, facts: Object) -> Manifest:
    now = moment(facts["now"])
    assert now is not None
    built = status(mlapi, facts_of(mlapi, facts), now)
    MLApiStatus.model_validate_json(json.dumps(built))
    return built


def settings_of(facts: Object) -> Settings:
    return Settings.model_validate({"namespace": "mlapi-system", "pod_name": "test", **facts["settings"]})


BUILDERS: dict[str, Callable[[Manifest, Object], Manifest]] = {
    "deployment": build_deployment,
    "controllerrevision": build_controller_revision,
    "service": lambda mlapi, facts: service(Owner.of(mlapi)),
    "poddisruptionbudget": lambda mlapi, facts: disruption_budget(Owner.of(mlapi), parse(mlapi).disruption),
    "configmap": lambda mlapi, facts: ca(Owner.of(mlapi), facts["certificates"]),
    "replicas": lambda mlapi, facts: replicas(Owner.of(mlapi), wanted(parse(mlapi))),
    "status": build_status,
}
CASES = sorted(path.parent.relative_to(HERE) for path in HERE.glob("*/*/mlapi.yaml"))


@pytest.mark.parametrize("case", CASES, ids=map(str, CASES))
def test_built_manifest_is_the_expected_one(case: Path, pytestconfig: pytest.Config) -> None:
    mlapi, facts = (yaml.safe_load((HERE / case / name).read_text()) for name in ("mlapi.yaml", "facts.yaml"))
    built = BUILDERS[case.parts[0]](mlapi, facts or {})
    expected = HERE / case / "expected.yaml"
    if pytestconfig.getoption("--update-golden", default=False):
        expected.write_text(yaml.dump(built, sort_keys=False, width=110, Dumper=Plain))
    assert yaml.safe_load(expected.read_text()) == built


def test_every_builder_has_a_case() -> None:
    assert {case.parts[0] for case in CASES} == set(BUILDERS)


class Plain(yaml.SafeDumper):
    """Writes a part that occurs twice as often as it occurs."""

    def ignore_aliases(self, data: Any) -> bool:
        return True
