"""Events, and the killing of those who tell and are told of them. Of tests/integration/notifications_test.py and scripts/bench notices."""
import json
import random
import time
from collections import defaultdict

from processes import wait_until
from webhook_receiver import signature

# What argosyd has to find in its environment: it reaches loopback, and is quick to try again.
QUICK = {"ARGOSY_NOTIFY_ALLOWED_NETWORKS": "127.0.0.0/8", "ARGOSY_NOTIFY_TICK_MS": "100", "ARGOSY_NOTIFY_TIMEOUT_S": "3",
         "ARGOSY_NOTIFY_RETRY_FIRST_MS": "200", "ARGOSY_NOTIFY_RETRY_MOST_S": "1"}


def two_routes(argosy, receiver):
    """Their secrets, by the path that each sends to: one tells each event at once, and one what came within a second."""
    return {path: argosy("route", "create", path[1:], "--kind", "alert.*", "--group-wait", wait, "--to-kind", "webhook",
                         "--url", receiver.url + path)["secret"] for path, wait in (("/single", 0), ("/grouped", 1))}


class NoticeKills:
    """`installation` and `receiver` run; `secrets` are those of the routes, by the path that each sends to."""

    def __init__(self, installation, receiver, secrets, seed):
        self.installation, self.receiver, self.secrets, self.random = installation, receiver, secrets, random.Random(seed)
        self.made, self.killed = 0, {"argosyd": 0, "receiver": 0}

    def make_events(self, count):
        first, self.made = self.made, self.made + count
        self.installation.postgres.query(f"""
            insert into events (kind, severity, message, details)
            select 'alert.firing', 'warning', 'event ' || n, json_build_object('rule', 'rule-' || n % 3, 'number', n)
            from generate_series({first}, {self.made - 1}) as n""", "argosy")

    def run(self, seconds):
        ends_at = time.monotonic() + seconds
        victims = {"argosyd": self.installation.argosyd, "receiver": self.receiver}
        while time.monotonic() < ends_at:
            self.make_events(self.random.randint(1, 8))
            time.sleep(self.random.uniform(0.05, 0.7))  # not a wait: the moment is what is tried
            name = self.random.choice([*victims, "nobody", "nobody"])
            if name in victims:
                victims[name].kill()
                self.make_events(self.random.randint(1, 3))
                time.sleep(self.random.uniform(0, 0.8))
                victims[name].start()
                self.killed[name] += 1
        wait_until(lambda: all(self.numbers_at(path) == set(range(self.made)) for path in self.secrets), 60,
                   f"each of {self.made} events told")

    def numbers_at(self, path):
        return {event["details"]["number"] for line in self.receiver.received() if line["path"] == path
                for event in json.loads(line["body"])["data"]["events"]}

    def figures(self):
        """What came of it; `lost`, `keys_changed` and `forged` are none where all is well."""
        lines = self.receiver.received()
        bodies, keys = defaultdict(set), defaultdict(set)
        forged = 0
        for line in lines:
            bodies[line["id"]].add(line["body"])
            forged += signature(self.secrets[line["path"]], line["id"], line["timestamp"], line["body"]) not in line["signatures"]
            for event in json.loads(line["body"])["data"]["events"]:
                keys[line["path"], event["details"]["number"]].add(line["id"])
        expected = self.made * len(self.secrets)
        return {"events": self.made, "told": len(keys), "lost": expected - len(keys), "messages": len(bodies),
                "repeats": len(lines) - len(bodies), "keys_changed": sum(len(each) > 1 for each in (*bodies.values(), *keys.values())),
                "forged": forged, "killed": self.killed}
