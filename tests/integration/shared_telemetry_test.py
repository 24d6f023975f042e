"""Two argosyd that share the telemetry out among them: both store, each record is there once, and one may be killed
(SIGKILL) with messages in hand."""
import json
import re
import subprocess
import sys
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from running_argosy import RunningArgosy  # noqa: E402, I001  (it knows where the next are)
from processes import wait_until  # noqa: E402
import stored_windows  # noqa: E402

DEVICES, WINDOWS, A_SECOND = 40, 3000, 500
IMPATIENT = ["--answer-within", "1", "--retry", "0.1", "--retry-cap", "1", "--drain", "30"]
ENROLLED = """
insert into devices (id, hardware_class) select 'cam-' || lpad(n::text, 3, '0'), 'cpu-fp32' from generate_series(1, {count}) as n;
insert into device_state (device_id) select id from devices on conflict do nothing;
"""


class SharedTelemetry(RunningArgosy):
    @classmethod
    def environment(cls):
        return {"ARGOSY_MQTT_SHARE": "1"}

    def setUp(self):
        self.first = self.installation.argosyd
        self.second = self.installation.start_another("argosyd-2", {"ARGOSY_MQTT_SHARE": "2"})
        self.addCleanup(self.second.stop)
        self.sql(ENROLLED.format(count=DEVICES))

    def sql(self, text):
        return self.installation.postgres.query(text, "argosy")

    def figure(self, server, name):
        with urllib.request.urlopen(f"{server.url}/metrics", timeout=10) as answer:
            found = re.findall(rf"^{re.escape(name)}(?:{{.*}})? (\S+)$", answer.read().decode(), re.MULTILINE)
        return sum(map(float, found))

    def is_leading(self, server):
        return self.send(self.operator(server), "GET", "/readyz").json()["leading"]

    def load(self, *flags):
        command = [self.build / "tests/bench/argosy-fleet-load", "--port", self.installation.mqtt_port, "--tls", self.installation.pki,
                   "--digits", 3, "--devices", DEVICES, "--windows", WINDOWS, "--rate", A_SECOND, *IMPATIENT, *flags]
        return subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def stored_by(self, server):
        return self.figure(server, "argosy_served_windows_total")

    def test_both_store_and_the_leader_may_be_killed_with_messages_in_hand(self):
        wait_until(lambda: self.is_leading(self.first) and not self.is_leading(self.second), 20, "the first one leads alone")
        for server in (self.first, self.second):
            wait_until(lambda: self.figure(server, 'argosy_mqtt_connected{connection="share"}') == 1, 20, "its share")
        load = self.load()
        try:
            wait_until(lambda: self.stored_by(self.first) >= 300 and self.stored_by(self.second) >= 300, 30, "both store")
            self.assertGreater(int(self.sql("select count(*) from unheard_windows")) + self.figure(self.first, "argosy_watch_asked_total"),
                               0, "the leader hears of what the other stores")
            self.first.kill()
            told, said = load.communicate(timeout=90)
        finally:
            load.kill()
        self.assertEqual(load.returncode, 0, said + told)
        ended = json.loads(told)
        self.assertEqual((ended["sent"], ended["acknowledged"], ended["waiting"], ended["dropped"]), (WINDOWS, WINDOWS, 0, 0), ended)
        self.assertEqual(stored_windows.integrity(self.sql), (WINDOWS, 0, 0))
        wait_until(lambda: self.is_leading(self.second), 30, "the second one leads")
