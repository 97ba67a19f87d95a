"""How was measured, in words; pages and terminal show the same."""

from typing import Final

from mlapi_operator.cli.bench.record import Results

ROUTES: Final = {
    "native": "native route (POST /predict)",
    "json": "Open Inference Protocol, JSON",
    "binary": "Open Inference Protocol, binary",
}
SHORT: Final = {"native": "native", "json": "protocol JSON", "binary": "protocol binary"}
NOT_MEASURED: Final = (
    "More than one worker, more than one core for the server, and so how the frameworks scale.",
    "TLS, HTTP/2, a proxy or a network between client and server: both are on one machine, over loopback.",
    "GPUs, slow models, streams: what is measured is the way to the model and back.",
    "Requests at a given rate. The client sends the next request when it has the answer, so that the "
    "latencies are those of a server that is never idle; one connection shows what a single request takes.",
    "Requests that are refused: too large, malformed, too many at once.",
    "Other model servers.",
)


def method(results: Results) -> tuple[str, ...]:
    """Paragraphs."""
    return (
        "The floor is the least that a server can do: a raw ASGI application with msgspec under gunicorn and "
        "uvicorn-worker, the same model called in place, no checks, counts or limits. It stays up all the "
        f"time. Windows of {results.window_seconds} s of load by wrk take turns between the floor and the "
        f"servers beside it, in an order that is turned round each time, {results.pairs} times; every server "
        "was under load for 1 s before. Each ratio is taken within one turn, and the table shows the median "
        "of them. The server has one core to itself and the client another. Before anything is measured, "
        "each server answers each request once, and must give the floor's outputs.",
        "In brackets: the interval that holds the true median, made of order statistics of the ratios, free "
        "of assumptions about their distribution. It covers at least 95 % from 6 turns on; fewer give their "
        "extremes, 93.8 % for 5, 50 % for 2.",
        "CPU is user and system time of the server's whole process tree per answered request: the figure "
        "that depends least on what else the machine does. Requests per second of different runs do not "
        "compare, their ratios do. The floor against its own twin (floor again) shows what this machine "
        "makes of no difference at all: what is not clearly beyond that is none.",
        "By hand: the same native route as the framework's users write it, with none of our code, the model "
        "called in place; no limits, deadlines, counts or batching. Ours has all of them on.",
        "Latencies are medians over the windows of each window's p50 and p99. Memory is the proportional "
        "set size of the process tree after the load. Start-up is from the start of the process until its "
        "startup probe passes, the model loaded and warm, on the server's one core.",
    )
