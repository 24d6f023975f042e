"""What the server does when nothing happens: no device says anything, a rollout runs, a dashboard is open on the overview."""
import json
import threading
import time

ORDER = 5
SETTLE_S, WATCHED_S = 20, 60
REFETCH_S, GATHER_S = 10, 1  # web/src/api/overview.ts and live.ts


class Dashboard(threading.Thread):
    """Follows the stream and reads what its messages touch, as web/src/api/live.ts does."""

    def __init__(self, fleet):
        super().__init__(daemon=True)
        self.fleet, self.overviews, self.messages, self.closed = fleet, 0, 0, threading.Event()

    def run(self):
        threading.Thread(target=self.refetch, daemon=True).start()
        read_at = 0
        for line in self.fleet.stream("/api/v1/stream?scope=overview"):
            if self.closed.is_set():
                return
            if not line.startswith(b"data:") or time.monotonic() - read_at < GATHER_S:
                continue
            self.messages += 1
            read_at = time.monotonic()
            self.read()

    def refetch(self):
        self.read()
        while not self.closed.wait(REFETCH_S):
            self.read()

    def read(self):
        self.fleet.new_client().get("/api/v1/overview")
        self.overviews += 1


def measure(fleet):
    dashboard = Dashboard(fleet)
    dashboard.start()
    time.sleep(SETTLE_S)
    fleet.sql("create extension if not exists pg_stat_statements; select pg_stat_statements_reset()")
    scans = fleet.sequential_scans()
    server, database, begun = fleet.server_cpu_s(), fleet.database_cpu_s(), time.monotonic()
    time.sleep(WATCHED_S)
    dashboard.closed.set()
    elapsed = time.monotonic() - begun
    server, database = (fleet.server_cpu_s() - server) / elapsed, (fleet.database_cpu_s() - database) / elapsed
    costly = json.loads(fleet.sql(
        "select coalesce(json_agg(t), '[]') from (select round(total_exec_time::numeric / 60, 1) as ms_per_s, calls, left(query, 160) as sql "
        "from pg_stat_statements order by total_exec_time desc limit 12) as t"))
    scanned = {table: count - scans.get(table, 0) for table, count in fleet.sequential_scans().items()}
    return {"idle_cores": round(server + database, 3),
            "details": {"idle_server_cores": round(server, 3), "idle_database_cores": round(database, 3),
                        "idle_overviews": dashboard.overviews, "idle_statements": costly,
                        "idle_rows_scanned_per_s": {table: round(rows / elapsed) for table, rows in scanned.items() if rows > elapsed}}}
