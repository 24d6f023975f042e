"""A fleet under the load of argosy-fleet-load, for the benches of telemetry: PostgreSQL as safe as it is by default,
Mosquitto with a listener more, without TLS, where a user's word is enough, and argosyd; all on this machine's cores."""
import argparse
import json
import re
import resource
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

from large_fleet import ARGOSYD, LargeFleet, Rows, process_cpu_s
from processes import ROOT, Program, descendants, free_port, say
from services import Mosquitto, Postgres, TlsFiles, run

FLEET_LOAD = ROOT / "build/release/tests/bench/argosy-fleet-load"
STORED_BENCH = ROOT / "build/release/tests/bench/argosy-stored-bench"
SHARED_USER, SHARED_CONNECTIONS = "fleet-load", 8
DIGITS = 7
DRAIN_S = 240  # how long the end of a load waits for acknowledgements
SPARE_FILES = 96  # that a program has open beside its connections

# Devices of one class, all of which serve 1.0 and were heard just now. Triggers and keys rest meanwhile.
DEVICES = """
set session_replication_role = replica;
insert into devices (id, hardware_class, labels, capabilities, certificate_not_after)
  select 'cam-' || lpad(n::text, {digits}, '0'), 'cpu-fp32', jsonb_build_object('site', 'site-' || n % 50),
      jsonb_build_object('architecture', 'aarch64', 'accelerators', array['cpu'], 'runtimes', array['onnxruntime'],
                         'precisions', array['fp32'], 'memory_mb', 4096), now() + interval '60 days'
    from generate_series(1, {count}) as n;
insert into device_state (device_id, agent_version, interval_s, last_seen_at, presence, presence_since, presence_reason)
  select id, '0.1.0', {interval_s}, now(), 'online', now() - interval '1 day', '' from devices;
insert into device_models (device_id, model, version, digest)
  select d.id, 'digits', '1.0', v.digest from devices d join variants v on v.release_id = 1 and v.name = d.hardware_class;
insert into presence_checks (device_id, check_at) select device_id, now() + interval '1 second' * {interval_s} from device_state;
insert into fleet_counts (kind, name, value, devices) select kind, name, value, devices from fleet_recount
  on conflict (kind, name, value) do update set devices = excluded.devices;
truncate fleet_count_changes;
update releases set reference = '{reference}' where model = 'digits';
"""


def build_programs(group, programs=("argosyd", "argosy-fleet-load", "argosy-stored-bench")):
    for command in (["cmake", "--preset", "release"], ["cmake", "--build", "--preset", "release", "--target", *programs]):
        if group.run(command, cwd=ROOT, stdout=sys.stderr) != 0:
            sys.exit(f"{' '.join(command)} failed")


def whole_from(least):
    """The type of an argument: a whole number that is not less."""
    def number(text):
        value = int(text)
        if value < least:
            raise argparse.ArgumentTypeError(f"{text} must be a whole number from {least}")
        return value
    number.__name__ = "whole number"  # as argparse calls it where there is none
    return number


def allow_connections(wanted):
    """Let programs that are started from now on open so many connections; how many this machine allows, said where it is fewer."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = wanted + SPARE_FILES
    if hard != resource.RLIM_INFINITY and needed > hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (needed, needed))
            return wanted
        except (ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
            say(f"{wanted} connections need {needed} open files in one process, and this machine allows {hard}: there will be "
                f"{hard - SPARE_FILES}. For all of them raise the limit (ulimit -Hn {needed} as root, or LimitNOFILE of a service)")
            return hard - SPARE_FILES
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(needed, resource.getrlimit(resource.RLIMIT_NOFILE)[0]), hard))
    return wanted


class LoadedMosquitto(Mosquitto):
    """That of an installation, and beside its listener one for the load: plain TCP on loopback, where the user's name is who
    it is; and users who speak for the devices that share connections."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.plain_port = free_port()

    def _configuration(self):
        text = super()._configuration()
        if "allow_anonymous false" not in text:
            raise RuntimeError("deploy/mosquitto/argosy.conf no longer says who may connect as it did: change loaded_fleet.py too")
        return text.replace("allow_anonymous false", "allow_anonymous true") + f"listener {self.plain_port} 127.0.0.1\n"

    def _acl(self):
        """Users stand before the first pattern: what follows one is for all."""
        return "".join(f"user {SHARED_USER}-{number}\ntopic readwrite argosy/v1/#\n\n"
                       for number in range(1, SHARED_CONNECTIONS + 1)) + super()._acl()


class LoadedFleet(LargeFleet):
    """`start()` once; then `load`, `snapshot` and what LargeFleet has. `interval_s`: how often a device is expected."""

    def __init__(self, group, folder, count, interval_s=3600):
        super().__init__(group, folder, count)
        self.rows, self.interval_s = Rows(40), interval_s  # of these, what may run
        self.postgres = Postgres(folder / "postgres", durable=True,
                                 settings={"shared_preload_libraries": "pg_stat_statements", "shared_buffers": "256MB"})

    def start_broker(self):
        broker = TlsFiles(self.pki / "ca.pem", self.pki / "broker.pem", self.pki / "broker.key")
        return self.group.start(LoadedMosquitto(self.folder / "mosquitto", broker, port=self.mqtt_port, autosave_changes=10_000_000))

    def fill(self):
        say(f"writing {self.count} devices")
        self.rows.releases()
        reference = run([FLEET_LOAD, "--reference"]).strip()
        file = self.folder / "rows.sql"
        file.write_text(self.rows.rows.sql() + DEVICES.format(count=self.count, digits=DIGITS, interval_s=self.interval_s,
                                                             reference=reference))
        run(["psql", self.conninfo, "-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", file], cwd="/")
        file.unlink()
        self.sql("create extension if not exists pg_stat_statements")
        self.vacuum()

    def digest(self):
        """Of the file that every device serves."""
        return self.sql("select digest from variants where release_id = 1 and name = 'cpu-fp32'")

    def load(self, *flags, mtls=False, log="load.log", **options):
        """A running load of all devices, if `devices` is not given; options as argosy-fleet-load has them, with _ for -."""
        options = {"port": self.mqtt_port if mtls else self.mosquitto.plain_port, "devices": self.count, "digits": DIGITS, "drain": DRAIN_S,
                   "digest": self.digest(), "database": self.conninfo, "shared_user": SHARED_USER, "shared_connections": SHARED_CONNECTIONS} | options
        words = [word for name, value in options.items() for word in (f"--{name.replace('_', '-')}", value)]
        if mtls:
            words += ["--tls", self.pki]
        return self.group.start(Load([FLEET_LOAD, *words, *flags], self.folder / log))

    # Measuring ----------------------------------------------------------------------------------------------------------

    def snapshot(self, load):
        """Processor time so far, by program; and the place in the write-ahead log."""
        return {"at": time.monotonic(), "argosyd": self.server_cpu_s(), "postgres": self.database_cpu_s(),
                "mosquitto": process_cpu_s(self.mosquitto.pid), "load": process_cpu_s(load.pid)}

    def counters(self):
        """What argosyd says of what it did not take, or not at once; those that are not nought."""
        request = urllib.request.Request(f"{self.url}/metrics", headers={"Authorization": self.client.headers["Authorization"]})
        with urllib.request.urlopen(request, timeout=10) as response:
            found = re.findall(r"^argosy_((?:mqtt|telemetry|quarantine|states)_\w+)(?:{connection=\"leader\"})? (\S+)$", response.read().decode(), re.MULTILINE)
        return {name: float(value) for name, value in found if float(value)}

    def wal_bytes(self):
        return int(self.sql("select pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint"))


class Session:
    """One connection to the database that stays, so that its process can be measured after each statement."""
    END = "-- done --"

    def __init__(self, conninfo):
        self.psql = subprocess.Popen(["psql", conninfo, "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"], cwd="/", text=True,
                                     stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def run(self, *statements):
        self.psql.stdin.write("".join(f"{each};\n" for each in statements) + f"\\echo {self.END}\n")
        self.psql.stdin.flush()
        printed = []
        for line in self.psql.stdout:
            if line.strip() == self.END:
                return "".join(printed)
            printed.append(line)
        raise RuntimeError(f"psql ended at: {'; '.join(statements)[:200]}")

    def close(self):
        self.psql.stdin.close()
        self.psql.wait()


class Load(Program):
    """argosy-fleet-load; ready when all of its connections are up."""

    def __init__(self, argv, log):
        super().__init__("fleet-load", argv, log=log, ready=lambda: "all" in self.said() and "are up" in self.said(),
                         ready_within_s=300, stop_within_s=300)

    def said(self):
        return self.log_text()

    def progress(self):
        """(connected, sent, acknowledged, waiting), as it told last; none of them before its first word."""
        told = re.findall(r"(\d+) connected, (\d+) sent, (\d+) acknowledged, (\d+) waiting", self.said())
        return tuple(map(int, told[-1])) if told else (0, 0, 0, 0)

    def storm(self):
        self.process.send_signal(signal.SIGUSR1)

    def finish(self, within_s=DRAIN_S + 60):
        """No further windows; what it tells once it has waited for the acknowledgements of all."""
        if self.is_alive():
            self.process.send_signal(signal.SIGTERM)
        self.process.wait(within_s)
        return self.result()

    def result(self):
        lines = [line for line in self.said().splitlines() if line.startswith("{")]
        if not lines:
            raise RuntimeError(f"the load told nothing:\n{self.log_tail()}")
        return json.loads(lines[-1])


class MemoryWatch(threading.Thread):
    """Resident memory of a process in MB, each second until stop()."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.pid, self.samples, self._stopped = pid, [], threading.Event()
        self.start()

    def run(self):
        while not self._stopped.is_set():
            try:
                found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{self.pid}/status").read_text())
            except OSError:
                return
            if found:
                self.samples.append((time.monotonic(), int(found.group(1)) / 1024))
            self._stopped.wait(1)

    def stop(self):
        self._stopped.set()
        self.join()

    def highest(self, first_s=None, last_s=None):
        begun, ended = self.samples[0][0], self.samples[-1][0]
        wanted = [mb for at, mb in self.samples
                  if (first_s is None or at - begun <= first_s) and (last_s is None or ended - at <= last_s)]
        return round(max(wanted), 1)
