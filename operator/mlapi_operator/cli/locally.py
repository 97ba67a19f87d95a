"""What a pod gets from the cluster or the image, got from the machine that `mlapi serve` runs on."""

from collections.abc import Mapping
from pathlib import Path

from mlapi_operator.api.pod import EnvVarSource, KeyReference
from mlapi_operator.api.v1alpha1 import MLApiSpec
from mlapi_operator.cli.problem import Problem, Usage


def variables(spec: MLApiSpec, own: Mapping[str, str]) -> dict[str, str]:
    """The environment variables of the manifest.

    Args:
        own: the caller's environment, which stands in for Secrets, ConfigMaps and fields of the pod.
    Raises:
        Problem: some of these are not in it either; all of them are named.
    """
    found: dict[str, str] = {}
    absent: dict[str, str] = {}
    for i, variable in enumerate(spec.env):
        if variable.value_from is None:
            found[variable.name] = variable.value or ""
        elif variable.name in own:
            found[variable.name] = own[variable.name]
        elif not _optional(variable.value_from):
            absent[variable.name] = f"spec.env[{i}]: {variable.name} is {_origin(variable.value_from)}"
    if absent:
        example = " ".join(f"{name}=..." for name in absent)
        raise Problem(
            f"{'; '.join(absent.values())}: there is none without a cluster; set it yourself, as in "
            f"`{example} mlapi serve`"
        )
    return found


def code(spec: MLApiSpec, source: Path | None) -> tuple[Path, ...]:
    """Folders with the user's code.

    Raises:
        Usage: the manifest needs some and none is given, or it is not in there.
    """
    needed = {"spec.framework.app": spec.framework.app, "spec.model.handler": spec.model.handler}
    if source is not None and not source.is_dir():
        raise Usage(f"--source: {source} is no folder; name the one that holds your code")
    for field, path in needed.items():
        if path is None:
            continue
        module = path.partition(":")[0]
        if source is None:
            raise Usage(
                f"{field}: {path} is code of yours, which no image brings here; "
                f"name its folder with --source, the one in which Python finds {module}"
            )
        first = source / module.partition(".")[0]
        if not (first.is_dir() or first.with_suffix(".py").is_file()):
            raise Usage(
                f"{field}: found neither {first.name}.py nor a folder {first.name} in {source}, wanted the "
                f"module {module}; --source takes the folder that holds it"
            )
    return () if source is None else (source.absolute(),)


def _optional(source: EnvVarSource) -> bool:
    return any(
        reference is not None and reference.optional
        for reference in (source.secret_key_ref, source.config_map_key_ref)
    )


def _origin(source: EnvVarSource) -> str:
    def key(kind: str, reference: KeyReference) -> str:
        return f"key {reference.key} of the {kind} {reference.name}"

    if source.secret_key_ref is not None:
        return key("Secret", source.secret_key_ref)
    if source.config_map_key_ref is not None:
        return key("ConfigMap", source.config_map_key_ref)
    assert source.field_ref is not None
    return f"the pod's {source.field_ref.field_path}"
