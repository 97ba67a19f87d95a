"""Sound MLApis, each with a sentence that tells it from the others."""

from typing import Any

from mlapi_operator.api.kinds import MLAPI

Object = dict[str, Any]

DIGEST = "sha256:" + "0123456789abcdef" * 4
ABSENT = object()
ZONE = "topology.kubernetes.io/zone"
HOST = "kubernetes.io/hostname"
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"
TERMS = f"spec.scheduling.affinity.nodeAffinity.{REQUIRED}.nodeSelectorTerms"
ANY_NODE = {"matchExpressions": [{"key": HOST, "operator": "Exists"}]}


def mlapi(change: Object, name: str = "digits") -> Object:
    """A small sound MLApi with some members of its spec changed: merged into objects, replacing all else."""
    spec = {"framework": {"name": "FastAPI"}, "model": {"uri": "https://models.example.com/digits.onnx"}}
    return {
        "apiVersion": MLAPI.api_version,
        "kind": MLAPI.kind,
        "metadata": {"name": name, "namespace": "default"},
        "spec": merged(spec, change),
    }


def merged(base: Any, change: Any) -> Any:
    if not isinstance(base, dict) or not isinstance(change, dict):
        return change
    members = {key: merged(base.get(key), value) for key, value in change.items() if value is not ABSENT}
    return {key: value for key, value in base.items() if key not in change} | members


def model(**members: Any) -> Object:
    return {"model": members}


def framework(name: str, **members: Any) -> Object:
    return {"framework": {"name": name} | members}


def provided(change: Object) -> Object:
    """The same with an image of the user's own."""
    return {"image": f"registry.example.com/team/digits@{DIGEST}"} | change


def variable(**members: Any) -> Object:
    return {"env": [{"name": "A"} | members]}


def smoke(**members: Any) -> Object:
    return {"probe": {"smokeTest": members}}


def toleration(**members: Any) -> Object:
    return {"scheduling": {"tolerations": [members]}}


def gpu(**members: Any) -> Object:
    return {"gpu": members}


def rollout(**members: Any) -> Object:
    return {"rollout": members}


def scheduling(**members: Any) -> Object:
    return {"scheduling": members}


def spread(**members: Any) -> Object:
    return {"topologyKey": ZONE, "maxSkew": 1, "whenUnsatisfiable": "DoNotSchedule"} | members


def node_affinity(**requirement: Any) -> Object:
    required = {"nodeSelectorTerms": [{"matchExpressions": [requirement]}]}
    return {"scheduling": {"affinity": {"nodeAffinity": {REQUIRED: required}}}}


def pod_affinity(**selector: Any) -> Object:
    term = {"topologyKey": HOST, "labelSelector": selector}
    return {"scheduling": {"affinity": {"podAffinity": {REQUIRED: [term]}}}}


VALID: dict[str, Object] = {
    "least of all": {},
    "address with port, path and query": model(uri="https://10.0.0.1:8443/a/b%20c/digits.v2.onnx?x=1&y=/z"),
    "IPv6 address": model(uri="https://[fd00::1]/digits.onnx"),
    "other file name with its format": model(uri="https://m.example.com/digits", format="ONNX"),
    "checksum and name": model(sha256="ab" * 32, name="Digits_v2.1"),
    "longest file name and small tmp": model(uri=f"https://m.example.com/{'a' * 200}.onnx", tmpSize="0.5Gi"),
    "tmp in bytes": model(tmpSize=1048576),
    "file of a claim": model(uri="pvc://models/resnet50.onnx"),
    "file deep in a claim": model(uri="pvc://team-a.models/v_1.2/a-b/_digits.skops", sha256="ab" * 32),
    "file of a claim with its format": model(uri="pvc://models/digits", format="ONNX"),
    "Litestar": framework("Litestar"),
    "Django Ninja": framework("DjangoNinja"),
    "own application in a package": provided(framework("Litestar", app="shop.web_2.api:app")),
    "own application": provided(framework("DjangoNinja", app="api:_api")),
    "scikit-learn by its suffix": model(uri="https://m.example.com/digits.skops?x=.bin"),
    "scikit-learn of any name": model(uri="https://m.example.com/digits", format="Sklearn"),
    "handler": provided(
        model(uri="https://m.example.com/w.bin", format="Python", handler="shop.model:Prices")
    ),
    "file with a known suffix for a handler": provided(
        model(uri="https://m.example.com/w.onnx", format="Python", handler="model:Model")
    ),
    "protocol through the framework": {"serving": {"fastPath": False}},
    "image by digest": {"image": f"registry.example.com:5000/team/digits@{DIGEST}"},
    "image by tag and digest": {"image": f"digits:v1@{DIGEST}"},
    "every serving field": {
        "serving": {
            "workers": 64,
            "maxConcurrency": 10000,
            "requestTimeoutSeconds": 3600,
            "maxRequestBytes": 1073741824,
            "batching": {"maxSize": 1, "maxDelayMilliseconds": 1000},
            "warmupRequests": 0,
        }
    },
    "large number as Helm writes it": {"serving": {"maxRequestBytes": 1.048576e7}},
    "variables from everywhere": {
        "env": [
            {"name": "EMPTY", "value": ""},
            {"name": "NOTHING"},
            {"name": "a.b-c", "value": "x y"},
            {"name": "SECRET", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k", "optional": True}}},
            {"name": "CONFIG", "valueFrom": {"configMapKeyRef": {"name": "c.d", "key": "k_1.txt"}}},
            {"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
            {"name": "TEAM", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['example.com/team']"}}},
        ]
    },
    "a variable that only resembles ours": variable(name="MY_MLAPI_KEY", value="1"),
    "resources of numbers and quantities": {
        "resources": {
            "requests": {"cpu": 1, "memory": "1Gi", "ephemeral-storage": "10G"},
            "limits": {"cpu": "1000m", "memory": 1073741824, "ephemeral-storage": "20Gi"},
        }
    },
    "limits alone, above the default requests": {"resources": {"limits": {"cpu": "0.25", "memory": "512Mi"}}},
    "no replicas": {"replicas": 0},
    "empty members": {"env": None, "serving": None, "scheduling": {}, "slo": None, "replicas": None},
    "smoke test of one's own": smoke(path="/predict", body='{"inputs": [[1]]}', expectStatus=201),
    "smoke test that gets": smoke(path="/v2/health/ready?x=1", method="GET"),
    "no smoke test": smoke(mode="Off"),
    "targets": {"slo": {"latencyP95Milliseconds": 50, "maxErrorPercent": 0, "windowSeconds": 60}},
    "suspended": {"suspend": True},
    "nodes": {
        "scheduling": {
            "nodeSelector": {"disktype": "ssd", "node.example.com/pool": ""},
            "tolerations": [
                {"operator": "Exists"},
                {"key": "example.com/gpu", "value": "a", "effect": "NoExecute", "tolerationSeconds": 60},
            ],
        }
    },
    "any GPU": gpu(),
    "every field of a GPU": gpu(
        count=16,
        vendor="NVIDIA",
        products=["H100", "A100-80GB", "NVIDIA-H100-80GB-HBM3"],
        minMemory="80G",
        minComputeCapability="8.0",
        sharing="Shared",
    ),
    "slice of a GPU": gpu(migProfile="1g.10gb+me", count=1, sharing="Exclusive"),
    "GPU of AMD": gpu(vendor="AMD", products=["MI300X"], count=8, minMemory=192000000000),
    "GPU of Intel": gpu(vendor="Intel", products=[], sharing="Shared"),
    "rolling update": rollout(strategy="RollingUpdate", maxSurge=0, maxUnavailable="25%"),
    "rolling update that surges": rollout(strategy="RollingUpdate", maxSurge="100%", maxUnavailable="0%"),
    "rolling update of Kubernetes' own figures": rollout(strategy="RollingUpdate"),
    "every other field of a rollout": rollout(
        strategy="Recreate",
        progressDeadlineSeconds=10,
        bakeSeconds=0,
        autoRollback=False,
        paused=True,
        revisionHistoryLimit=0,
        retryToken="2026-03-01, once more",
        operatorUpgrade="Automatic",
    ),
    "pods that must stay": {"disruption": {"minAvailable": "50%"}},
    "pods that may be missing": {"disruption": {"maxUnavailable": 0}},
    "user of the pods": {"security": {"runAsUser": 2147483647}},
    "objects with nothing in them": {"rollout": {}, "disruption": {}, "security": {}, "scheduling": {}},
    "names in scheduling": scheduling(
        priorityClassName="production",
        runtimeClassName="nvidia",
        schedulerName="volcano",
        queueName="team-a.gpus",
    ),
    "pods that are spread": scheduling(
        topologySpreadConstraints=[
            spread(),
            spread(whenUnsatisfiable="ScheduleAnyway", maxSkew=1000),
            spread(topologyKey=HOST, labelSelector={"matchLabels": {"team": "vision"}}),
        ]
    ),
    "affinity of every kind": scheduling(
        affinity={
            "nodeAffinity": {
                REQUIRED: {
                    "nodeSelectorTerms": [
                        {
                            "matchExpressions": [
                                {"key": ZONE, "operator": "In", "values": ["a", "b"]},
                                {"key": "example.com/cpus", "operator": "Gt", "values": ["15"]},
                                {"key": "spot", "operator": "DoesNotExist"},
                            ]
                        }
                    ]
                },
                PREFERRED: [
                    {
                        "weight": 100,
                        "preference": {
                            "matchExpressions": [{"key": "fast", "operator": "Exists", "values": []}]
                        },
                    }
                ],
            },
            "podAffinity": {REQUIRED: [{"topologyKey": ZONE, "labelSelector": {}}]},
            "podAntiAffinity": {
                PREFERRED: [
                    {
                        "weight": 1,
                        "podAffinityTerm": {
                            "topologyKey": HOST,
                            "labelSelector": {
                                "matchLabels": {"mlapi.dev/name": "digits"},
                                "matchExpressions": [{"key": "team", "operator": "NotIn", "values": ["a"]}],
                            },
                        },
                    }
                ],
            },
        }
    ),
    "logged requests": {"observability": {"logRequests": "Metadata"}},
    "metadata of the pods": {
        "podMetadata": {"labels": {"team": "vision"}, "annotations": {"sidecar.istio.io/inject": "false"}}
    },
}

# What is wrong, the change that makes it so, the field to blame, and the words of the API server; last those
# of `mlapi validate` where they differ: messages of the schema are Kubernetes' own, those of rules are ours.
Invalid = tuple[str, Object, str, str] | tuple[str, Object, str, str, str]
