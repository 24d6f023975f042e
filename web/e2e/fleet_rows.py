"""Rows of a fleet that has been at work for an hour: devices, windows, drift, alerts, rollouts in several states.

Written as COPY text for psql, from a fixed seed, so that every run shows the same fleet. The states agree with what the
server would decide from the same rows, so that its own ticks leave them as they are.
"""
import base64
import hashlib
import json
import math
import random
from datetime import datetime, timedelta, timezone
from statistics import NormalDist

from window_figures import encode, varint

SITES = ("berlin", "lyon", "oslo", "porto")
CLASSES = ("cpu-fp32", "cpu-int8", "jetson-fp16")
FEATURES = ("brightness", "sharpness")
EDGES = [round(0.1 * step, 1) for step in range(1, 10)]
USUAL = [20, 60, 140, 240, 300, 260, 160, 80, 30, 10, 0]  # under the first edge, between, over the last, not a number
SHIFTED = [220, 310, 260, 120, 50, 20, 10, 5, 3, 2, 0]
CAUSES = {"online": "heard", "late": "beats_missed", "offline": "connection_broke", "never_seen": "never_seen"}
LATENCY_MS = {"cpu-fp32": 11.0, "cpu-int8": 6.5, "jetson-fp16": 3.2}
WINDOW_S, HISTORY_S, DETAILED = 60, 3600, 12
LN_GAMMA = math.log(1.01 / 0.99)


def digest_of(text):
    return hashlib.sha256(text.encode()).hexdigest()


def latency_histogram(median_ms, count, kept={}):
    """The encoded log-histogram (common/stats/log_histogram.hpp) of a log-normal latency."""
    key = (round(median_ms, 1), count)
    if key not in kept:
        buckets = {}
        for step in range(count):
            value = key[0] * math.exp(0.22 * NormalDist().inv_cdf((step + 0.5) / count))
            index = math.ceil(math.log(value) / LN_GAMMA)
            buckets[index] = buckets.get(index, 0) + 1
        out, previous = bytes([1]) + varint(0) + varint(len(buckets)), None
        for index in sorted(buckets):
            place = (index << 1) ^ (index >> 31) if previous is None else index - previous - 1
            out += varint(place) + varint(buckets[index])
            previous = index
        kept[key] = out
    return kept[key]


class Rows:
    """Rows by table, in the order in which tables were first named."""

    def __init__(self):
        self.tables = {}

    def add(self, table, **columns):
        names, rows = self.tables.setdefault(table, (tuple(columns), []))
        assert names == tuple(columns), f"{table}: {names} and {tuple(columns)}"
        rows.append("\t".join(map(copy_text, columns.values())))

    def sql(self):
        text = ["begin;"]
        for table, (names, rows) in self.tables.items():
            identity = "id" in names and table != "devices"
            text += [f"copy {table} ({', '.join(names)}) from stdin;", *rows, "\\."]
            if identity:
                text.append(f"select setval(pg_get_serial_sequence('{table}', 'id'), (select max(id) from {table}));")
        return "\n".join([*text, "commit;", "analyze;"]) + "\n"


def copy_text(value):
    if value is None:
        return "\\N"
    if isinstance(value, bytes):
        return "\\\\x" + value.hex()
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bool):
        return "t" if value else "f"
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, (dict, list)) else str(value)
    return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n")


class Fleet:
    """`count` devices named cam-01 …; the first twelve have an hour of history, the others their newest windows."""

    def __init__(self, count, now=None):
        self.count, self.now = count, now or datetime.now(timezone.utc).replace(microsecond=0)
        self.random, self.rows = random.Random(7), Rows()
        width = max(2, len(str(count)))
        self.names = [f"cam-{number:0{width}}" for number in range(1, count + 1)]
        self.places = {name: place for place, name in enumerate(self.names)}
        self.hardware = {name: CLASSES[(0, 1, 0, 2, 1, 0)[place % 6]] for place, name in enumerate(self.names)}
        self.slow, self.wrong, self.dirty, self.dark = self.names[4], self.names[6], self.names[2], self.names[9]
        self.flapping = self.names[7]
        updated = [name for name in self.names if name not in (self.slow, self.wrong, self.dirty, self.dark)]
        canary = max(3, count // 20)
        self.canary = updated[:canary]
        self.succeeded, self.in_probation = self.canary[:-1], self.canary[-1:]
        self.updated_at = {name: self.ago(900 - 3 * place % 300) for place, name in enumerate(self.canary)}

    def ago(self, seconds):
        return self.now - timedelta(seconds=seconds)

    def sql(self):
        self.releases()
        for place, name in enumerate(self.names):
            self.device(place, name)
        self.rollouts()
        for place, name in enumerate(self.names):
            self.telemetry(place, name)
        self.drift()
        self.presence_over_time()
        self.alerts()
        self.events()
        self.notices()
        return self.rows.sql()

    # What may run -----------------------------------------------------------------------------------------------------

    def releases(self):
        self.rows.add("models", name="digits", description="Reads the digits on a meter")
        notes = {"1.0": "First release", "1.1": "Trained on the autumn images", "1.2": "Half the size, same accuracy"}
        for place, version in enumerate(notes, 1):
            for name in CLASSES:
                self.rows.add("blobs", digest=digest_of(version + name), size=154_074 + 11_000 * place)
        for place, (version, note) in enumerate(notes.items(), 1):
            at = self.ago(86400 * (10 - 3 * place))
            self.rows.add("releases", id=place, model="digits", version=version, notes=note,
                          validation={"dataset": {"digest": digest_of("set"), "size": 90_000}, "metric": "accuracy",
                                      "direction": "higher", "threshold": 0.94},
                          reference={"features": [{"name": name, "edges": EDGES, "counts": USUAL} for name in FEATURES]},
                          published_at=at, created_by="user:ada", created_at=at)
        for place, version in enumerate(notes, 1):
            for name in CLASSES:
                self.rows.add("variants", release_id=place, name=name, digest=digest_of(version + name),
                              size=154_074 + 11_000 * place, format="onnx", selector={"hardware_class": name}, priority=0,
                              compact=self.compact() if (version, name) == ("1.2", "cpu-fp32") else None)

        self.draft()
        self.patches()

    def draft(self):
        digest, at = digest_of("1.2cpu-int8"), self.ago(1200)
        document = json.dumps({"version": "1.3", "notes": "Waits for its signature",
                               "variants": [{"name": "cpu-int8", "digest": digest, "format": "onnx"}]})
        self.rows.add("release_drafts", model="digits", version="1.3", document=document, created_by="user:ada", created_at=at,
                      updated_by="user:ada", updated_at=at)
        self.rows.add("release_draft_files", model="digits", version="1.3", digest=digest)

    @staticmethod
    def compact():
        """As `argosy release compact` reports it."""
        settings = [{"bits": bits, "agreement": agreement, "max_difference": difference, "patch_bytes": size, "accepted": bits > 3}
                    for bits, agreement, difference, size in ((3, 0.988, 0.21, 15_520), (4, 0.998, 0.09, 20_944), (6, 1, 0.02, 33_660))]
        return {"base_digest": digest_of("1.1cpu-fp32"), "base_version": "1.1", "bits": 4, "automatic": True, "samples": 2000,
                "agreement": 0.998, "max_difference": 0.09, "metric": {"name": "accuracy", "exact": 0.9712, "compact": 0.9709},
                "full_bytes": 187_074, "patch_bytes": 20_944, "exact_patch_bytes": 139_020, "tolerance": {"agreement": 0.995},
                "settings": settings}

    def patches(self):
        for name in CLASSES:
            self.rows.add("blobs", digest=digest_of("patch" + name), size=21_480)
        tried = [{"codec": "tensor", "bytes": 21_480, "seconds": 0.14, "failure": None},
                 {"codec": "bsdiff", "bytes": 48_912, "seconds": 0.61, "failure": None},
                 {"codec": "zstd", "bytes": 151_020, "seconds": 0.02, "failure": None}]
        too_large = [trial | {"bytes": 181_480 + 1_540 * place} for place, trial in enumerate(tried)]
        too_large[1] = {"codec": "bsdiff", "bytes": None, "seconds": 0.01, "failure": "needs more memory than patches.max_memory_mb"}
        for from_version, to_version, ready in (("1.0", "1.1", True), ("1.1", "1.2", False)):
            for name in CLASSES:
                self.rows.add("patches", from_digest=digest_of(from_version + name), to_digest=digest_of(to_version + name),
                              state="ready" if ready else "declined", codec="tensor" if ready else None,
                              digest=digest_of("patch" + name) if ready else None, size=21_480 if ready else 181_480,
                              encode_ms=770 if ready else 170, trials=tried if ready else too_large, attempts=1,
                              finished_at=self.ago(3600),
                              reason=None if ready else "not smaller: the full file has 187074 bytes, tensor 181480")

    # Who there is -----------------------------------------------------------------------------------------------------

    def presence_of(self, place, name):
        if name == self.dark or place > 11 and place % 71 == 0:
            return "offline", "the connection broke; 258 s silent, expected every 60 s", 4300
        if place > 11 and place % 113 == 0:
            return "never_seen", "enrolled, not seen yet", 7200
        if place == 10 or place > 11 and place % 97 == 0:
            return "late", "96 s silent, expected every 60 s", 120
        return "online", "reports every 60 s", 5400 + place % 4000

    def serving(self, name):
        return "1.1" if name in self.updated_at else "1.0"

    def device(self, place, name):
        presence, reason, since_s = self.presence_of(place, name)
        hardware, version = self.hardware[name], self.serving(name)
        seen_s = {"offline": 20_000, "late": 5520, "never_seen": None, "online": self.random.randrange(2, 50)}[presence]
        self.rows.add("devices", id=name, hardware_class=hardware,
                      labels={"site": SITES[place % 4], "line": str(1 + place % 3)},
                      capabilities={"architecture": "aarch64", "accelerators": ["cpu"], "runtimes": ["onnxruntime"],
                                    "precisions": [hardware.split("-")[1]], "memory_mb": 4096,
                                    "runtime_versions": ["onnxruntime 1.21.0"]},
                      certificate_not_after=self.ago(-86400 * 61), enrolled_at=self.ago(86400 * 21 - place))
        health = self.health(place, name, 0)
        self.rows.add("device_state", device_id=name, agent_version=None if seen_s is None else "0.1.0",
                      report={} if seen_s is None else self.report(name, version, hardware), interval_s=3600,
                      last_seen_at=None if seen_s is None else self.ago(seen_s), presence=presence,
                      presence_since=self.ago(since_s), presence_reason=reason, presence_cause=CAUSES[presence],
                      intermittent_until=self.ago(-1800) if name == self.flapping else None,
                      health={} if seen_s is None else health, health_at=None if seen_s is None else self.ago(seen_s))
        if seen_s is None:
            return
        probation = name in self.in_probation
        moved = name in self.updated_at
        self.rows.add("device_models", device_id=name, model="digits", version=version,
                      digest=digest_of(version + hardware), previous_version="1.0" if moved else None,
                      previous_digest=digest_of("1.0" + hardware) if moved else None,
                      update_state="probation" if probation else "committed" if moved else "idle",
                      update_version="1.1" if moved else None)

    def report(self, name, version, hardware):
        slot = lambda letter, role, of: {"slot": letter, "role": role, "version": of,
                                         "digest": digest_of(of + hardware) if of else "", "size": 176_074 if of else 0}
        moved = name in self.updated_at
        slots = [slot("a", "previous", "1.0"), slot("b", "serving", "1.1")] if moved else \
                [slot("a", "serving", "1.0"), slot("b", "empty", "")]
        update = {"rollout": 3, "attempt": 1, "version": "1.1", "progress": 1, "source": "patch", "bytes": 21_480,
                  "full_bytes": 176_074, "cause": "", "metric_value": 0.9712, "metric_threshold": 0.94,
                  "latency_p95_ms": 8.4, "peak_memory_mb": 61.0, "samples": 500, "changed_at": "2026-01-01T00:00:00Z",
                  "state": "probation" if name in self.in_probation else "committed",
                  "message": "observed 212 of 400 inferences" if name in self.in_probation else "kept after its probation"}
        model = {"model": "digits", "version": version, "digest": digest_of(version + hardware), "slots": slots}
        return {"v": 1, "device": name, "nonce": 1, "rev": 1, "agent_version": "0.1.0", "hardware_class": hardware,
                "models": [model | ({"update": update} if moved else {})]}

    # What they measure ------------------------------------------------------------------------------------------------

    def health(self, place, name, back_s):
        wave = math.sin(back_s / 600 + place)
        sample = {"cpu_percent": round(24 + 6 * wave + self.random.random() * 3, 1),
                  "memory_used_mb": round(1180 + 40 * wave + place % 7 * 30), "memory_total_mb": 4096,
                  "disk_free_mb": round(9800 - (HISTORY_S - back_s) / 60), "disk_total_mb": 16384,
                  "cpu_temperature_c": round(52 + 5 * wave + self.random.random(), 1), "agent_rss_mb": 9.4}
        if self.hardware[name].startswith("jetson"):
            sample |= {"gpu_temperature_c": round(58 + 6 * wave + self.random.random(), 1),
                       "gpu_percent": round(41 + 12 * wave, 1), "gpu_power_w": round(3.1 + 0.6 * wave, 2),
                       "power_w": round(7.4 + 0.9 * wave, 2), "throttled": 0}
        if place % 3 == 2:
            sample |= {"disk_wear_percent": 20 if place % 2 else 80, "disk_pre_eol": 1, "under_voltage": 1 - place % 2}
        sample |= {"custom.pump_bar": round(2.4 + 0.2 * wave, 2), "readings_failed": 0}
        sample |= {"clock_offset_ms": 61_000 if place == 9 else -180, "clock_synchronised": 0 if place == 9 else 1,
                   "network_links_up": 1, "network_speed_mbps": 1000, "uptime_s": 86_400 * 9 - back_s}
        return sample

    def telemetry(self, place, name):
        if self.presence_of(place, name)[0] in ("never_seen", "offline"):
            return
        windows = HISTORY_S // WINDOW_S if place < DETAILED else 3 if place % 5 == 0 else 0
        gap = {20, 21, 22, 23, 24} if place == 7 else set()  # an outage that nothing was kept of
        for back in range(windows, 0, -1):
            if back not in gap:
                self.window(name, windows - back + 1, self.ago(back * WINDOW_S))
        for back in range(windows * 2 if place < DETAILED else 0, 0, -1):
            self.rows.add("health_samples", device_id=name, epoch="0123456789abcdef", seq=100_000 - back,
                          at=self.ago(back * 30), sample=self.health(place, name, back * 30))

    def window(self, name, seq, at):
        age_s = (self.now - at).total_seconds()
        version = "1.1" if name in self.updated_at and at >= self.updated_at[name] else "1.0"
        median = LATENCY_MS[self.hardware[name]] * (1.04 if version == "1.1" else 1) * (1 + 0.05 * self.random.random())
        if name == self.slow and age_s < 840:
            median *= 2.6
        labelled = 40 if self.names.index(name) < DETAILED else 20
        share = 0.87 if name == self.wrong and age_s < 1300 else 0.972 + 0.01 * self.random.random()
        shapes = [SHIFTED if feature == "sharpness" and name == self.dirty else USUAL for feature in FEATURES]
        figures = encode(length_ms=1000 * WINDOW_S, count=300, errors=int(self.random.random() < 0.3), labelled=labelled,
                         correct=min(labelled, round(labelled * share)), latency=latency_histogram(median, 300),
                         features=[(feature, [count // 4 for count in shape]) for feature, shape in zip(FEATURES, shapes)],
                         **self.answers())
        self.rows.add("telemetry_windows", device_id=name, epoch=0x0123456789abcdef, seq=seq, started_at=at, model="digits",
                      version=version, figures=figures)

    def answers(self):
        """Of 300 inferences: how sure, how undecided, of which camera."""
        sure = [0] * 11 + [1, 1, 2, 4, 8, 16, 38, 80, 150]
        left = self.random.randrange(150, 190)
        return {"confidences": [sum(count * (0.05 * place + 0.025) for place, count in enumerate(sure)), sure],
                "entropy": [300, 300 * (0.3 + 0.05 * self.random.random()), 0.01, 1.9],
                "tags": {"camera": [{"left": left, "right": 280 - left}, 20]}}

    def presence_over_time(self):
        """A week of hours for each site, one of which had two bad evenings, and the spans of the first devices."""
        hour = self.now.replace(minute=0, second=0)
        for back in range(1, 24 * 7):
            for place, site in enumerate(SITES):
                devices = self.count // 4
                share = 0.55 if site == "oslo" and back in (20, 21, 22, 44, 45) else 0.97 if (back * 7 + place * 5) % 23 == 0 else 1
                if back not in (61, 62):  # nobody watched
                    self.rows.add("site_hours", hour=hour - timedelta(hours=back), site=site, expected_s=3600.0 * devices,
                                  reachable_s=3600.0 * devices * share)
        self.rows.add("unwatched_times", from_at=hour - timedelta(hours=62), to_at=hour - timedelta(hours=60))
        for place, name in enumerate(self.names[:DETAILED]):
            state, reason, since_s = self.presence_of(place, name)
            self.spans(name, state, reason, since_s)

    def spans(self, name, state, reason, since_s):
        changes = [(86400 * 6, "online", "reports every 60 s"), (40_000, "late", "95 s silent, expected every 60 s"),
                   (39_800, "offline", "the connection broke; 255 s silent, expected every 60 s"),
                   (36_200, "online", "reports every 60 s")]
        if name == self.flapping:
            changes += [change for ago_s in range(9000, 1500, -1500) for change in
                        ((ago_s, "offline", "255 s silent, expected every 60 s"), (ago_s - 700, "online", "reports every 60 s"))]
            since_s = 600
        changes.append((since_s, state, reason))
        for (ago_s, presence, why), (next_s, *_) in zip(changes, [*changes[1:], (None,)]):
            self.rows.add("presence_spans", device_id=name, from_at=self.ago(ago_s), to_at=None if next_s is None else self.ago(next_s),
                          presence=presence, cause=CAUSES[presence], reason=why, settled_at=self.ago(ago_s))

    def drift(self):
        for name in (name for name in self.names[:DETAILED] if name != self.dark):
            for feature in FEATURES:
                drifted = feature == "sharpness" and name == self.dirty
                present = self.present(name, feature)
                self.rows.add("drift_state", device_id=name, model="digits", version=self.serving(name), feature=feature,
                              psi=psi(USUAL, present), samples=sum(present), drifted=drifted, since=self.ago(2400),
                              updated_at=self.ago(30), verdict="drifted" if drifted else "stable",
                              figures={"scope": "device" if drifted else "none", "against": "training", "threshold": 0.21,
                                       "peers": DETAILED, "votes": 6 if drifted else 0, "z": -7.2 if drifted else 0.4, "z_needed": 4.5})
            began, newest = self.ago(600), self.ago(WINDOW_S)
            packed = evidence_of(began, newest, [self.present(name, feature) for feature in FEATURES])
            self.rows.add("drift_evidence", device_id=name, model="digits", version=self.serving(name), newest_at=newest,
                          updated_at=self.ago(30),
                          evidence={"format": 2, "features": [*FEATURES, "prediction.class", "prediction.confidence", "prediction.entropy"],
                                    "bins": [len(EDGES) + 2] * len(FEATURES) + [23, 21, 16], "bytes": len(packed),
                                    "packed": base64.b64encode(packed).decode()})

    def present(self, name, feature):
        return [count * 2 for count in (SHIFTED if (feature, name) == ("sharpness", self.dirty) else USUAL)]

    # What is wrong ----------------------------------------------------------------------------------------------------

    def alert(self, rule, severity, name, age_s, message, value=None, threshold=None, resolved_s=None, by=None, **details):
        self.rows.add("alerts", rule=rule, severity=severity, device_id=name, model="" if rule == "gone_dark" else "digits",
                      state="resolved" if resolved_s else "firing", value=value, threshold=threshold, message=message,
                      opened_at=self.ago(age_s), fired_at=self.ago(age_s),
                      resolved_at=self.ago(resolved_s) if resolved_s else None,
                      acknowledged_at=self.ago(age_s - 60) if by else None, acknowledged_by=by, details=details,
                      group_key=f"site/{SITES[self.names.index(name) % 4]}", told_at=self.ago(age_s),
                      silenced_by=1 if rule == "drift" else None)

    def alerts(self):
        usual = round(LATENCY_MS[self.hardware[self.slow]] * 1.47, 1)
        for name in (self.names[0], self.names[5]):
            self.alert("latency_doubled", "warning", name, 9000, f"{name}: digits 1.0 answers within 31.2 ms, usually 14.1 ms",
                       31.2, 28.2, resolved_s=7800)
        for place, name in enumerate(self.names):
            if self.presence_of(place, name)[0] == "offline":
                self.alert("gone_dark", "critical", name, 4300 - place % 900, f"{name} has gone dark: not heard for 5 h")
        self.alert("drift", "warning", self.dirty, 2400,
                   f'{self.dirty}: "sharpness" no longer looks as it did in training (PSI {psi(USUAL, SHIFTED):.2f} over 2000 samples)',
                   psi(USUAL, SHIFTED), 0.2)
        self.alert("accuracy_low", "critical", self.wrong, 1100,
                   f"{self.wrong}: digits 1.0 is right in 87.0 % of 200 labels, the release promises 94 %", 0.87, 0.94, by="user:ada")
        self.alert("latency_doubled", "warning", self.slow, 780,
                   f"{self.slow}: digits 1.0 answers within {usual * 2.6:.1f} ms, usually {usual} ms", usual * 2.6, usual * 2, baseline_p95_ms=usual)
        for change, actor, reason in (("firing", "", f"{self.wrong}: digits 1.0 is right in 87.0 % of 200 labels"), ("told", "", ""),
                                      ("acknowledged", "user:ada", "The lens is cleaned this afternoon")):
            self.rows.add("alert_history", alert_id=self.alerts_made() - 1, at=self.ago(1000), change=change, actor=actor, reason=reason)
        for weekly, comment in ((None, "Cameras are being cleaned"), ({"days": ["sun"], "from": "02:00", "to": "04:00", "time_zone": "UTC"}, "Patch night")):
            self.rows.add("alert_silences", filter='labels.site = "oslo"', rule="drift", starts_at=self.ago(3600), ends_at=self.ago(-86400), weekly=weekly,
                          author="user:ada", comment=comment, created_at=self.ago(3600), changed_at=self.ago(3600), changed_by="user:ada", in_effect=weekly is None)
        self.rows.add("latency_baselines", device_id=self.slow, model="digits", version="1.0",
                      ln_p95_mean=math.log(usual), windows=400, updated_at=self.now)

    # Who was told ----------------------------------------------------------------------------------------------------

    def notices(self):
        mail = {"kind": "email", "host": "mail.example.com", "port": 587, "tls": "starttls", "user": None,
                "from": "argosy@example.com", "to": ["fleet@example.com"]}
        for number, name, target, error in ((1, "fleet-mail", mail, ""),
                                            (2, "on-call", {"kind": "webhook", "url": "https://example.com/hooks/argosy"},
                                             "the receiver answered 503")):
            settings = {"name": name, "enabled": True, "kinds": ["rollout.halted", "quarantine.*"], "least_severity": "warning", "filter": None,
                        "model": None, "rollout_id": None, "group_by": ["rule", "site"], "group_wait_s": 30, "target": target}
            self.rows.add("notice_routes", id=number, name=name, settings=settings, kinds='{"rollout.halted","quarantine.*"}', enabled=True,
                          secrets=b"", created_by="user:ada", created_at=self.ago(90000), updated_at=self.ago(90000))
            self.rows.add("notice_route_states", route_id=number, last_error=error)
        for number, route, state, title, events, error in (
                (1, 1, "delivered", "Digits 1.0 for Berlin: halt: 4 of 12 devices failed", 1, ""),
                (2, 2, "given_up", "Digits 1.0 for Berlin: halt: 4 of 12 devices failed", 1, "the receiver answered 503"),
                (3, 1, "delivered", f"{self.dark} sent a message (state) that is not taken", 14, "")):
            age = 4000 - 1000 * number
            self.rows.add("deliveries", id=number, key=f"msg_of_a_test_{number}", route_id=route, line="rollout", state=state,
                          severity="critical", title=title, events=events, bytes=400, attempts=1 if state == "delivered" else 9,
                          created_at=self.ago(age), waits_since=self.ago(age), due_at=self.ago(age), ended_at=self.ago(age - 2), last_error=error)
            self.rows.add("delivery_attempts", delivery_id=number, at=self.ago(age - 2), took_ms=143, delivered=state == "delivered",
                          status=503 if error else 250, answer="try later" if error else "250 taken", error=error)

        about = {"id": 1, "at": self.ago(1100).isoformat(), "kind": "alert.firing", "severity": "critical", "device_id": self.wrong,
                 "message": f"{self.wrong}: digits 1.0 is right in 87.0 % of 200 labels", "details": {"alert": self.alerts_made() - 1, "rule": "accuracy_low"}}
        self.rows.add("deliveries", id=4, key="msg_of_a_test_4", route_id=1, line="alert", state="delivered", severity="critical",
                      title=about["message"], events=1, bytes=400, attempts=1, created_at=self.ago(1090), waits_since=self.ago(1090),
                      due_at=self.ago(1090), ended_at=self.ago(1088), last_error="")
        self.rows.add("delivery_events", delivery_id=4, place=0, event=about)

    def alerts_made(self):
        return len(self.rows.tables["alerts"][1])

    def events(self):
        def event(age_s, kind, severity, message, device=None, rollout=None, model=None):
            self.rows.add("events", at=self.ago(age_s), kind=kind, severity=severity, device_id=device, rollout_id=rollout,
                          model=model, message=message)

        for name in self.names[:DETAILED]:
            event(86400 * 21, "device.enrolled", "info", f"{name} enrolled with claim 1", name)
        event(4300, "alert.firing", "critical", f"{self.dark} has gone dark", self.dark)
        event(2400, "drift.detected", "warning", f'{self.dirty}: "sharpness" no longer looks as it did in training', self.dirty, model="digits")
        event(1100, "alert.firing", "critical", f"{self.wrong}: digits 1.0 is right in 87.0 % of 200 labels", self.wrong, model="digits")
        for name in self.canary[:DETAILED]:
            age = (self.now - self.updated_at[name]).total_seconds()
            for back, state in ((60, "downloading"), (40, "validating"), (20, "activating"), (0, "probation")):
                event(age + back, "update.state", "info", f"digits 1.1: {state}", name, 3, "digits")
        event(780, "alert.firing", "warning", f"{self.slow}: digits 1.0 answers more than twice as slowly as usual", self.slow, model="digits")

    # How it got there -------------------------------------------------------------------------------------------------

    def rollouts(self):
        everyone = self.names
        self.rollout(1, "First install", 1, "completed", "the last wave passed its gate: every device succeeded", 86400 * 8,
                     {0: {name: "succeeded" for name in everyone[:1]}, 1: {name: "succeeded" for name in everyone[1:]}}, 86400 * 7)
        rejected = everyone[: max(2, self.count // 50)]
        self.rollout(2, "digits 1.1, first try", 2, "halted", "validate_rejected reached 50 % of the devices with an outcome", 86400 * 2,
                     {0: {name: "validate_rejected" for name in rejected}, 1: {name: "cancelled" for name in everyone[len(rejected):]}},
                     86400 * 2 - 900)
        states = {name: "succeeded" for name in self.succeeded} | {name: "probation" for name in self.in_probation}
        self.rollout(3, "digits 1.1", 2, "running", "", 1200,
                     {0: states, 1: {name: "queued" for name in everyone if name not in states}}, None)

    def rollout(self, number, name, release, state, reason, age_s, waves, ended_s):
        planned = sum(len(wave) for wave in waves.values())
        share = round(len(waves[0]) / planned, 6)
        policy = {"waves": [{"share": share}, {"share": 1.0}],
                  "gate": {"min_executed": 1, "success_share": 0.9, "bake_s": 7200, "manual": True},
                  "in_progress_timeout_s": 86400}
        self.rows.add("rollouts", id=number, name=name, model="digits", release_id=release, policy=policy, seed=11 * number,
                      state=state, reason=reason, wave=1 if state == "completed" else 0, version=2, created_by="user:ada",
                      created_at=self.ago(age_s + 300), started_at=self.ago(age_s), ended_at=self.ago(ended_s) if ended_s else None)
        for place, wave in waves.items():
            counts = {}
            for outcome in wave.values():
                counts[outcome] = counts.get(outcome, 0) + 1
            opened = place == 0 or state == "completed"
            settled = ended_s is not None and opened
            self.rows.add("rollout_waves", rollout_id=number, wave=place, share=(share, 1.0)[place], planned=len(wave),
                          counts=counts, opened_at=self.ago(age_s) if opened else None,
                          passed_at=self.ago(ended_s) if settled and state == "completed" else None)
            for device, outcome in wave.items():
                self.rollout_device(number, place, device, outcome, age_s, ended_s)
        self.decisions(number, age_s, ended_s)
        if state == "running":
            self.rows.add("rollout_looks", rollout_id=number, number=2, wave=0, in_wave=2, shares_of_dwell=[0.0032, 0.0064],
                          is_final=False, at=self.ago(300), guards=self.verdicts(len(waves[0])))

    def verdicts(self, canaries):
        def verdict(metric, scale, verdict, estimate, half, rollback, promotion, canary, control, message, missing=None):
            return {"metric": metric, "mode": "automatic", "scale": scale, "verdict": verdict, "estimate": estimate, "lower": estimate - half,
                    "upper": estimate + half, "rollback_margin": rollback, "promotion_margin": promotion, "canaries": canaries, "controls": 3 * canaries,
                    "unmeasured": 0, "first_installs": 0, "canary": canary, "control": control, "before": control, "look": 2, "wave": 0,
                    "at": self.ago(300).isoformat().replace("+00:00", "Z"), "final": False, "by_permutation": False, "driven_by": None,
                    "missing_canaries": missing, "message": message}

        return [verdict("latency_p95", "ratio", "pass", 0.012, 0.03, 0.0488, 0.0953, 20.9, 20.6,
                        "p95 latency 1.01 times (0.98 times to 1.04 times): 20.9 ms on the canaries against 20.6 ms on those that wait"),
                verdict("error_rate", "difference", "pass", 0.0001, 0.0004, 0.005, 0.02, 0.0004, 0.0003,
                        "error rate +0.0001 (-0.0003 to +0.0005)"),
                verdict("accuracy", "difference", "waiting", 0.004, 0.021, 0.005, 0.02, 0.948, 0.952,
                        "accuracy -0.004 (-0.025 to +0.017); needs about 14 more canaries", 14),
                verdict("silence", "difference", "pass", 0.0, 0.02, 0.05, 0.2, 0.0, 0.0, "share of silent devices +0 (-0.02 to +0.02)")]

    def rollout_device(self, number, wave, device, outcome, age_s, ended_s):
        untold = outcome in ("queued", "cancelled")
        failed = outcome in ("validate_rejected", "cancelled")
        told = None if untold else self.updated_at.get(device, self.ago(age_s)) if number == 3 else self.ago(age_s - 10)
        patched = number == 3
        place = self.places[device]
        presence, _, since_s = self.presence_of(place, device)
        reachable = presence in ("online", "late") and outcome in ("queued", "probation")
        numbers = {"metric_value": 0.913, "metric_threshold": 0.94} if outcome == "validate_rejected" else {}
        self.rows.add("rollout_devices", rollout_id=number, device_id=device, wave=wave,
                      state="failed" if failed else outcome, cause=outcome if failed else None,
                      message="accuracy 91.3 % on 500 local samples, the release asks for 94 %" if numbers else "",
                      previous_release_id=1 if number > 1 else None, source=None if untold else "patch" if patched else "full",
                      bytes=None if untold else 21_480 if patched else 165_074, full_bytes=None if untold else 176_074 if patched else 165_074,
                      numbers=numbers, notified_at=told, started_at=told,
                      finished_at=None if untold or outcome == "probation" else told + timedelta(seconds=62),
                      reachable_since=self.ago(since_s) if reachable else None)

    def decisions(self, number, age_s, ended_s):
        def decide(at_s, actor, rule, decision, message, **inputs):
            self.rows.add("rollout_decisions", rollout_id=number, at=self.ago(at_s), actor=actor, rule=rule,
                          decision=decision, message=message, inputs=inputs)

        decide(age_s, "user:ada", "operator", "start", "started by ada")
        if number == 1:
            decide(age_s - 600, "engine", "gate", "open wave 2", "wave 1 passed: 1 of 1 devices succeeded", executed=1, succeeded=1)
            decide(ended_s, "engine", "gate", "complete", "the last wave passed its gate: every device succeeded",
                   executed=self.count, succeeded=self.count)
        if number == 2:
            decide(ended_s, "engine", "abort", "halt", "validate_rejected reached 50 % of the devices with an outcome",
                   causes=["validate_rejected"], min_executed=3, share=0.5)


def evidence_of(began, newest, counts):
    """As server/drift/evidence packs it: one block of windows, no first days, no votes, and a contract that is kept."""
    def signed(value):
        return varint(value << 1 if value >= 0 else (-value << 1) - 1)

    began_ms, newest_ms = (int(at.timestamp() * 1000) for at in (began, newest))
    of_predictions = bytes(3)
    head = varint(10) + varint(2 | 4) + signed(newest_ms) + signed(began_ms - newest_ms) + signed(0) + bytes(len(counts) + 3)
    # Of each feature: weights, faults and bins of nothing, in_bin_since and in_bin_until of 1970; then the rate.
    contract = b"".join(bytes(6) + signed(-began_ms if place == 0 else 0) + signed(0) for place in range(len(counts))) + bytes(4)
    block = signed(began_ms) + signed(newest_ms - began_ms) + signed(600_000)
    return head + contract + block + b"".join(varint(1) + b"".join(varint(n) for n in of) for of in counts) + of_predictions


def psi(reference, present):
    total_a, total_b = sum(reference), sum(present)
    shares = [(max(a / total_a, 1e-4), max(b / total_b, 1e-4)) for a, b in zip(reference, present)]
    return round(sum((b - a) * math.log(b / a) for a, b in shares), 3)
