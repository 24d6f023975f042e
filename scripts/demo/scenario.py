"""The scenario that `scripts/run --once` plays: a fleet takes a good release, refuses a bad one, rolls a slow one back,
survives crashes on every side, and tells what goes wrong in the field. Every step states what must hold and is checked
against what the server, the devices and the database say."""
import time
from dataclasses import dataclass

from processes import ROOT, NotReady, say, wait_until

EXAMPLE = ROOT / "examples/digits"
POLICY = EXAMPLE / "policy.json"
MODEL = "digits"
CANARIES = 3
ENDED = ("completed", "halted", "rolled_back")


class Unmet(Exception):
    """What must hold does not."""


@dataclass
class Finding:
    """One line of the table at the end."""
    step: str
    expected: str
    observed: str
    held: bool
    seconds: float


class Scenario:
    def __init__(self, installation, fleet, argosy, quiet_minutes=0):
        """`quiet_minutes`: how long the healthy fleet is watched, before the faults, for alerts that nobody gave a reason for."""
        self.installation, self.fleet, self.argosy = installation, fleet, argosy
        self.quiet_minutes = quiet_minutes
        self.findings = []

    def play(self):
        """Whether all of it held. Stops at the first step that does not, since the next ones build on it."""
        steps = [
            ("1 first release", "12 devices enrol, all serve 1.0, telemetry arrives", self.first_release),
            ("2 update in waves", "canary, then all serve 1.1, each by a patch, validated on the device; an agent and the "
                                  "server are killed meanwhile", self.update_in_waves),
            ("3 refused", "every canary refuses 1.2, the rollout halts, nobody served it; the broker restarts meanwhile",
             self.refused),
            ("4 rolled back", "1.3 is slow under real traffic: canary rolled back, the others never got it; the database "
                              "restarts meanwhile", self.rolled_back),
            ("5 nothing lost", "each telemetry window is stored exactly once", self.nothing_lost),
            ("6 field faults", "drift on three devices alone; alerts name slow and dark devices and resolve",
             self.field_faults),
            ("7 end state", "all devices serve 1.1", self.end_state),
        ]
        if self.quiet_minutes:
            faults = next(at for at, (_, _, step) in enumerate(steps) if step == self.field_faults)
            steps.insert(faults, ("- quiet", f"no alert in {self.quiet_minutes} minutes of a healthy fleet", self.quiet))
        for name, expected, step in steps:
            say(f"== {name}: {expected}")
            begun = time.monotonic()
            try:
                observed, held = step(), True
            except (Unmet, NotReady) as problem:
                observed, held = str(problem), False
            finding = Finding(name, expected, observed, held, time.monotonic() - begun)
            self.findings.append(finding)
            say(f"   {'held' if held else 'DID NOT HOLD'}: {observed}")
            if not held:
                return False
        return True

    # Steps ----------------------------------------------------------------------------------------------------------
    def first_release(self):
        count = len(self.fleet.devices)
        eventually(lambda: self.count_devices(lambda d: d["presence"] == "online") == count, 60, f"{count} devices online")
        self.publish("1.0")
        rollout = self.roll_out("1.0", until=("completed",), policy=EXAMPLE / "policy-first.json")
        self.wait_all_serve("1.0")
        eventually(lambda: self.installation.count("select count(distinct device_id) from telemetry_unpacked") == count, 60,
                   "inference windows of every device")
        return f"rollout {rollout['id']} completed; {count} of {count} devices serve 1.0 and send windows"

    def update_in_waves(self):
        self.publish("1.1")
        rollout = self.create("1.1")
        killed = self.kill_an_agent_while_patching()
        self.wait_rollout(rollout, lambda r: r["waves"][1]["opened_at"], 120, "the second wave opens")
        say("   kill -9 of argosyd")
        self.installation.argosyd.kill()
        self.installation.argosyd.start()
        ended = self.wait_rollout(rollout, has_ended, 180, "rollout of 1.1 ends")
        require(ended["state"] == "completed", f"rollout of 1.1 ended as {ended['state']}: {ended['reason']}")
        self.wait_all_serve("1.1")
        devices = self.argosy("rollout", "devices", rollout)
        wrong = [f"{d['device']} ({d['state']}, {d['source']}, {d['cause']}, {d['numbers']})" for d in devices
                 if d["state"] != "succeeded" or d["source"] != "patch"
                 or d["numbers"].get("metric_value") is None]
        require(not wrong, f"not updated by a validated patch: {', '.join(wrong)}")
        sent, full = sum(d["bytes"] for d in devices), sum(d["full_bytes"] for d in devices)
        return (f"completed; {killed} was killed -9 while patching and argosyd during wave 2; all by patch, "
                f"{sent:,} of {full:,} bytes sent ({100 * (1 - sent / full):.0f} % saved)")

    def refused(self):
        self.publish("1.2")
        rollout = self.create("1.2")
        say("   restart of Mosquitto")
        self.installation.mosquitto.restart()
        ended = self.wait_rollout(rollout, has_ended, 120, "rollout of 1.2 ends")
        require(ended["state"] == "halted", f"rollout of 1.2 ended as {ended['state']}: {ended['reason']}")
        devices = self.argosy("rollout", "devices", rollout)
        refusals = [d for d in devices if d["cause"] == "validate_rejected"]
        require(len(refusals) == CANARIES, f"{len(refusals)} devices refused it instead of {CANARIES}")
        served = self.installation.count("select count(*) from telemetry_unpacked where version = '1.2'")
        require(served == 0, f"{served} windows were served by 1.2")
        for device in refusals:
            numbers = device["numbers"]
            require(numbers["metric_value"] < numbers["metric_threshold"], f"{device['device']} refused without a reason")
        decisions = self.argosy("rollout", "decisions", rollout)
        halts = [d["message"] for d in decisions if "halt" in d["decision"]]
        require(halts, "the decision log does not tell of the halt")
        worst = min(refusals, key=lambda d: d["numbers"]["metric_value"])["numbers"]
        return (f"{len(refusals)} of {CANARIES} canaries refused: accuracy {worst['metric_value']:.3f} against "
                f"{worst['metric_threshold']}; {halts[-1]}")

    def rolled_back(self):
        self.publish("1.3")
        rollout = self.create("1.3")
        self.wait_rollout(rollout, lambda r: r["counts"].get("probation", 0) > 0 or has_ended(r), 60, "1.3 serves a canary")
        say("   restart of PostgreSQL")
        self.installation.postgres.restart()
        ended = self.wait_rollout(rollout, has_ended, 150, "rollout of 1.3 ends")
        require(ended["state"] == "rolled_back", f"rollout of 1.3 ended as {ended['state']}: {ended['reason']}")
        self.wait_all_serve("1.1")
        devices = self.argosy("rollout", "devices", rollout)
        canaries = {d["device"] for d in devices if d["wave"] == 0}
        untouched = [d for d in devices if d["wave"] > 0 and d["notified_at"] is None]
        require(len(canaries) == CANARIES and len(untouched) == len(devices) - CANARIES, "1.3 left the canary")
        rows = eventually(
            lambda: self.installation.rows("select distinct device_id from telemetry_unpacked where version = '1.3'"), 30,
            "windows that 1.3 served on the canary")
        strangers = {row[0] for row in rows} - canaries
        require(not strangers, f"1.3 was served by {', '.join(sorted(strangers))}")
        return f"{ended['reason']}; {len(rows)} canaries had served 1.3, {len(untouched)} devices never got it"

    def nothing_lost(self):
        total = 0
        for device in self.fleet.devices:
            for epoch in self.argosy("device", "integrity", device.id)["items"]:
                whole = epoch["stored"] == epoch["last_seq"] - epoch["first_seq"] + 1
                require(whole and epoch["first_seq"] == 1 and not (epoch["lost"] or epoch["duplicates"] or epoch["gaps"]),
                        f"{device.id}: {epoch}")
                total += epoch["stored"]
        return f"{total:,} records of {len(self.fleet.devices)} devices, numbered without a hole, none twice, none lost"

    def quiet(self):
        eventually(lambda: not self.alerts("firing"), 60, lambda: f"nothing fires; {'; '.join(self.said('firing'))}")
        begun_at = self.installation.rows("select now()")[0][0]
        ends_at = time.monotonic() + self.quiet_minutes * 60
        while (left_s := ends_at - time.monotonic()) > 0:
            fired = self.installation.rows(f"select message from alerts where fired_at >= '{begun_at}'")
            require(not fired, f"{self.quiet_minutes - left_s / 60:.1f} minutes into it: {'; '.join(row[0] for row in fired)}")
            time.sleep(min(5, left_s))
        return f"none fired in {self.quiet_minutes} minutes, {len(self.alerts('pending'))} are looked at more closely"

    def field_faults(self):
        blurred, slow, dark = self.fleet.devices[:3], self.fleet.devices[4], self.fleet.devices[8]
        names = {device.id for device in blurred}
        for device in blurred:
            device.set_fault(blur=True)
        slow.set_fault(slow_ms=40)
        dark.agent.stop()
        faults = {("latency_doubled", slow.id), ("gone_dark", dark.id)}
        eventually(lambda: self.drifted() == names and faults <= self.alerts("firing"), 90,
                   lambda: f"drift on {names} and alerts {faults}; drift is on {self.drifted()}, firing is {self.alerts('firing')}")
        drifted, firing = self.drifted(), self.alerts("firing")
        for device in blurred:
            device.set_fault(blur=False)
        slow.set_fault(slow_ms=0)
        dark.agent.start()
        eventually(lambda: not self.drifted() and not self.alerts("firing"), 90,
                   lambda: f"all healed; drift is on {self.drifted()}, and what fires says: {'; '.join(self.said('firing')) or 'nothing'}")
        false_alarms = {(rule, device) for rule, device in firing if device not in names | {slow.id, dark.id}}
        require(not false_alarms, f"false alarms: {false_alarms}")
        return (f"drift on {', '.join(sorted(drifted))} alone; latency_doubled on {slow.id} and gone_dark on {dark.id} "
                "fired and resolved")

    def end_state(self):
        self.wait_all_serve("1.1")
        self.nothing_lost()
        return f"{len(self.fleet.devices)} of {len(self.fleet.devices)} devices serve 1.1; telemetry whole to the end"

    # What the steps are made of ---------------------------------------------------------------------------------------
    def publish(self, version):
        self.argosy("release", "publish", "--from", EXAMPLE / f"releases/{version}.json")

    def create(self, version, policy=POLICY):
        return self.argosy("rollout", "create", f"{MODEL}@{version}", "--policy", policy, "--start")["id"]

    def roll_out(self, version, until, policy):
        ended = self.wait_rollout(self.create(version, policy), has_ended, 120, f"rollout of {version} ends")
        require(ended["state"] in until, f"rollout of {version} ended as {ended['state']}: {ended['reason']}")
        return ended

    def wait_rollout(self, rollout, condition, timeout_s, what):
        def look():
            document = self.argosy.patiently("rollout", "show", rollout)
            return document if document and condition(document) else None

        return eventually(look, timeout_s, what)

    def devices(self):
        return self.argosy.patiently("device", "list") or []

    def count_devices(self, condition):
        return sum(1 for device in self.devices() if condition(device))

    def wait_all_serve(self, version):
        def look():
            return self.count_devices(lambda d: any(m["model"] == MODEL and m["version"] == version for m in d["models"]))

        eventually(lambda: look() == len(self.fleet.devices), 90, lambda: f"all devices serve {version}, {look()} do")

    def drifted(self):
        return {device["id"] for device in self.devices() if device["drifted"]}

    def said(self, state):
        return sorted(alert["message"] for alert in self.argosy("alert", "list", "--state", state))

    def alerts(self, state):
        return {(alert["rule"], alert["device_id"]) for alert in self.argosy("alert", "list", "--state", state)}

    def kill_an_agent_while_patching(self):
        """kill -9 in the middle of a patch, proved by the journal that it leaves; then the agent starts again."""
        def catch():
            for device in self.fleet.devices:
                if device.phase() == "patching" and device.agent.is_alive():
                    device.agent.kill()
                    if device.phase() == "patching":
                        return device
                    device.agent.start()
            return None

        device = eventually(catch, 60, "an agent that patches", poll_s=0)
        say(f"   kill -9 of the agent of {device.id} while it patches")
        device.agent.start()
        return device.id


def eventually(condition, timeout_s, what, poll_s=0.3):
    """wait_until, where `what` may be a function that tells at the end what is so instead."""
    try:
        return wait_until(condition, timeout_s, "", poll_s)
    except NotReady:
        raise Unmet(f"{what() if callable(what) else what}: not within {timeout_s} s") from None


def has_ended(rollout):
    return rollout["state"] in ENDED


def require(condition, otherwise):
    if not condition:
        raise Unmet(otherwise)


def format_table(header, rows):
    widths = [max(len(str(row[column])) for row in [header, *rows]) for column in range(len(header))]
    lines = ["  ".join(str(value).ljust(width) for value, width in zip(row, widths)).rstrip() for row in [header, *rows]]
    return "\n".join([lines[0], "  ".join("-" * width for width in widths), *lines[1:]])


def report(scenario):
    """The two tables that end the run: what held, and what each device runs and was sent."""
    rows = [(f.step, "yes" if f.held else "NO", f"{f.seconds:.0f} s", f.observed) for f in scenario.findings]
    print(format_table(("STEP", "HELD", "TOOK", "OBSERVED"), rows))
    sent = scenario.installation.rows(
        "select device_id, sum(bytes), sum(full_bytes) from rollout_devices where bytes is not null group by 1")
    traffic = {device: (int(part or 0), int(whole or 0)) for device, part, whole in sent}
    lines = []
    for device in scenario.devices():
        part, whole = traffic.get(device["id"], (0, 0))
        versions = " ".join(f"{m['model']}@{m['version']}" for m in device["models"])
        lines.append((device["id"], device["hardware_class"], device["presence"], versions, f"{part:,}", f"{whole:,}"))
    print()
    print(format_table(("DEVICE", "CLASS", "PRESENCE", "SERVES", "MODEL BYTES SENT", "FULL SIZE"), lines))
