"""The operator's own Prometheus metrics; names follow controller-runtime where it has one."""

from prometheus_client import Counter, Gauge, Histogram

RECONCILES = Counter("mlapi_reconcile", "Reconciles, by result (success, error).", ["result"])
RECONCILE_SECONDS = Histogram(
    "mlapi_reconcile_duration_seconds",
    "How long one reconcile took.",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
RECONCILE_ERRORS = Counter("mlapi_reconcile_errors", "Failed reconciles, by phase.", ["phase"])

QUEUE_DEPTH = Gauge("mlapi_workqueue_depth", "MLApis waiting for a worker.")
QUEUE_ADDS = Counter("mlapi_workqueue_adds", "MLApis added to the queue.")
QUEUE_RETRIES = Counter("mlapi_workqueue_retries", "Tries after a failure.")
QUEUE_UNFINISHED = Gauge("mlapi_workqueue_unfinished", "MLApis being reconciled now.")

API_REQUESTS = Counter(
    "mlapi_apiserver_requests",
    "Requests to the API server but the watches'; code 0: no answer.",
    ["verb", "kind", "code"],
)
WATCH_EVENTS = Counter("mlapi_watch_events", "Watch events received, by kind.", ["kind"])
MISSED_EVENTS = Counter(
    "mlapi_missed_events", "Objects whose change a full list found before the watch told it.", ["kind"]
)
RESYNC_AGE = Gauge("mlapi_resync_age_seconds", "Since the last full list of every kind.")
LEADER = Gauge("mlapi_leader", "1 while this process holds the lease.")
CRD_OUTDATED = Gauge("mlapi_crd_outdated", "1 while the installed CRD is not the one of this release.")
EVENTS_DROPPED = Counter("mlapi_events_dropped", "Kubernetes events that could not be recorded.")
POD_READS = Counter(
    "mlapi_pod_reads", "Reads of pods' figures, by result (Read, Unreachable, Refused).", ["result"]
)
