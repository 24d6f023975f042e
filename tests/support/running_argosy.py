"""A whole installation under test: PostgreSQL, Mosquitto and argosyd of ARGOSY_BUILD, and what a test asks them.

    class Enrolment(RunningArgosy):
        def test_…(self):
            self.assert_problem(self.api("GET", "/api/v1/devices", token="wrong"), 401, "unauthenticated")
"""
import http.client
import json
import os
import shutil
import ssl
import sys
import tempfile
import unittest
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "scripts/lib"), str(ROOT / "scripts/demo")]

from command_line import CommandLine  # noqa: E402
from installation import Installation  # noqa: E402
from processes import Group, free_port  # noqa: E402
from services import SharedPostgres, TlsFiles, run  # noqa: E402

PROBLEM = "https://argosy.dev/problems/"


class Answer:
    def __init__(self, response):
        self.status, self.body = response.status, response.read()
        self.content_type = response.getheader("Content-Type", "")
        self.cookie = response.getheader("Set-Cookie", "").partition(";")[0]

    def json(self):
        return json.loads(self.body)


class RunningArgosy(unittest.TestCase):
    """One installation for all tests of a class, with `self.admin`, an API token, and `self.argosy`, logged in as admin.

    It shares a PostgreSQL with the classes before and after it, where the runner of tests has started some; a class that kills
    it, or sets more of it than its rows, says `OWN_POSTGRES = True`. `environment()` is what argosyd finds in its own.
    """

    OWN_POSTGRES = False

    @classmethod
    def environment(cls):
        return {}

    @classmethod
    def setUpClass(cls):
        cls.build = Path(os.environ["ARGOSY_BUILD"])
        cls.folder = Path(tempfile.mkdtemp(prefix="argosy-test-"))
        cls.folder.chmod(0o755)
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.group = cls.enterClassContext(Group())
        clusters = os.environ.get("ARGOSY_TEST_CLUSTERS", "").splitlines()
        shared = SharedPostgres(clusters) if clusters and not cls.OWN_POSTGRES else None
        cls.installation = Installation(cls.group, cls.folder, cls.build, free_port(), free_port(), free_port(), shared,
                                        cls.environment())
        if shared:
            cls.addClassCleanup(shared.lock.close)
        cls.installation.start()
        cls.admin = cls.make_admin_token()
        cls.argosy = CommandLine(cls.build / "cli/argosy", cls.installation.cli_home)
        cls.argosy("login", "--server", cls.installation.argosyd.url, "--link", cls.installation.admin_link())

    @classmethod
    def make_admin_token(cls):
        token = cls.installation.admin_link().partition("token=")[2]
        session = cls.send(cls.operator(), "POST", "/api/v1/login/link", {"token": token})
        made = cls.send(cls.operator(), "POST", "/api/v1/tokens", {"name": "test", "role": "admin"},
                        {"Cookie": session.cookie, "X-CSRF-Token": session.json()["csrf"]})
        return made.json()["token"]

    @classmethod
    def operator(cls, server=None):
        return http.client.HTTPConnection(urlsplit((server or cls.installation.argosyd).url).netloc, timeout=30)

    @classmethod
    def device_side(cls, identity=None):
        """A connection to the device listener; with `identity` (TlsFiles) as that device."""
        context = ssl.create_default_context(cafile=cls.installation.ca)
        if identity:
            context.load_cert_chain(identity.certificate, identity.key)
        address = urlsplit(cls.installation.argosyd.device_url).netloc
        return http.client.HTTPSConnection(address, timeout=30, context=context)

    @staticmethod
    def send(connection, method, path, body=None, headers=None):
        """One request; a body that is neither text nor bytes is sent as JSON."""
        if body is not None and not isinstance(body, (str, bytes)):
            body = json.dumps(body)
        try:
            connection.request(method, path, body, headers or {})
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def api(self, method, path, body=None, token=None, server=None):
        """A request of an operator, by default with the admin's token."""
        return self.send(self.operator(server), method, path, body, {"Authorization": f"Bearer {token or self.admin}"})

    def make_claim(self, **offer):
        return self.api("POST", "/api/v1/claims", {"max_uses": 1, "expires_in_s": 600, **offer}).json()["claim"]

    def certificate_request(self, device):
        """The path of a new key and the text of a request for a certificate."""
        key, request = self.folder / f"{device}.key", self.folder / f"{device}.csr"
        run(["openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
             f"/CN={device}", "-keyout", key, "-out", request])
        return key, request.read_text()

    def ask_to_enrol(self, device, claim, csr):
        return self.send(self.device_side(), "POST", "/device/v1/enrol",
                         {"claim": claim, "device": device, "hardware_class": "cpu-fp32", "csr": csr})

    def enrol(self, device):
        """A device of that name; its TlsFiles."""
        key, csr = self.certificate_request(device)
        answer = self.ask_to_enrol(device, self.make_claim(), csr)
        self.assertEqual(answer.status, 201, answer.body)
        certificate = self.folder / f"{device}.pem"
        certificate.write_text(answer.json()["certificate"])
        return TlsFiles(self.installation.ca, certificate, key)

    def assert_problem(self, answer, status, slug, *words):
        """An error of this stable type, whose detail names all the words."""
        self.assertEqual(answer.content_type, "application/problem+json", answer.body)
        problem = answer.json()
        self.assertEqual((answer.status, problem["type"]), (status, PROBLEM + slug), problem)
        for word in words:
            self.assertIn(word, problem["detail"])
