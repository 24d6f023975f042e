"""Fifty devices that argosy-fleet-load simulates, with breaking connections, repeats, garbage and wrong clocks: the server
has each of their windows once."""
import json
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from running_argosy import RunningArgosy  # noqa: E402, I001  (it knows where the next are)
import stored_windows  # noqa: E402

DEVICES, WINDOWS, A_SECOND = 50, 2000, 700
FAULTS = ["--storm-every", "0.7", "--storm-share", "0.5", "--duplicates", "0.05", "--garbage", "0.03", "--skewed", "0.2"]
# Quick to give up, and quick to try again: the test shall not wait for what devices wait for.
IMPATIENT = ["--answer-within", "1", "--retry", "0.1", "--retry-cap", "1", "--drain", "30"]
ENROLLED = """
insert into devices (id, hardware_class) select 'cam-' || lpad(n::text, 3, '0'), 'cpu-fp32' from generate_series(1, {count}) as n;
insert into device_state (device_id) select id from devices on conflict do nothing;
"""


class FleetLoad(RunningArgosy):
    def sql(self, text):
        return self.installation.postgres.query(text, "argosy")

    def run_load(self, *flags):
        command = [self.build / "tests/bench/argosy-fleet-load", "--port", self.installation.mqtt_port, "--tls", self.installation.pki,
                   "--digits", 3, *flags]
        return subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=60)

    def test_every_window_is_stored_once_whatever_breaks(self):
        self.sql(ENROLLED.format(count=DEVICES))
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
        self.assertEqual(stored_windows.integrity(self.sql), (WINDOWS, 0, 0))
        self.assertNotEqual(self.sql("select count(*) from quarantine where kind = 'telemetry'"), "0")

        # What the count is worth.
        of_one = f"from {stored_windows.WINDOWS} where device_id = 'cam-001' and seq"
        self.sql(f"delete {of_one} = 2; insert into {stored_windows.WINDOWS} select * {of_one} = 3")
        self.assertEqual(stored_windows.integrity(self.sql), (WINDOWS, 1, 1))
