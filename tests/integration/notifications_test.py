"""Who is told of what has happened, by real receivers: webhooks, a mail server with STARTTLS, Alertmanager. And argosyd and a
receiver that are killed (SIGKILL) at random moments: each event arrives, repeats carry the same key, none is lost.
ARGOSY_NOTICE_KILLS_S says for how long (15 s), ARGOSY_SEED which moments; a seed that was drawn is printed."""
import json
import os
import secrets
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from running_argosy import RunningArgosy  # noqa: E402, I001  (it knows where the next are)
from alertmanager import Alertmanager  # noqa: E402
from command_line import CommandFailed  # noqa: E402
from mail_server import MailServer  # noqa: E402
from notice_kills import QUICK, NoticeKills, two_routes  # noqa: E402
from processes import say, wait_until  # noqa: E402
from scenario import EXAMPLE  # noqa: E402
from webhook_receiver import Receiver, signature  # noqa: E402

SECONDS = float(os.environ.get("ARGOSY_NOTICE_KILLS_S", "15"))


class Notifications(RunningArgosy):
    @classmethod
    def environment(cls):
        return {**QUICK, "ARGOSY_NOTIFY_CA_FILE": str(cls.folder / "pki/ca.pem")}

    def setUp(self):
        self.receiver = self.group.start(Receiver(self.folder / self._testMethodName))
        self.addCleanup(self.receiver.stop)
        self.addCleanup(self.delete_routes)

    def delete_routes(self):
        for route in self.api("GET", "/api/v1/routes").json()["items"]:
            self.api("DELETE", f"/api/v1/routes/{route['id']}")

    def make_route(self, kinds, target=None, **more):
        body = {"name": f"route-{secrets.token_hex(4)}", "kinds": kinds, "group_wait_s": 0,
                "target": target or {"kind": "webhook", "url": f"{self.receiver.url}/hook"}, **more}
        made = self.api("POST", "/api/v1/routes", body)
        self.assertEqual(made.status, 201, made.body)
        return made.json()

    def append(self, kind, message, severity="warning", **details):
        text = json.dumps(details).replace("'", "''")
        self.installation.postgres.query(
            f"insert into events (kind, severity, message, details) values ('{kind}', '{severity}', '{message}', '{text}')", "argosy")

    def deliveries(self, route, **query):
        asked = "&".join(f"{key}={value}" for key, value in {"route": route["id"], **query}.items())
        return self.api("GET", f"/api/v1/deliveries?{asked}").json()["items"]

    def ended(self, route, state):
        wait_until(lambda: self.deliveries(route, state=state), 30, f"a delivery {state}")
        return self.api("GET", f"/api/v1/deliveries/{self.deliveries(route, state=state)[0]['id']}").json()

    def received_kinds(self):
        return [event["kind"] for line in self.receiver.received() for event in json.loads(line["body"])["data"]["events"]]

    def test_what_happens_in_the_fleet_is_told(self):
        self.make_route(["device.enrolled", "release.published", "rollout.running", "rollout.paused", "rollout.halted",
                         "rollout.awaiting_approval"])
        self.enrol("cam-told")
        self.argosy("release", "publish", "--from", EXAMPLE / "releases/1.0.json")
        rollout = self.argosy("rollout", "create", "digits@1.0", "--policy", EXAMPLE / "policy-first.json", "--start")
        for verb in ("pause", "halt"):
            self.argosy("rollout", verb, rollout["id"])
        policy = json.loads((EXAMPLE / "policy-first.json").read_text())
        policy["approval"] = {"required": True}
        file = self.folder / "approval.json"
        file.write_text(json.dumps(policy))
        self.argosy("rollout", "create", "digits@1.0", "--policy", file, "--start")
        wanted = ["device.enrolled", "release.published", "rollout.running", "rollout.paused", "rollout.halted",
                  "rollout.awaiting_approval"]
        wait_until(lambda: sorted(self.received_kinds()) == sorted(wanted), 30, "all of them told")

    def test_a_webhook_is_signed_by_the_old_secret_too_while_both_are_good(self):
        route = self.make_route(["alert.*"])
        self.assertNotIn(route["secret"][6:], self.api("GET", f"/api/v1/routes/{route['id']}").body.decode())
        other = self.api("POST", f"/api/v1/routes/{route['id']}/rotate", {"overlap_hours": 1}).json()["secret"]
        self.assertNotEqual(other, route["secret"])
        self.append("alert.firing", "it is slow", rule="latency_doubled")
        wait_until(self.receiver.received, 30, "the message")
        [line] = self.receiver.received()
        self.assertEqual(line["signatures"], [signature(each, line["id"], line["timestamp"], line["body"]) for each in (other, route["secret"])])

    def test_a_delivery_shows_what_was_answered_and_is_sent_again_by_hand(self):
        route = self.make_route(["alert.*"])
        self.append("alert.firing", "once more", rule="latency_doubled")
        whole = self.ended(route, "delivered")
        self.assertEqual([(one["status"], one["answer"], one["delivered"]) for one in whole["log"]], [(200, "ok", True)])
        self.argosy("delivery", "redeliver", whole["id"])
        wait_until(lambda: len(self.receiver.received()) == 2, 30, "the second message")
        first, second = self.receiver.received()
        self.assertEqual((first["id"], first["body"]), (second["id"], second["body"]))
        self.assertEqual(first["id"], whole["key"])

    def test_the_command_line_makes_tests_changes_and_deletes_a_route(self):
        made = self.argosy("route", "create", "by-hand", "--kind", "alert.*", "--to-kind", "webhook", "--url", f"{self.receiver.url}/x")
        self.assertTrue(made["secret"].startswith("whsec_"))
        self.assertEqual(self.argosy("route", "test", "by-hand")["state"], "delivered")
        self.assertEqual(self.received_kinds(), ["notice.test"])
        self.receiver.stop()
        with self.assertRaises(CommandFailed) as failed:
            self.argosy("route", "test", "by-hand")
        self.assertEqual(failed.exception.status, 6)
        self.assertEqual(self.argosy("route", "update", "by-hand", "--severity", "critical", "--disable")["least_severity"], "critical")
        self.assertNotEqual(self.argosy("route", "rotate", "by-hand")["secret"], made["secret"])
        self.assertEqual([route["name"] for route in self.argosy("route", "list")], ["by-hand"])
        self.assertEqual({each["state"] for each in self.argosy("delivery", "list", "--route", "by-hand")}, {"delivered", "given_up"})
        self.argosy("--yes", "route", "delete", "by-hand")
        self.assertEqual(self.argosy("route", "list"), [])

    def test_an_alert_and_its_delivery_lead_to_each_other_and_a_route_is_tried_before_it_is_changed(self):
        alert = int(self.installation.rows(
            "with made as (insert into alerts (rule, severity, site, state, opened_at, fired_at, told_at, message) "
            "values ('site_dark', 'critical', 'berlin', 'firing', now(), now(), now(), 'berlin is dark') returning id) select id from made")[0][0])
        self.assertEqual(self.api("GET", f"/api/v1/alerts/{alert}/deliveries").json()["untold"]["reason"], "no_route")
        route = self.make_route(["alert.*"])
        self.append("alert.firing", "berlin is dark", "critical", alert=alert, rule="site_dark", group="site/berlin")
        whole = self.ended(route, "delivered")
        self.assertEqual(whole["events"][0]["details"]["alert"], alert)
        telling = self.api("GET", f"/api/v1/alerts/{alert}/deliveries").json()
        self.assertEqual([(each["id"], each["kinds"]) for each in telling["items"]], [(whole["id"], ["alert.firing"])])
        self.assertEqual([each["id"] for each in self.argosy("delivery", "list", "--alert", alert)], [whole["id"]])
        self.assertEqual(self.argosy("alert", "show", alert)["id"], alert)
        preview = self.argosy("route", "preview", route["name"], "--filter", "labels.site = \"oslo\"")
        self.assertNotIn("berlin is dark", [event["message"] for event in preview["newest"]])
        self.assertIn("berlin is dark", [event["message"] for event in self.argosy("route", "preview", route["name"])["newest"]])
        self.assertIsNone(self.api("GET", f"/api/v1/routes/{route['id']}").json()["filter"], "nothing was changed")

    def test_what_a_route_may_not_reach_it_does_not(self):
        other = self.receiver.url.replace("127.0.0.1", "[::1]")
        route = self.make_route(["alert.*"], {"kind": "webhook", "url": other})
        self.api("POST", f"/api/v1/routes/{route['id']}/test", {})
        whole = self.ended(route, "given_up")
        self.assertIn("notify.allowed_networks", whole["last_error"])
        self.assertEqual(self.receiver.received(), [])

    def test_only_who_may_reads_and_changes(self):
        tokens = {role: self.api("POST", "/api/v1/tokens", {"name": role, "role": role}).json()["token"]
                  for role in ("viewer", "operator")}
        self.assert_problem(self.api("GET", "/api/v1/routes", token=tokens["viewer"]), 403, "forbidden", "read_notifications")
        self.assertEqual(self.api("GET", "/api/v1/routes", token=tokens["operator"]).status, 200)
        self.assert_problem(self.api("POST", "/api/v1/routes", {}, token=tokens["operator"]), 403, "forbidden", "manage_notifications")

    def mail_target(self, server, **more):
        return {"kind": "email", "host": "localhost", "port": server.port, "user": "argosy", "password": "hunter2",
                "from": "argosy@example.com", "to": ["ada@example.com", "bob@example.com"], **more}

    def mail_server(self, **how):
        pki = self.installation.pki
        server = MailServer(pki / "broker.pem", pki / "broker.key", **how).start()
        self.addCleanup(server.stop)
        return server

    def test_a_mail_goes_by_starttls_to_who_signs_in(self):
        server = self.mail_server()
        route = self.make_route(["alert.*"], self.mail_target(server))
        self.assertNotIn("hunter2", self.api("GET", f"/api/v1/routes/{route['id']}").body.decode())
        self.append("alert.firing", "Gerät cam-7 ist dunkel", "critical", rule="gone_dark")
        whole = self.ended(route, "delivered")
        [mail] = server.mails
        self.assertEqual((server.was_encrypted, server.sent_to), ([True], [["ada@example.com", "bob@example.com"]]))
        self.assertEqual(mail["Subject"], "[CRITICAL] Gerät cam-7 ist dunkel")
        self.assertEqual(mail["X-Argosy-Key"], whole["key"])
        self.assertIn("Gerät cam-7 ist dunkel", mail.get_content())

    def test_a_mail_goes_by_tls_from_the_first_byte(self):
        server = self.mail_server(implicit=True)
        route = self.make_route(["alert.*"], self.mail_target(server, tls="implicit"))
        self.append("alert.firing", "over TLS", rule="gone_dark")
        self.ended(route, "delivered")
        self.assertEqual(len(server.mails), 1)

    def test_a_mail_that_is_refused_for_good_is_given_up_and_a_wrong_password_is_tried_again(self):
        server = self.mail_server()
        refused = self.make_route(["alert.*"], self.mail_target(server, to=["nobody@example.com"]))
        wrong = self.make_route(["alert.*"], self.mail_target(server, password="wrong"))
        self.append("alert.firing", "to nobody", rule="gone_dark")
        self.assertIn("550", json.dumps(self.ended(refused, "given_up")["log"]))
        wait_until(lambda: any(each["attempts"] >= 2 for each in self.deliveries(wrong, state="waiting")), 30, "a second attempt")
        self.assertEqual(server.mails, [])

    def test_alertmanager_hears_of_an_alert_and_of_its_end(self):
        alertmanager = self.group.start(Alertmanager(self.folder / "alertmanager"))
        self.addCleanup(alertmanager.stop)
        route = self.make_route(["alert.*"], {"kind": "alertmanager", "url": alertmanager.url})
        self.append("alert.firing", "cam-7 is slow", "critical", rule="latency_doubled", alert=7, site="berlin")
        wait_until(alertmanager.alerts, 30, "the alert")
        [alert] = alertmanager.alerts()
        self.assertEqual(alert["labels"], {"alertname": "latency_doubled", "severity": "critical", "site": "berlin", "argosy_alert": "7"})
        self.assertEqual(alert["annotations"], {"summary": "cam-7 is slow"})
        self.append("alert.resolved", "cam-7 is well", "critical", rule="latency_doubled", alert=7, site="berlin")
        wait_until(lambda: not alertmanager.alerts(), 30, "its end")
        self.assertEqual({each["state"] for each in self.deliveries(route)}, {"delivered"})

    def test_services_get_their_own_forms(self):
        bodies = {}
        key, address = self.folder / "key", self.folder / "address"
        key.write_text("R0UT1NG\n")
        for kind in ("slack", "teams"):
            address.write_text(f"{self.receiver.url}/{kind}\n")
            self.argosy("route", "create", kind, "--kind", "alert.*", "--group-wait", "0", "--to-kind", kind, "--secret-file", address)
        self.argosy("route", "create", "pagerduty", "--kind", "alert.*", "--to-kind", "pagerduty", "--url", f"{self.receiver.url}/pagerduty",
                    "--secret-file", key)
        self.append("alert.firing", "cam-7 is slow", "critical", rule="latency_doubled", alert=7)
        wait_until(lambda: len(self.receiver.received()) == 3, 30, "three messages")
        for line in self.receiver.received():
            bodies[line["path"]] = json.loads(line["body"])
        self.assertIn("cam-7 is slow", bodies["/slack"]["text"])
        self.assertEqual(bodies["/teams"]["attachments"][0]["content"]["type"], "AdaptiveCard")
        self.assertEqual((bodies["/pagerduty"]["routing_key"], bodies["/pagerduty"]["event_action"], bodies["/pagerduty"]["dedup_key"]),
                         ("R0UT1NG", "trigger", "argosy-alert-7"))


class NoticesAndKills(RunningArgosy):
    @classmethod
    def environment(cls):
        return QUICK

    def test_each_event_arrives_however_often_they_are_killed(self):
        seed = int(os.environ.get("ARGOSY_SEED") or secrets.randbelow(2**32))
        say(f"ARGOSY_SEED={seed}")
        receiver = self.group.start(Receiver(self.folder / "receiver", fails=0.1, seed=seed))
        kills = NoticeKills(self.installation, receiver, two_routes(self.argosy, receiver), seed)
        kills.run(SECONDS)
        figures = kills.figures()
        say(json.dumps(figures))
        self.assertGreater(sum(figures["killed"].values()), 0)
        self.assertEqual((figures["lost"], figures["keys_changed"], figures["forged"]), (0, 0, 0), figures)
        self.assertLess(figures["messages"], 2 * figures["events"], "some went together")
