"""What people, pipelines, devices and strangers get wrong: each a clear error of a stable type, with nothing lost, nothing
kept of it, and the same server still answering."""
import hashlib
import http.client
import secrets
import socket
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote, urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from running_argosy import PROBLEM, ROOT, Answer, RunningArgosy  # noqa: E402, I001  (it knows where the next are)
from command_line import CommandFailed  # noqa: E402


def digest_of(data):
    return hashlib.sha256(data).hexdigest()


class BadInput(RunningArgosy):
    def setUp(self):
        self.server_pid = self.installation.argosyd.pid

    def tearDown(self):
        self.assertEqual(self.send(self.operator(), "GET", "/readyz").status, 200)
        self.assertTrue(self.installation.argosyd.is_alive())
        self.assertEqual(self.installation.argosyd.pid, self.server_pid)

    # Configuration ----------------------------------------------------------------------------------------------------
    def check_config(self, program, text):
        file = self.folder / "wrong.toml"
        file.write_text(text)
        file.chmod(0o600)
        return subprocess.run([self.build / program, "--config", file, "--check-config"], capture_output=True, text=True,
                              timeout=30)

    def test_an_unknown_key_of_the_server_is_named_with_the_nearest_one(self):
        done = self.check_config("server/argosyd", self.installation.argosyd.config.read_text() + '\n[store2]\ndir = "x"\n')
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("there is no key 'store2.dir'; did you mean 'store.dir'?", done.stderr)

    def test_an_unknown_key_of_the_agent_is_named(self):
        done = self.check_config("agent/argosy-agent",
                                 'server = "https://127.0.0.1:1"\ndevice = "cam-1"\nhardware_clas = "cpu"\n')
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("hardware_clas", done.stderr)

    # Who asks ---------------------------------------------------------------------------------------------------------
    def test_a_wrong_token(self):
        self.assert_problem(self.api("GET", "/api/v1/devices", token="argosy_wrong"), 401, "unauthenticated")
        self.assert_problem(self.send(self.operator(), "GET", "/api/v1/devices"), 401, "unauthenticated")

    def test_a_device_without_a_certificate(self):
        self.assert_problem(self.send(self.device_side(), "GET", "/device/v1/desired"), 401, "unauthenticated")

    def test_an_expired_claim_enrols_nobody_and_a_new_one_does(self):
        claim = self.make_claim()
        self.installation.rows(
            f"update claims set expires_at = now() - interval '1 minute' where token_hash = decode('{digest_of(claim.encode())}', 'hex')")
        _, csr = self.certificate_request("late-1")
        self.assert_problem(self.ask_to_enrol("late-1", claim, csr), 401, "claim-expired", "expired at", "ask for a new one")
        self.assert_problem(self.ask_to_enrol("late-1", "no such claim", csr), 401, "claim-invalid")
        self.assert_problem(self.api("GET", "/api/v1/devices/late-1"), 404, "not-found", "late-1")
        self.assertEqual(self.ask_to_enrol("late-1", self.make_claim(), csr).status, 201)

    # Bodies -----------------------------------------------------------------------------------------------------------
    def stored_files(self):
        return sorted(path for path in (self.installation.folder / "store").rglob("*") if path.is_file())

    def upload(self, digest, body, declared_size=None):
        """PUT of a blob; with a declared size that the body does not reach, the connection ends early."""
        head = (f"PUT /api/v1/blobs/{digest} HTTP/1.1\r\nHost: argosy\r\nAuthorization: Bearer {self.admin}\r\n"
                f"Content-Length: {declared_size or len(body)}\r\nConnection: close\r\n\r\n")
        return self.raw(head.encode() + body)

    def raw(self, data):
        """The answer to these bytes after which nothing more comes; None when there is none."""
        address = urlsplit(self.installation.argosyd.url)
        with socket.create_connection((address.hostname, address.port), timeout=30) as connection:
            try:
                connection.sendall(data)
                connection.shutdown(socket.SHUT_WR)
            except (BrokenPipeError, ConnectionResetError):
                pass  # the server had heard enough
            response = http.client.HTTPResponse(connection)
            response.begin()
            return Answer(response)

    def test_a_truncated_upload_leaves_nothing_and_can_be_sent_again(self):
        data = secrets.token_bytes(300_000)
        before = self.stored_files()
        self.assert_problem(self.upload(digest_of(data), data[:200_000], len(data)), 400, "truncated")
        self.assertEqual(self.stored_files(), before)
        self.assertEqual(self.api("GET", f"/api/v1/blobs/{digest_of(data)}").status, 404)
        self.assertEqual(self.upload(digest_of(data), data).status, 201)
        self.assertEqual(self.api("GET", f"/api/v1/blobs/{digest_of(data)}").body, data)

    def test_an_upload_under_a_wrong_digest_is_not_kept(self):
        data, other = secrets.token_bytes(1000), digest_of(b"something else")
        before = self.stored_files()
        self.assert_problem(self.upload(other, data), 422, "digest-mismatch", digest_of(data))
        self.assertEqual(self.stored_files(), before)
        self.assertEqual(self.api("GET", f"/api/v1/blobs/{other}").status, 404)

    def test_a_name_that_is_no_digest(self):
        self.assert_problem(self.upload("ABC", b"x"), 400, "invalid-argument", "64 lower-case hex digits")
        self.assert_problem(self.upload("..%2f..%2fetc%2fpasswd", b"x"), 404, "not-found")

    def test_malformed_json_tells_where(self):
        models = self.api("GET", "/api/v1/models").json()
        for body in ('{"name": "m"', "[]", "", '{"name": 7}', '{"name": "\ud83d"}'.encode("utf-8", "surrogatepass"),
                     '{"name":' + "[" * 100_000):
            with self.subTest(body=body[:20]):
                answer = self.api("POST", "/api/v1/models", body)
                self.assertEqual(answer.status, 400, answer.body)
                self.assertIn(answer.json()["type"], (PROBLEM + "malformed-json", PROBLEM + "invalid-argument"))
        self.assert_problem(self.api("POST", "/api/v1/models", '{"name": "m"'), 400, "malformed-json", "column")
        self.assert_problem(self.api("POST", "/api/v1/models", '{"name": "m", "nmae": 1}'), 400, "unknown-key", "nmae")
        self.assertEqual(self.api("GET", "/api/v1/models").json(), models)

    def test_malformed_cbor_of_a_device_stores_nothing(self):
        cam = self.enrol("cam-cbor")
        for body in (b"", b"\xff", b"\xa1", b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff", b"\x81" * 10_000, secrets.token_bytes(500)):
            with self.subTest(body=body[:10]):
                answer = self.send(self.device_side(cam), "POST", "/device/v1/telemetry", body,
                                   {"Content-Type": "application/cbor"})
                self.assert_problem(answer, 400, "malformed-cbor")
        self.assertEqual(self.api("GET", "/api/v1/devices/cam-cbor/telemetry-integrity").json()["items"], [])

    def test_a_state_document_that_is_none_or_another_devices(self):
        cam = self.enrol("cam-state")
        self.assert_problem(self.send(self.device_side(cam), "POST", "/device/v1/state", "{"), 400, "malformed-json")
        foreign = {"v": 1, "device": "cam-other"}
        answer = self.send(self.device_side(cam), "POST", "/device/v1/state", foreign)
        self.assertIn(answer.status, (400, 403), answer.body)

    def test_a_header_of_10_mb_is_cut_off(self):
        head = b"GET /livez HTTP/1.1\r\nHost: argosy\r\nX-Long: " + b"a" * 10_000_000 + b"\r\n\r\n"
        try:
            self.assert_problem(self.raw(head), 431, "headers-too-large")
        except ConnectionResetError:
            pass  # the answer may be lost to a peer that goes on sending; what counts is that the server lives

    def test_a_filter_that_does_not_parse_tells_the_column(self):
        filter_ = quote('hardware_class = "cpu-fp32" AND AND')
        self.assert_problem(self.api("GET", f"/api/v1/devices?filter={filter_}"), 400, "filter-syntax", "column 33")
        self.assert_problem(self.api("GET", f"/api/v1/devices?filter={quote('colour = 1')}"), 400, "filter-syntax", "colour")

    # Models and patches -----------------------------------------------------------------------------------------------
    def test_a_file_that_is_no_model_is_not_published(self):
        text = b"This is a letter, not a model.\n" * 100
        self.assertEqual(self.upload(digest_of(text), text).status, 201)
        self.assertIn(self.api("POST", "/api/v1/models", {"name": "letters"}).status, (200, 201))
        release = {"version": "1.0", "variants": [{"name": "fp32", "digest": digest_of(text), "format": "onnx"}]}
        self.assert_problem(self.api("POST", "/api/v1/models/letters/releases", release), 422, "malformed-model", "fp32")
        self.assertEqual(self.api("GET", "/api/v1/models/letters/releases").json()["total"], 0)

    def test_a_patch_for_another_base_writes_nothing(self):
        models = ROOT / "examples/digits/models"
        patch, result = self.folder / "digits.patch", self.folder / "rebuilt.onnx"
        self.argosy("patch", "make", models / "digits-1.0-fp32.onnx", models / "digits-1.1-fp32.onnx", patch)
        wrong = models / "digits-1.2-fp32.onnx"
        base = digest_of((models / "digits-1.0-fp32.onnx").read_bytes())
        with self.assertRaises(CommandFailed) as failed:
            self.argosy("patch", "apply", wrong, result, patch, "--base-sha256", base)
        self.assertEqual(failed.exception.status, 1)
        for word in (base, digest_of(wrong.read_bytes())):
            self.assertIn(word, str(failed.exception))
        self.assertFalse(result.exists())
        self.argosy("patch", "apply", models / "digits-1.0-fp32.onnx", result, patch, "--base-sha256", base)
        self.assertEqual(result.read_bytes(), (models / "digits-1.1-fp32.onnx").read_bytes())

    def test_a_patch_that_is_none(self):
        patch, result = self.folder / "letter.patch", self.folder / "never.onnx"
        patch.write_text("Dear patch,")
        with self.assertRaises(CommandFailed) as failed:
            self.argosy("patch", "apply", ROOT / "examples/digits/models/digits-1.0-fp32.onnx", result, patch)
        self.assertEqual(failed.exception.status, 1)
        self.assertFalse(result.exists())
