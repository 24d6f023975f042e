"""Decisions that meet: two operators who ask for the same at the same time, each of another argosyd, and an argosyd that is
killed (SIGKILL) while it decides. One outcome each time, logged once, and a clear answer to whoever came too late.
ARGOSY_SEED says at which moments it is killed; a seed that was drawn is printed. Devices are rows, and away."""
import os
import random
import secrets
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from running_argosy import RunningArgosy  # noqa: E402, I001  (it knows where the next are)
from processes import say, wait_until  # noqa: E402

POLICY = {"waves": [{"share": 0.25}, {"share": 0.5}, {"share": 1}], "guards": [], "abort": []}

FLEET = """
insert into models (name) values ('digits');
insert into releases (model, version, created_by, published_at) values ('digits', '1.1', 'test', now());
insert into devices (id, hardware_class) select 'cam-' || n, 'cpu' from generate_series(1, 12) as n;
insert into device_state (device_id, presence, presence_since) select id, 'offline', now() - interval '1 day' from devices;
"""
FAILED = """
update rollout_devices set state = 'failed', cause = 'download' where rollout_id = {id} and wave = 0;
update rollout_waves set counts = jsonb_build_object('download', planned) where rollout_id = {id} and wave = 0;
"""


def soon():
    return (datetime.now(timezone.utc) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")


# What an operator asks for, after what, and with which body.
VERBS = {
    "start": ([], {}),
    "approve": (["ask"], {"comment": "seen"}),
    "refuse": (["ask"], {"comment": "not today"}),
    "cancel": (["schedule"], {}),
    "pause": (["start"], {}),
    "resume": (["start", "pause"], {}),
    "promote": (["start"], {}),
    "promote all": (["start"], {"all": True}),
    "retry": (["start", "pause", "fail"], {}),
    "halt": (["start"], {}),
    "rollback": (["start"], {}),
    "assign": ([], {}),
    "unassign": (["assign"], {}),
}


class Decisions(RunningArgosy):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.installation.rows(FLEET)
        cls.second = cls.installation.start_another("argosyd-2")

    @classmethod
    def tearDownClass(cls):
        cls.second.stop()

    def post(self, path, body=None, server=None, **headers):
        return self.send(self.operator(server), "POST", path, body or {},
                         {"Authorization": f"Bearer {self.admin}", **{name.replace("_", "-"): value for name, value in headers.items()}})

    def rollout_before(self, steps, policy=None):
        """A rollout that has come so far; its path and its ETag."""
        made = self.post("/api/v1/rollouts", {"name": "digits 1.1", "model": "digits", "version": "1.1", "policy": {**POLICY, **(policy or {})}})
        self.assertEqual(made.status, 201, made.body)
        number = made.json()["id"]
        path = f"/api/v1/rollouts/{number}"
        for step in steps:
            if step == "fail":
                self.installation.rows(FAILED.format(id=number))
            elif step == "ask":
                self.post(f"{path}/start", {}, If_Match="*")
                # Somebody else made it.
                self.installation.rows(f"update rollouts set created_by = 'user:eve', created_by_person = 'user:0' where id = {number}")
            else:
                body = {"start_at": soon()} if step == "schedule" else {}
                verb = "start" if step == "schedule" else step
                answer = self.post(f"{path}/{verb}", body, If_Match="*")
                self.assertEqual(answer.status, 200, answer.body)
        return path, '"%s"' % self.api("GET", path).json()["etag"]

    def prepared(self, verb):
        steps, body = VERBS[verb]
        path, etag = self.rollout_before(steps, {"approval": {"required": True}} if "ask" in steps else None)
        return path, f"{path}/{verb.partition(' ')[0]}", body, etag

    def assert_logged_once(self, path, verb, decisions_before):
        number = path.rpartition("/")[2]
        asked, told = self.installation.rows(f"""
            select (select count(*) from audit where object = 'rollout/{number}' and action = 'rollout.{verb.partition(' ')[0]}'),
                   (select count(*) from events where rollout_id = {number} and starts_with(kind, 'rollout.') and kind <> 'rollout.device' and details->>'actor' <> 'engine')""")[0]
        decided = decisions_before + (2 if verb == "approve" else 1)  # that it was approved, and that it starts
        self.assertEqual((int(asked), self.decisions(path), int(told)), (1, decided, decided), verb)

    def decisions(self, path):
        """Of operators."""
        return sum(decision["actor"] != "engine" for decision in self.api("GET", f"{path}/decisions").json()["items"])

    def test_of_two_operators_who_ask_at_once_one_has_his_way(self):
        servers = (self.installation.argosyd, self.second)
        with ThreadPoolExecutor(2) as pool:
            for verb in VERBS:
                path, url, body, etag = self.prepared(verb)
                before, together = self.decisions(path), threading.Barrier(2)

                def ask(server):
                    together.wait()
                    return self.post(url, body, server, If_Match=etag)

                answers = sorted(pool.map(ask, servers), key=lambda answer: answer.status)
                self.assertEqual(answers[0].status, 200, (verb, answers[0].body))
                self.assert_problem(answers[1], 412, "precondition-failed", "the rollout has changed", etag, "read it again")
                self.assert_logged_once(path, verb, before)

    def test_of_two_who_ask_for_different_things_one_has_his_way(self):
        servers = (self.installation.argosyd, self.second)
        with ThreadPoolExecutor(2) as pool:
            for verbs in (("pause", "halt"), ("promote", "rollback"), ("halt", "rollback"), ("promote", "pause")):
                path, etag = self.rollout_before(["start"])
                before, together = self.decisions(path), threading.Barrier(2)

                def ask(one):
                    together.wait()
                    return self.post(f"{path}/{one[0]}", {}, one[1], If_Match=etag).status

                statuses = list(pool.map(ask, zip(verbs, servers)))
                self.assertEqual(sorted(statuses), [200, 412], verbs)
                self.assert_logged_once(path, verbs[statuses.index(200)], before)

    def test_a_server_that_is_killed_while_it_decides_decides_once(self):
        seed = int(os.environ.get("ARGOSY_SEED") or secrets.randbelow(2**32))
        say(f"ARGOSY_SEED={seed}")
        moments, server = random.Random(seed), self.installation.argosyd
        self.second.stop()  # else nobody is waited for
        self.addCleanup(self.second.start)
        answered = 0
        for verb in VERBS:
            path, url, body, etag = self.prepared(verb)
            before = self.decisions(path)
            headers = {"If_Match": etag, "Idempotency_Key": secrets.token_hex(8)}
            with ThreadPoolExecutor(1) as pool:
                first = pool.submit(self.asked, url, body, **headers)
                time.sleep(moments.uniform(0, 0.03))  # not a wait: the moment is what is tried
                server.kill()
                answered += first.result() is not None
            server.start()
            again = self.post(url, body, **headers)
            if again.status == 409:  # taken up, and given up when the server died: the key alone is still held
                self.assertIn("still under way", again.json()["detail"])
                again = self.post(url, body, If_Match=etag)
            self.assertIn(again.status, (200, 412), (verb, again.body))
            self.assert_logged_once(path, verb, before)
        say(f"{answered} of {len(VERBS)} were answered before the kill")

    def asked(self, url, body, **headers):
        """The status, or nothing when the server died first."""
        try:
            return self.post(url, body, **headers).status
        except OSError:
            return None
        except Exception as broken:  # http.client: half an answer
            say(f"no answer: {broken}")
            return None

    def test_a_rollout_whose_leader_is_killed_at_its_time_starts_once(self):
        path, _ = self.rollout_before(["schedule"])
        number = path.rpartition("/")[2]
        self.installation.rows(f"update rollouts set start_at = now() + interval '300 ms' where id = {number}")
        time.sleep(0.3 + secrets.randbelow(200) / 1000)  # not a wait: the moment is what is tried
        self.installation.argosyd.kill()
        self.installation.argosyd.start()
        wait_until(lambda: self.api("GET", path).json()["state"] == "running", 20, "it starts")
        started = self.installation.count(f"select count(*) from rollout_decisions where rollout_id = {number} and decision = 'start'")
        told = self.installation.count(f"select count(*) from events where rollout_id = {number} and details->>'decision' = 'start'")
        self.assertEqual((started, told), (1, 1))
