"""An authority that ends, ends everywhere: a device that is revoked, enrolled again with another key, or renewed. What its
certificate could do, it can no more, over HTTPS and at the broker, and what it left there is gone."""
import http.client
import json
import signal
import ssl
import subprocess
import sys
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from running_argosy import RunningArgosy  # noqa: E402, I001  (it knows where the next are)
from processes import Program, wait_until  # noqa: E402
from services import TlsFiles, run  # noqa: E402

AT_ONCE_S = 2
AGENT = """\
server = "{server}"
device = "{device}"
hardware_class = "cpu-fp32"
root = "{root}"
run_dir = "{root}/run"
[enrolment]
claim_file = "{claim}"
ca_file = "{ca}"
[intervals]
poll_s = 1
health_s = 1
state_s = 1
"""


class Revocation(RunningArgosy):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.observer = cls().fleet_identity("observer")

    # At the broker -----------------------------------------------------------------------------------------------------
    def tls(self, identity):
        return ["-h", "127.0.0.1", "-p", str(self.installation.mqtt_port), "--cafile", identity.ca, "--cert",
                identity.certificate, "--key", identity.key]

    def publish(self, identity, topic, message="x"):
        """Whether the broker let it in (not whether it took the message)."""
        return subprocess.run(["mosquitto_pub", *self.tls(identity), "-t", topic, "-m", message, "-q", "1", "-r"],
                              stderr=subprocess.DEVNULL, timeout=20).returncode == 0

    def retained(self, device):
        """The topics below this device on which the broker keeps something: what a name that may read all is given."""
        broker = self.installation.mosquitto
        acl = broker.folder / "acl"
        if "user observer" not in acl.read_text():
            acl.write_text(acl.read_text() + "user observer\ntopic read argosy/v1/#\n")
            broker.reload()
        done = subprocess.run(["mosquitto_sub", *self.tls(self.observer), "-t", f"argosy/v1/{device}/#", "-v", "-W", "1", "--retained-only"],
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, timeout=20)
        return sorted(line.split(" ", 1)[0].rpartition("/")[2] for line in done.stdout.splitlines())

    def fleet_identity(self, name):
        """A certificate of the fleet's authority that argosyd knows nothing of."""
        key, request = self.certificate_request(name)
        certificate = self.folder / f"{name}.pem"
        (self.folder / f"{name}.csr").write_text(request)
        run(["openssl", "x509", "-req", "-in", self.folder / f"{name}.csr", "-CA", self.installation.ca, "-CAkey",
             self.installation.pki / "ca.key", "-days", "1", "-set_serial", "0x77", "-out", certificate])
        return TlsFiles(self.installation.ca, certificate, key)

    def listen(self, identity, device):
        """A living connection of the device; it ends when the broker ends it."""
        command = ["stdbuf", "-oL", "mosquitto_sub", *self.tls(identity), "-t", f"argosy/v1/{device}/down/ack", "-q", "1", "-d"]
        listener = Program(f"listener of {device}", command, log=self.folder / f"{device}-{time.monotonic_ns()}.log")
        self.group.start(listener)
        wait_until(lambda: "SUBACK" in listener.log_text(), 10, "the device's connection")
        return listener

    def was_put_out(self, listener):
        return listener.log_text().count("sending CONNECT") > 1 or not listener.is_alive()

    # Over HTTPS --------------------------------------------------------------------------------------------------------
    def ask(self, identity, method="GET", path="/device/v1/desired", body=None):
        return self.send(self.device_side(identity), method, path, body)

    def copy_of(self, identity, name):
        """The same identity in files of its own: what somebody copied from the device."""
        files = TlsFiles(identity.ca, self.folder / f"{name}.pem", self.folder / f"{name}.key")
        files.certificate.write_bytes(identity.certificate.read_bytes())
        files.key.write_bytes(identity.key.read_bytes())
        return files

    def revoke(self, device):
        answer = self.api("DELETE", f"/api/v1/devices/{device}")
        self.assertEqual(answer.status, 204, answer.body)

    def renew(self, identity, device):
        csr = run(["openssl", "req", "-new", "-key", identity.key, "-subj", f"/CN={device}"])
        return self.ask(identity, "POST", "/device/v1/renew", {"csr": csr})

    def waits(self):
        return self.installation.count("select count(*) from ended_certificates where enforced_at is null")

    # -------------------------------------------------------------------------------------------------------------------
    def test_a_revoked_device_is_out_at_once_and_its_successor_is_in(self):
        old = self.copy_of(self.enrol("cam-1"), "cam-1-old")
        for kind in ("state", "telemetry", "event"):
            self.assertTrue(self.publish(old, f"argosy/v1/cam-1/up/{kind}"))
        self.assertEqual(self.retained("cam-1"), ["event", "state", "telemetry"])
        idle = self.device_side(old)
        self.addCleanup(idle.close)
        idle.request("GET", "/device/v1/desired")
        idle.getresponse().read()
        listener = self.listen(old, "cam-1")

        self.revoke("cam-1")
        wait_until(lambda: not self.publish(old, "argosy/v1/cam-1/up/state"), AT_ONCE_S, "the broker refuses it")
        wait_until(lambda: self.was_put_out(listener), AT_ONCE_S, "its connection is put out")
        wait_until(lambda: self.waits() == 0, AT_ONCE_S, "nothing is left to do")
        listener.stop()
        self.assertEqual(self.ask(old).status, 401)
        self.assert_closed(idle)
        self.assertEqual(self.retained("cam-1"), [])
        self.installation.mosquitto.restart()
        self.assertEqual(self.retained("cam-1"), [])
        self.assertFalse(self.publish(old, "argosy/v1/cam-1/up/state"))

        new = self.enrol("cam-1")  # a new key
        self.assertEqual(self.ask(new).status, 200)
        successor = self.listen(new, "cam-1")
        for _ in range(3):
            self.assertFalse(self.publish(old, "argosy/v1/cam-1/up/state"))
        self.assertFalse(self.was_put_out(successor))
        self.assertEqual(self.ask(old).status, 401)
        successor.stop()
        actions = [action for action, in self.installation.rows(
            "select action from audit where object = 'device/cam-1' order by id")]
        self.assertEqual(actions, ["device.enrol", "device.revoke", "device.enrol"])

    def test_the_old_certificate_ends_with_the_first_use_of_the_new_one(self):
        identity = self.enrol("cam-2")
        old = self.copy_of(identity, "cam-2-old")
        answer = self.renew(identity, "cam-2")
        self.assertEqual(answer.status, 200, answer.body)
        self.assertEqual(self.renew(identity, "cam-2").json()["certificate"], answer.json()["certificate"],
                         "a lost answer is given again")
        self.assertEqual(self.ask(old).status, 200)  # until then it is good
        self.assertTrue(self.publish(old, "argosy/v1/cam-2/up/state"))
        identity.certificate.write_text(answer.json()["certificate"])
        listener = self.listen(old, "cam-2")
        self.assertEqual(self.ask(identity).status, 200)
        self.assertEqual(self.ask(old).status, 401)
        wait_until(lambda: not self.publish(old, "argosy/v1/cam-2/up/state"), AT_ONCE_S, "the broker refuses it")
        wait_until(lambda: self.was_put_out(listener), AT_ONCE_S, "its connection is put out")
        listener.stop()
        self.assertTrue(self.publish(identity, "argosy/v1/cam-2/up/state"))
        self.assertEqual(self.retained("cam-2"), ["state"])

    def test_a_server_that_dies_while_it_revokes_goes_on_with_it(self):
        identity = self.enrol("cam-3")
        self.assertTrue(self.publish(identity, "argosy/v1/cam-3/up/state"))
        argosyd = self.installation.argosyd
        argosyd.process.send_signal(signal.SIGSTOP)  # before its next round
        self.installation.rows(
            "insert into ended_certificates (device_id, serial, fingerprint, reason, not_after) select id, certificate_serial, "
            "certificate_fingerprint, 'revoked', certificate_not_after from devices where id = 'cam-3'; "
            "update devices set revoked_at = now() where id = 'cam-3'")
        argosyd.kill()
        self.assertTrue(self.publish(identity, "argosy/v1/cam-3/up/state"))
        argosyd.start()
        wait_until(lambda: self.waits() == 0, 10, "the revocation is done")
        self.assertFalse(self.publish(identity, "argosy/v1/cam-3/up/state"))
        self.assertEqual(self.retained("cam-3"), [])

    def test_a_broker_that_is_away_learns_it_when_it_comes_back(self):
        identity = self.enrol("cam-4")
        self.assertTrue(self.publish(identity, "argosy/v1/cam-4/up/state"))
        self.installation.mosquitto.kill()
        self.revoke("cam-4")
        wait_until(lambda: self.api("GET", "/readyz").json()["revocations_waiting"] == 1, 10, "it is said to wait")
        self.assertEqual(self.ask(identity).status, 401)
        self.installation.mosquitto.start()
        self.assertFalse(self.publish(identity, "argosy/v1/cam-4/up/state"))
        wait_until(lambda: self.api("GET", "/readyz").json()["revocations_waiting"] == 0, 30, "done")
        self.assertEqual(self.retained("cam-4"), [])

    def test_a_device_that_renews_again_and_again_cannot_fill_the_list(self):
        identity = self.enrol("cam-5")
        statuses = []
        for _ in range(40):
            answer = self.renew(identity, "cam-5")
            statuses.append(answer.status)
            if answer.status != 200:
                break
            identity.certificate.write_text(answer.json()["certificate"])
            self.assertEqual(self.ask(identity).status, 200)
        self.assertEqual(statuses[-1], 429)
        self.assertEqual(len(statuses), 33)
        self.assertEqual(self.ask(identity).status, 200)

    # The way back ------------------------------------------------------------------------------------------------------
    def test_a_device_from_the_shelf_comes_back_with_its_key_alone(self):
        root, claim, config = (self.folder / name for name in ("shelf", "shelf-claim", "shelf.toml"))
        claim.write_text(self.make_claim())
        config.write_text(AGENT.format(server=self.installation.argosyd.device_url, device="shelf-1", root=root, claim=claim,
                                       ca=self.installation.ca))
        agent = Program("agent", [self.build / "agent/argosy-agent", "--config", config], log=self.folder / "shelf.log")
        self.group.start(agent)
        wait_until(lambda: self.presence("shelf-1") == "online", 20, "online")
        agent.stop()
        claim.unlink()
        self.expire(root / "identity", "shelf-1", days_ago=100)
        self.api("DELETE", f"/api/v1/claims/{self.installation.count('select max(id) from claims')}")
        wait_until(lambda: self.presence("shelf-1") != "online", 30, "away")
        agent.start()
        wait_until(lambda: self.presence("shelf-1") == "online", 20, "online again")
        agent.stop()
        self.assertIn("came back", agent.log_text())

        self.expire(root / "identity", "shelf-1", days_ago=100)  # and revoked it stays out
        self.revoke("shelf-1")
        agent.start()
        wait_until(lambda: "was revoked" in agent.log_text(), 20, "refused")
        agent.stop()
        self.assertEqual(self.installation.rows("select revoked_at is not null from devices where id = 'shelf-1'"), [["t"]])

    def test_the_way_back_is_for_the_key_and_a_fresh_challenge_only(self):
        identity = self.enrol("cam-6")
        challenge = self.ask(None, path="/device/v1/challenge").json()["challenge"]
        self.assert_problem(self.come_back("cam-6", self.request(identity.key, "cam-6", "1.aa.bb"), "1.aa.bb"), 401,
                            "unauthenticated", "challenge")
        self.assertEqual(self.come_back("cam-6", self.request(identity.key, "cam-6"), challenge).status, 400)
        key, _ = self.certificate_request("stranger")
        for name in ("cam-6", "nobody"):
            self.assert_problem(self.come_back(name, self.request(key, name, challenge), challenge), 403, "forbidden",
                                "with this key")
        self.assertEqual(self.come_back("cam-6", self.request(identity.key, "cam-6", challenge), challenge).status, 200)
        statuses = {self.come_back("cam-6", "no request", challenge).status for _ in range(40)}
        self.assertIn(429, statuses)

    def come_back(self, device, csr, challenge):
        return self.ask(None, "POST", "/device/v1/return", {"device": device, "csr": csr, "challenge": challenge})

    def request(self, key, device, challenge=None):
        config = self.folder / "request.cnf"
        password = f"challengePassword = {challenge}\n" if challenge else ""
        config.write_text(f"[req]\nprompt = no\ndistinguished_name = dn\nattributes = more\nstring_mask = utf8only\n[dn]\nCN = {device}\n[more]\n{password}")
        return run(["openssl", "req", "-new", "-key", key, "-config", config])

    def presence(self, device):
        return self.api("GET", f"/api/v1/devices/{device}").json().get("presence")

    def expire(self, folder, device, days_ago):
        """As if the certificate in this folder had ended days ago, for the agent and for the server."""
        csr = run(["openssl", "req", "-new", "-key", folder / "device.key", "-subj", f"/CN={device}"])
        (self.folder / "old.csr").write_text(csr)
        (self.folder / "old.ext").write_text("extendedKeyUsage=clientAuth\n")
        ended = time.strftime("%Y%m%d%H%M%SZ", time.gmtime(time.time() - days_ago * 86400))
        begun = time.strftime("%Y%m%d%H%M%SZ", time.gmtime(time.time() - (days_ago + 90) * 86400))
        authority = self.folder / "issuer"
        authority.mkdir(exist_ok=True)
        (authority / "index.txt").write_text("")
        (authority / "ca.cnf").write_text(f"[ca]\ndefault_ca=here\n[here]\ndatabase={authority}/index.txt\nrand_serial=yes\n"
                                          f"new_certs_dir={authority}\ndefault_md=sha256\npolicy=any\n[any]\ncommonName=supplied\n")
        run(["openssl", "ca", "-batch", "-notext", "-config", authority / "ca.cnf", "-cert", self.installation.ca, "-keyfile",
             self.installation.pki / "ca.key", "-in", self.folder / "old.csr", "-startdate", begun, "-enddate", ended,
             "-extfile", self.folder / "old.ext", "-out", folder / "device.crt"])
        issued = json.loads((folder / "issued.json").read_text())
        issued["certificate"] = (folder / "device.crt").read_text()
        (folder / "issued.json").write_text(json.dumps(issued))
        self.installation.rows(f"update devices set certificate_not_after = now() - interval '{days_ago} days', "
                               f"present_not_after = now() - interval '{days_ago} days' where id = '{device}'")

    # -------------------------------------------------------------------------------------------------------------------
    def assert_closed(self, connection):
        with self.assertRaises((http.client.HTTPException, ssl.SSLError, OSError)):
            connection.request("GET", "/device/v1/desired")
            if connection.getresponse().status == 401:
                raise ConnectionError


if __name__ == "__main__":
    unittest.main()
