"""`python -m e2e.bench_update`: requests that fail while an MLApi under constant load is updated."""

import argparse
import asyncio
import sys
import time
from typing import Any, Final

from e2e.figures import Bench, bench, machine, quantile, write
from e2e.kube import condition, observed, wait_for
from e2e.load import Load, Result

NAME: Final = "bench-update"
RATE: Final = 50


def apply(run: Bench, number: int) -> None:
    env = [{"name": "UPDATE", "value": str(number)}]
    run.kube.apply(run.variant(NAME, env=env, resources={"requests": {"cpu": "50m", "memory": "128Mi"}}))


def ready(run: Bench) -> None:
    """Waits until the present spec is Ready and no pod of another revision is left."""

    def done() -> bool:
        mlapi = run.kube.get("MLApi", run.namespace, NAME)
        if not mlapi or not mlapi.get("status") or not observed(mlapi):
            return False
        revision = mlapi["status"].get("rollout", {}).get("revision")
        pods = run.kube.list("Pod", run.namespace, f"mlapi.dev/name={NAME}")
        return condition(mlapi, "Ready")["status"] == "True" and all(
            pod["metadata"]["labels"]["mlapi.dev/revision"] == revision for pod in pods
        )

    wait_for("the update", done, seconds=180)


async def update(run: Bench, number: int, url: str, *, keep_alive: bool) -> tuple[Result, float]:
    """One update under load; its requests, and its seconds until the last old pod was gone."""
    async with Load(url, run.payload(), keep_alive=keep_alive, rate=RATE) as load:
        await asyncio.sleep(1)
        began = time.monotonic()
        await asyncio.to_thread(apply, run, number)
        await asyncio.to_thread(ready, run)
        seconds = time.monotonic() - began
        await asyncio.sleep(1)
    return load.result, seconds


def report(rows: list[dict[str, Any]]) -> str:
    """The figures as Markdown."""
    lines = []
    for keep_alive in (False, True):
        mine = [row for row in rows if row["keepAlive"] is keep_alive]
        failed = [row["failed"] for row in mine]
        lines.append(
            f"| {'kept' if keep_alive else 'one per request'} | {len(mine)} "
            f"| {sum(row['sent'] for row in mine)} | {sum(failed)} | {max(failed)} "
            f"| {quantile([row['p95'] for row in mine], 50) * 1000:.0f} "
            f"| {quantile([row['seconds'] for row in mine], 50):.0f} |"
        )
    return "\n".join(
        [
            f"`examples/digits-fastapi.yaml` (2 replicas), {RATE} requests a second by ten clients; each",
            "update changes an environment variable and is over when the last old pod is gone. A request",
            "failed when it was not answered 2xx. `python -m e2e.bench_update` measures anew.",
            "",
            "| connections | updates | requests | failed | most in one update | p95 ms, client | seconds |",
            "|---|---|---|---|---|---|---|",
            *lines,
        ]
    )


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m e2e.bench_update", description=__doc__)
    parser.add_argument("--updates", type=int, default=5, help="with and without keep-alive, each")
    parser.add_argument("--no-write", action="store_true", help="print only")
    arguments = parser.parse_args(argv)
    run = bench()
    apply(run, 0)
    ready(run)
    service = run.kube.get("Service", run.namespace, NAME)
    assert service is not None
    url = f"http://{service['spec']['clusterIP']}:{service['spec']['ports'][0]['port']}/predict"
    rows: list[dict[str, Any]] = []
    for number in range(1, 2 * arguments.updates + 1):
        keep_alive = number % 2 == 0
        result, seconds = asyncio.run(update(run, number, url, keep_alive=keep_alive))
        row = {
            "keepAlive": keep_alive,
            "sent": result.sent,
            "failed": len(result.failures),
            "p95": quantile(result.latencies, 95) if result.latencies else -1,
            "seconds": seconds,
            "failures": [failure.text for failure in result.failures],
        }
        rows.append(row)
        print(f"update {number}: {row}", flush=True)
    run.kube.delete("MLApi", run.namespace, NAME)
    text = report(rows)
    print(text)
    if not arguments.no_write:
        write("update", "Updates under load", {"machine": machine(run.kube), "updates": rows}, text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
