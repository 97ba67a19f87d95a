"""`mlapi render`: the objects that the operator makes of MLApis, by its own builders, without a cluster."""

import argparse
import re
import sys
from collections.abc import Iterator
from typing import Any, Final

import yaml

from mlapi_operator.api.kinds import MLAPI
from mlapi_operator.api.types import Manifest
from mlapi_operator.api.v1alpha1 import MLApiSpec, parse
from mlapi_operator.cli import manifests, validate
from mlapi_operator.cli.locks import IMAGES
from mlapi_operator.desired import names, replicas, revision
from mlapi_operator.desired.deployment import deployment
from mlapi_operator.desired.disruption import disruption_budget
from mlapi_operator.desired.owner import Owner
from mlapi_operator.desired.pod_template import pod_template
from mlapi_operator.desired.service import service
from mlapi_operator.desired.volumes import claim_name
from mlapi_operator.gpu.resolve import resolve
from mlapi_operator.rollout import strategy
from mlapi_operator.settings import IMAGE_VALUES, Fetch

BY_DIGEST: Final = re.compile(r"\S+@sha256:[0-9a-f]{64}")
NO_DIGEST: Final = "0" * 64
NUMBER: Final = "tag:yaml.org,2002:float"


def add_to(commands: Any) -> None:
    """Adds the command to those of `mlapi`."""
    parser = commands.add_parser(
        "render",
        help="print the objects that the operator makes of manifests",
        description=f"{__doc__} The operator's settings are taken to be the default ones.",
    )
    parser.add_argument(
        "-f",
        dest="files",
        action="append",
        required=True,
        metavar="FILE",
        help="YAML, or - for standard input",
    )
    parser.add_argument(
        "--image",
        type=_by_digest,
        metavar="REFERENCE",
        help="the operator's serving image, by digest, for MLApis without spec.image",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Prints the objects as YAML, notes on standard error; if an MLApi is not valid, only why it is not."""
    found: list[Manifest] = []
    failed = False
    for file in arguments.files:
        text = manifests.text(file)
        for line, bad in validate.report(text):
            if bad:
                failed = True
                print(f"{manifests.shown(file)}: {line}", file=sys.stderr)
        found += [] if failed else manifests.mlapis(text)
    if failed:
        return 1
    for manifest in found:
        for note in notes(manifest, arguments.image):
            print(f"{MLAPI.kind} {manifests.name(manifest)}: {note}", file=sys.stderr)
    made = [child for manifest in found for child in children(manifest, arguments.image)]
    yaml.dump_all(made, sys.stdout, Plain, sort_keys=False, explicit_start=True, width=110)
    return 0


def children(manifest: Manifest, image: str | None) -> list[Manifest]:
    """What the operator applies for a new MLApi, in its order.

    Args:
        image: the operator's own; None for a placeholder.
    """
    spec, metadata = parse(manifest), manifest["metadata"]
    owner = Owner(metadata.get("namespace") or "", metadata["name"], metadata.get("uid") or "")
    fields = revision.workload(spec)
    name = names.revision(owner.name, revision.workload_hash(fields))
    image = spec.image or image or placeholder(spec)
    gpu = resolve(spec.gpu, None) if spec.gpu else None
    template = pod_template(owner, spec, revision=name, image=image, fetch=Fetch(), gpu=gpu)
    chosen = None if spec.rollout.strategy == "Auto" else spec.rollout.strategy
    pods = deployment(owner, template, fields=fields, strategy=strategy.manifest(chosen, spec.rollout))
    # Of another field manager, but of the same object.
    pods["spec"] = replicas.replicas(owner, replicas.wanted(spec))["spec"] | pods["spec"]
    made = [
        revision.controller_revision(
            owner,
            fields=fields,
            image=image,
            template=template,
            number=1,
            gpu=gpu.manifest() if gpu else None,
        ),
        pods,
        disruption_budget(owner, spec.disruption),
        service(owner),
    ]
    return [told(child) for child in made]


def told(child: Manifest) -> Manifest:
    """Without a namespace and an owner's uid that the manifest lacks: the API server takes no empty ones."""
    metadata = dict(child["metadata"])
    if not metadata["namespace"]:
        del metadata["namespace"]
    if not metadata["ownerReferences"][0]["uid"]:
        del metadata["ownerReferences"]
    return {**child, "metadata": metadata}


def notes(manifest: Manifest, image: str | None) -> Iterator[str]:
    """In what the objects may differ from those in a cluster."""
    spec = parse(manifest)
    if not (spec.image or image):
        yield (
            f"{placeholder(spec)} stands for the operator's own image, {IMAGE_VALUES[spec.framework.name]} "
            "in the values of its chart; name it with --image"
        )
    if spec.gpu:
        yield (
            "spec.gpu is resolved without nodes, to the products and labels that are known; in a cluster "
            "those that its nodes have count, and are kept in the revision"
        )
    if spec.rollout.strategy == "Auto" and (spec.gpu or claim_name(spec.model.uri)):
        yield (
            "the Deployment's strategy is the one of an update with room for another pod; in a cluster, free "
            "GPUs and the access modes of a claim decide (spec.rollout.strategy)"
        )
    if not manifest["metadata"].get("uid"):
        yield "the objects have no ownerReferences: those hold the MLApi's uid, which only a cluster gives"


def placeholder(spec: MLApiSpec) -> str:
    return f"mlapi-{IMAGES[spec.framework.name][0]}@sha256:{NO_DIGEST}"


def _by_digest(text: str) -> str:
    if not BY_DIGEST.fullmatch(text):
        raise argparse.ArgumentTypeError(
            f"found {text}, wanted a reference by digest, as in registry.example.com/fastapi@sha256:<64 hex>"
        )
    return text


class Plain(yaml.SafeDumper):
    """Writes a part that occurs twice as often as it occurs; quotes what Go's YAML takes for a number."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


Plain.add_implicit_resolver(
    NUMBER,
    re.compile(r"^[-+]?([.][0-9]+|[0-9]+([.][0-9]*)?|0o[0-7]+)([eE][-+]?[0-9]+)?$"),
    list("-+.0123456789"),
)
