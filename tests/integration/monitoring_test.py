"""What others' monitoring reads of a real argosyd under a little load: promtool finds nothing to say about its pages, a real
Prometheus evaluates each expression of deploy/prometheus and deploy/grafana, and a collector takes what is sent to it."""
import json
import re
import subprocess
import sys
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from running_argosy import ROOT, RunningArgosy  # noqa: E402, I001  (it knows where the next are)
from otlp_collector import OtlpCollector  # noqa: E402
from processes import free_port, wait_until  # noqa: E402
from prometheus import Prometheus, promtool  # noqa: E402
from scenario import EXAMPLE  # noqa: E402

DEVICES, WINDOWS = 20, 400
RULES = ROOT / "deploy/prometheus"
METRICS_PAGE = ROOT / "docs/metrics.md"
DASHBOARD = ROOT / "deploy/grafana/argosy-fleet.json"
ENROLLED = """
insert into devices (id, hardware_class) select 'cam-' || lpad(n::text, 3, '0'), 'cpu-fp32' from generate_series(1, {count}) as n;
insert into device_state (device_id) select id from devices on conflict do nothing;
"""
CONFIG = """
global: {{scrape_interval: 500ms, evaluation_interval: 1s}}
rule_files: ["{rules}"]
scrape_configs:
  - {{job_name: argosyd, static_configs: [{{targets: ["{target}"]}}]}}
  - {{job_name: argosy-fleet, metrics_path: /metrics/fleet, static_configs: [{{targets: ["{target}"]}}]}}
"""
GRAFANAS_WORDS = {"$__rate_interval": "1m", "$model": ".*", "$version": ".*"}
HEADERS = "authorization=Bearer%20of-a-test, x-tenant=fleet"


def dashboard_expressions():
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        for target in panel.get("targets", []):
            expression = target["expr"]
            for word, meant in GRAFANAS_WORDS.items():
                expression = expression.replace(word, meant)
            yield panel["title"], expression


class Monitoring(RunningArgosy):
    @classmethod
    def environment(cls):
        cls.collector = OtlpCollector(free_port(), answers=[
            (503, {"Retry-After": "1"}, b""),
            (200, {}, b'{"partialSuccess": {"rejectedDataPoints": "3", "errorMessage": "three too many"}}'),
            (400, {}, b"")])
        cls.addClassCleanup(cls.collector.stop)
        return {"ARGOSY_OTLP_ENDPOINT": f"https://127.0.0.1:{cls.collector.port}/fleet/", "ARGOSY_OTLP_INTERVAL_S": "3",
                "ARGOSY_OTLP_HEADERS": HEADERS, "ARGOSY_OTLP_CA_FILE": str(cls.folder / "pki/ca.pem")}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.collector.start(cls.installation.pki / "broker.pem", cls.installation.pki / "broker.key")
        cls.installation.postgres.query(ENROLLED.format(count=DEVICES), "argosy")
        cls.argosy("release", "publish", "--from", EXAMPLE / "releases/1.0.json")
        cls.argosy("rollout", "create", "digits@1.0", "--policy", EXAMPLE / "policy-first.json", "--start")
        load = [cls.build / "tests/bench/argosy-fleet-load", "--port", cls.installation.mqtt_port, "--tls", cls.installation.pki,
                "--digits", 3, "--devices", DEVICES, "--windows", WINDOWS, "--rate", 400, "--state", 1]
        subprocess.run([str(word) for word in load], check=True, capture_output=True, timeout=60)

    def page(self, path):
        with urllib.request.urlopen(self.installation.argosyd.url + path, timeout=10) as answer:
            self.assertEqual(answer.headers["Content-Type"], "text/plain; version=0.0.4; charset=utf-8")
            return answer.read()

    def figure(self, path, name, **labels):
        """The sum of the samples that have these labels."""
        found = re.findall(rf"^{name}(?:{{(.*)}})? (\S+)$", self.page(path).decode(), re.MULTILINE)
        return sum(float(value) for inside, value in found if all(f'{key}="{wanted}"' in inside for key, wanted in labels.items()))

    def test_promtool_has_nothing_to_say_about_the_pages(self):
        for path in ("/metrics", "/metrics/fleet"):
            with self.subTest(path):
                self.assertEqual(promtool("check", "metrics", stdin=self.page(path)), (True, ""))
        self.assertEqual(promtool("check", "metrics", stdin=b"# TYPE a_total gauge\na_total 1\n")[0], False, "what the linter is worth")

    def test_each_figure_is_documented_as_the_pages_have_it(self):
        documented = {name: (kind, labels.strip(), meaning) for name, kind, labels, meaning in
                      re.findall(r"^\| `(\w+)` \| (\w+) \| (.*?)\| (.*?) \|$", METRICS_PAGE.read_text(), re.MULTILINE)}
        told = {}
        for path in ("/metrics", "/metrics/fleet"):
            page = self.page(path).decode()
            kinds = dict(re.findall(r"^# TYPE (\S+) (\S+)$", page, re.MULTILINE))
            for name, meaning in re.findall(r"^# HELP (\S+) (.*)$", page, re.MULTILINE):
                labels = re.findall(rf"^{name}(?:_bucket|_sum|_count)?{{(.*)}} ", page, re.MULTILINE)
                names = sorted(set(re.findall(r'(\w+)="', " ".join(labels))) - {"le"})
                told[name] = (kinds[name], ", ".join(f"`{each}`" for each in names), meaning)
        self.assertGreater(len(told), 80)
        self.assertEqual({name: documented.get(name) for name in told}, told)
        program = (self.build / "server/argosyd").read_bytes()
        self.assertEqual([name for name in documented.keys() - told.keys() if name.encode() not in program], [], "what is not on the pages now")

    def test_the_pages_tell_of_the_fleet(self):
        self.assertEqual(self.figure("/metrics", "argosy_served_windows_total", model="digits", version="1.0"), WINDOWS)
        self.assertGreater(self.figure("/metrics", "argosy_served_inferences_total"), WINDOWS)
        self.assertEqual(self.figure("/metrics", "argosy_served_latency_seconds_bucket", le="+Inf"),
                         self.figure("/metrics", "argosy_served_latency_seconds_count"))
        self.assertEqual(self.figure("/metrics", "argosy_telemetry_lag_seconds_count"), WINDOWS)
        wait_until(lambda: self.figure("/metrics/fleet", "argosy_fleet_devices") == DEVICES, 30, "the page is read anew")
        self.assertEqual(self.figure("/metrics/fleet", "argosy_fleet_class_devices", hardware_class="cpu-fp32"), DEVICES)
        wait_until(lambda: self.figure("/metrics/fleet", "argosy_fleet_rollouts", state="running") == 1, 30, "the rollout runs")
        wait_until(lambda: self.figure("/metrics/fleet", "argosy_fleet_rollout_devices") == DEVICES, 30, "its devices are told of")
        self.assertGreaterEqual(self.figure("/metrics/fleet", "argosy_fleet_rollout_waves"),
                                self.figure("/metrics/fleet", "argosy_fleet_rollout_wave"))

    def test_the_rules_are_sound_and_fire_when_they_should(self):
        for words in (("check", "rules", "argosy.rules.yml"), ("check", "config", "prometheus.yml"),
                      ("test", "rules", "argosy.rules.test.yml")):
            with self.subTest(" ".join(words)):
                content, said = promtool(*words, cwd=RULES)
                self.assertTrue(content, said)

    def test_each_rule_is_tried_where_it_fires_and_where_it_does_not(self):
        rules = set(re.findall(r"- alert: (\w+)", (RULES / "argosy.rules.yml").read_text()))
        tried = re.findall(r"alertname: (\w+)(\s+exp_alerts)?", (RULES / "argosy.rules.test.yml").read_text())
        self.assertGreater(len(rules), 15)
        self.assertEqual({name for name, fires in tried if fires}, rules)
        self.assertEqual({name for name, fires in tried if not fires}, rules)

    def test_the_panels_of_the_dashboard_stand_beside_each_other(self):
        panels = json.loads(DASHBOARD.read_text())["panels"]
        self.assertEqual(len({panel["id"] for panel in panels}), len(panels))
        taken = set()
        for panel in panels:
            at = panel["gridPos"]
            cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
            self.assertLessEqual(at["x"] + at["w"], 24, panel["title"])
            self.assertEqual(cells & taken, set(), panel["title"])
            taken |= cells

    def test_a_real_prometheus_evaluates_every_rule_and_every_panel(self):
        target = self.installation.argosyd.url.removeprefix("http://")
        prometheus = self.group.start(Prometheus(self.folder / "prometheus", CONFIG.format(rules=RULES / "argosy.rules.yml", target=target)))
        self.addCleanup(prometheus.stop)
        wait_until(lambda: sum(float(each["value"][1]) for each in prometheus.query("up")) == 2, 30, "both pages are read")
        wait_until(lambda: prometheus.query("rate(argosy_loop_rounds_total[1m])"), 30, "rates can be told")

        def rules():
            return [rule for group in prometheus.ask("rules")["groups"] for rule in group["rules"]]

        wait_until(lambda: all(rule["health"] != "unknown" for rule in rules()), 30, "each rule was evaluated")
        self.assertEqual([(rule["name"], rule.get("lastError")) for rule in rules() if rule["health"] != "ok"], [])

        names = set(prometheus.ask("label/__name__/values"))
        expressions = [*((rule["name"], rule["query"]) for rule in rules()), *dashboard_expressions()]
        self.assertGreater(len(expressions), 50)
        for title, expression in expressions:
            with self.subTest(title):
                prometheus.query(expression)  # an answer, or an empty one, and no error
                self.assertEqual(set(re.findall(r"\b(?:argosy|process)_\w+", expression)) - names - self.named_only_sometimes(), set())
        for title in ("Devices", "Inferences", "Latency on the devices", "Windows stored", "Active rollouts: devices by step"):
            with self.subTest(f"{title} shows something"):
                self.assertTrue([each for name, expression in dashboard_expressions() if name == title for each in prometheus.query(expression)])

    def named_only_sometimes(self):
        """Families that have no sample while all is well; this build knows them all the same."""
        program = (self.build / "server/argosyd").read_bytes()
        return {name for name in ("argosy_fleet_open_alerts", "argosy_fleet_drifting_devices", "argosy_fleet_quarantined_devices",
                                  "argosy_fleet_agent_devices", "argosy_fleet_model_devices") if name.encode() in program}

    def test_a_collector_takes_what_is_sent(self):
        wait_until(lambda: len(self.collector.taken()) >= 3, 60, "it is sent figures again after it refused some")
        self.assertEqual(self.collector.errors, [])
        first, *_, last = self.collector.exports
        self.assertEqual([export.status for export in self.collector.exports[:4]], [503, 200, 400, 200])
        self.assertGreaterEqual(self.collector.exports[1].at - first.at, 0.99, "no earlier than Retry-After says")
        self.assertEqual(last.path, "/fleet/v1/metrics")
        headers = {name.lower(): value for name, value in last.headers.items()}
        self.assertEqual((headers["content-type"], headers["authorization"], headers["x-tenant"]),
                         ("application/json", "Bearer of-a-test", "fleet"))
        self.assertEqual(last.resource["service.name"], "argosyd")
        self.assertTrue(last.resource["service.instance.id"])
        self.assertEqual(last.resource, first.resource)

        windows = last.metrics["argosy_served_windows_total"].sum
        self.assertTrue(windows.is_monotonic)
        self.assertEqual(windows.aggregation_temporality, 2)
        [point] = windows.data_points
        self.assertEqual((point.as_double, {each.key: each.value.string_value for each in point.attributes}),
                         (WINDOWS, {"model": "digits", "version": "1.0"}))
        self.assertLess(point.start_time_unix_nano, point.time_unix_nano)
        [latency] = last.metrics["argosy_served_latency_seconds"].histogram.data_points
        self.assertEqual((sum(latency.bucket_counts), len(latency.bucket_counts)), (latency.count, len(latency.explicit_bounds) + 1))
        self.assertEqual(sum(each.as_double for each in last.metrics["argosy_fleet_devices"].gauge.data_points), DEVICES)

        # The collector came later than argosyd, so there may have been more that failed.
        self.assertGreaterEqual(self.figure("/metrics", "argosy_otlp_failed_total"), 1)
        self.assertGreaterEqual(self.figure("/metrics", "argosy_otlp_retries_total"), 1)
        self.assertEqual(self.figure("/metrics", "argosy_otlp_rejected_points_total"), 3)
        self.assertGreaterEqual(self.figure("/metrics", "argosy_otlp_exported_total"), 2)

    def test_who_does_not_lead_tells_of_itself_alone(self):
        follower = OtlpCollector(free_port())
        follower.start(self.installation.pki / "broker.pem", self.installation.pki / "broker.key")
        self.addCleanup(follower.stop)
        second = self.installation.start_another("argosyd-2", {
            "ARGOSY_OTLP_ENDPOINT": f"https://127.0.0.1:{follower.port}", "ARGOSY_OTLP_INTERVAL_S": "1",
            "ARGOSY_OTLP_CA_FILE": str(self.installation.ca)})
        self.addCleanup(second.stop)
        wait_until(lambda: len(follower.taken()) >= 2, 30, "the follower's figures")
        self.assertEqual([leading.as_double for leading in follower.exports[-1].metrics["argosy_leading"].gauge.data_points], [0])
        self.assertEqual([name for name in follower.exports[-1].metrics if name.startswith("argosy_fleet")], [])
        self.assertNotIn(follower.exports[-1].resource["service.instance.id"],
                         {export.resource["service.instance.id"] for export in self.collector.exports})
