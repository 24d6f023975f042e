"""Fifty devices that argosy-fleet-load simulates, with breaking connections, repeats, garbage and wrong clocks: the server
has each of their windows once; and what the load tool says of what is stored, and of its seed, is true."""
import json
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from running_argosy import RunningArgosy  # noqa: E402, I001  (it knows where the next are)
import stored_windows  # noqa: E402
import window_figures  # noqa: E402

DEVICES, WINDOWS, A_SECOND = 50, 2000, 700
FAULTS = ["--storm-every", "0.7", "--storm-share", "0.5", "--duplicates", "0.05", "--garbage", "0.1", "--skewed", "0.2"]
# Quick to give up, and quick to try again: the test shall not wait for what devices wait for.
IMPATIENT = ["--answer-within", "1", "--retry", "0.1", "--retry-cap", "1", "--drain", "30"]
ENROLLED = """
insert into devices (id, hardware_class) select 'cam-' || lpad(n::text, 3, '0'), 'cpu-fp32' from generate_series(1, {count}) as n;
insert into device_state (device_id) select id from devices on conflict do nothing;
"""
# A database that loses a window of a device, and has another twice.
UNSOUND = f"""
create function bench_unsound() returns trigger language plpgsql as $$
begin
  if new.device_id = 'cam-002' and new.seq = 2 then return null; end if;
  if new.device_id = 'cam-003' and new.seq = 3 and pg_trigger_depth() = 1 then
    insert into {stored_windows.WINDOWS} select new.*;
  end if;
  return new;
end $$;
create trigger bench_unsound before insert on {stored_windows.WINDOWS} for each row execute function bench_unsound();
"""
# Of what a run stored: whose window, which, and what was measured in it, beside its times.
MEASURED = f"select device_id, seq, epoch, encode(figures, 'hex') from {stored_windows.UNPACKED}"
EPOCHS = f"select distinct epoch from {stored_windows.UNPACKED}"


class FleetLoad(RunningArgosy):
    def sql(self, text):
        return self.installation.postgres.query(text, "argosy")

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.installation.postgres.query(ENROLLED.format(count=DEVICES), "argosy")

    def command(self, *flags):
        return [str(word) for word in (
            self.build / "tests/bench/argosy-fleet-load", "--port", self.installation.mqtt_port, "--tls", self.installation.pki,
            "--database", self.installation.postgres.conninfo("argosy"), "--digits", 3, *flags)]

    def run_load(self, *flags):
        return subprocess.run(self.command(*flags), capture_output=True, text=True, timeout=60)

    def integrity_since(self, before):
        return tuple(now - then for now, then in zip(stored_windows.integrity(self.sql), before))

    def measured(self, seed):
        """{(device, number): what was measured} of a short run."""
        seen = set(self.sql(EPOCHS).split())
        ended = self.run_load("--first", 11, "--devices", 10, "--windows", 100, "--rate", 200, "--seed", seed, "--duplicates", 0.1, *IMPATIENT)
        self.assertEqual(ended.returncode, 0, ended.stderr + ended.stdout)
        rows = (line.split("\t") for line in self.sql(MEASURED).splitlines())
        return {(device, int(number)): window_figures.measured(bytes.fromhex(figures)) for device, number, epoch, figures in rows if epoch not in seen}

    def test_every_window_is_stored_once_whatever_breaks(self):
        before = stored_windows.integrity(self.sql)
        ended = self.run_load("--devices", DEVICES, "--windows", WINDOWS, "--rate", A_SECOND, "--health-every", 10, "--state", 5,
                              *FAULTS, *IMPATIENT)
        self.assertEqual(ended.returncode, 0, ended.stderr + ended.stdout)
        told = json.loads(ended.stdout)
        self.assertEqual((told["sent"], told["acknowledged"], told["waiting"], told["dropped"]), (WINDOWS, WINDOWS, 0, 0), told)
        for fault in ("torn", "duplicates", "garbage", "foreign", "skewed_devices"):
            self.assertGreater(told["faults"][fault], 0, told)
        self.assertGreaterEqual(told["reconnects"], told["faults"]["torn"])
        self.assertGreater(told["repeated"], 0, told)
        self.assertGreater(told["refused"]["batches"], 0, told)
        self.assertEqual(told["stored"], {"windows": WINDOWS, "twice": 0, "lost": 0})
        self.assertEqual(self.integrity_since(before), (WINDOWS, 0, 0))
        self.assertNotEqual(self.sql("select count(*) from quarantine where kind = 'telemetry'"), "0")

        # What the count is worth.
        of_one = f"from {stored_windows.WINDOWS} where device_id = 'cam-001' and seq"
        self.sql(f"delete {of_one} = 2; insert into {stored_windows.WINDOWS} select * {of_one} = 3")
        self.assertEqual(self.integrity_since(before), (WINDOWS, 1, 1))

    def test_the_same_seed_makes_the_same_windows(self):
        once, again, other = self.measured(5), self.measured(5), self.measured(6)
        self.assertEqual({device for device, _ in once}, {f"cam-{number:03}" for number in range(11, 21)})
        both = once.keys() & again.keys()
        self.assertGreater(len(both), 50)
        self.assertEqual({key: once[key] for key in both}, {key: again[key] for key in both})
        self.assertNotEqual({key: once[key] for key in both & other.keys()}, {key: other[key] for key in both & other.keys()})

    def test_what_a_database_lost_or_has_twice_is_told(self):
        self.sql(UNSOUND)
        self.addCleanup(self.sql, f"drop trigger bench_unsound on {stored_windows.WINDOWS}; drop function bench_unsound")
        ended = self.run_load("--devices", 5, "--windows", 50, "--rate", 500, *IMPATIENT)
        told = json.loads(ended.stdout)
        self.assertEqual((told["sent"], told["acknowledged"]), (50, 50), "what was acknowledged is all that the server says")
        self.assertEqual(told["stored"], {"windows": 49, "twice": 1, "lost": 1})
        self.assertEqual(ended.returncode, 1)

    def test_a_signal_ends_it_also_when_nothing_is_under_way(self):
        load = subprocess.Popen(self.command("--devices", 3, "--interval", 3600), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(load.kill)
        self.assertIn("all 3 connections are up", load.stderr.readline())
        load.terminate()
        told, _ = load.communicate(timeout=30)
        self.assertEqual((json.loads(told)["waiting"], load.returncode), (0, 1), "nothing was sent, so nothing is acknowledged")

    def test_what_cannot_be_is_refused_in_words(self):
        for flags, said in ((["--devices", 1, "--host", "no.such.host.invalid"], "--host 'no.such.host.invalid' is not known"),
                            (["--devices", 9_000_000, "--connections", 1_000_000], "1000008 connections"),
                            (["--devices", 1, "--database", "host=127.0.0.1 port=1"], "--database: ")):
            with self.subTest(said):
                ended = self.run_load("--windows", 1, *flags)
                self.assertIn(said, ended.stderr)
                self.assertNotEqual(ended.returncode, 0)
