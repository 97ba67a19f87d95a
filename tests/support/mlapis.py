"""Sound and wrong MLApis, each with a sentence that tells it from the others."""

from typing import Any

from mlapi_operator.api.kinds import MLAPI

Object = dict[str, Any]

DIGEST = "sha256:" + "0123456789abcdef" * 4
ABSENT = object()


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


VALID: dict[str, Object] = {
    "least of all": {},
    "address with port, path and query": model(uri="https://10.0.0.1:8443/a/b%20c/digits.v2.onnx?x=1&y=/z"),
    "IPv6 address": model(uri="https://[fd00::1]/digits.onnx"),
    "other file name with its format": model(uri="https://m.example.com/digits", format="ONNX"),
    "checksum and name": model(sha256="ab" * 32, name="Digits_v2.1"),
    "longest file name and small tmp": model(uri=f"https://m.example.com/{'a' * 200}.onnx", tmpSize="0.5Gi"),
    "tmp in bytes": model(tmpSize=1048576),
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
    "logged requests": {"observability": {"logRequests": "Metadata"}},
    "metadata of the pods": {
        "podMetadata": {"labels": {"team": "vision"}, "annotations": {"sidecar.istio.io/inject": "false"}}
    },
}

# What is wrong, the change that makes it so, the field to blame, and the words of the API server; last those
# of `mlapi validate` where they differ: messages of the schema are Kubernetes' own, those of rules are ours.
Invalid = tuple[str, Object, str, str] | tuple[str, Object, str, str, str]
INVALID: list[Invalid] = [
    ("no framework", {"framework": ABSENT}, "spec.framework", "Required value", "missing"),
    ("no framework name", {"framework": {"name": None}}, "spec.framework.name", "Required value", "missing"),
    ("framework of another kind", framework("Flask"), "spec.framework.name", "DjangoNinja"),
    ("framework in small letters", framework("litestar"), "spec.framework.name", "Litestar"),
    (
        "own application without an image",
        framework("FastAPI", app="api:app"),
        "spec.framework.app",
        "your own application needs an image that holds it",
    ),
    *(
        (f"own application, {kind}", provided(framework("FastAPI", app=app)), "spec.framework.app", words)
        for kind, app, words in (
            ("a module alone", "shop.api", "must be a module and a name in it"),
            ("a file", "shop/api.py:app", "must be a module and a name in it"),
            ("relative", ".api:app", "must be a module and a name in it"),
            ("a call", "api:make()", "must be a module and a name in it"),
            ("a line break behind", "api:app\n", "must be a module and a name in it"),
            ("without end", "a" * 252 + ":b", "253"),
        )
    ),
    ("own application, empty", provided(framework("FastAPI", app="")), "spec.framework.app", "3"),
    ("version to come", framework("FastAPI", version="0.165.*"), "spec.framework.version", "unknown field"),
    ("no model", {"model": ABSENT}, "spec.model", "Required value", "missing"),
    ("no uri", model(uri=ABSENT), "spec.model.uri", "Required value", "missing"),
    ("uri of another kind", model(uri="s3://bucket/digits.onnx"), "spec.model.uri", "must be https://host"),
    ("uri without encryption", model(uri="http://m/digits.onnx"), "spec.model.uri", "must be https://host"),
    ("uri with a password", model(uri="https://u:p@m/digits.onnx"), "spec.model.uri", "without user name"),
    ("uri with a fragment", model(uri="https://m/digits.onnx#a"), "spec.model.uri", "or fragment"),
    ("uri of a folder", model(uri="https://m/digits/"), "spec.model.uri", "must be https://host"),
    (
        "uri that climbs out",
        model(uri="https://m/..", format="ONNX"),
        "spec.model.uri",
        "the file named with",
    ),
    ("uri hiding a slash", model(uri="https://m/..%2Fa.onnx"), "spec.model.uri", "the file named with"),
    ("uri with a line break", model(uri="https://m/a.onnx\n"), "spec.model.uri", "must be https://host"),
    ("uri too long", model(uri=f"https://m/{'a' * 2048}.onnx"), "spec.model.uri", "2048"),
    (
        "file name that says nothing",
        model(uri="https://m/a.bin"),
        "spec.model.uri",
        "must end in .onnx or .skops",
    ),
    ("pickle", model(uri="https://m/a.pkl"), "spec.model.uri", "must end in .onnx or .skops"),
    ("name in the query only", model(uri="https://m/a?b=.onnx"), "spec.model.uri", "must end in .onnx"),
    ("checksum too short", model(sha256="ab"), "spec.model.sha256", "must be 64 lower-case hex digits"),
    ("checksum in capitals", model(sha256="AB" * 32), "spec.model.sha256", "64 lower-case hex digits"),
    ("model name with a slash", model(name="a/b"), "spec.model.name", "beginning and ending with a letter"),
    ("format to come", model(format="XGBoost"), "spec.model.format", "ONNX"),
    (
        "Python without a handler",
        provided(model(format="Python")),
        "spec.model.handler",
        "format Python needs the class that reads the file",
    ),
    (
        "handler of a format that has none",
        provided(model(format="ONNX", handler="m:C")),
        "spec.model.handler",
        "no other format than Python has a handler",
    ),
    (
        "handler where the suffix tells the format",
        provided(model(handler="m:C")),
        "spec.model.handler",
        "no other format than Python has a handler",
    ),
    (
        "handler without an image",
        model(format="Python", handler="m:C"),
        "spec.model.handler",
        "a handler needs an image that holds its class",
    ),
    (
        "handler that is a file",
        provided(model(format="Python", handler="model.py")),
        "spec.model.handler",
        "must be a module and a name in it",
    ),
    (
        "fast path in words",
        {"serving": {"fastPath": "no"}},
        "spec.serving.fastPath",
        "boolean",
        "true or false",
    ),
    ("tmp without unit sense", model(tmpSize="1 GB"), "spec.model.tmpSize", "must be bytes above 0"),
    ("tmp of nothing", model(tmpSize=0), "spec.model.tmpSize", "must be bytes above 0"),
    ("tmp in thousandths", model(tmpSize="100m"), "spec.model.tmpSize", "must be bytes above 0"),
    (
        "image by tag",
        {"image": "registry.example.com/digits:v1"},
        "spec.image",
        "tags cannot be resolved yet",
    ),
    (
        "image with a short digest",
        {"image": "digits@sha256:abc"},
        "spec.image",
        "must name an image by digest",
    ),
    ("image in capitals", {"image": f"Digits@{DIGEST}"}, "spec.image", "must name an image by digest"),
    ("no worker", {"serving": {"workers": 0}}, "spec.serving.workers", "or equal to 1", "at least 1"),
    (
        "too many workers",
        {"serving": {"workers": 65}},
        "spec.serving.workers",
        "or equal to 64",
        "at most 64",
    ),
    ("half a worker", {"serving": {"workers": 1.5}}, "spec.serving.workers", "integer"),
    ("workers in words", {"serving": {"workers": "2"}}, "spec.serving.workers", "integer"),
    (
        "no time",
        {"serving": {"requestTimeoutSeconds": 0}},
        "spec.serving.requestTimeoutSeconds",
        "or equal to 1",
        "at least 1",
    ),
    (
        "tiny bodies",
        {"serving": {"maxRequestBytes": 1}},
        "spec.serving.maxRequestBytes",
        "or equal to 1024",
        "at least 1024",
    ),
    ("field to come", {"serving": {"engine": "Shared"}}, "spec.serving.engine", "unknown field"),
    ("field misspelt", {"modle": {}}, "spec.modle", "unknown field"),
    ("field of Python", model(tmp_size="1Gi"), "spec.model.tmp_size", "unknown field"),
    ("our variable", variable(name="MLAPI_CONFIG"), "spec.env[0].name", "must not begin with MLAPI_"),
    ("variable like a number", variable(name="1A"), "spec.env[0].name", "not beginning with a digit"),
    ("variable without name", {"env": [{"value": "a"}]}, "spec.env[0].name", "Required value", "missing"),
    (
        "variable twice",
        {"env": [{"name": "A"}, {"name": "A"}]},
        "spec.env",
        "Duplicate value",
        "keep one of them",
    ),
    ("bare number", variable(value=1), "spec.env[0].value", "string", "wanted a string; write it in quotes"),
    (
        "value from two places",
        variable(value="a", valueFrom={"fieldRef": {"fieldPath": "metadata.name"}}),
        "spec.env[0]",
        "must hold value or valueFrom, not both",
    ),
    ("value from nowhere", variable(valueFrom={}), "spec.env[0].valueFrom", "must hold exactly one of"),
    (
        "value from two references",
        variable(valueFrom={k: {"name": "a", "key": "b"} for k in ("secretKeyRef", "configMapKeyRef")}),
        "spec.env[0].valueFrom",
        "must hold exactly one of",
    ),
    (
        "value from a field that pods do not tell",
        variable(valueFrom={"fieldRef": {"fieldPath": "spec.hostname"}}),
        "spec.env[0].valueFrom.fieldRef.fieldPath",
        "status.podIP",
    ),
    (
        "CPU in bytes",
        {"resources": {"requests": {"cpu": "1Gi"}}},
        "spec.resources.requests.cpu",
        "must be CPUs",
    ),
    (
        "CPU below nothing",
        {"resources": {"limits": {"cpu": -1}}},
        "spec.resources.limits.cpu",
        "CPUs",
        "string",
    ),
    ("bare fraction", {"resources": {"limits": {"cpu": 0.5}}}, "spec.resources.limits.cpu", "string"),
    (
        "device before its time",
        {"resources": {"limits": {"nvidia.com/gpu": 1}}},
        "nvidia.com/gpu",
        "unknown field",
    ),
    (
        "CPU request above its limit",
        {"resources": {"requests": {"cpu": 2}, "limits": {"cpu": "1500m"}}},
        "spec.resources.requests.cpu",
        "requests.cpu (default 250m) must not exceed limits.cpu",
    ),
    (
        "memory limit below the default request",
        {"resources": {"limits": {"memory": "256Mi"}}},
        "spec.resources.requests.memory",
        "requests.memory (default 512Mi) must not exceed limits.memory",
    ),
    (
        "disk request above its limit",
        {"resources": {"requests": {"ephemeral-storage": "2G"}, "limits": {"ephemeral-storage": "1Gi"}}},
        "spec.resources.requests",
        "requests.ephemeral-storage must not exceed limits.ephemeral-storage",
    ),
    ("fewer than none", {"replicas": -1}, "spec.replicas", "or equal to 0", "at least 0"),
    ("too many replicas", {"replicas": 1001}, "spec.replicas", "or equal to 1000", "at most 1000"),
    ("path without slash", smoke(path="predict"), "spec.probe.smokeTest.path", "must begin with one '/'"),
    ("path to another host", smoke(path="//evil"), "spec.probe.smokeTest.path", "must begin with one '/'"),
    ("path with a space", smoke(path="/a b"), "spec.probe.smokeTest.path", "hold no spaces"),
    ("body without path", smoke(body="{}"), "spec.probe.smokeTest.path", "add path"),
    ("method without path", smoke(method="POST"), "spec.probe.smokeTest.path", "add path"),
    ("body of a GET", smoke(path="/a", method="GET", body="{}"), "spec.probe.smokeTest.body", "has no body"),
    ("bare Off", smoke(mode=False), "spec.probe.smokeTest.mode", "string", "write it in quotes"),
    (
        "status of no answer",
        smoke(expectStatus=99),
        "spec.probe.smokeTest.expectStatus",
        "or equal to 100",
        "at least 100",
    ),
    ("no target", {"slo": {"windowSeconds": 60}}, "spec.slo", "must hold latencyP95Milliseconds or"),
    (
        "more than all",
        {"slo": {"maxErrorPercent": 101}},
        "spec.slo.maxErrorPercent",
        "or equal to 100",
        "at most 100",
    ),
    ("suspend in words", {"suspend": "yes"}, "spec.suspend", "boolean", "true or false"),
    ("taint of any key and value", toleration(value="a"), "spec.scheduling.tolerations[0]", "without key"),
    (
        "any value, and which",
        toleration(key="a", operator="Exists", value="b"),
        "spec.scheduling.tolerations[0].value",
        "takes no value",
    ),
    (
        "patience without eviction",
        toleration(key="a", tolerationSeconds=1, effect="NoSchedule"),
        "spec.scheduling.tolerations[0].tolerationSeconds",
        "needs effect: NoExecute",
    ),
    ("key of a taint", toleration(key="a/b/c"), "spec.scheduling.tolerations[0].key", "match"),
    (
        "key of a node label",
        {"scheduling": {"nodeSelector": {"a b": "c"}}},
        "spec.scheduling.nodeSelector",
        "keys must be like",
    ),
    (
        "value of a node label",
        {"scheduling": {"nodeSelector": {"a": "b c"}}},
        "spec.scheduling.nodeSelector.a",
        "match",
    ),
    (
        "too many node labels",
        {"scheduling": {"nodeSelector": {f"a{i}": "" for i in range(33)}}},
        "spec.scheduling.nodeSelector",
        "32",
    ),
    (
        "our label",
        {"podMetadata": {"labels": {"mlapi.dev/name": "x"}}},
        "spec.podMetadata.labels",
        "are the operator's; use others",
    ),
    (
        "a label that Helm uses",
        {"podMetadata": {"labels": {"app.kubernetes.io/name": "x"}}},
        "spec.podMetadata.labels",
        "are the operator's; use others",
    ),
    (
        "our annotation",
        {"podMetadata": {"annotations": {"mlapi.dev/revision": "x"}}},
        "spec.podMetadata.annotations",
        "are the operator's; use others",
    ),
    (
        "payload in logs",
        {"observability": {"logRequests": "All"}},
        "spec.observability.logRequests",
        "Metadata",
    ),
]
