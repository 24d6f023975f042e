"""Every verb of `argosy` against a running server: what it prints for people and with --json, and how it ends. A verb that
no test here brings to a good end fails the last one."""
import json
import re
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from running_argosy import RunningArgosy  # noqa: E402, I001  (it knows where the next are)
from notice_kills import QUICK  # noqa: E402
from played_device import state  # noqa: E402
from processes import free_port, wait_until  # noqa: E402
from scenario import EXAMPLE  # noqa: E402
from webhook_receiver import Receiver  # noqa: E402
from window_figures import encode, varint  # noqa: E402

FAILED, USAGE, NOT_ALLOWED, NOT_FOUND, CONFLICT, UNREACHABLE, NOT_COMPLETED, PAUSED, STILL_RUNNING = 1, 2, 3, 4, 5, 6, 7, 8, 9
ONE_WAVE = {"waves": [{"share": 1}], "gate": {"min_executed": 1, "bake_s": 0}, "abort": [], "guards": []}
TWO_WAVES = {"waves": [{"share": 0.5}, {"share": 1}], "gate": {"min_executed": 1, "bake_s": 0, "manual": True}, "guards": []}
CASES = Path(__file__).resolve().parents[1] / "data/cases"
PASSWORD = "correct horse battery"


# What of the API the command line does with which verb: each operation of docs/api/openapi.json behind /api/v1.
VERB_OF = {
    "POST /login": "login", "POST /login/link": "login", "POST /logout": "login", "GET /me": "whoami",
    "GET /users": "user list", "POST /users": "user create", "PATCH /users/{id}": "user role",
    "GET /tokens": "token list", "POST /tokens": "token create", "DELETE /tokens/{id}": "token revoke",
    "GET /audit": "audit list", "GET /audit/head": "audit head", "GET /audit/verify": "audit verify",
    "GET /claims": "claim list", "POST /claims": "claim create", "DELETE /claims/{id}": "claim revoke",
    "GET /overview": "overview", "GET /connectivity": "connectivity", "GET /events": "event list",
    "GET /devices": "device list", "GET /devices/{id}": "device show", "PATCH /devices/{id}": "device label",
    "DELETE /devices/{id}": "device revoke", "POST /devices/{id}/suggested": "device accept-suggested",
    "POST /devices/{id}/replacement": "device replace", "GET /replacements": "device replacements", "GET /inventory": "device inventory",
    "GET /devices/{id}/quarantine": "device show", "GET /devices/{id}/assignments": "device show",
    "GET /devices/{id}/presence": "device presence", "GET /devices/{id}/telemetry-integrity": "device integrity",
    "GET /devices/{id}/diagnostics": "device diagnostics", "POST /devices/{id}/diagnostics": "device diagnostics",
    "GET /devices/{id}/diagnostics/{diagnostics}": "device diagnostics",
    "GET /devices/{id}/drift": "drift show", "GET /drift": "drift list",
    "GET /telemetry/series": "telemetry series", "GET /telemetry/worst": "telemetry worst",
    "GET /telemetry/accuracy": "telemetry accuracy", "GET /telemetry/export": "telemetry export",
    "POST /labels": "labels add", "GET /labels": "labels list", "GET /labels/status": "labels status",
    "GET /models": "release list", "POST /models": "release publish", "GET /models/{model}/releases": "release list",
    "POST /models/{model}/releases": "release publish", "PUT /blobs/{digest}": "release publish",
    "GET /models/{model}/releases/{version}": "release show", "PUT /models/{model}/releases/{version}/signature": "release signature",
    "POST /models/{model}/releases/{version}/withdraw": "release withdraw", "POST /models/{model}/releases/{version}/recall": "release recall",
    "GET /models/{model}/drafts": "release drafts", "GET /models/{model}/drafts/{version}": "release show",
    "PUT /models/{model}/drafts/{version}": "release publish",
    "POST /models/{model}/drafts/{version}/publish": "release finish", "DELETE /models/{model}/drafts/{version}": "release discard",
    "GET /models/{model}/patches": "release patches", "POST /models/{model}/patches": "release ask-patch",
    "DELETE /models/{model}/patches/{from}/{to}": "release cancel-patch",
    "GET /rollouts": "rollout list", "POST /rollouts": "rollout create", "POST /rollouts/preview": "rollout create",
    "GET /rollouts/{id}": "rollout show", "GET /rollouts/{id}/devices": "rollout devices", "GET /rollouts/{id}/decisions": "rollout decisions",
    "GET /rollouts/{id}/validation": "rollout explain", "GET /rollouts/{id}/evidence": "rollout evidence", "GET /evidence-key": "rollout evidence",
    **{f"POST /rollouts/{{id}}/{verb}": f"rollout {verb}" for verb in (
        "start", "approve", "refuse", "cancel", "pause", "resume", "promote", "halt", "rollback", "retry", "assign", "unassign")},
    "GET /alerts": "alert list", "GET /alerts/groups": "alert groups", "GET /alerts/history": "alert history", "GET /alerts/{id}": "alert show",
    "GET /alerts/{id}/deliveries": "alert show", "POST /alerts/{id}/acknowledge": "alert ack", "DELETE /alerts/{id}/acknowledge": "alert unack",
    "GET /silences": "alert silences", "POST /silences": "alert silence", "PUT /silences/{id}": "alert silence",
    "DELETE /silences/{id}": "alert unsilence",
    "GET /routes": "route list", "POST /routes": "route create", "GET /routes/{id}": "route show", "PATCH /routes/{id}": "route update",
    "DELETE /routes/{id}": "route delete", "POST /routes/{id}/rotate": "route rotate", "POST /routes/{id}/test": "route test",
    "POST /routes/{id}/preview": "route preview", "GET /deliveries": "delivery list", "GET /deliveries/{id}": "delivery show",
    "POST /deliveries/{id}/redeliver": "delivery redeliver",
    "GET /rules": "rule list", "POST /rules": "rule create", "POST /rules/preview": "rule preview", "GET /rules/{name}": "rule show",
    "PATCH /rules/{name}": "rule update", "DELETE /rules/{name}": "rule delete", "POST /rules/{name}/reset": "rule reset",
    "GET /rules/{name}/versions": "rule history", "GET /reactions": "rule reactions",
}
NO_VERB = {
    "GET /openapi.json": "for programs that are made from it",
    "PUT /me/password": "of a person's session, and the command line has tokens",
    "DELETE /me/sessions": "of a person's sessions, and the command line has tokens",
    "GET /devices/{id}/series": "what one screen draws at once; `telemetry series` tells each of its metrics",
    "GET /devices/{id}/events": "`event list --device` asks GET /events",
    "GET /telemetry/facets": "the menus of a screen; `device inventory` and `telemetry series --by` tell it in tables",
    "GET /models/{model}": "`release list` and `release patches` tell it",
    "GET /blobs/{digest}": "files leave the server for devices, which check them",
    "POST /routes/preview": "of a route that is not made: `route create` and `route preview` tell the same",
    "GET /stream": "for screens that stay open; `event follow` asks GET /events",
}
# Verbs that change nothing on the server, or not what is there already, and so have no --dry-run.
NO_DRY_RUN = {
    "login": "makes a token, and keeps it", "logout": "forgets what this machine keeps", "device diagnostics": "asks, and changes nothing",
    "key make": "writes new files alone", "key rotate": "writes a new file alone", "sign": "writes new files alone",
    "patch make": "writes a new file alone", "patch apply": "writes a new file alone", "release pack": "writes a new file alone",
    "release compact": "writes a new file, and publishes as `release publish` does",
}
READING = re.compile(r"^(?:\S+ (?:list|show|drafts|groups|history|silences|presence|integrity|inventory|replacements|follow|head|verify|status|series|worst|"
                     r"accuracy|export|preview|reactions|decisions|devices|explain|watch|evidence|patches|info)|overview|connectivity|whoami|verify|completion \w+)$")


class Ended:
    def __init__(self, words, done):
        self.words, self.status, self.out, self.err = words, done.returncode, done.stdout, done.stderr

    def json(self):
        return json.loads(self.out)

    def __repr__(self):
        return f"argosy {' '.join(self.words)}: status {self.status}\n{self.out}{self.err}"


class Door(BaseHTTPRequestHandler):
    """Passes requests on to a server; before the first POST, something else happens there."""
    protocol_version = "HTTP/1.0"

    def pass_on(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.command == "POST" and self.server.happens:
            self.server.happens.pop()()
        request = urllib.request.Request(self.server.behind + self.path, body or None, dict(self.headers), method=self.command)
        try:
            answer = urllib.request.urlopen(request, timeout=30)
        except urllib.error.HTTPError as refusal:
            answer = refusal
        with answer:
            text = answer.read()
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.headers["Content-Type"])
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

    do_GET = do_POST = pass_on

    def log_message(self, *_):
        pass


class CommandLineVerbs(RunningArgosy):
    helps = {}  # of each verb
    worked = set()  # the words of each call that ended well, options left out

    @classmethod
    def environment(cls):
        return QUICK

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.models = EXAMPLE / "models"
        for version in ("1.0", "1.1"):
            cls.argosy("release", "publish", f"digits@{version}", "--variant", f"fp32={cls.models}/digits-{version}-fp32.onnx")

    # Asking ---------------------------------------------------------------------------------------------------------------
    def argosy_ends(self, *words, home=None, stdin="", env=None):
        words = [str(word) for word in words]
        environment = {**self.argosy.env, **(env or {})}
        if home:
            environment["XDG_CONFIG_HOME"] = str(home)
        return Ended(words, subprocess.run([self.argosy.program, *words], input=stdin, capture_output=True, text=True,
                                           env=environment, timeout=60))

    def ok(self, *words, **means):
        """A call that ends well; what it printed."""
        ended = self.argosy_ends(*words, **means)
        self.assertEqual(ended.status, 0, ended)
        self.worked.add(tuple(ended.words))
        return ended

    def ok_json(self, *words, **means):
        ended = self.ok(*words, "--json", **means)
        self.assertTrue(ended.out, f"one JSON document on stdout was promised: {ended}")
        return ended.json()

    def refused(self, status, words, *named, **means):
        """Ends with this status, tells people why on stderr, and programs with --json on stdout."""
        for_people = self.argosy_ends(*words, **means)
        self.assertEqual(for_people.status, status, for_people)
        self.assertEqual(for_people.out, "")
        for name in named:
            self.assertIn(name, for_people.err)
        if status == USAGE:
            return
        for_programs = self.argosy_ends(*words, "--json", **means)
        self.assertEqual(for_programs.status, status, for_programs)
        self.assertEqual(set(for_programs.json()["error"]), {"type", "message"})

    def table(self, *words):
        """What people see: the header's words, and the rows."""
        header, *rows = self.ok(*words).out.splitlines()
        return re.split(r"\s{2,}", header), [re.split(r"\s{2,}", row.strip()) for row in rows]

    # The fleet ------------------------------------------------------------------------------------------------------------
    def device(self, name):
        identity = self.enrol(name)
        self.report(name, identity)
        return identity

    def report(self, name, identity, **changes):
        answer = self.send(self.device_side(identity), "POST", "/device/v1/state", state(name, **changes))
        self.assertEqual(answer.status, 204, answer.body)

    def desired(self, identity):
        return self.send(self.device_side(identity), "GET", "/device/v1/desired").json()

    def report_update(self, name, identity, **update):
        """Tells how the update goes that the device is told of."""
        desired = wait_until(lambda: (found := self.desired(identity))["models"] and found, 20, f"{name} is told")
        wish, = desired["models"]
        report = {"rollout": wish["rollout"], "attempt": wish["attempt"], "version": wish["version"], "progress": 1, "source": "full",
                  "bytes": 10, "full_bytes": 10, "cause": "", "message": "", "changed_at": state(name)["at"], **update}
        served = {"version": wish["version"], "digest": wish["artifact"]["digest"]} if update["state"] == "committed" else {"version": "", "digest": ""}
        self.report(name, identity, rev=desired["rev"], models=[{"model": wish["model"], **served, "slots": [], "update": report}])
        return wish

    def step(self, rollout):
        row, = self.argosy("rollout", "devices", rollout)
        return row["state"], row["cause"], row["attempt"]

    def policy(self, content):
        file = self.folder / "policy.json"
        file.write_text(json.dumps(content))
        return file

    def plan(self, *words, policy=ONE_WAVE, filter_='id = "nobody"'):
        return self.ok_json("rollout", "create", "digits@1.0", "--filter", filter_, "--policy", self.policy(policy), *words)

    def state_of(self, rollout):
        return self.argosy("rollout", "show", rollout)["state"]

    # Who asks -------------------------------------------------------------------------------------------------------------
    def test_login_by_link_by_password_and_by_token_and_logout(self):
        home, server = self.folder / "grace", ("--server", self.installation.argosyd.url)
        person = self.api("POST", "/api/v1/users", {"name": "grace", "role": "admin"}).json()
        inside = self.ok_json("login", *server, "--link", person["link"], home=home)
        self.assertRegex(inside["user"]["name"], "^login-", "a token named after the machine")
        self.assertEqual((home / "argosy/credentials.json").stat().st_mode & 0o777, 0o600)
        self.assertEqual(self.ok("whoami", home=home).out.split()[1:], ["(admin)", "at", self.installation.argosyd.url])
        self.assertEqual(self.sessions_of("grace"), 0, "the token stays, the session does not")

        self.assertEqual(self.ok_json("logout", home=home), {})
        self.assertFalse((home / "argosy/credentials.json").exists())
        self.refused(NOT_ALLOWED, ("whoami",), "argosy login", home=home)

        self.set_password(person)
        self.ok("login", *server, "--user", "grace", "--password-stdin", home=home, stdin=PASSWORD + "\n")
        self.assertEqual(self.ok_json("whoami", home=home)["user"], inside["user"])
        self.refused(NOT_ALLOWED, ("login", *server, "--user", "grace"), home=home, stdin="not this one\n")
        self.refused(FAILED, ("login", *server), "--user NAME", home=home)

        self.ok("login", *server, "--token", self.admin, home=home)
        self.assertEqual(self.ok_json("whoami", home=home)["user"]["role"], "admin")

    def test_who_may_make_no_token_is_told_to_bring_one(self):
        home, server = self.folder / "vera", ("--server", self.installation.argosyd.url)
        person = self.api("POST", "/api/v1/users", {"name": "vera", "role": "operator"}).json()
        self.refused(NOT_ALLOWED, ("login", *server, "--link", person["link"]), "--token TOKEN", "still good", home=home)
        self.use_link(person["link"])
        self.set_password(person)
        self.refused(NOT_ALLOWED, ("login", *server, "--user", "vera"), "Only an administrator", "--token TOKEN", home=home,
                     stdin=PASSWORD + "\n")
        self.assertEqual(self.sessions_of("vera"), 1, "the one in the browser")
        token = self.ok_json("token", "create", "vera", "--role", "operator")["token"]
        self.ok("login", *server, "--token", token, home=home)
        self.assertEqual(self.ok_json("whoami", home=home)["user"]["role"], "operator")

    def set_password(self, person):
        link = self.api("PATCH", f"/api/v1/users/{person['id']}", {"new_link": True}).json()["link"]
        self.use_link(link, password=PASSWORD)

    def use_link(self, link, **means):
        answer = self.send(self.operator(), "POST", "/api/v1/login/link", {"token": link.partition("token=")[2], **means})
        self.assertEqual(answer.status, 200, answer.body)

    def sessions_of(self, name):
        (count,), = self.installation.rows(f"select count(*) from sessions s join users u on u.id = s.user_id where u.name = '{name}'")
        return int(count)

    def test_a_token_may_do_what_its_role_may(self):
        printed = self.ok("token", "create", "watcher", "--role", "viewer", "--expires-in", "600", "--quiet").out.split()
        self.assertEqual(len(printed), 1, "the token alone, for $(…)")
        watcher = self.ok_json("whoami", "--token", printed[0])
        self.assertEqual((watcher["user"]["role"], watcher["permissions"]), ("viewer", ["use_own_account", "read_fleet"]))
        self.ok("device", "list", "--token", printed[0])
        self.refused(NOT_ALLOWED, ("device", "claim", "--token", printed[0]))
        self.assertIn("token", self.ok_json("token", "create", "another"))
        self.refused(FAILED, ("token", "create", "third", "--role", "captain"), "captain")
        self.refused(NOT_ALLOWED, ("whoami", "--token", "argosy_wrong"))

    def test_tokens_are_listed_and_revoked(self):
        made = self.ok_json("token", "create", "short-lived")
        header, rows = self.table("token", "list")
        self.assertEqual(header[:3], ["ID", "NAME", "ROLE"])
        self.assertIn([str(made["id"]), "short-lived", "viewer"], [row[:3] for row in rows])
        self.ok("token", "revoke", made["id"])
        self.refused(NOT_ALLOWED, ("whoami", "--token", made["token"]))
        self.refused(NOT_FOUND, ("token", "revoke", 999_999))

    def test_people_come_change_and_go(self):
        home, server = self.folder / "uma", ("--server", self.installation.argosyd.url)
        made = self.ok("user", "create", "uma", "admin")
        self.ok("login", *server, "--link", made.out.strip(), home=home)
        self.assertIn(["uma", "admin"], [row[:2] for row in self.table("user", "list")[1]])
        self.assertEqual(self.ok_json("user", "role", "uma", "publisher")["role"], "publisher")
        self.refused(NOT_ALLOWED, ("user", "list"), home=home)
        self.ok("user", "disable", "uma")
        self.refused(NOT_ALLOWED, ("whoami",), home=home)
        self.assertIsNone(self.ok_json("user", "enable", "uma")["disabled_at"])
        self.assertIn("token=", self.ok("user", "link", "uma").out)
        self.refused(NOT_FOUND, ("user", "disable", "nobody"), "nobody", "argosy user list")
        self.refused(FAILED, ("user", "role", "uma", "captain"), "captain")

    def test_a_server_that_is_not_there_or_is_none(self):
        nowhere = ("--server", f"http://127.0.0.1:{free_port()}")
        for words in (("whoami",), ("device", "list"), ("rollout", "show", "1"), ("release", "list", "digits")):
            self.refused(UNREACHABLE, (*words, *nowhere))
        self.refused(FAILED, ("whoami", "--server", "ftp://somewhere"), "http://HOST:PORT")
        self.refused(NOT_ALLOWED, ("whoami",), "no server is set", home=self.folder / "nobody")
        with socket.create_server(("127.0.0.1", 0)) as silent:
            threading.Thread(target=self.answer_once_and_again, args=(silent,), daemon=True).start()
            self.refused(FAILED, ("whoami", "--server", f"http://127.0.0.1:{silent.getsockname()[1]}"), "is this an Argosy server?")

    def answer_once_and_again(self, listener):
        for _ in range(2):
            connection, _ = listener.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello")

    # Devices --------------------------------------------------------------------------------------------------------------
    def test_a_claim_enrols_with_its_class_and_labels(self):
        claim = self.ok("device", "claim", "--uses", 2, "--expires-in", 600, "--hardware-class", "cpu-int8", "--label", "site=berlin")
        self.assertIn("Fleet authority", claim.err)
        _, csr = self.certificate_request("claimed-1")
        self.assertEqual(self.ask_to_enrol("claimed-1", claim.out.strip(), csr).status, 201)
        device = self.ok_json("device", "show", "claimed-1")
        self.assertEqual((device["hardware_class"], device["labels"]), ("cpu-int8", {"site": "berlin"}))
        self.assertEqual(set(self.ok_json("device", "claim")), {"id", "claim", "ca_sha256"})
        made = self.ok_json("claim", "create", "--uses", 3)
        self.assertIn([str(made["id"]), "0", "3"], [row[:3] for row in self.table("claim", "list")[1]])
        self.ok("claim", "revoke", made["id"])
        _, csr = self.certificate_request("claimed-2")
        self.assertEqual(self.ask_to_enrol("claimed-2", made["claim"], csr).status, 401)
        self.refused(FAILED, ("device", "claim", "--label", "berlin"), "KEY=VALUE")
        self.refused(FAILED, ("device", "claim", "--uses", 0), "max_uses")
        self.refused(USAGE, ("device", "claim", "--uses", "many"))

    def test_devices_are_listed_shown_and_labelled(self):
        for number in range(3):
            self.device(f"listed-{number}")
        header, rows = self.table("device", "list", "--filter", 'id : "listed"')
        self.assertEqual(header, ["DEVICE", "CLASS", "PRESENCE", "SERVING", "LAST SEEN", "ALERTS"])
        self.assertEqual([row[0] for row in rows], ["listed-0", "listed-1", "listed-2"])
        self.assertEqual(len(self.ok_json("device", "list", "--filter", 'id : "listed"', "--limit", 2)), 2)
        self.assertEqual(self.ok_json("device", "list", "--filter", 'id = "nobody"'), [])

        self.assertEqual(self.ok_json("device", "label", "listed-1", "site=oslo", "line=a=b")["labels"], {"site": "oslo", "line": "a=b"})
        self.assertIn("Labelled listed-2", self.ok("device", "label", "listed-2", "site=oslo").err)
        both = self.ok_json("device", "list", "--filter", 'labels.site = "oslo"')
        self.assertEqual([device["id"] for device in both], ["listed-1", "listed-2"])
        self.assertIn("listed-1  cpu-fp32, ", self.ok("device", "show", "listed-1").out)
        self.assertEqual(self.ok_json("device", "integrity", "listed-1")["items"], [])

        self.refused(FAILED, ("device", "label", "listed-1", "oslo"), "KEY=VALUE")
        self.refused(FAILED, ("device", "list", "--filter", 'colour = "red"'), "colour")
        self.refused(FAILED, ("device", "list", "--filter", "presence ="), "column")
        self.refused(USAGE, ("device", "show"))
        self.refused(USAGE, ("device", "list", "--limit", "all"))

    def test_connectivity_is_told_of_a_device_and_of_the_sites(self):
        self.device("there-1")
        self.ok("device", "label", "there-1", "site=porto")
        spans = wait_until(lambda: self.ok_json("device", "presence", "there-1")["spans"], 20, "there-1 is judged")
        self.assertEqual((spans[0]["state"], spans[0]["cause"]), ("online", "heard"))
        told = self.ok("device", "presence", "there-1").out
        self.assertRegex(told, r"there-1 is \w+\. Available [\d.]+ % of the time from ")
        self.assertIn("reports every", told)

        def porto():
            return [site for site in self.ok_json("connectivity")["sites"] if site["site"] == "porto"]
        site, = wait_until(porto, 20, "porto is counted")
        self.assertEqual(site["devices"], 1)
        told = self.ok("connectivity", "--sites", 5).out
        self.assertRegex(told, r"(?m)^porto +1 ")
        self.assertIn("(the fleet)", told)

        self.refused(NOT_FOUND, ("device", "presence", "nobody"), "nobody")
        self.refused(FAILED, ("connectivity", "--from", "yesterday"), "from")
        self.refused(FAILED, ("connectivity", "--from", "2026-01-01T00:00:00Z", "--to", "2026-03-01T00:00:00Z"), "31 days")

    def test_what_devices_measured(self):
        for name, bucket in (("measured-1", 150), ("measured-2", 220)):
            self.device(name)
            # 60 inferences in one bucket: of index 150 about 20 ms, of 220 about 80.
            figures = encode(length_ms=60_000, count=60, latency=b"\x01\x00\x01" + varint(2 * bucket) + varint(60)).hex()
            self.installation.rows(
                "insert into telemetry_windows (started_at, seq, epoch, device_id, model, version, figures) "
                f"values (now() - interval '5 minutes', 1, 1, '{name}', 'digits', '1.0', decode('{figures}', 'hex')) returning 1")
        of = ("--filter", 'id : "measured-"', "--model", "digits@1.0", "--last", "2h")
        header, rows = self.table("telemetry", "series", *of, "--by", "device", "--points", "2")
        self.assertEqual(header, ["TIME", "GROUP", "VALUE (ms)", "LEAST", "MOST", "SAMPLES", "DEVICES"])
        self.assertEqual([(row[1], row[5], row[6]) for row in rows], [("measured-1", "60", "1"), ("measured-2", "60", "1")])
        whole, = self.ok_json("telemetry", "series", *of, "--points", "2", "--metric", "throughput")["groups"]
        self.assertEqual([value for value in whole["value"] if value is not None], [2], "one inference a second on each of two")
        header, rows = self.table("telemetry", "worst", *of)
        self.assertEqual([row[0] for row in rows], ["measured-2", "measured-1"])
        self.assertAlmostEqual(float(rows[0][1]), 80.6, delta=0.9)
        self.assertEqual(self.ok_json("telemetry", "worst", *of, "--least-samples", "61")["with_too_few"], 2)

        head, *lines = self.ok("telemetry", "export", *of).out.splitlines()
        self.assertTrue(head.startswith("device_id,model,version,started_at,"), head)
        self.assertEqual([line.split(",")[0] for line in lines], ["measured-1", "measured-2"])
        file = self.folder / "series.csv"
        self.assertIn(f"Wrote {file}", self.ok("telemetry", "export", *of, "--rows", "series", "--by", "version", "--output", file).err)
        self.assertRegex(file.read_text(), r"(?m)^\S+Z,1\.0,latency_p95,")
        self.assertFalse((self.folder / "series.csv.part").exists())

        self.refused(FAILED, ("telemetry", "series", "--metric", "mood"), "latency_p95")
        self.refused(FAILED, ("telemetry", "series", "--last", "soon"), "90m")
        self.refused(FAILED, ("telemetry", "export", "--format", "parquet"), "Explore")
        self.refused(FAILED, ("telemetry", "export", "--rows", "weeks", "--output", self.folder / "none.csv"), "windows")
        self.assertFalse((self.folder / "none.csv").exists())

    def test_labels_are_told_for_what_a_device_predicted(self):
        self.report("labelled-1", self.enrol("labelled-1"), takes_labels=True)
        one = ("labels", "add", "--device", "labelled-1", "--model", "digits", "--id", "7", "--label", "3")
        self.ok(*one, "--dry-run")
        self.assertEqual(self.ok_json("labels", "list", "labelled-1"), [])
        self.ok(*one)
        self.ok("labels", "add", "-", stdin="device,model,id,label\nlabelled-1,digits,8,4\n")
        listed = self.ok_json("labels", "list", "labelled-1")
        self.assertEqual([label["state"] for label in listed], ["waiting"] * 2)
        self.assertIn("Waiting: 2 since ", self.ok("labels", "status", "labelled-1").out)
        stranger = self.argosy_ends("labels", "add", "--device", "nobody", "--model", "digits", "--id", "7", "--label", "3")
        self.assertEqual((stranger.status, "nobody" in stranger.err), (FAILED, True), stranger)
        self.ok("telemetry", "accuracy", "--model", "digits")

    def test_what_a_devices_file_says_is_suggested(self):
        identity = self.device("edited-1")
        for verb, site, labels in (("turn-down-suggested", "oslo", {}), ("accept-suggested", "porto", {"site": "porto"})):
            self.report("edited-1", identity, labels={"site": site})
            wait_until(lambda: self.ok_json("device", "show", "edited-1")["suggested"], 20, "the edits are suggested")
            self.ok("device", verb, "edited-1")
            shown = self.ok_json("device", "show", "edited-1")
            self.assertEqual((shown["suggested"], shown["labels"]), (None, labels))

    def test_another_board_asks_for_a_devices_place(self):
        _, csr = self.certificate_request("worn-1")
        old, claim = self.device("worn-1"), self.make_claim()
        wait_until(lambda: self.ok_json("device", "show", "worn-1")["presence"] == "online", 20, "it is there")
        self.refused(CONFLICT, ("device", "replace", "worn-1"), "no board asks")
        self.assert_problem(self.ask_to_enrol("worn-1", claim, csr), 409, "conflict", "argosy device replace worn-1")
        asking, = self.ok_json("device", "replacements")
        self.assertEqual((asking["device_id"], asking["state"]), ("worn-1", "asking"))
        self.assertIn(asking["key"][:12], self.ok("device", "show", "worn-1").out)
        self.refused(FAILED, ("device", "replace", "worn-1"), "--yes")
        self.assertEqual(self.ok_json("device", "replace", "worn-1", "--turn-down")["replacement"]["state"], "turned_down")
        self.assert_problem(self.ask_to_enrol("worn-1", claim, csr), 409, "conflict", "turned this board down")
        self.ok("device", "replace", "worn-1", "--yes")
        self.assertEqual(self.ask_to_enrol("worn-1", claim, csr).status, 201)
        self.assertIsNone(self.ok_json("device", "show", "worn-1")["replacement"])
        self.assertIn(self.send(self.device_side(old), "GET", "/device/v1/desired").status, (401, 403))

    def test_what_the_boards_are_is_counted(self):
        for name in ("made-1", "made-2"):
            identity = self.device(name)
            self.report(name, identity, capabilities={**state(name)["capabilities"], "board": "A board of this test"})
        counted = {field["field"]: field["values"] for field in self.ok_json("device", "inventory")}
        self.assertIn({"value": "A board of this test", "devices": 2}, counted["capabilities.board"])
        self.assertEqual(len(self.ok_json("device", "list", "--filter", 'capabilities.board = "A board of this test"')), 2)
        self.assertIn("A board of this test", self.ok("device", "inventory").out)

    def test_a_device_that_is_not_there(self):
        for words in (("show", "ghost"), ("show", "../claims"), ("integrity", "ghost"), ("label", "ghost", "a=b"), ("revoke", "ghost", "--yes")):
            self.refused(NOT_FOUND, ("device", *words))

    def test_a_device_is_locked_out_when_one_means_it(self):
        identity = self.device("stolen-1")
        self.refused(FAILED, ("device", "revoke", "stolen-1"), "--yes")
        self.assertIsNone(self.ok_json("device", "show", "stolen-1")["revoked_at"])
        self.assertIn("Revoked stolen-1", self.ok("device", "revoke", "stolen-1", "--yes").err)
        self.assertIsNotNone(self.ok_json("device", "show", "stolen-1")["revoked_at"])
        self.assertIn(self.send(self.device_side(identity), "GET", "/device/v1/desired").status, (401, 403))

    def test_alerts_are_listed_by_state_and_acknowledged(self):
        self.device("loud-1")
        (number,), *_ = self.installation.rows(
            "insert into alerts (rule, severity, device_id, state, message, opened_at, fired_at) values "
            "('accuracy_low', 'warning', 'loud-1', 'firing', 'It is loud', now(), now()) returning id")
        header, rows = self.table("alert", "list", "--state", "firing")
        self.assertEqual(header, ["ID", "STATE", "RULE", "ABOUT", "MARKS", "FIRED", "RESOLVED", "MESSAGE"])
        row, = [row for row in rows if row[0] == number]
        self.assertEqual((row[1], row[2], row[3], row[-1]), ("firing", "accuracy_low", "loud-1", "It is loud"))
        self.assertNotIn(int(number), [alert["id"] for alert in self.ok_json("alert", "list", "--state", "resolved")])
        self.assertIn(f"alert {number}", self.ok("alert", "ack", number, "--comment", "on my way").err)
        alert, = [alert for alert in self.ok_json("alert", "list") if alert["id"] == int(number)]
        self.assertIsNotNone(alert["acknowledged_by"], "others may be open: the test's devices fall silent")
        self.refused(FAILED, ("alert", "list", "--state", "loud"), "firing")
        self.refused(NOT_FOUND, ("alert", "ack", "999999"))
        self.refused(NOT_FOUND, ("alert", "ack", "first"))
        shown = self.ok_json("alert", "show", number)
        self.assertEqual(shown["acknowledgement"], "on my way")
        self.assertIn("acknowledged", [moment["change"] for moment in shown["history"]])
        self.assertIn("on my way", self.ok("alert", "history", number).out)
        self.assertNotIn("REACTED", self.ok("alert", "show", number).out, "its rule did nothing")
        self.installation.rows(
            "insert into rule_reactions (alert_id, rule, rule_version, reaction, most_per_hour, state, outcome, created_at, due_at, ended_at) "
            f"values ({number}, 'accuracy_low', 1, 'diagnostics', 5, 'done', 'asked loud-1', now(), now(), now()) returning id")
        self.assertRegex(self.ok("alert", "show", number).out, r"REACTED +DOES[^\n]*\n[^\n]+diagnostics +done +asked loud-1")
        self.ok("alert", "unack", number)
        by_people = ("acknowledged", "unacknowledged")  # routes may be told meanwhile
        self.assertEqual([moment["change"] for moment in self.ok_json("alert", "history", number) if moment["change"] in by_people], ["unacknowledged", "acknowledged"])
        header, _ = self.table("alert", "groups", "--by", "rule")
        self.assertEqual(header[0], "GROUP")
        self.refused(NOT_FOUND, ("alert", "show", "999999"))

    def test_alerts_are_silenced_for_a_time_and_in_hours_of_the_week(self):
        self.refused(FAILED, ("alert", "silence", "--for", "soon", "--comment", "c"), "duration")
        self.refused(FAILED, ("alert", "silence", "--filter", "site =", "--comment", "c"), "filter")
        number = str(self.ok_json("alert", "silence", "--filter", 'labels.site = "berlin"', "--for", "90m", "--comment", "cables")["id"])
        self.ok("alert", "silence", "--change", number, "--rule", "gone_dark", "--for", "3h", "--comment", "more cables")
        window = self.ok_json("alert", "maintenance", "--day", "sun", "--begin", "22:00", "--end", "02:00", "--comment", "patch night")
        self.assertEqual(window["weekly"], {"days": ["sun"], "from": "22:00", "to": "02:00", "time_zone": "UTC"})
        header, rows = self.table("alert", "silences")
        self.assertEqual(header, ["ID", "NOW", "OF", "FROM", "UNTIL", "EVERY WEEK", "BY", "COMMENT"])
        row, = [row for row in rows if row[0] == number]
        self.assertEqual((row[2], row[-1]), ("rule gone_dark", "more cables"))
        for ended in (number, str(window["id"])):
            self.assertIn(ended, self.ok("alert", "unsilence", ended).err)
        self.assertEqual(self.ok_json("alert", "silences"), [])
        self.assertEqual({silence["id"] for silence in self.ok_json("alert", "silences", "--ended")}, {int(number), window["id"]})
        self.refused(CONFLICT, ("alert", "unsilence", number), "ended")

    # Releases -------------------------------------------------------------------------------------------------------------
    def test_a_release_is_tried_before_its_version_is_spent(self):
        data = "--dataset", CASES / "datasets/ok.npz"
        def publish(model, *more):
            return "release", "publish", "tried@1.0", "--variant", model, *more
        for model, more, words in ((CASES / "models/BROKEN.ONNX", (), "not an ONNX model"),
                                   (CASES / "models/tokens.onnx", data, "float32 [5,3]"),
                                   (CASES / "models/opset_newest_ir10.onnx", (), "needs opset 28"),
                                   (CASES / "models/ok.onnx", ("--dataset", CASES / "datasets/y_object.npz"), "np.asarray"),
                                   (CASES / "models/ok.onnx", ("--dataset", CASES / "models/ok.onnx"), "not a .npz file"),
                                   ("runs/epoch=6.onnx", (), "no name of a variant")):
            self.refused(FAILED, publish(model, *more), words)
        named = self.folder / "epoch=6.ONNX"
        named.write_bytes((CASES / "models/ok.onnx").read_bytes())
        self.assertIn("Nothing was published", self.ok(*publish(named, *data, "--dry-run")).err)
        self.refused(NOT_FOUND, ("release", "show", "tried@1.0"))

        told = self.ok(*publish(named, "--variant", f"beside={CASES}/models/ext/model.onnx", *data, "--threshold", 0.95)).err
        for words in ("Tried default: accuracy 1 (0.9398 to 1)", "too small to tell accuracy from the threshold 0.95",
                      "Tried beside: accuracy 1", "beside agrees with default on 100 %"):
            self.assertIn(words, told)
        variants = self.ok_json("release", "show", "tried@1.0")["variants"]
        self.assertEqual([v["format"] for v in variants], ["onnx", "onnx"])
        self.assertEqual([[part["name"] for part in v["parts"]] for v in variants], [[], ["model.onnx.data"]])
        told = self.ok("release", "publish", "tried@1.1", "--variant", CASES / "models/opset_newest_ir10.onnx", "--no-check").err
        self.assertIn("Nothing was tried, as --no-check asks", told)
        self.ok("release", "pack", CASES / "models/ext/model.onnx", "-o", self.folder / "packed.onnx")
        self.ok("release", "publish", "tried@1.2", "--variant", self.folder / "packed.onnx", *data)

    def test_a_draft_is_mended_and_finished(self):
        publish = "release", "publish", "drafted@1.0", "--variant", f"fp32={CASES}/models/ext/model.onnx", "--draft"
        self.assertIn("Kept a draft of drafted@1.0", self.ok(*publish, "--notes", "First").err)
        self.ok(*publish, "--notes", "Mended", "--dataset", CASES / "datasets/ok.npz", "--threshold", 0.5)
        header, (row,) = self.table("release", "drafts", "drafted")
        self.assertEqual(header, ["MODEL", "VERSION", "VARIANTS", "BY", "MENDED", "NOTES"])
        self.assertEqual((row[0], row[1], row[-1]), ("drafted", "1.0", "Mended"))
        self.assertEqual([draft["model"] for draft in self.ok_json("release", "drafts") if draft["version"] == "1.0"], ["drafted"])
        self.refused(NOT_FOUND, ("release", "show", "drafted@1.0"))
        self.assertEqual(self.ok_json("release", "list", "drafted"), [])
        shown = self.ok("release", "show", "drafted@1.0", "--draft").out
        self.assertRegex(shown, r"release +drafted@1.0 \(a draft\)")
        self.assertRegex(shown, r"fp32 +model.onnx.data +- ")

        self.assertIn("Published drafted@1.0", self.ok("release", "finish", "drafted@1.0").err)
        shown = self.ok("release", "show", "drafted@1.0").out
        self.assertRegex(shown, r"validation +accuracy >= 0.5, on [0-9a-f]{64}")
        self.assertRegex(shown, r"fp32 +model.onnx +onnx, opset 13 ")
        self.refused(CONFLICT, publish, "a release never changes")
        self.refused(NOT_FOUND, ("release", "finish", "drafted@1.0"))

        self.ok("release", "publish", "drafted@1.1", "--variant", CASES / "models/ok.onnx", "--draft")
        self.assertIn("is no more", self.ok("release", "discard", "drafted@1.1").err)
        self.refused(NOT_FOUND, ("release", "discard", "drafted@1.1"), "no draft of version 1.1")

    def test_a_slow_release_is_tried_for_as_long_as_one_likes(self):
        release = ("release", "publish", "slow@1.0", "--dry-run", "--variant", f"fp32={self.models}/digits-1.3-fp32.onnx",
                   "--dataset", EXAMPLE / "data/validation.npz")
        told = self.ok(*release, "--check-seconds", 0.3).err
        self.assertRegex(told, r"Tried fp32: accuracy .*, tried on [0-9]+ of 400 samples in ")
        self.assertIn("--check-seconds 0 tries all samples", told)
        self.refused(USAGE, (*release, "--check-seconds", -1), "--check-seconds")

    def test_a_release_is_published_listed_and_shown(self):
        file = f"int8={self.models}/digits-1.2-int8.onnx,precision=int8"
        told = self.ok("release", "publish", "listed@1.2", "--variant", file, "--notes", "Smaller", "--dataset",
                       EXAMPLE / "data/validation.npz", "--threshold", 0.9)
        self.assertIn("Published listed@1.2 with 1 variant(s)", told.err)
        header, (row,) = self.table("release", "list", "listed")
        self.assertEqual(self.table("release", "list")[0], ["MODEL", *header])
        self.assertEqual(header, ["VERSION", "VARIANTS", "METRIC", "THRESHOLD", "SIGNED", "WITHDRAWN", "PUBLISHED", "NOTES"])
        self.assertEqual((row[0], row[2], row[3], row[4], row[-1]), ("1.2", "accuracy", "0.9", "-", "Smaller"))
        shown = self.ok_json("release", "show", "listed@1.2")
        self.assertEqual(shown["variants"][0]["selector"], {"precision": "int8"})
        self.assertEqual(self.ok_json("release", "list", "listed")[0]["version"], "1.2")

        self.refused(CONFLICT, ("release", "publish", "listed@1.2", "--variant", f"{self.models}/digits-1.3-int8.onnx"))
        self.refused(NOT_FOUND, ("release", "publish", "listed@1.3", "--variant", "nowhere.onnx"), "nowhere.onnx")
        self.refused(FAILED, ("release", "publish", "listed", "--variant", file), "MODEL@VERSION")
        self.refused(FAILED, ("release", "publish", "listed@1.4"), "--variant")
        self.refused(FAILED, ("release", "publish", "listed@1.4", "--variant", file, "--threshold", 1), "--dataset")
        self.refused(FAILED, ("release", "publish", "listed@1.4", "--variant", f"{file},fast"), "fast")
        self.refused(NOT_FOUND, ("release", "list", "nothing"))
        self.refused(NOT_FOUND, ("release", "show", "listed@9"))
        self.refused(FAILED, ("release", "show", "listed"), "MODEL@VERSION")

    def test_documents_and_references_that_will_not_do_are_told_why(self):
        publish = "release", "publish", "--from"
        self.refused(FAILED, (*publish, CASES / "documents/a.json"), "field 'variants[0].file' must be text")
        self.refused(FAILED, (*publish, CASES / "documents/c.json"), "must hold at least one variant")
        feature = {"name": "brightness", "edges": [0, 1, 2, 3], "counts": [0] * 6}
        reference = self.folder / "counts.json"
        referred = "release", "publish", "referred@1.0", "--variant", CASES / "models/ok.onnx", "--reference", reference
        reference.write_text(json.dumps({"features": [feature]}))
        self.refused(FAILED, referred, "has no samples")
        edges = [each / 64 for each in range(1, 65)]
        constant = {"name": "constant", "edges": edges, "counts": [0, 200, *[0] * 64]}
        reference.write_text(json.dumps({"features": [constant]}))
        self.ok(*referred)

    def test_a_document_that_names_no_model_publishes_none(self):
        document = json.loads((EXAMPLE / "releases/1.0.json").read_text())
        del document["model"]
        for file in (document["variants"][0], document["variants"][1]):
            file["file"] = str((EXAMPLE / "releases" / file["file"]).resolve())
        document["validation"] = None
        del document["reference"]
        path = self.folder / "nameless.json"
        path.write_text(json.dumps(document))
        self.refused(FAILED, ("release", "publish", "--from", path), "model")
        self.assertNotIn("-", [model["name"] for model in self.api("GET", "/api/v1/models").json()["items"]])

    def test_a_signature_is_made_checked_and_replaced(self):
        folder, keys = self.folder / "signed", self.folder / "keys"
        folder.mkdir()
        keys.mkdir()
        file = folder / "digits.onnx"
        file.write_bytes((self.models / "digits-1.1-fp32.onnx").read_bytes())
        for name in ("first", "second"):
            made = self.ok_json("key", "make", keys / name)
            self.assertEqual(made["public_key"], f"{keys / name}.pub")
        self.refused(CONFLICT, ("key", "make", keys / "first"), "never overwritten")
        self.refused(FAILED, ("key", "make", keys / "third", "--encrypt"), "ARGOSY_KEY_PASSPHRASE")
        rotated = self.ok_json("key", "rotate", keys / "keys.json", "--key", keys / "first", "--new", f"{keys}/second.pub", "--number", 1)
        self.assertEqual(rotated["keys"], 1)

        self.refused(FAILED, ("sign", "signed@1.0", file), "--key")
        stated = self.ok_json("sign", "signed@1.0", file, "--statement-only")
        self.assertEqual((stated["version"], (folder / "model.sig").exists()), ("1.0", False))
        self.assertEqual(self.ok_json("sign", "signed@1.0", file, "--key", keys / "first", "--sequence", 7)["sequence"], 7)
        self.assertTrue(self.ok_json("verify", folder, "--key", f"{keys}/first.pub")["verified"])
        self.refused(FAILED, ("verify", folder, "--key", f"{keys}/second.pub"))
        (folder / "labels.txt").write_text("cat")
        self.refused(FAILED, ("verify", folder, "--key", f"{keys}/first.pub"), "labels.txt was signed by nobody")
        self.ok("verify", folder, "--key", f"{keys}/first.pub", "--ignore-unsigned-files")
        self.ok("release", "publish", "signed@1.0", "--variant", file, "--signature", folder / "model.sig")

        self.ok("sign", "signed@1.0", file, "--key", keys / "second", "--sequence", 7)
        again = self.ok_json("release", "signature", "signed@1.0", folder / "model.sig", "--key-set", keys / "keys.json")
        self.assertEqual(len(again["signature"]["key_sets"]), 1)
        self.assertIn("yes", self.table("release", "list", "signed")[1][0])
        self.refused(NOT_FOUND, ("release", "signature", "signed@2.0", folder / "model.sig"))

    def test_a_patch_of_the_server_is_asked_for_and_taken_back(self):
        self.assertEqual(self.ok_json("release", "patches", "digits"), [])
        asked, = self.ok_json("release", "ask-patch", "digits", "1.1", "1.0")
        self.assertEqual(asked["variant"], "fp32")
        header, (row,) = self.table("release", "patches", "digits")
        self.assertEqual((header[:3], row[:3]), (["FROM", "TO", "VARIANT"], ["1.1", "1.0", "fp32"]))
        wait_until(lambda: self.argosy("release", "patches", "digits")[0]["state"] == "ready", 30, "the patch")
        self.refused(CONFLICT, ("release", "cancel-patch", "digits", "1.1", "1.0"), "is ready")
        self.installation.rows("update patches set state = 'failed', retry_at = now() + interval '1 hour' returning 1")
        cancelled, = self.ok_json("release", "cancel-patch", "digits", "1.1", "1.0")
        self.assertEqual(cancelled["state"], "cancelled")
        self.refused(NOT_FOUND, ("release", "ask-patch", "nowhere", "1.0", "1.1"))

    # Patches on this machine ----------------------------------------------------------------------------------------------
    def test_a_patch_is_made_explained_proved_and_applied(self):
        old, new = self.models / "digits-1.0-fp32.onnx", self.models / "digits-1.1-fp32.onnx"
        patch, result = self.folder / "local.patch", self.folder / "rebuilt.onnx"
        made = self.ok_json("patch", "make", old, new, patch)
        self.assertEqual(made["patch"]["size"], patch.stat().st_size)
        self.assertEqual(self.ok_json("patch", "info", patch)["codec"], made["codec"])
        self.assertIn("codec", self.ok("patch", "info", patch, "--old", old, "--new", new).out)
        self.ok("patch", "verify", old, new, patch)
        self.ok("patch", "apply", old, result, patch)
        self.assertEqual(result.read_bytes(), new.read_bytes())
        self.refused(FAILED, ("patch", "verify", new, new, patch))
        self.refused(NOT_FOUND, ("patch", "info", self.folder / "no.patch"), "no.patch")
        self.refused(USAGE, ("patch", "make", old, new, patch, "--codec", "zip"))

    def test_a_model_is_made_compact(self):
        made = self.folder / "compact.onnx"
        report = self.folder / "compact.json"
        self.ok("release", "compact", self.models / "digits-1.1-fp32.onnx", "--base", self.models / "digits-1.0-fp32.onnx", "-o", made,
                "--weights-only", "--bits", 8, "--report", report)
        self.assertTrue(made.exists())
        published = self.ok_json("release", "publish", "compact@1.0", "--variant", made, "--compact", report)
        self.assertEqual(published["variants"][0]["compact"]["bits"], 8)
        self.refused(FAILED, ("release", "publish", "compact@1.1", "--variant", self.models / "digits-1.1-fp32.onnx", "--compact", report))
        self.refused(USAGE, ("release", "compact", self.models / "digits-1.1-fp32.onnx"), "--base")

    # Rollouts -------------------------------------------------------------------------------------------------------------
    def test_a_rollout_is_planned_listed_and_shown(self):
        planned = self.plan("--name", "Listed first", "--include-resting")
        number = str(planned["id"])
        self.assertTrue(planned["policy"]["include_resting"])
        self.assertEqual((planned["state"], planned["name"]), ("draft", "Listed first"))
        header, rows = self.table("rollout", "list")
        self.assertEqual(header, ["ID", "NAME", "RELEASE", "STATE", "STANDS", "CREATED", "DEVICES"])
        row, = [row for row in rows if row[0] == number]
        self.assertEqual((row[1], row[2], row[3], row[-1]), ("Listed first", "digits@1.0", "draft", "nothing yet"))
        self.assertEqual(self.ok_json("rollout", "show", number)["id"], planned["id"])
        self.assertIn(f"Rollout {number}: digits@1.0 draft", self.ok("rollout", "show", number).out)
        self.assertIn(planned["id"], [each["id"] for each in self.ok_json("rollout", "list")])

        self.refused(FAILED, ("rollout", "create", "digits"), "MODEL@VERSION")
        self.refused(NOT_FOUND, ("rollout", "create", "digits@9.9"))
        self.refused(FAILED, ("rollout", "create", "digits@1.0", "--filter", 'colour = "red"'), "colour")
        self.refused(NOT_FOUND, ("rollout", "create", "digits@1.0", "--policy", self.folder / "none.json"), "none.json")
        broken = self.folder / "broken.json"
        broken.write_text('{"waves": [')
        self.refused(FAILED, ("rollout", "create", "digits@1.0", "--policy", broken), "broken.json", "docs/rollouts.md")
        broken.write_text('{"wavs": []}')
        self.refused(FAILED, ("rollout", "create", "digits@1.0", "--policy", broken), "wavs")

    def test_a_rollout_that_is_not_there(self):
        for verb in ("show", "explain", "decisions", "devices", "evidence", "watch", "start", "approve", "refuse", "cancel", "pause", "resume", "promote",
                     "halt", "rollback", "retry", "assign", "unassign"):
            self.refused(NOT_FOUND, ("rollout", verb, "999999"))
            self.refused(NOT_FOUND, ("rollout", verb, "first"), "first")

    def test_a_rollout_is_started_paused_resumed_and_halted(self):
        rollout = self.plan(policy=TWO_WAVES, filter_='id = "steered-1" OR id = "steered-2"')["id"]
        for name in ("steered-1", "steered-2"):
            self.device(name)
        for verb, state_now, refused_now in (("start", "running", "start"), ("pause", "paused", "pause"), ("resume", "running", "resume"),
                                             ("promote", "running", None), ("halt", "halted", "halt")):
            self.assertEqual(self.ok_json("rollout", verb, rollout)["state"], state_now, verb)
            if refused_now:
                self.refused(CONFLICT, ("rollout", refused_now, rollout))
        header, rows = self.table("rollout", "decisions", rollout)
        self.assertEqual(header, ["AT", "ACTOR", "RULE", "DECISION", "MESSAGE"])
        self.assertGreaterEqual(len(rows), 5)
        self.assertEqual(self.argosy_ends("rollout", "watch", rollout).status, NOT_COMPLETED)

    def test_a_rollout_is_let_stand_and_stands_no_more(self):
        self.device("stood-1")
        planned = self.plan("--standing", filter_='id = "stood-1"')
        rollout = planned["id"]
        self.assertTrue(planned["standing"])
        self.assertIn("It stands once it has completed.", self.ok("rollout", "show", rollout).out)
        row, = [row for row in self.table("rollout", "list")[1] if row[0] == str(rollout)]
        self.assertIn("once completed", row)
        self.refused(CONFLICT, ("rollout", "assign", rollout), "stands already")
        self.assertFalse(self.ok_json("rollout", "unassign", rollout)["standing"])
        self.refused(CONFLICT, ("rollout", "unassign", rollout), "does not stand")
        self.assertTrue(self.ok_json("rollout", "assign", rollout)["standing"])
        self.assertIn("unassigned by", self.ok("rollout", "decisions", rollout).out)
        self.ok("rollout", "start", rollout)
        self.assertFalse(self.ok_json("rollout", "halt", rollout)["standing"])
        self.refused(CONFLICT, ("rollout", "assign", rollout), "only what completes can stand")

    def test_a_rollout_is_scheduled_and_taken_back(self):
        self.device("timed-1")
        rollout = self.plan(filter_='id = "timed-1"')["id"]
        self.refused(FAILED, ("rollout", "start", rollout, "--at", "2001-01-01T00:00:00Z"), "has passed")
        scheduled = self.ok_json("rollout", "start", rollout, "--at", "2027-10-01T02:00:00Z")
        self.assertEqual((scheduled["state"], scheduled["start_at"]), ("scheduled", "2027-10-01T02:00:00.000Z"))
        self.assertEqual(self.ok_json("rollout", "cancel", rollout)["state"], "draft")
        planned = self.plan("--start-at", "2027-10-01T02:00:00Z", filter_='id = "timed-1"')
        self.assertEqual(planned["state"], "scheduled")
        self.assertEqual(self.ok_json("rollout", "halt", planned["id"])["state"], "halted")

    def test_a_rollout_is_tried_dry_and_its_canary_is_told(self):
        for number in range(8):
            self.device(f"dry-{number}")
        guard = {"metric": "latency_p95", "mode": "required"}
        policy = {**ONE_WAVE, "waves": [{"devices": 1}, {"share": 1}], "guards": [guard]}
        words = ("rollout", "create", "digits@1.0", "--filter", 'id : "dry-"', "--dry-run", "--policy")
        before = self.ok_json("rollout", "list")

        refused = self.argosy_ends(*words, self.policy(policy))
        self.assertEqual(refused.status, FAILED, refused)
        self.assertIn("take at least 3 devices of 8", refused.err)
        self.refused(FAILED, (*words[:5], "--policy", self.policy(policy)), "take at least 3 devices of 8")

        told = self.ok(*words, self.policy({**policy, "canary": "widen"}))
        for title in ("Waves:", "What the first wave's canary can find out:", "Downloads:", "Left out:"):
            self.assertIn(title, told.out)
        self.assertRegex(told.out, r"(?m)^latency_p95 +required +no +yes +yes +3 ")
        self.assertIn("Warning: p95 latency is not measurable", told.err)
        document = self.ok_json(*words, self.policy({**policy, "canary": "widen"}))
        self.assertEqual([wave["planned"] for wave in document["waves"]], [3, 5])
        self.assertEqual(document["download"]["whole"]["devices"], 8)
        self.assertEqual(self.ok_json("rollout", "list"), before, "nothing was made")
        self.assertEqual(self.argosy_ends(*words, self.policy(policy), "--start").status, USAGE)

        made = self.ok("rollout", "create", "digits@1.0", "--filter", 'id : "dry-"', "--policy", self.policy({**policy, "canary": "widen"}))
        self.assertIn("Reach: 3 canaries, widened from 1, beside 5 that wait: in reach: p95 latency", made.out)
        number = re.search(r"Rollout (\d+):", made.out)[1]
        self.assertIn("What the first wave's canary can find out:", self.ok("rollout", "explain", number).out)
        self.assertIn("Reach: 3 canaries", self.ok("rollout", "show", number).out)

    def test_another_account_approves_or_refuses_a_rollout(self):
        home, server = self.folder / "paul", ("--server", self.installation.argosyd.url)
        person = self.api("POST", "/api/v1/users", {"name": "paul", "role": "admin"}).json()
        self.ok("login", *server, "--link", person["link"], home=home)
        self.device("approved-1")
        rollout = self.plan(policy={**ONE_WAVE, "approval": {"required": True}}, filter_='id = "approved-1"')["id"]
        self.assertEqual(self.ok_json("rollout", "start", rollout)["state"], "awaiting_approval")
        for verb in ("approve", "refuse"):
            self.refused(NOT_ALLOWED, ("rollout", verb, rollout, "--comment", "mine"), "another account has to approve")
        refused = self.ok_json("rollout", "refuse", rollout, "--comment", "not on a Friday", home=home)
        self.assertEqual(refused["state"], "draft")
        self.assertRegex(refused["reason"], "^refused by .*: not on a Friday$")
        self.ok("rollout", "start", rollout)
        approved = self.ok_json("rollout", "approve", rollout, home=home)
        self.assertEqual(approved["state"], "running")
        self.assertTrue(approved["approved_by"])
        self.ok("rollout", "halt", rollout)

    def test_all_waves_are_promoted(self):
        for name in ("all-1", "all-2", "all-3"):
            self.device(name)
        waves = {**TWO_WAVES, "waves": [{"devices": 1}, {"devices": 2}, {"share": 1}]}
        rollout = self.plan(policy=waves, filter_='id : "all-"')["id"]
        self.ok("rollout", "start", rollout)
        promoted = self.ok_json("rollout", "promote", rollout, "--all")
        self.assertEqual((promoted["wave"], promoted["promote_all"]), (1, True))
        self.ok("rollout", "halt", rollout)

    def test_a_stop_does_not_lose_a_race_with_the_rollouts_progress(self):
        self.device("raced-1")
        for verb, status, state_then in (("halt", 0, "halted"), ("promote", CONFLICT, "paused")):
            rollout = self.plan(policy=TWO_WAVES, filter_='id = "raced-1"')["id"]
            self.ok("rollout", "start", rollout)
            with ThreadingHTTPServer(("127.0.0.1", 0), Door) as door:
                door.behind = self.installation.argosyd.url
                door.happens = [lambda rollout=rollout: self.ok("rollout", "pause", rollout)]
                threading.Thread(target=door.serve_forever, daemon=True).start()
                ended = self.argosy_ends("rollout", verb, rollout, "--server", f"http://127.0.0.1:{door.server_address[1]}")
                door.shutdown()
            self.assertEqual(ended.status, status, ended)
            self.assertEqual(door.happens, [])
            self.assertEqual(self.ok_json("rollout", "show", rollout)["state"], state_then)
            if state_then != "halted":
                self.ok("rollout", "halt", rollout)

    def test_a_rollout_is_rolled_back(self):
        identity = self.device("back-1")
        rollout = self.plan("--start", policy=TWO_WAVES, filter_='id = "back-1"')["id"]
        self.report_update("back-1", identity, state="downloading")
        self.assertIn(self.ok_json("rollout", "rollback", rollout)["state"], ("rolling_back", "rolled_back"))

    def test_failed_devices_try_again_and_the_end_is_watched(self):
        identity = self.device("again-1")
        rollout = self.plan("--start", filter_='id = "again-1"')["id"]
        first = self.report_update("again-1", identity, state="failed", cause="download", message="The line was cut")
        wait_until(lambda: self.state_of(rollout) == "paused", 20, "its gate holds it up")
        self.assertEqual(self.step(rollout), ("failed", "download", 1))
        header, (row,) = self.table("rollout", "devices", rollout)
        self.assertEqual(header, ["DEVICE", "WAVE", "STATE", "CAUSE", "SOURCE", "BYTES", "FULL", "MESSAGE"])
        self.assertEqual((row[0], row[2], row[3], row[-1]), ("again-1", "failed", "download", "The line was cut"))

        self.refused(FAILED, ("rollout", "retry", rollout, "--cause", "bad luck"), "bad luck")
        self.refused(CONFLICT, ("rollout", "retry", rollout, "--cause", "verify"), "no device has failed with cause 'verify'")
        self.ok_json("rollout", "retry", rollout, "--cause", "download", "--include-resting")
        self.ok("rollout", "resume", rollout)
        wait_until(lambda: [model["attempt"] for model in self.desired(identity)["models"]] == [first["attempt"] + 1], 20, "a second attempt")
        self.report_update("again-1", identity, state="committed")

        watched = self.ok("rollout", "watch", rollout)
        self.assertIn(f"Rollout {rollout}: digits@1.0 completed", watched.out)
        decisions = self.argosy("rollout", "decisions", rollout)
        told = re.findall(r"^\S+Z  (\S+)  (.+?): ", watched.err, re.MULTILINE)
        self.assertEqual(told, [(each["actor"], each["decision"]) for each in sorted(decisions, key=lambda each: each["id"])])

    def test_the_watch_of_a_rollout_ends_when_it_pauses_or_the_time_is_over(self):
        self.device("awaited-1")
        rollout = self.plan("--start", policy=TWO_WAVES, filter_='id = "awaited-1"')["id"]
        waiting = self.argosy_ends("rollout", "watch", rollout, "--timeout", 1)
        self.assertEqual(waiting.status, STILL_RUNNING, waiting)
        self.assertIn("The time is over", waiting.err)
        self.assertIn(f"Rollout {rollout}: digits@1.0 running", waiting.out)
        for seconds in ("0", "soon", "2592001"):
            self.refused(USAGE, ("rollout", "watch", rollout, "--timeout", seconds), "--timeout")

        self.ok("rollout", "pause", rollout)
        paused = self.argosy_ends("rollout", "watch", rollout, "--json")
        self.assertEqual((paused.status, paused.json()["state"]), (PAUSED, "paused"))
        self.ok("rollout", "halt", rollout)
        self.assertEqual(self.argosy_ends("rollout", "watch", rollout).status, NOT_COMPLETED)

        planned_and_watched = self.argosy_ends("rollout", "create", "digits@1.0", "--filter", 'id = "awaited-1"', "--policy",
                                               self.policy(TWO_WAVES), "--watch", "--timeout", "1")
        self.assertEqual(planned_and_watched.status, STILL_RUNNING, planned_and_watched)
        self.ok("rollout", "halt", self.argosy("rollout", "list")[0]["id"])

    def test_each_way_to_end_is_in_the_help(self):
        told = re.findall(r"\b(\d) ", self.ok("--help").out.partition("Exit codes:")[2].partition("Environment")[0])
        self.assertEqual([int(code) for code in told], list(range(STILL_RUNNING + 1)))

    def test_a_rollout_is_explained_by_its_guards_and_its_decisions(self):
        self.device("explained-1")
        policy = {**TWO_WAVES, "guards": [{"metric": "latency_p95"}, {"metric": "error_rate"}]}
        rollout = self.plan("--start", policy=policy, filter_='id = "explained-1"')["id"]
        explained = self.ok("rollout", "explain", rollout).out
        guards, decisions = (part.splitlines() for part in explained.partition("Guards:\n")[2].split("\nDecisions, newest first:\n"))
        self.assertEqual(guards[0].split()[:3], ["METRIC", "VERDICT", "HARM"])
        self.assertEqual([row.split()[0] for row in guards[1:]], ["latency_p95", "error_rate"])
        column = guards[0].index("VERDICT")
        self.assertEqual({row[column - 2:column] for row in guards}, {"  "}, "aligned")
        self.assertEqual(decisions[0].split(), ["AT", "ACTOR", "RULE", "DECISION", "MESSAGE"])
        self.assertIn("what the canary can tell", decisions[-1])
        self.assertIn("started by", decisions[-2])
        self.assertIn("Gate: ", explained)
        document = self.ok_json("rollout", "explain", rollout)
        self.assertEqual(([guard["metric"] for guard in document["guards"]], document["decisions"][-1]["decision"]),
                         (["latency_p95", "error_rate"], "what the canary can tell"))
        self.ok("rollout", "halt", rollout)

    def test_the_evidence_of_a_rollout_is_written_and_checked_without_a_server(self):
        identity = self.device("evident-1")
        rollout = self.plan("--start", policy=ONE_WAVE, filter_='id = "evident-1"')["id"]
        self.report_update("evident-1", identity, state="committed")
        wait_until(lambda: self.state_of(rollout) == "completed", 20, "the rollout completes")
        file, key, other = (self.folder / name for name in ("evidence.json", "server.pub", "other"))
        written = self.ok_json("rollout", "evidence", rollout, "--output", file, "--key-output", key)
        self.assertEqual(written["bytes"], file.stat().st_size)
        self.assertEqual(json.loads(self.ok("rollout", "evidence", rollout).out)["signature"]["key"]["pem"], key.read_text(), "the same key")

        nowhere = {"ARGOSY_SERVER": f"http://127.0.0.1:{free_port()}", "ARGOSY_TOKEN": ""}
        report = self.ok_json("verify", file, "--key", key, env=nowhere)
        self.assertEqual((report["rollout"], report["release"], report["state"]), (rollout, "digits@1.0", "completed"))
        self.assertEqual((report["key"]["trusted"], report["parts"]["devices"]), (True, {"shown": 1, "total": 1}))
        for_people = self.ok("verify", file, "--key", key, env=nowhere).out
        self.assertIn(f"Verified: the evidence of rollout {rollout}, digits@1.0, completed", for_people)
        self.assertIn("article 12 (record-keeping)", for_people)
        self.assertIn("Whose key that is, only --key tells", self.ok("verify", file, env=nowhere).err)
        document = json.loads(json.loads(file.read_text())["evidence"])
        self.assertEqual([each["action"] for each in document["actions"]["items"]][-2:], ["rollout.create", "rollout.start"])
        self.assertEqual(document["decisions"]["items"][-1]["decision"], "complete")

        self.ok("key", "make", other)
        self.refused(FAILED, ("verify", file, "--key", f"{other}.pub"), "evidence.json", "signed by none of the 1 keys")
        self.refused(NOT_FOUND, ("verify", self.folder / "missing.json"), "missing.json")
        self.refused(FAILED, ("verify", self.folder), "--key")
        changed = self.folder / "changed.json"
        changed.write_text(file.read_text().replace("evident-1", "evident-2"))
        self.refused(FAILED, ("verify", changed, "--key", key), "a byte of it was changed since")
        self.refused(FAILED, ("verify", changed), "a byte of it was changed since")
        changed.write_bytes(file.read_bytes()[:-20])
        self.refused(FAILED, ("verify", changed, "--key", key), "not the whole evidence")

    def test_a_release_is_withdrawn_and_recalled(self):
        self.ok("release", "publish", "taken@1.0", "--variant", f"fp32={self.models}/digits-1.0-fp32.onnx")
        identity = self.device("taken-1")
        rollout = self.ok_json("rollout", "create", "taken@1.0", "--filter", 'id = "taken-1"', "--policy", self.policy(ONE_WAVE), "--start")["id"]
        self.report_update("taken-1", identity, state="committed")
        wait_until(lambda: self.state_of(rollout) == "completed", 20, "the rollout completes")

        self.refused(USAGE, ("release", "withdraw", "taken@1.0"), "--reason")
        self.refused(FAILED, ("release", "withdraw", "taken@1.0", "--reason", "x" * 501), "500 bytes")
        self.refused(NOT_FOUND, ("release", "withdraw", "taken@9.9", "--reason", "it overheats"))
        withdrawn = self.ok("release", "withdraw", "taken@1.0", "--reason", "it overheats").out
        self.assertIn("taken@1.0 runs on 1 devices: argosy device list --filter 'model.taken = \"1.0\"'", withdrawn)
        self.assertIn("it tells no further device, and can be rolled back", withdrawn)
        device, = self.ok_json("device", "list", "--filter", 'model.taken = "1.0"')
        self.assertEqual(device["id"], "taken-1")
        self.assertEqual(self.ok_json("release", "withdraw", "taken@1.0", "--reason", "again")["withdrawn"]["reason"], "it overheats")
        self.assertEqual(self.ok_json("release", "show", "taken@1.0")["withdrawn"]["reason"], "it overheats")
        self.refused(CONFLICT, ("rollout", "create", "taken@1.0"), "it overheats; roll out another version")

        self.refused(FAILED, ("release", "recall", "taken@1.0", "--reason", "it burns"), "--yes")
        recalled = self.ok("release", "recall", "taken@1.0", "--reason", "it burns", "--yes").out
        self.assertRegex(recalled, rf"{rollout}\s+taken@1.0\s+completed\s+0\s+it is rolled back")
        self.assertIn("1 devices keep it, for no rollout has a release for them to go back to: taken-1", recalled)
        again = self.ok_json("release", "recall", "taken@1.0", "--reason", "it burns", "--yes")
        self.assertRegex(again["rollouts"][0]["did"], "rolling back|rolled back")
        (audited,), = self.installation.rows("select count(*) from audit where action in ('release.withdraw', 'release.recall') "
                                             "and object = 'release/taken/1.0'")
        self.assertEqual(int(audited), 2, "one of each, though both were asked for twice")

    def test_a_release_that_was_refused_before_is_warned_of(self):
        self.ok("release", "publish", "warned@1.0", "--variant", f"fp32={self.models}/digits-1.0-fp32.onnx")
        self.device("warned-1")
        plan = ("rollout", "create", "warned@1.0", "--filter", 'id = "warned-1"', "--policy", self.policy(TWO_WAVES))
        first = self.ok_json(*plan, "--start")
        self.assertEqual(first["warnings"], [])
        self.ok("rollout", "halt", first["id"])
        self.assertIn(f"Warning: rollout {first['id']} of this release, \"warned@1.0\", was halted: ", self.ok(*plan).err)
        self.assertEqual(len(self.ok_json(*plan)["warnings"]), 1)

    def test_two_who_change_a_rollout_at_once(self):
        """What was decided on an older look at the rollout is refused by the server."""
        self.device("crossed-1")
        rollout = self.plan(filter_='id = "crossed-1"')["id"]
        etag = self.argosy("rollout", "show", rollout)["etag"]
        self.ok("rollout", "start", rollout)
        answer = self.send(self.operator(), "POST", f"/api/v1/rollouts/{rollout}/pause", {},
                           {"Authorization": f"Bearer {self.admin}", "If-Match": f'"{etag}"'})
        self.assert_problem(answer, 412, "precondition-failed")

    # What happened --------------------------------------------------------------------------------------------------------
    def test_events_are_listed_and_followed(self):
        self.device("told-1")
        header, rows = self.table("event", "list", "--device", "told-1")
        self.assertEqual(header, ["AT", "SEVERITY", "KIND", "DEVICE", "ROLLOUT", "MESSAGE"])
        self.assertTrue(rows)
        follower = subprocess.Popen([self.argosy.program, "event", "follow", "--device", "told-1", "--kind", "test.happened", "--json"], env=self.argosy.env,
                                    stdout=subprocess.PIPE, text=True)
        self.addCleanup(follower.wait)
        self.addCleanup(follower.kill)
        self.worked.add(("event", "follow"))
        lines = []
        reader = threading.Thread(target=lambda: lines.extend(iter(follower.stdout.readline, "")), daemon=True)
        reader.start()

        def one_more_is_heard():
            self.installation.rows("insert into events (kind, device_id, message) values ('test.happened', 'told-1', 'now') returning 1")
            return lines

        wait_until(one_more_is_heard, 30, "a line of what happened", poll_s=0.5)
        self.assertEqual(json.loads(lines[0])["kind"], "test.happened")

    def test_what_people_changed_can_be_read_and_proved(self):
        self.device("audited-1")
        self.ok("device", "label", "audited-1", "site=rome")
        header, rows = self.table("audit", "list", "--object", "device/audited-1")
        self.assertEqual(header, ["AT", "ACTOR", "ACTION", "OBJECT", "FROM"])
        self.assertEqual({row[2] for row in rows}, {"device.enrol", "device.label"})
        seal, hash_ = wait_until(lambda: (head := self.ok("audit", "head").out.split())[0] != "0" and head, 20, "a seal")
        self.assertIn("The audit log is whole", self.ok("audit", "verify").err)
        self.assertTrue(self.ok_json("audit", "verify", "--seal", seal, "--hash", hash_)["intact"])
        self.refused(FAILED, ("audit", "verify", "--seal", seal, "--hash", "0" * 64))
        self.refused(USAGE, ("audit", "verify", "--seal", seal))

    # Who is told ----------------------------------------------------------------------------------------------------------
    def test_a_route_is_made_tried_changed_and_deleted(self):
        receiver = self.group.start(Receiver(self.folder / "receiver"))
        self.addCleanup(receiver.stop)
        create = ("route", "create", "by-hand", "--kind", "alert.*", "--to-kind", "webhook", "--url", receiver.url)
        secret = self.ok(*create).out.strip()
        self.assertTrue(secret.startswith("whsec_"))
        self.refused(CONFLICT, create, "by-hand")
        self.refused(FAILED, ("route", "create", "x", "--kind", "alert.*", "--to-kind", "pigeon"), "webhook, email")
        header, rows = self.table("route", "list")
        self.assertEqual((header, rows[0][1]), (["ID", "ROUTE", "KINDS", "FROM", "TO", "WAITING", "STATE"], "by-hand"))
        self.assertIn(receiver.url, self.ok("route", "show", "by-hand").out)
        self.assertIn("It arrived: answered 200", self.ok("route", "test", "by-hand").err)
        self.assertNotEqual(self.ok("route", "rotate", "by-hand").out.strip(), secret)
        self.assertEqual(self.ok_json("route", "update", "by-hand", "--severity", "critical")["least_severity"], "critical")
        self.refused(NOT_FOUND, ("route", "show", "nobody"), "argosy route list")
        self.ok("route", "preview", "by-hand", "--severity", "info")

        header, rows = self.table("delivery", "list", "--route", "by-hand", "--state", "delivered")
        self.assertEqual(header, ["ID", "MADE", "ROUTE", "STATE", "ATTEMPTS", "EVENTS", "TITLE"])
        number = rows[0][0]
        self.assertIn("key msg_", self.ok("delivery", "show", number).out)
        self.ok("delivery", "redeliver", number)
        wait_until(lambda: len(receiver.received()) == 2, 20, "it comes once more")
        self.assertEqual(len({line["id"] for line in receiver.received()}), 1)
        receiver.stop()
        self.refused(UNREACHABLE, ("route", "test", "by-hand"), "did not arrive")
        self.refused(FAILED, ("route", "delete", "by-hand"), "--yes")
        self.ok("route", "delete", "by-hand", "--yes")
        self.assertEqual(self.ok_json("route", "list"), [])

    # What is watched ------------------------------------------------------------------------------------------------------
    def test_rules_are_made_changed_previewed_and_put_back(self):
        header, rows = self.table("rule", "list")
        self.assertIn("memory_full", {row[0] for row in rows})
        shipped = self.ok_json("rule", "show", "memory_full")
        wish = {key: shipped[key] for key in ("title", "metric", "condition", "for_s", "severity")} | {"name": "memory_high"}
        file = self.folder / "rule.json"
        file.write_text(json.dumps(wish))
        self.assertEqual(self.ok_json("rule", "preview", file)["fired"], 0)
        self.assertFalse(self.ok_json("rule", "create", "-f", file)["shipped"])
        self.refused(CONFLICT, ("rule", "create", "-f", file), "memory_high")
        file.write_text(json.dumps(wish | {"severity": "critical"}))
        self.assertEqual(self.ok_json("rule", "update", "-f", file)["severity"], "critical")
        self.assertFalse(self.ok_json("rule", "disable", "memory_high")["enabled"])
        self.assertTrue(self.ok_json("rule", "enable", "memory_high")["enabled"])
        self.ok("rule", "preview", "memory_high")
        self.assertEqual(len(self.table("rule", "history", "memory_high")[1]), 4)
        self.ok("rule", "delete", "memory_high")
        self.refused(NOT_FOUND, ("rule", "show", "memory_high"), "memory_high")
        self.ok("rule", "disable", "memory_full")
        self.assertTrue(self.ok_json("rule", "reset", "memory_full")["enabled"])
        self.refused(CONFLICT, ("rule", "delete", "memory_full"), "memory_full")
        file.write_text(json.dumps(wish | {"metric": "health.mood"}))
        self.refused(FAILED, ("rule", "create", "-f", file), "health.mood")
        file.write_text(json.dumps({"name": "memory_full", "reactions": [{"do": "diagnostics", "most_per_hour": 2}]}))
        self.ok("rule", "update", "-f", file)
        self.assertIn("diagnostics (at most 2 an hour)", self.ok("rule", "show", "memory_full").out)
        self.assertEqual(self.ok_json("rule", "reactions", "memory_full"), [])
        self.assertEqual(self.ok_json("rule", "reset", "memory_full")["reactions"], [])

    def test_a_device_is_asked_for_diagnostics(self):
        self.device("dumb-1")  # nobody speaks for it
        self.refused(UNREACHABLE, ("device", "diagnostics", "dumb-1", "--wait", "0", "--reason", "it is slow"), "has not answered within 0 s")
        asked, = self.ok_json("device", "diagnostics", "dumb-1", "--list")
        self.assertEqual((asked["state"], asked["reason"], asked["asked_by"] is None), ("waiting", "it is slow", False))
        self.refused(NOT_FOUND, ("device", "diagnostics", "nobody"), "nobody")

    def test_drift_is_listed_and_shown(self):
        self.device("steady-1")
        self.ok("drift", "list")
        self.ok("drift", "show", "steady-1")
        self.refused(NOT_FOUND, ("drift", "show", "nobody"), "nobody")

    # All of them ----------------------------------------------------------------------------------------------------------
    def test_a_shell_completes_verbs_and_options(self):
        for shell in ("bash", "zsh", "fish"):
            self.assertIn("argosy completion next", self.ok("completion", shell).out)
        for words, wanted in ((["rol"], ["rollout"]), (["rollout", "res"], ["resume"]), (["rollout", "create", "--dry"], ["--dry-run"]),
                              (["release", "show", ""], [])):
            self.assertEqual(self.ok("completion", "next", "--", *words).out.split(), wanted)
        script = ('PATH=$1:$PATH; . <(argosy completion bash); COMP_WORDS=(argosy patch ver); COMP_CWORD=2; _argosy; '
                  'echo "${COMPREPLY[@]}"')
        done = subprocess.run(["bash", "-c", script, "bash", str(Path(self.argosy.program).parent)], capture_output=True, text=True, timeout=30)
        self.assertEqual(done.stdout, "verify\n", done.stderr)

    def test_without_a_verb_or_with_an_unknown_one(self):
        for words in ((), ("rollout",), ("fleet",), ("device", "explode"), ("device", "list", "--colour")):
            self.refused(USAGE, words)
        self.assertRegex(self.ok("--version").out, r"^argosy \d+\.\d+")

    def test_every_operation_of_the_api_has_a_verb_or_a_reason(self):
        document = self.api("GET", "/api/v1/openapi.json").json()
        operations = {f"{method.upper()} {path.removeprefix('/api/v1')}" for path, methods in document["paths"].items()
                      if path.startswith("/api/v1/") for method in methods}
        self.assertEqual(operations - VERB_OF.keys() - NO_VERB.keys(), set(), "neither a verb nor a reason")
        self.assertEqual((VERB_OF.keys() | NO_VERB.keys()) - operations, set(), "no such operation")
        self.assertEqual(set(VERB_OF.values()) - self.verbs().keys(), set(), "no such verb")

    def test_every_verb_that_changes_something_has_a_dry_run_or_a_reason(self):
        verbs = self.verbs().keys()
        dry = {verb for verb, help_ in self.verbs().items() if "--dry-run" in help_}
        reading = {verb for verb in verbs if READING.match(verb)}
        self.assertEqual(verbs - dry - reading - NO_DRY_RUN.keys(), set(), "neither --dry-run nor a reason")
        self.assertEqual(dry & (reading | NO_DRY_RUN.keys()), set())
        self.assertEqual(NO_DRY_RUN.keys() - verbs, set(), "no such verb")

    def test_a_dry_run_tells_what_it_concerns_and_changes_nothing(self):
        for name in ("tried-1", "tried-2"):
            self.device(name)
        rollout = self.plan(filter_='id : "tried-"')["id"]
        file = self.folder / "tried.json"
        file.write_text(json.dumps({"name": "tried", "title": "Tried", "metric": "health.cpu_percent", "condition": {"over": 90},
                                    "severity": "info", "filter": 'id : "tried-"'}))
        both = {"total": 2, "names": ["tried-1", "tried-2"]}
        for words, method, path, devices in (
                (("device", "revoke", "tried-1"), "DELETE", "/devices/tried-1", {"total": 1, "names": ["tried-1"]}),
                (("device", "label", "tried-1", "site=oslo"), "PATCH", "/devices/tried-1", {"total": 1, "names": ["tried-1"]}),
                (("rollout", "start", rollout), "POST", f"/rollouts/{rollout}/start", both),
                (("rule", "create", "-f", file), "POST", "/rules", both),
                (("alert", "silence", "--filter", 'id : "tried-"', "--for", "1h", "--comment", "a walk"), "POST", "/silences", both),
                (("user", "create", "tried"), "POST", "/users", None)):
            told = self.ok_json(*words, "--dry-run")
            self.assertEqual((told["dry_run"], told["change"]["method"], told["change"]["path"]), (True, method, "/api/v1" + path), words)
            self.assertEqual(told["devices"] and {**told["devices"], "names": sorted(told["devices"]["names"])}, devices, words)
        self.assertIn("it concerns 1 device: tried-1", self.ok("device", "revoke", "tried-1", "--dry-run").out)
        self.refused(NOT_FOUND, ("device", "revoke", "ghost", "--dry-run"), "ghost")
        device = self.ok_json("device", "show", "tried-1")
        self.assertEqual((device["revoked_at"], device["labels"], self.state_of(rollout)), (None, {}, "draft"))
        self.refused(NOT_FOUND, ("rule", "show", "tried"))
        self.assertNotIn("tried", self.ok("user", "list").out)
        self.assertNotIn("a walk", self.ok("alert", "silences").out)

    def test_the_fleet_at_a_glance(self):
        self.device("glance-1")
        self.assertIn("devices:", self.ok("overview").out)
        self.assertGreaterEqual(self.ok_json("overview")["presence"]["total"], 1)

    def test_zz_every_verb_is_tested(self):
        verbs = [tuple(verb.split()) for verb in self.verbs()]
        self.assertGreater(len(verbs), 30)
        untested = {verb for verb in verbs if not any(words[:len(verb)] == verb for words in self.worked)}
        self.assertEqual(untested, set(), "no test brings these to a good end")

    def verbs(self):
        """Each verb's words, and its help; asked once."""
        if not self.helps:
            self.helps.update(self.verbs_below(()))
        return self.helps

    def verbs_below(self, words):
        help_ = self.argosy_ends(*words, "--help")
        self.assertEqual(help_.status, 0, help_)
        below = re.search(r"^Subcommands:\n((?:  .*\n)+)", help_.out, re.MULTILINE)
        if not below:
            yield " ".join(words), help_.out
            return
        for name in re.findall(r"^  (\S+)", below[1], re.MULTILINE):
            yield from self.verbs_below((*words, name))
