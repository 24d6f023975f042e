"""Fifty good devices at work and a real agent, beside one enrolled device and one stranger that do what they can think of:
over MQTT, over HTTPS, against the operators' API, into the agent's socket. Whatever it is, it costs the one who does it: good
devices lose nothing, the server never ends, and an operator can stop and resume the rollout all the while."""
import http.client
import json
import os
import secrets
import socket
import ssl
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from running_argosy import ROOT, RunningArgosy  # noqa: E402, I001  (it knows where the next are)
from processes import Program, wait_until  # noqa: E402
from services import Authority, TlsFiles  # noqa: E402
import cbor  # noqa: E402
from mqtt_link import CONNECT, PUBLISH, MqttLink, Refused, field, packet  # noqa: E402
from played_device import PlayedDevice, batch, state, window  # noqa: E402

GOOD = 50
BAD = "bad-1"
MODEL = ROOT / "examples/digits/models"
STOP_WITHIN_S = 5
AGENT = """\
server = "{server}"
device = "agent-1"
hardware_class = "other"
root = "{root}"
run_dir = "{run}"
[enrolment]
claim_file = "{claim}"
ca_file = "{ca}"
[intervals]
window_s = 1
health_s = 1
state_s = 1
"""


def nested(depth, opening="[", closing="]"):
    return opening * depth + closing * depth


def now_ms():
    return int(time.time() * 1000)


def update(**changes):
    return {"rollout": 1, "attempt": 1, "version": "1.0", "state": "downloading", "progress": 0.5, "source": "full", "bytes": 1,
            "full_bytes": 2, "cause": "", "message": "", **changes}


def one_model(**changes):
    return [{"model": "digits", "version": "1.0", "digest": "0" * 64, "slots": [], **changes}]


def bad_states():
    """(name, document or text): retained by the broker under the bad device's own topic."""
    yield "arrays in arrays", nested(500_000)
    yield "objects in objects", '{"a":' * 150_000 + "1" + "}" * 150_000
    yield "nesting that never closes", "[" * 900_000
    yield "a deep value under a known key", '{"v":1,"device":"bad-1","nonce":1,"models":' + nested(5000) + "}"
    yield "a deep value under an unknown key", json.dumps(state(BAD))[:-1] + ',"x":' + nested(5000) + "}"
    yield "no JSON", "hello"
    yield "half a document", json.dumps(state(BAD))[:60]
    yield "not UTF-8", b'{"v":1,"device":"bad-1","nonce":1,"agent_version":"\xff\xfe"}'
    yield "a lone surrogate", '{"v":1,"device":"bad-1","nonce":1,"agent_version":"\\ud800"}'
    yield "a list", "[]"
    yield "a number", "1e400"
    yield "a version that is a tree", '{"v":' + nested(120_000) + ',"device":"bad-1","nonce":1}'
    yield "one key ten thousand times", "{" + ",".join('"nonce":1' for _ in range(10_000)) + "}"
    yield "a hundred thousand keys", json.dumps({f"k{i}": i for i in range(10_000)})
    for name, changes in {
            "another's name": {"device": "good-7"}, "a name that is a path": {"device": "../good-7"},
            "a nonce of 2^64": {"nonce": 2**64}, "a nonce below zero": {"nonce": -1}, "a nonce that is text": {"nonce": "x"},
            "a rev of 2^63": {"rev": 2**63}, "a rev with a fraction": {"rev": 1.5},
            "the year 0": {"at": "0000-01-01T00:00:00Z"}, "the year 10000": {"at": "10000-01-01T00:00:00Z"},
            "the year 1": {"at": "0001-01-01T00:00:00Z"}, "the last second": {"at": "9999-12-31T23:59:59.999Z"},
            "an interval of none": {"health_interval_s": 0}, "an interval of 2^31": {"health_interval_s": 2**31},
            "an interval below zero": {"health_interval_s": -5}, "a NUL": {"agent_version": "a\0b"},
            "a long version": {"agent_version": "x" * 100_000}, "words of SQL": {"agent_version": "'; drop table devices; --"},
            "memory of 2^62": {"capabilities": {"memory_mb": 2**62}},
            "ten thousand runtimes": {"capabilities": {"runtimes": ["r"] * 10_000}},
            "capabilities that are a list": {"capabilities": []}, "a download rate of 2^63": {"download_bytes_per_s": 2**63},
            "sixty-five models": {"models": [one_model(model=f"m{i}")[0] for i in range(65)]},
            "a model twice": {"models": one_model() + one_model()},
            "a model's name that is a tree": {"models": one_model(model={"a": 1})},
            "a slot of 2^63 bytes": {"models": one_model(slots=[{"slot": "a", "role": "serving", "size": 2**63}])},
            "a slot of 10^300 bytes": {"models": one_model(slots=[{"slot": "a", "role": "serving", "size": 1e300}])},
            "a thousand slots": {"models": one_model(slots=[{"slot": "a", "role": "serving"}] * 1000)},
            "progress without bound": {"models": one_model(update=update(progress=1e308))},
            "bytes of 2^63": {"models": one_model(update=update(bytes=2**63))},
            "bytes of 2^62": {"models": one_model(update=update(bytes=2**62, full_bytes=2**62, state="committed"))},
            "an attempt of 2^31": {"models": one_model(update=update(attempt=2**31))},
            "a rollout of 2^63": {"models": one_model(update=update(rollout=2**63))},
            "a rollout that is not its own": {"models": one_model(update=update(rollout=999_999, state="failed"))},
            "a state that does not exist": {"models": one_model(update=update(state="exploded"))},
            "a cause with a NUL": {"models": one_model(update=update(state="failed", cause="a\0"))},
            "a message of 100 kB": {"models": one_model(update=update(state="failed", message="x" * 100_000))},
            "a change in the year 0": {"models": one_model(update=update(changed_at="0000-01-01T00:00:00Z"))},
            "numbers at their end": {"models": one_model(update=update(state="rejected", metric_value=1.7e308,
                                                                      metric_threshold=-1.7e308, latency_p95_ms=1.7e308))},
            "samples of 2^64": {"models": one_model(update=update(samples=2**64))},
            "health in the year 0": {"health": {"at": "0000-01-01T00:00:00Z", "cpu_percent": 1}},
            "health without bound": {"health": {"at": "2026-01-01T00:00:00Z", "cpu_percent": 1.7e308, "uptime_s": -1e308}},
    }.items():
        yield name, state(BAD, **changes)


def bad_batches():
    """(name, bytes) for the bad device's telemetry topic."""
    def of(content, kind="window", seq=1, **changes):
        whole = {"v": 1, "device": BAD, "epoch": secrets.token_hex(8), "oldest": seq, "records": [{"seq": seq, kind: content}]}
        return cbor.encode({**whole, **changes})

    good = window(now_ms())
    yield "nothing", b""
    yield "noise", secrets.token_bytes(5000)
    yield "arrays in arrays", b"\x81" * 500_000
    yield "tags on tags", b"\xc1" * 500_000
    yield "a map of 2^60 pairs", b"\xbb" + (2**60).to_bytes(8, "big")
    yield "a text of 2^63 bytes", b"\x7b" + (2**63).to_bytes(8, "big")
    yield "half a batch", of(good)[:50]
    yield "more after the end", of(good) + b"\x00"
    yield "another's name", of(good, device="good-7")
    yield "version 2", of(good, v=2)
    yield "an epoch that is none", of(good, epoch="'; drop table")
    yield "oldest behind the first", of(good, oldest=5)
    yield "number 0", of(good, seq=0)
    yield "number 2^63", of(good, seq=2**63)
    yield "number 2^53 - 1", of(good, seq=2**53 - 1)
    yield "a hole", batch(BAD, secrets.token_hex(8), 1, [("window", good)]).replace(b"\x63seq\x01", b"\x63seq\x09")
    for name, changes in {
            "counts of 2^53": {"count": 2**53, "errors": 2**53, "labelled": 2**53, "correct": 2**53},
            "a count of 2^53 - 1": {"count": 2**53 - 1}, "more errors than inferences": {"errors": 5},
            "more labels than inferences": {"labelled": 10**9}, "more right than labelled": {"correct": 1},
            "an end before the start": {"end": 1}, "1970": {"start": 0, "end": 1000},
            "the year 9999": {"start": 253402300799000, "end": 253402300799999}, "beyond time": {"start": 2**62, "end": 2**62},
            "before time": {"start": -1}, "a window of a year": {"start": 1, "end": now_ms()},
            "a histogram of noise": {"latency": secrets.token_bytes(2000)}, "no histogram": {"latency": b""},
            "a latency of none": {"latency": bytes([1, 1, 0])},
            "a histogram of 2^53": {"latency": bytes([1]) + b"\xff" * 7 + b"\x0f" + b"\x00"},
            "a thousand features": {"features": [[f"f{i}", [1] * 12] for i in range(1000)]},
            "a feature of a million bins": {"features": [["f", [1] * 200_000]]},
            "bins of 2^53": {"features": [["sharpness", [2**53 - 1] * 12]]},
            "a feature's name of noise": {"features": [["\0\x1b[31m", [1]]]},
            "ten thousand classes": {"classes": {i: 1 for i in range(10_000)}},
            "classes of 2^53": {"classes": {i: 2**53 - 1 for i in range(10)}},
            "a model that is a path": {"model": "../../etc"}, "a version of SQL": {"version": "1'; --"},
            "a count that is text": {"count": "1"}, "a count that is a fraction": {"count": 1.5},
    }.items():
        yield name, of({**good, **changes})
    yield "health that is not a number", of({"at": now_ms(), "cpu_percent": float("nan")}, "health")
    yield "health without end", of({"at": now_ms(), "cpu_percent": float("inf"), "disk_free_mb": -1.7e308}, "health")
    yield "a hundred kinds of health", of({"at": now_ms(), **{f"k{i}": i for i in range(100)}}, "health")


class BadNeighbour(RunningArgosy):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        case = cls()
        cls.fleet = []
        claim = case.make_claim(max_uses=GOOD + 5)
        for number in range(GOOD):
            name = f"good-{number}"
            identity = case.enrol_by(name, claim)
            device = PlayedDevice(name, cls.installation.mqtt_port, identity, record_every_s=1, state_every_s=3)
            cls.fleet.append(device.start())
        cls.bad = case.enrol_by(BAD, claim)
        cls.addClassCleanup(lambda: [device.end() for device in cls.fleet])
        case.start_agent()
        case.start_rollout()
        cls.server_pid = cls.installation.argosyd.pid

    def enrol_by(self, name, claim):
        key, csr = self.certificate_request(name)
        answer = self.ask_to_enrol(name, claim, csr)
        self.assertEqual(answer.status, 201, answer.body)
        certificate = self.folder / f"{name}.pem"
        certificate.write_text(answer.json()["certificate"])
        return TlsFiles(self.installation.ca, certificate, key)

    def start_agent(self):
        claim, config, root = self.folder / "claim", self.folder / "agent.toml", self.folder / "root"
        claim.write_text(self.make_claim())
        for each in (root, self.folder / "run"):
            each.mkdir()
        config.write_text(AGENT.format(server=self.installation.argosyd.device_url, root=root, run=self.folder / "run",
                                       claim=claim, ca=self.installation.ca))
        type(self).agent = self.group.start(Program("agent", [self.build / "agent/argosy-agent", "--config", config],
                                                    log=self.folder / "agent.log"))
        self.agent_pid = self.agent.pid

    def start_rollout(self):
        model = next(iter(sorted(MODEL.glob("*.onnx"))))
        policy = self.folder / "policy.json"
        policy.write_text(json.dumps({"waves": [{"share": 1.0}], "guards": [{"metric": "latency_p95"}, {"metric": "accuracy"}]}))
        self.argosy("release", "publish", "digits@1.0", "--variant", f"default={model}")
        made = self.argosy("rollout", "create", "digits@1.0", "--filter", f'hardware_class = "cpu-fp32" AND NOT id = "{BAD}"', "--policy", policy, "--start")
        type(self).rollout = made["id"]
        wait_until(lambda: sum(bool(device.desired) for device in self.fleet) == GOOD, 60, "the fleet hears of the release")

    # What must hold after whatever was done --------------------------------------------------------------------------------
    def assert_unharmed(self):
        self.assertTrue(self.installation.argosyd.is_alive(), self.installation.argosyd.log_tail())
        self.assertEqual(self.installation.argosyd.pid, self.server_pid, "argosyd was started again")
        self.assertEqual(self.send(self.operator(), "GET", "/readyz").status, 200)

    def assert_can_be_stopped(self):
        path = f"/api/v1/rollouts/{self.rollout}"
        for action, outcome in (("pause", "paused"), ("resume", "running")):
            begun_at = time.monotonic()
            shown = self.api("GET", path)
            self.assertEqual(shown.status, 200, shown.body)
            done = self.send(self.operator(), "POST", f"{path}/{action}", "{}",
                             {"Authorization": f"Bearer {self.admin}", "If-Match": f'"{shown.json()["etag"]}"'})
            if done.status == 412:  # something else moved it meanwhile: as an operator would, once more
                return self.assert_can_be_stopped()
            self.assertEqual((done.status, done.json().get("state")), (200, outcome), done.body)
            self.assertLess(time.monotonic() - begun_at, STOP_WITHIN_S)
        for shown in ("/api/v1/overview", "/api/v1/rollouts", "/api/v1/devices", f"/api/v1/devices/{BAD}", "/api/v1/alerts"):
            answer = self.api("GET", shown)
            self.assertEqual(answer.status, 200, (shown, answer.body[:500]))

    def bad_link(self, **options):
        return MqttLink(self.installation.mqtt_port, self.bad, client=BAD, **options)

    # Over MQTT -------------------------------------------------------------------------------------------------------------
    def test_bad_states(self):
        link = self.bad_link()
        for name, document in bad_states():
            with self.subTest(name):
                payload = document if isinstance(document, (str, bytes)) else json.dumps(document)
                try:
                    link.publish(f"argosy/v1/{BAD}/up/state", payload, retain=True)
                except (OSError, ConnectionError):
                    link.close()  # the broker would not have it: as good
                    link = self.bad_link()
                self.assert_unharmed()
        link.close()
        self.assert_can_be_stopped()

    def test_bad_telemetry(self):
        link = self.bad_link()
        for name, payload in bad_batches():
            with self.subTest(name):
                try:
                    link.publish(f"argosy/v1/{BAD}/up/telemetry", payload)
                except (OSError, ConnectionError):
                    link.close()
                    link = self.bad_link()
                self.assert_unharmed()
        link.close()
        self.assert_can_be_stopped()

    def test_what_the_broker_kept_does_not_end_the_next_server(self):
        link = self.bad_link()
        for document in (nested(500_000), json.dumps(state(BAD, at="0000-01-01T00:00:00Z")), '{"v":' + nested(120_000) + "}"):
            link.publish(f"argosy/v1/{BAD}/up/state", document, retain=True)
            self.installation.argosyd.kill()
            self.installation.argosyd.start()
            type(self).server_pid = self.installation.argosyd.pid
            self.assert_unharmed()
            wait_until(lambda: self.api("GET", "/readyz").json().get("mqtt"), 20, "argosyd meets the broker again")
        link.close()
        self.assert_can_be_stopped()

    def test_topics_that_are_not_its_own(self):
        link = self.bad_link()
        granted = link.subscribe("argosy/v1/good-7/down/desired", "argosy/v1/#", "#", "$SYS/#")
        for topic in ["argosy/v1/good-7/up/state", "argosy/v1/good-7/down/desired", "argosy/v1/argosyd/up/state",
                      f"argosy/v1/{BAD}/down/desired", f"argosy/v1/{BAD}/up/state/more", f"argosy/v1/{BAD}/up", "$SYS/broker",
                      "argosy/v1//up/state", "argosy/v1/a/b/up/state"]:
            with self.subTest(topic):
                link = self.try_to_publish(link, topic, json.dumps(state("good-7", agent_version="forged")))
        for number in range(40):
            link = self.try_to_publish(link, f"argosy/v1/{BAD}/up/invented/{number}", b"x" * 900_000)
        heard = link.receive(1)
        link.close()
        self.assertTrue(heard is None or BAD in heard[0], (granted, heard and heard[0]))
        self.assertNotEqual(self.api("GET", "/api/v1/devices/good-7").json()["agent_version"], "forged")
        kept = self.kept_by_the_broker()
        self.assertLess(kept, 8 << 20, "bytes that the broker kept of what was invented")
        self.assert_unharmed()
        self.assert_can_be_stopped()

    def try_to_publish(self, link, topic, payload):
        try:
            link.publish(topic, payload, retain=True)
            return link
        except (OSError, ConnectionError):
            link.close()
            return self.bad_link()

    def kept_by_the_broker(self):
        """Bytes in its own file, which it writes as it changes."""
        return sum(file.stat().st_size for file in (self.installation.folder / "mosquitto/data").glob("*"))

    def test_a_will_in_anothers_name_and_one_of_size(self):
        for topic, payload in ((f"argosy/v1/{BAD}/up/event", json.dumps({"v": 1, "device": "good-7", "nonce": 2**62})),
                               ("argosy/v1/good-7/up/event", json.dumps({"v": 1, "device": "good-7", "nonce": 2**62})),
                               (f"argosy/v1/{BAD}/up/event", "[" * 60_000), (f"argosy/v1/{BAD}/up/event", b"\xff" * 60_000)):
            try:
                self.bad_link(will=(topic, payload)).close()
            except (OSError, Refused, ConnectionError):
                pass
            self.assert_unharmed()
        self.assertNotEqual(self.api("GET", "/api/v1/devices/good-7").json()["presence"], "offline")

    def test_packets_that_are_none(self):
        for data in (b"\x00" * 1000, secrets.token_bytes(1000), packet(CONNECT, 0, field("MQTT") + b"\x04\x02\x00\x05" + field(BAD)),
                     packet(PUBLISH, 0x06, field("x" * 60_000) + b"\x00\x00"), b"\xff\xff\xff\xff\x7f", b"\x30\xff\xff\xff\x7f" + b"x" * 1000):
            link = self.bad_link()
            try:
                link.send_raw(data)
            except (OSError, ConnectionError):
                pass
            link.close()
            self.assert_unharmed()

    def test_a_flood_of_messages(self):
        link = self.bad_link()
        payload, telemetry = json.dumps(state(BAD)), batch(BAD, secrets.token_hex(8), 1, [("window", window(now_ms()))] * 50)
        try:
            for _ in range(1500):
                link.publish(f"argosy/v1/{BAD}/up/state", payload, wait=False)
                link.publish(f"argosy/v1/{BAD}/up/telemetry", telemetry, wait=False)
        except (OSError, ConnectionError):
            pass  # cut off: as good
        self.assert_unharmed()
        self.assert_can_be_stopped()
        link.close()

    def test_epochs_and_models_that_it_invents(self):
        link = self.bad_link()
        for number in range(400):
            content = window(now_ms(), model=f"invented-{number}", version=f"{number}.0")
            link.publish(f"argosy/v1/{BAD}/up/telemetry", batch(BAD, secrets.token_hex(8), 1, [("window", content)]))
        link.close()
        self.assert_unharmed()
        self.assert_can_be_stopped()
        cursors = self.installation.count(f"select count(*) from telemetry_cursors where device_id = '{BAD}'")
        self.assertLess(cursors, 100)

    def test_two_with_one_name(self):
        for _ in range(20):
            first, second = self.bad_link(), self.bad_link()
            for link in (first, second):
                try:
                    link.publish(f"argosy/v1/{BAD}/up/state", json.dumps(state(BAD, nonce=secrets.randbelow(2**40))))
                except (OSError, ConnectionError):
                    pass
                link.close()
        self.assert_unharmed()

    # Over HTTPS ------------------------------------------------------------------------------------------------------------
    def as_bad(self, method, path, body=None, headers=None):
        return self.send(self.device_side(self.bad), method, path, body, headers)

    def test_states_and_batches_by_https_are_told_what_they_are(self):
        for name, document in bad_states():
            payload = document if isinstance(document, (str, bytes)) else json.dumps(document)
            with self.subTest(f"state: {name}"):
                answer = self.as_bad("POST", "/device/v1/state", payload)
                self.assertLess(answer.status, 500, answer.body[:300])
                self.assertLess(len(answer.body), 4096)
        for name, payload in bad_batches():
            with self.subTest(f"telemetry: {name}"):
                answer = self.as_bad("POST", "/device/v1/telemetry", payload)
                self.assertLess(answer.status, 500, answer.body[:300])
                self.assertLess(len(answer.body), 4096)
        self.assert_unharmed()
        self.assert_can_be_stopped()

    def test_what_belongs_to_others(self):
        digest = self.installation.rows("select digest from blobs order by digest limit 1")[0][0]
        named = json.dumps(self.as_bad("GET", "/device/v1/desired").json())
        self.assertNotIn(digest, named, "the bad device is to run nothing of it")
        for other in (digest, secrets.token_hex(32)):
            self.assertIn(self.as_bad("GET", f"/device/v1/blobs/{other}").status, (403, 404))
        stranger = Authority.create(self.folder / "strangers").issue("good-7")
        context = ssl.create_default_context(cafile=self.installation.ca)
        context.load_cert_chain(stranger.certificate, stranger.key)
        address = urlsplit(self.installation.argosyd.device_url)
        with self.assertRaises((ssl.SSLError, OSError, http.client.HTTPException)):
            connection = http.client.HTTPSConnection(address.netloc, timeout=10, context=context)
            connection.request("GET", "/device/v1/desired")
            connection.getresponse()
        self.assertEqual(self.send(self.device_side(), "GET", "/device/v1/desired").status, 401)

    def test_enrolment_by_strangers(self):
        _, csr = self.certificate_request("good-7x")
        claim = self.make_claim(max_uses=50)
        for body in ({"claim": "guess", "device": "new-1", "hardware_class": "x", "csr": csr},
                     {"claim": claim, "device": "good-7", "hardware_class": "x", "csr": csr},
                     {"claim": claim, "device": "argosyd", "hardware_class": "x", "csr": csr},
                     {"claim": claim, "device": "new-1", "hardware_class": "x", "csr": "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n"},
                     {"claim": claim, "device": "new-1", "hardware_class": "x", "csr": csr, "labels": {f"k{i}": "v" for i in range(9999)}},
                     {"claim": claim, "device": "a" * 10_000, "hardware_class": "x", "csr": csr}, nested(50_000), b"\xff" * 1000):
            answer = self.send(self.device_side(), "POST", "/device/v1/enrol", body)
            self.assertGreaterEqual(answer.status, 400)
            self.assertLess(answer.status, 500, answer.body[:300])
        self.assert_unharmed()

    def test_a_device_that_asks_without_end(self):
        connection = self.device_side(self.bad)
        statuses = set()
        for _ in range(600):
            connection.request("GET", "/device/v1/desired")
            answer = connection.getresponse()
            answer.read()
            statuses.add(answer.status)
            if answer.getheader("Connection") == "close":
                connection.close()
        connection.close()
        self.assertEqual(max(statuses), 429, statuses)
        self.assert_can_be_stopped()

    # Strangers -------------------------------------------------------------------------------------------------------------
    def half_requests(self, url, count, text):
        """Connections that say `text` and then nothing; kept open by who holds the list."""
        address, held = urlsplit(url), []
        for _ in range(count):
            try:
                held.append(socket.create_connection((address.hostname, address.port), timeout=5))
                held[-1].sendall(text)
            except OSError:
                pass
        return held

    def test_half_requests_shut_nobody_out(self):
        for url, text in ((self.installation.argosyd.url, b"GET /api/v1/dev"), (self.installation.argosyd.device_url, b"\x16\x03\x01"),
                          (self.installation.argosyd.url, b"POST /api/v1/login HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{")):
            held = self.half_requests(url, 1100, text)
            try:
                self.assert_can_be_stopped()
                self.assertEqual(self.as_bad("GET", "/device/v1/desired").status, 200)
            finally:
                for connection in held:
                    connection.close()
        self.assert_unharmed()

    def test_wrong_passwords_shut_out_nobody(self):
        self.api("POST", "/api/v1/users", {"name": "ada", "role": "operator", "password": "right horse battery"})
        connection = self.operator()
        for number in range(60):
            connection.request("POST", "/api/v1/login", json.dumps({"name": "ada" if number % 2 else f"x{number}", "password": "wrong"}))
            answer = connection.getresponse()
            answer.read()
            self.assertIn(answer.status, (401, 429))
        connection.close()
        link = self.installation.admin_link().partition("token=")[2]
        self.assertEqual(self.send(self.operator(), "POST", "/api/v1/login/link", {"token": link}).status, 200)
        self.assert_can_be_stopped()

    def test_requests_that_are_none(self):
        for text in (b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 10_000 + b"\r\n",
                     b"POST /api/v1/login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
                     b"POST /api/v1/login HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /",
                     b"POST /api/v1/login HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
                     b"GET /%00 HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n",
                     b"GET /..%2f..%2fetc%2fpasswd HTTP/1.1\r\nHost: x\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", secrets.token_bytes(5000),
                     b"GET /api/v1/devices?filter=" + b"(" * 8000 + b" HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer x\r\n\r\n"):
            for held in self.half_requests(self.installation.argosyd.url, 1, text):
                held.close()
            self.assert_unharmed()
        for path in ("/api/v1/devices", "/api/v1/stream", "/api/v1/audit", "/api/v1/users"):
            self.assertEqual(self.send(self.operator(), "GET", path, None, {"Authorization": "Bearer argosy_guess"}).status, 401)

    # The agent's socket ----------------------------------------------------------------------------------------------------
    def test_noise_into_the_agents_socket(self):
        path = str(self.folder / "run/observe.sock")
        wait_until(lambda: os.path.exists(path), 30, "the agent listens")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.setblocking(False)
            for data in [secrets.token_bytes(size) for size in (0, 1, 100, 4000, 60_000)] + [b"\x81" * 4000, b"\xbb" + b"\xff" * 8] * 200:
                try:
                    sender.sendto(data, path)
                except OSError:
                    pass  # full, or too large: its own loss
        self.assertTrue(self.agent.is_alive(), self.agent.log_tail())

    # At the end ------------------------------------------------------------------------------------------------------------
    def test_zz_good_devices_have_lost_nothing(self):
        """After all the others, which is what its name is for."""
        for device in self.fleet:
            device.stop_making_records()
        wait_until(lambda: all(device.settled for device in self.fleet), 60, "every record is acknowledged")
        self.assertEqual([device.faults for device in self.fleet if device.faults], [])
        for device in self.fleet:
            epochs = self.api("GET", f"/api/v1/devices/{device.name}/telemetry-integrity").json()["items"]
            figures = [(epoch["epoch"], epoch["stored"], epoch["lost"], epoch["duplicates"], epoch["gaps"]) for epoch in epochs]
            self.assertEqual(figures, [(device.epoch, device.made, 0, 0, 0)], device.name)
        latest = {device.name: device.states for device in self.fleet}
        shown = {}

        def all_shown():
            for name in [name for name in latest if name not in shown]:
                word = self.api("GET", f"/api/v1/devices/{name}").json()["agent_version"]
                if int(word.rpartition("-")[2]) >= latest[name]:
                    shown[name] = word
            return len(shown) == GOOD

        wait_until(all_shown, 30, "the latest state of every good device is there", 0.5)

        def all_online():
            online = self.api("GET", '/api/v1/devices?filter=presence%20%3D%20"online"&limit=100').json()["items"]
            return sum(one["id"].startswith("good-") for one in online) == GOOD

        wait_until(all_online, 30, "every good device is online", 0.5)
        self.assert_can_be_stopped()
