"""One alert for a site, silences and people, and what a rule does by itself, with an argosyd that is killed in between."""
import json
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from real_board import MODELS, POLICY, RealBoards  # noqa: E402, I001  (it knows where the next are)
from processes import NotReady, wait_until  # noqa: E402


class LivesOfAlerts(RealBoards):
    def become(self, presence, devices):
        self.installation.rows(f"update device_state set presence = '{presence}' where device_id similar to '{devices}' returning 1")

    def restart(self):
        self.installation.argosyd.kill()
        self.installation.argosyd.start()

    def alerts(self, **asked):
        query = "&".join(f"{name}={value}" for name, value in asked.items())
        return self.api("GET", f"/api/v1/alerts?{query}").json()["items"]

    def events(self, kind):
        return self.installation.count(f"select count(*) from events where kind = 'alert.{kind}'")

    def changes(self, device):
        alert = self.alerts(device=device, rule="gone_dark")[0]
        return [moment["change"] for moment in self.api("GET", f"/api/v1/alerts/{alert['id']}").json()["history"]]

    def test_a_site_that_goes_dark_is_one_notice_and_what_stays_away_is_told_when_it_is_back(self):
        self.installation.rows(
            "insert into devices (id, hardware_class, labels) select 'oslo-' || n, 'cpu', '{\"site\": \"oslo\"}' "
            "from generate_series(0, 9) n returning 1")
        self.installation.rows("insert into device_state (device_id, presence) select id, 'online' from devices returning 1")
        counted = "select count(*) from sites where name = 'oslo' and devices = 10 and reachable = 10"
        wait_until(lambda: self.installation.count(counted) == 1, 20, "the site is counted")
        silence = self.api("POST", "/api/v1/silences", {"filter": 'labels.site = "oslo"', "comment": "the carrier works on it",
                                                        "ends_at": "2098-01-01T00:00:00Z", "starts_at": "2097-06-01T00:00:00Z"}).json()
        self.become("offline", "oslo-%")
        wait_until(lambda: len(self.alerts(state="firing", held="inhibited")) == 10, 20, "the site's alert stands for those of its devices")
        self.restart()
        site, = self.alerts(state="firing", rule="site_dark")
        self.assertEqual((site["site"], site["group"], site["message"]),
                         ("oslo", "site/oslo", "site oslo has gone dark: 10 of its 10 devices are offline"))
        self.assertEqual({alert["rule"] for alert in self.alerts(device="oslo-3", state="firing")}, {"gone_dark", "site_dark"},
                         "the list of a device has the alert that stands for its own")
        group, = self.api("GET", "/api/v1/alerts/groups").json()["items"]
        self.assertEqual((group["key"], group["firing"], group["inhibited"]), ("site/oslo", 11, 10))

        # From now on, nobody wants to hear of the site.
        tomorrow = (datetime.now(timezone.utc) + timedelta(days=1)).isoformat(timespec="seconds")
        changed = self.api("PUT", f"/api/v1/silences/{silence['id']}", {key: silence[key] for key in ("filter", "comment")} | {"ends_at": tomorrow})
        self.assertEqual(changed.status, 200, changed.body)
        wait_until(lambda: self.alerts(state="firing", rule="site_dark")[0]["silenced_by"] == silence["id"], 20, "the silence covers it")
        told = self.events("firing")
        self.become("online", "oslo-[0-8]")
        wait_until(lambda: not self.alerts(state="firing", rule="site_dark"), 20, "the site is back")
        wait_until(lambda: "silenced" in self.changes("oslo-9"), 20, "the one that stays away is silenced")
        self.assertEqual(self.events("firing"), told)
        self.restart()
        self.assertEqual(self.api("DELETE", f"/api/v1/silences/{silence['id']}").status, 200)
        wait_until(lambda: "told" in self.changes("oslo-9"), 20, "it is told once the silence ends")
        self.assertEqual(self.events("firing"), told + 1)

        alert, = self.alerts(device="oslo-9", state="firing")
        acknowledged = self.api("POST", f"/api/v1/alerts/{alert['id']}/acknowledge", {"comment": "on my way"}).json()
        self.assertEqual((acknowledged["acknowledgement"], acknowledged["acknowledged_by"] is None), ("on my way", False))
        taken_back = self.api("DELETE", f"/api/v1/alerts/{alert['id']}/acknowledge").json()
        self.assertIsNone(taken_back["acknowledged_by"])
        self.become("online", "oslo-9")
        wait_until(lambda: not self.alerts(state="firing"), 20, "all is well")
        self.assertEqual(self.changes("oslo-9")[-3:], ["acknowledged", "unacknowledged", "resolved"])

    def reactions(self):
        """By what they do: those of the rule drift."""
        items = self.api("GET", "/api/v1/reactions?rule=drift").json()["items"]
        return {reaction["do"]: reaction for reaction in items}

    def roll_out(self, version):
        policy = self.folder / "policy.json"
        policy.write_text(json.dumps(POLICY))
        self.argosy("release", "publish", f"digits@{version}", "--variant", MODELS / f"digits-{version}-fp32.onnx")
        rollout = self.argosy("rollout", "create", f"digits@{version}", "--policy", policy, "--filter", 'id = "cam-1"', "--start")["id"]
        wait_until(lambda: self.argosy("rollout", "show", rollout)["state"] == "completed", 60, f"{version} is rolled out")
        return rollout

    def test_what_a_rule_does_by_itself_is_done_once_by_the_device_and_told(self):
        agent = self.board("cam-1")
        wait_until(lambda: any(device["id"] == "cam-1" for device in self.argosy("device", "list")), 30, "the agent enrols")
        self.roll_out("1.0")
        second = self.roll_out("1.1")
        self.assertEqual(self.serves("cam-1"), "1.1")
        wanted = {"name": "drift", "reactions": [{"do": "pause_rollouts"}, {"do": "diagnostics"}, {"do": "roll_back", "most_per_hour": 1}]}
        connection = self.operator()
        changed = self.send(connection, "PATCH", "/api/v1/rules/drift", wanted,
                            {"Authorization": f"Bearer {self.admin}", "If-Match": "*"})
        self.assertEqual(changed.status, 200, changed.body)
        self.installation.rows(
            "insert into drift_state (device_id, model, version, feature, psi, samples, drifted, since, updated_at) values "
            "('cam-1', 'digits', '1.1', 'sharpness', 0.4, 1000, true, now(), now()) returning 1")

        wait_until(lambda: len(self.reactions()) == 3 and all(one["state"] != "waiting" for one in self.reactions().values()),
                   30, "the rule has done what it does")
        done = self.reactions()
        self.assertEqual(done["pause_rollouts"]["outcome"], "not done: no rollout that touches it is running")
        self.assertEqual(done["roll_back"]["outcome"], "cam-1 was told to go back from digits 1.1 to 1.0")
        try:
            wait_until(lambda: self.reactions()["roll_back"]["follow_up"] == "rolled_back", 60, "the device goes back")
            wait_until(lambda: self.reactions()["diagnostics"]["follow_up"] == "answered", 60, "the device answers")
        except NotReady as late:
            self.fail(f"{late}: {self.reactions()}\n{agent.log_tail(40)}")
        self.assertEqual(self.serves("cam-1"), "1.0")
        self.assertEqual(self.argosy("rollout", "show", second)["state"], "completed", "it is about one device")
        asked = self.argosy("device", "diagnostics", "cam-1", "--id", done["diagnostics"]["details"]["diagnostics"])
        self.assertEqual(asked["asked_by"], f"rule:drift v{changed.json()['version']}")
        document = asked["document"]
        self.assertEqual((document["device"], document["state"]["hardware_class"]), ("cam-1", "cpu-fp32"))
        self.assertIn("disk_free_mb", document["state"]["health"])
        self.assertTrue(any("enrolled as cam-1" in line["text"] for line in document["log"]), document["log"])
        self.assertEqual(len(document["journals"]), 1)

        self.restart()
        audited = self.installation.count("select count(*) from audit where action = 'device.send_back'")
        self.assertEqual((audited, len(self.api("GET", "/api/v1/reactions").json()["items"])), (1, 3))
        self.installation.rows("delete from drift_state returning 1")
        wait_until(lambda: not self.alerts(state="firing", rule="drift"), 20, "the alert is over")
        self.assertEqual(self.argosy("rule", "reactions", "drift")[0]["rule"], "drift")
