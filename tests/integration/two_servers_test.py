"""Two argosyd on one database, broker and store: one leads, either answers, and one may die at any time."""
import json
import signal
import sys
import urllib.request
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from running_argosy import RunningArgosy  # noqa: E402, I001  (it knows where the next are)
from command_line import CommandLine  # noqa: E402
from fleet import Fleet  # noqa: E402
from processes import wait_until  # noqa: E402
from scenario import EXAMPLE, Scenario, has_ended  # noqa: E402
from window_figures import count_of  # noqa: E402

DEVICES = 4


class TwoServers(RunningArgosy):
    def setUp(self):
        self.first = self.installation.argosyd
        self.second = self.installation.start_another("argosyd-2")
        self.addCleanup(self.second.stop)
        self.argosy = CommandLine(self.build / "cli/argosy", self.folder / "cli-2")
        self.argosy("login", "--server", self.second.url, "--link", self.installation.admin_link())

    def is_leading(self, server):
        answer = self.send(self.operator(server), "GET", "/readyz")
        return answer.status == 200 and answer.json()["leading"]

    def next_event(self, stream):
        """The next row of the fleet's history on this stream."""
        is_event = False
        for line in stream:
            if line.startswith(b"data: ") and is_event:
                return json.loads(line.removeprefix(b"data: "))
            is_event = line == b"event: event\n" or (is_event and line.strip())
        self.fail("the stream ended")

    def test_a_rollout_outlives_the_instance_that_led_it(self):
        wait_until(lambda: self.is_leading(self.first) and not self.is_leading(self.second), 20, "the first one leads alone")

        fleet = Fleet(self.group, self.installation, self.argosy, DEVICES, self.second)
        fleet.start()
        story = Scenario(self.installation, fleet, self.argosy)
        for version in ("1.0", "1.1"):
            story.publish(version)
        first_release = story.roll_out("1.0", until=("completed",), policy=EXAMPLE / "policy-first.json")
        story.wait_all_serve("1.0")
        self.wait_for_traffic_to_compare_with()

        rollout = story.create("1.1")
        story.wait_rollout(rollout, lambda r: r["waves"][0]["opened_at"], 60, "the first wave opens")
        self.first.kill()
        wait_until(lambda: self.is_leading(self.second), 30, "the second one leads")
        ended = story.wait_rollout(rollout, has_ended, 180, "the rollout of 1.1 ends")
        self.assertEqual(ended["state"], "completed", ended["reason"])
        story.wait_all_serve("1.1")

        self.first.start()
        wait_until(lambda: self.send(self.operator(self.first), "GET", "/readyz").status == 200, 30, "the first one is back")
        self.assertFalse(self.is_leading(self.first), "two lead")
        self.assert_each_wave_opened_once(first_release["id"], rollout)
        self.assert_a_change_here_is_seen_there(rollout)
        fleet.stop()
        story.nothing_lost()

    def test_a_leader_that_stands_still_is_replaced_and_follows_when_it_wakes(self):
        wait_until(lambda: self.is_leading(self.first) and not self.is_leading(self.second), 20, "the first one leads alone")
        terms = self.installation.count("select number from fences")
        self.first.process.send_signal(signal.SIGSTOP)
        try:
            wait_until(lambda: self.is_leading(self.second), 40, "the second one leads")
        finally:
            self.first.process.send_signal(signal.SIGCONT)
        wait_until(lambda: "does not lead any more" in self.first.log_text(), 20, "the first one hears of it")
        wait_until(lambda: self.send(self.operator(self.first), "GET", "/readyz").status == 200, 20, "and serves people")
        self.assertFalse(self.is_leading(self.first))
        self.assertTrue(self.is_leading(self.second))
        self.assertEqual(self.installation.count("select number from fences"), terms + 1)
        self.second.stop()
        wait_until(lambda: self.is_leading(self.first), 20, "the first one leads again, as the other tests find it")

    def wait_for_traffic_to_compare_with(self):
        """The guards of the policy want 100 samples of the old release from each canary."""
        def busy():
            served = Counter()
            for device, figures in self.installation.rows(
                    "select device_id, encode(figures, 'hex') from telemetry_unpacked where version = '1.0'"):
                served[device] += count_of(bytes.fromhex(figures))
            return sum(count >= 100 for count in served.values())

        wait_until(lambda: busy() == DEVICES, 60, "100 inferences of each device with 1.0")

    def assert_each_wave_opened_once(self, *rollouts):
        for rollout in rollouts:
            opened = [d["decision"] for d in self.argosy("rollout", "decisions", rollout) if d["decision"].startswith("open wave")]
            self.assertEqual(len(opened), len(set(opened)), opened)

    def assert_a_change_here_is_seen_there(self, rollout):
        """What the one instance is asked to do arrives on the live stream of the other."""
        request = urllib.request.Request(f"{self.first.url}/api/v1/stream", headers={"Authorization": f"Bearer {self.admin}"})
        with urllib.request.urlopen(request, timeout=30) as stream:
            self.argosy("rollout", "rollback", rollout)
            while self.next_event(stream)["rollout_id"] != rollout:
                pass
