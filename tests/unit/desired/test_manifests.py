"""Rules that hold for everything that is built."""

import json
from collections.abc import Iterator
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from mlapi_operator.api.quantity import amount
from mlapi_operator.api.v1alpha1 import parse
from mlapi_operator.desired import names, revision
from mlapi_operator.desired.ca import ca
from mlapi_operator.desired.deployment import deployment
from mlapi_operator.desired.disruption import disruption_budget
from mlapi_operator.desired.owner import Owner
from mlapi_operator.desired.pod_template import claim_of, mounts_ca, pod_template
from mlapi_operator.desired.service import service
from mlapi_operator.gpu.resolve import resolve
from mlapi_operator.settings import Fetch
from tests.support.kubelet import IMAGE
from tests.support.strategies import valid_mlapis

Object = dict[str, Any]
LONGEST = "a" * 50

fetches = st.sampled_from([Fetch(), Fetch(ca_config_map="authority", allowed_cidrs=("10.0.0.0/8",))])


def children(mlapi: Object, fetch: Fetch) -> list[Object]:
    owner, spec = Owner.of(mlapi), parse(mlapi)
    fields = revision.workload(spec)
    name = names.revision(owner.name, revision.workload_hash(fields))
    gpu = resolve(spec.gpu, None) if spec.gpu else None
    template = pod_template(owner, spec, revision=name, image=IMAGE, fetch=fetch, gpu=gpu)
    resolved = gpu.manifest() if gpu else None
    return [
        deployment(owner, template, fields=fields),
        disruption_budget(owner, spec.disruption),
        service(owner),
        ca(owner, "PEM"),
        revision.controller_revision(
            owner, fields=fields, image=IMAGE, template=template, number=1, gpu=resolved
        ),
    ]


def values(manifest: Any) -> Iterator[Any]:
    if isinstance(manifest, dict):
        for value in manifest.values():
            yield from values(value)
    elif isinstance(manifest, list):
        for value in manifest:
            yield from values(value)
    yield manifest


@given(valid_mlapis, fetches)
@settings(deadline=None)
def test_children_are_json_without_nulls_and_fit_their_names(mlapi: Object, fetch: Fetch) -> None:
    mlapi["metadata"]["name"] = LONGEST
    for child in children(mlapi, fetch):
        assert json.loads(json.dumps(child)) == child
        assert None not in list(values(child))
        metadata = child["metadata"]
        assert len(metadata["name"]) <= 63
        assert all(len(value) <= 63 for value in metadata["labels"].values())
        (owner,) = metadata["ownerReferences"]
        assert owner["controller"] is True
        assert "blockOwnerDeletion" not in owner


@given(valid_mlapis, fetches)
@settings(deadline=None)
def test_same_input_gives_the_same_bytes(mlapi: Object, fetch: Fetch) -> None:
    assert json.dumps(children(mlapi, fetch)) == json.dumps(children(mlapi, fetch))


@given(valid_mlapis, fetches)
@settings(deadline=None)
def test_pod_of_any_spec_is_selected_labelled_and_restricted(mlapi: Object, fetch: Fetch) -> None:
    built, _, exposed, _, _ = children(mlapi, fetch)
    template, spec = built["spec"]["template"], built["spec"]["template"]["spec"]
    labels = template["metadata"]["labels"]
    assert built["spec"]["selector"]["matchLabels"].items() <= labels.items()
    assert exposed["spec"]["selector"].items() <= labels.items()
    assert labels["mlapi.dev/revision"].startswith("digits-")
    assert "replicas" not in built["spec"]
    is_fetched = not mlapi["spec"]["model"]["uri"].startswith("pvc://")
    assert mounts_ca(template) == (is_fetched and bool(fetch.ca_config_map))
    if is_fetched:
        assert claim_of(template) is None
    else:
        assert f"pvc://{claim_of(template)}/" in mlapi["spec"]["model"]["uri"]
        mounts = [found["volumeMounts"][0] for found in spec["initContainers"] + spec["containers"]]
        assert mounts == [{"name": "model", "mountPath": "/models", "readOnly": True}] * 2
    assert spec["automountServiceAccountToken"] is False
    volumes = {volume["name"] for volume in spec["volumes"]}
    for container in spec["initContainers"] + spec["containers"]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        }
        assert {mount["name"] for mount in container["volumeMounts"]} <= volumes
        variables = [variable["name"] for variable in container["env"]]
        assert len(variables) == len(set(variables))


@given(valid_mlapis)
@settings(deadline=None)
def test_grace_period_leaves_time_to_drain_and_to_finish(mlapi: Object) -> None:
    built, *_ = children(mlapi, Fetch())
    timeout = parse(mlapi).serving.request_timeout_seconds
    assert built["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] > 10 + timeout


@given(valid_mlapis)
@settings(deadline=None)
def test_gpu_of_any_spec_is_the_servers_alone_and_shared_memory_fits_its_limit(mlapi: Object) -> None:
    built, *_ = children(mlapi, Fetch())
    spec, gpu = built["spec"]["template"]["spec"], parse(mlapi).gpu
    (fetch,), (server,) = spec["initContainers"], spec["containers"]
    requests, limits = (server["resources"].get(kind, {}) for kind in ("requests", "limits"))
    devices = {name: count for name, count in limits.items() if "/" in name}
    assert list(devices.values()) == ([str(gpu.count)] if gpu else [])
    assert devices.items() <= requests.items()
    assert not any("/" in name for amounts in fetch["resources"].values() for name in amounts)
    (shared,) = (volume["emptyDir"]["sizeLimit"] for volume in spec["volumes"] if volume["name"] == "shm")
    if gpu and "memory" in limits:
        assert amount(shared) <= max(amount(limits["memory"]) / 2, amount("64Mi"))
    if gpu is None:
        assert shared == "64Mi"
        assert "affinity" not in spec or parse(mlapi).scheduling.affinity
