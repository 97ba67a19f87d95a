"""The revisions of an MLApi as its ControllerRevisions keep them, and the way back to one. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from mlapi_operator.api.problems import problems
from mlapi_operator.api.types import Manifest
from mlapi_operator.api.v1alpha1 import MLApi, MLApiSpec
from mlapi_operator.cli.problem import Problem
from mlapi_operator.desired import labels
from mlapi_operator.desired.revision import WORKLOAD, WORKLOAD_OF
from mlapi_operator.observe.revisions import Revision


@dataclass(frozen=True, slots=True)
class Kept:
    """`fields`: the workload fields of the spec, as `desired.revision.workload` gives them."""

    revision: Revision
    fields: Manifest


def kept(manifests: Sequence[Manifest], uid: str) -> list[Kept]:
    """Newest first, of the MLApi with that uid: one of the same name may have been there before it."""
    ours = [each for each in manifests if "hash" in (each.get("data") or {}) and _owned(each, uid)]
    found = [Kept(Revision.of(each), each["data"]["spec"]) for each in ours]
    return sorted(found, key=lambda each: -each.revision.number)


def named(found: Sequence[Kept], name: str) -> Kept:
    """
    Raises:
        Problem: there is none of that name; the message names those that there are.
    """
    for each in found:
        if each.revision.name == name:
            return each
    there = ", ".join(each.revision.name for each in found) or "none at all"
    raise Problem(f"no revision {name}; there is {there}")


def before(found: Sequence[Kept], present: Manifest) -> Kept:
    """The last accepted revision that is not what the spec asks for.

    Args:
        present: workload fields of the spec.
    Raises:
        Problem: there is none.
    """
    accepted = [each for each in found if each.revision.result in (labels.ACTIVE, labels.SUPERSEDED)]
    # The one that was accepted last comes first: a newer one may never have been.
    accepted.sort(key=lambda each: each.revision.result != labels.ACTIVE)
    for each in accepted:
        if each.fields != present:
            return each
    raise Problem(
        "no other revision was ever accepted, so there is nothing to go back to; "
        "--to names one that was not, mlapi history shows them"
    )


def restored(spec: Manifest, fields: Manifest) -> Manifest:
    """The spec with its workload fields replaced by those of a revision, and nothing else touched.

    Args:
        spec: as the API server returned it.
        fields: of `Kept`.
    """
    result = {name: value for name, value in spec.items() if name not in WORKLOAD}
    for section, members in WORKLOAD_OF.items():
        rest = {name: value for name, value in (spec.get(section) or {}).items() if name not in members}
        result.pop(section, None)
        if rest:
            result[section] = rest
    for name, value in fields.items():
        result[name] = {**result.get(name, {}), **value} if name in WORKLOAD_OF else value
    return result


def understood(mlapi: Manifest) -> MLApiSpec:
    """The spec, if this command knows all of it.

    Raises:
        Problem: it has a field that is unknown here; whether that belongs to a revision cannot be told.
    """
    try:
        return MLApi.model_validate(mlapi, by_name=False, by_alias=True).spec
    except ValidationError as error:
        found = "; ".join(problems(error))
        raise Problem(
            f"this mlapi does not understand the MLApi; is it of the operator's release? {found}"
        ) from error


def _owned(manifest: Manifest, uid: str) -> bool:
    return any(owner["uid"] == uid for owner in manifest["metadata"].get("ownerReferences") or ())
