"""One bad message costs one device: what cannot be read or stored, what was in hand when the server was killed, and a flood.
Real argosyd, PostgreSQL and Mosquitto; devices are certificates and mosquitto_pub."""
import json
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from running_argosy import RunningArgosy  # noqa: E402, I001  (it knows where the next are)
from processes import Program, wait_until  # noqa: E402

AT = "2026-03-01T12:00:00Z"


def state_of(device, version="7.7", at=AT, **more):
    return {"v": 1, "device": device, "nonce": 1, "rev": 0, "agent_version": version, "hardware_class": "cpu-fp32",
            "capabilities": {"architecture": "x86_64", "accelerators": ["cpu"], "runtimes": [], "precisions": [],
                             "memory_mb": 1024},
            "health_interval_s": 30, "at": at, "models": [], **more}


class BadMessage(RunningArgosy):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.identities = {}

    def device(self, name):
        if name not in self.identities:
            self.identities[name] = self.enrol(name)
        return name

    def publish(self, device, payload, kind="state", retain=True, lines=False):
        """What a device says; each line of the payload a message of its own with `lines`."""
        identity = self.identities[device]
        words = ["mosquitto_pub", "-h", "127.0.0.1", "-p", str(self.installation.mqtt_port), "--cafile", identity.ca,
                 "--cert", identity.certificate, "--key", identity.key, "-q", "1", "-t", f"argosy/v1/{device}/up/{kind}",
                 *(["-r"] if retain else []), "-l" if lines else "-s"]
        text = payload if isinstance(payload, str) else json.dumps(payload)
        subprocess.run([str(word) for word in words], input=text.encode(), check=True, timeout=60)

    def version_of(self, device):
        return self.api("GET", f"/api/v1/devices/{device}").json()["agent_version"]

    def quarantine(self, device):
        answer = self.api("GET", f"/api/v1/devices/{device}/quarantine")
        self.assertEqual(answer.status, 200, answer.body)
        return {row["kind"]: row for row in answer.json()["items"]}

    def wait_for_version(self, device, version="7.7", within_s=20):
        wait_until(lambda: self.version_of(device) == version, within_s, f"the state of {device}")

    def test_what_cannot_be_taken_concerns_its_own_device(self):
        pid = self.installation.argosyd.pid
        bad = {"deep": "[" * 100_000, "none": "no document", "other": json.dumps(state_of("good-1")),
               "year": json.dumps(state_of("bad-year", at="0000-01-01T00:00:00Z")),
               "size": json.dumps(state_of("bad-size", models=[{"model": "m", "version": "1", "digest": "a" * 64, "slots": [
                   {"slot": "a", "role": "serving", "version": "1", "digest": "a" * 64, "size": 2**64 - 1}]}]))}
        for name in bad:
            self.device(f"bad-{name}")
        for number in range(4):
            self.device(f"good-{number}")
        for name, payload in bad.items():
            self.publish(f"bad-{name}", payload)
        for number in range(4):
            self.publish(f"good-{number}", state_of(f"good-{number}"))
        for number in range(4):
            self.wait_for_version(f"good-{number}")
        for name in ("deep", "none", "other"):
            wait_until(lambda name=name: "state" in self.quarantine(f"bad-{name}"), 20, f"{name} in quarantine")
        row = self.quarantine("bad-none")["state"]
        self.assertEqual((row["count"], row["ended_at"]), (1, None))
        self.assertEqual(self.argosy("device", "show", "bad-none")["quarantine"][0]["kind"], "state")
        self.assertEqual(self.installation.argosyd.pid, pid)
        # The next one that is sound gets the device out, and a timeline tells of both.
        self.publish("bad-none", state_of("bad-none"))
        self.wait_for_version("bad-none")
        wait_until(lambda: self.quarantine("bad-none")["state"]["ended_at"], 20, "bad-none out of quarantine")
        kinds = [event["kind"] for event in self.api("GET", "/api/v1/devices/bad-none/events").json()["items"]]
        self.assertEqual([kind for kind in kinds if kind.startswith("quarantine.")], ["quarantine.ended", "quarantine.began"])

    def test_the_answer_over_https_says_what_happened(self):
        cam = self.device("post-1")
        connect = lambda: self.device_side(self.identities[cam])  # noqa: E731
        self.assertEqual(self.send(connect(), "POST", "/device/v1/state", state_of(cam)).status, 204)
        self.assert_problem(self.send(connect(), "POST", "/device/v1/state", state_of(cam, nonce=0)), 409, "conflict")
        self.assert_problem(self.send(connect(), "POST", "/device/v1/state", "{"), 400, "malformed-json")
        self.assert_problem(self.send(connect(), "POST", "/device/v1/state", "{"), 422, "unprocessable", "refused before")
        zero = state_of(cam, version="a\0b")
        self.assertIn(self.send(connect(), "POST", "/device/v1/state", zero).status, (400, 422))
        self.assertEqual(self.send(connect(), "POST", "/device/v1/state", state_of(cam, version="8")).status, 204)

    def test_a_message_in_hand_when_the_server_was_killed_gets_through_by_itself(self):
        for name in ("held-1", "held-2"):
            self.device(name)
        lock = self.group.start(Program("lock", [
            "psql", self.installation.postgres.conninfo("argosy"), "-X", "-c",
            "begin; select 1 from device_state where device_id = 'held-1' for update; select pg_sleep(120)"],
            log=self.folder / "lock.log", cwd="/"))
        waits = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and query like '%device_state%'"
        wait_until(lambda: self.installation.count("select count(*) from pg_locks l join pg_class c on c.oid = l.relation "
                                                   "where c.relname = 'device_state' and l.mode = 'RowShareLock'"), 10,
                   "the row is locked")
        self.publish("held-1", state_of("held-1"))
        wait_until(lambda: self.installation.count(waits), 10, "the statement waits for the row")
        self.installation.argosyd.kill()
        self.installation.rows("select pg_terminate_backend(pid) from pg_stat_activity "
                               "where query like '%pg_sleep%' and pid <> pg_backend_pid()")
        lock.kill()
        self.publish("held-2", state_of("held-2"))
        self.installation.argosyd.start()
        row = self.quarantine("held-1")["state"]
        self.assertIn("the server ended while this was in hand", row["reason"])
        self.wait_for_version("held-2")
        self.wait_for_version("held-1")
        wait_until(lambda: self.quarantine("held-1")["state"]["ended_at"], 10, "held-1 out of quarantine")

    def test_a_flood_costs_the_device_that_sends_it(self):
        for name in ("loud-1", "calm-1"):
            self.device(name)
        self.publish("loud-1", "flood\n" * 3000, retain=False, lines=True)
        self.publish("calm-1", state_of("calm-1"))
        self.wait_for_version("calm-1")
        wait_until(lambda: "rate" in self.quarantine("loud-1"), 20, "the flood in the quarantine")
        self.assertGreater(self.quarantine("loud-1")["rate"]["count"], 1000)
        self.assertEqual(self.quarantine("calm-1"), {})
        metrics = self.send(self.operator(), "GET", "/metrics").body.decode()
        self.assertRegex(metrics, r'argosy_mqtt_over_budget_total{connection="leader"} [1-9]')
