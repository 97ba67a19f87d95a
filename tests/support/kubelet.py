"""What scheduler and kubelet write into the status of a pod, for API servers without nodes.

Each function gives the status at one moment; the texts are those of Kubernetes 1.36 with containerd 2.
"""

import json
from typing import Any

Object = dict[str, Any]

IMAGE = "registry.example.com/mlapi-fastapi@sha256:" + "0123456789abcdef" * 4
BEGAN = "2026-01-01T00:00:00Z"
FETCHED = "2026-01-01T00:00:02Z"
LOADED = "2026-01-01T00:00:05Z"
FILE = {"sizeBytes": 22_720, "sha256": "ab" * 32, "seconds": 0.2}


def condition(type: str, holds: bool, at: str = BEGAN, **more: str) -> Object:
    return {"type": type, "status": "True" if holds else "False", "lastTransitionTime": at, **more}


def waiting(name: str, reason: str = "PodInitializing", message: str = "", **more: Any) -> Object:
    state = {"waiting": {"reason": reason, **({"message": message} if message else {})}}
    return container(name, state, ready=False, **more)


def running(name: str, since: str = FETCHED, **more: Any) -> Object:
    return container(name, {"running": {"startedAt": since}}, **{"ready": True, "started": True, **more})


def terminated(
    name: str, exit_code: int, message: str = "", reason: str = "", at: str = FETCHED, **more: Any
) -> Object:
    state = {"terminated": end(exit_code, message, reason, at)}
    return container(name, state, **{"ready": exit_code == 0, **more})


def end(exit_code: int, message: str = "", reason: str = "", at: str = FETCHED) -> Object:
    reason = reason or ("Error" if exit_code else "Completed")
    return {
        "exitCode": exit_code,
        "reason": reason,
        "message": message,
        "startedAt": BEGAN,
        "finishedAt": at,
    }


def container(name: str, state: Object, *, ready: bool, restarts: int = 0, **more: Any) -> Object:
    status = {
        "name": name,
        "image": IMAGE,
        "imageID": "",
        "ready": ready,
        "restartCount": restarts,
        "state": state,
    }
    return {**status, **more}


def pod_status(fetch: Object, server: Object, *, ready: bool = False) -> Object:
    return {
        "phase": "Running" if ready else "Pending",
        "podIP": "10.244.0.9",
        "podIPs": [{"ip": "10.244.0.9"}],
        "hostIP": "10.210.0.2",
        "conditions": [condition("PodScheduled", True), condition("Ready", ready, LOADED)],
        "initContainerStatuses": [fetch],
        "containerStatuses": [server],
    }


def unschedulable(message: str) -> Object:
    scheduled = condition("PodScheduled", False, reason="Unschedulable", message=message)
    return {"phase": "Pending", "conditions": [scheduled]}


def fetching() -> Object:
    return pod_status(running("fetch", BEGAN, ready=False), waiting("server"))


def pulling(reason: str, message: str) -> Object:
    return pod_status(waiting("fetch", reason, message), waiting("server"))


def fetch_failed(exit_code: int, reason: str, message: str) -> Object:
    report = json.dumps({"reason": reason, "message": message})
    return pod_status(terminated("fetch", exit_code, report, at=FETCHED), waiting("server"))


def fetched() -> Object:
    return terminated("fetch", 0, json.dumps(FILE))


def loading() -> Object:
    return pod_status(fetched(), running("server", ready=False, started=False))


def ready() -> Object:
    return pod_status(fetched(), running("server"), ready=True)


def crashed(exit_code: int, message: str = "", reason: str = "", restarts: int = 1) -> Object:
    """Ended, and waiting to be started again."""
    back_off = waiting("server", "CrashLoopBackOff", "back-off 10s restarting failed container")
    server = {
        **back_off,
        "restartCount": restarts,
        "lastState": {"terminated": end(exit_code, message, reason)},
    }
    return pod_status(fetched(), server)


def config_error(message: str) -> Object:
    return pod_status(fetched(), waiting("server", "CreateContainerConfigError", message))


def runtime_missing() -> Object:
    message = (
        "failed to create containerd task: failed to create shim task: OCI runtime create failed: "
        "runc create failed: unable to start container process: error during container init: "
        'exec: "/opt/app/bin/python": stat /opt/app/bin/python: no such file or directory'
    )
    return pod_status(terminated("fetch", 128, message, "StartError"), waiting("server"))
