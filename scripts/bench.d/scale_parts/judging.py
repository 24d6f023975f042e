"""How long a (device, model) waits to be judged for drift and alerts, with a window a minute from each device.

The windows are written as another instance of argosyd would store them, and noted for the leader, which then has to ask the
database for them: the longer way. Each device sends in the same second of every minute.
"""
import random
import subprocess
import threading
import time
import urllib.request

from fleet_rows import LATENCY_MS, latency_histogram
from window_figures import encode

ORDER = 40
SETTLE_S, WATCHED_S = 240, 240

# As the browser tests' fleet measures them: two features over eleven bins, 300 inferences, 40 of them labelled.
PREPARE = """
create table if not exists bench_senders as
  select row_number() over (order by md5(m.device_id)) as number, m.device_id, m.model, coalesce(m.version, '1.0') as version,
         figures
    from device_models m join devices d on d.id = m.device_id
    join (values {figures}) as l(hardware_class, figures) using (hardware_class) where d.revoked_at is null;
create index if not exists bench_senders_turn on bench_senders ((number % 60));
analyze bench_senders;
insert into telemetry_cursors (device_id, epoch, seq) select device_id, '0123456789abcdef', 0 from bench_senders on conflict do nothing;
"""
SECOND = """
begin;
with sent as (
  insert into telemetry_windows (device_id, epoch, seq, started_at, model, version, figures)
  select device_id, x'0123456789abcdef'::bigint, {minute}, now() - interval '60 s', model, version,
         figures[1 + floor(random() * array_length(figures, 1))::int]
    from bench_senders where number % 60 = {turn} returning device_id)
update telemetry_cursors c set seq = c.seq + 1 from sent where c.device_id = sent.device_id and c.epoch = '0123456789abcdef';
insert into unheard_windows (device_id, model, earliest)
  select device_id, model, now() - interval '60 s' from bench_senders where number % 60 = {turn};
update device_state s set last_seen_at = now() from bench_senders b where b.number % 60 = {turn} and s.device_id = b.device_id;
commit;
"""
# A device that was judged up to one window owes the next one 60 s later, which comes another 60 s after it began.
WAITED = """
select (select count(*) from bench_senders) - (select count(*) from latency_baselines b join bench_senders s using (device_id, model, version)),
       (select count(*) from bench_senders) - (select count(*) from drift_evidence e join bench_senders s using (device_id, model, version)),
       (select coalesce(extract(epoch from now() - min(b.read_until)), 0) - 120 from latency_baselines b join bench_senders s using (device_id, model, version)),
       (select coalesce(extract(epoch from now() - min(e.newest_at)), 0) - 120 from drift_evidence e join bench_senders s using (device_id, model, version))
"""


def figures_by_class(variants=16):
    """What a window of each class of hardware may hold, some of the ways in which it varies."""
    chance = random.Random(1)

    def one(usual):
        features = [(name, [5, 15, 35, 60 + chance.randrange(11), 75, 65, 40, 20, 7, 2, 0]) for name in ("brightness", "sharpness")]
        return encode(length_ms=60_000, count=300, labelled=40, correct=38 + chance.randrange(3),
                      latency=latency_histogram(usual * chance.uniform(0.97, 1.03), 300), features=features).hex()

    return ", ".join(f"('{name}', array[" + ", ".join(f"'\\x{one(usual)}'::bytea" for _ in range(variants)) + "])"
                     for name, usual in LATENCY_MS.items())


class Senders(threading.Thread):
    """Writes each second what the devices whose turn it is send, through one connection."""

    def __init__(self, fleet):
        super().__init__(daemon=True)
        self.psql = subprocess.Popen(["psql", fleet.conninfo, "-X", "-q", "-v", "ON_ERROR_STOP=1"], cwd="/", text=True,
                                     stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        self.stopped, self.seconds, self.late_s = threading.Event(), 0, 0.0

    def run(self):
        begun = time.monotonic()
        while not self.stopped.is_set():
            self.psql.stdin.write(SECOND.format(minute=self.seconds // 60 + 1, turn=self.seconds % 60))
            self.psql.stdin.flush()
            self.seconds += 1
            wait = begun + self.seconds - time.monotonic()
            self.late_s = max(self.late_s, -wait)
            time.sleep(max(0, wait))

    def stop(self):
        self.stopped.set()
        self.join()
        self.psql.stdin.close()
        self.psql.wait()


def watch_metrics(fleet):
    with urllib.request.urlopen(urllib.request.Request(fleet.url + "/metrics", headers=fleet.client.headers), timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    return {line.split(" ")[0].removeprefix("argosy_watch_"): float(line.split(" ")[1]) for line in lines
            if line.startswith("argosy_watch_")}


def measure(fleet):
    fleet.sql(PREPARE.format(figures=figures_by_class()))
    senders = Senders(fleet)
    senders.start()
    time.sleep(SETTLE_S)
    server, database, begun = fleet.server_cpu_s(), fleet.database_cpu_s(), time.monotonic()
    waited, oldest = [], []
    while time.monotonic() - begun < WATCHED_S:
        time.sleep(5)
        unknown_to_alerts, unknown_to_drift, alerts_s, drift_s = map(float, fleet.sql(WAITED).split())
        if unknown_to_alerts or unknown_to_drift:
            raise RuntimeError(f"never judged: {unknown_to_alerts:.0f} for alerts, {unknown_to_drift:.0f} for drift")
        waited.append(max(alerts_s, drift_s))
        figures = watch_metrics(fleet)
        oldest.append(max(value for name, value in figures.items() if name.startswith("oldest_wait")))
    elapsed = time.monotonic() - begun
    server, database = (fleet.server_cpu_s() - server) / elapsed, (fleet.database_cpu_s() - database) / elapsed
    senders.stop()
    return {"judged_within_s": round(max(waited), 1),
            "details": {"judging_server_cores": round(server, 3), "judging_database_cores": round(database, 3),
                        "judging_oldest_wait_s": max(oldest), "judging_watch": watch_metrics(fleet),
                        "judging_windows_per_s": round(fleet.count / 60), "judging_senders_late_s": round(senders.late_s, 1)}}
