"""A whole fleet of one device whose models a model server serves: published, refused, rolled back, by what that server counts.

The server is a RECORDED CONTRACT of Triton, not Triton: it answers the requests that the agent makes as Triton's documents
say, from the repository on disk, and publishes counters as if it were busy. Server, agent and validation are the real ones.
"""
import json
import re
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from real_board import RealBoards  # noqa: E402, I001  (it knows where the next are)
from running_argosy import ROOT  # noqa: E402
from processes import wait_until  # noqa: E402
from window_figures import count_of  # noqa: E402

EXAMPLE = ROOT / "examples/digits"
SERVING = """\
[capabilities]
precisions = ["fp32"]

[serving]
adapter = "triton"
url = "{url}"
repository = "{folder}/models"
metrics_url = "{url}/metrics"
timeout_s = 20
"""
POLICY = {"waves": [{"share": 1}], "gate": {"bake_s": 0}, "guards": [],
          "probation": {"duration_s": 4, "min_observations": 40, "max_latency_ratio": 3.0, "max_error_rate": 0.2}}


class RecordedTriton:
    """Serves the greatest number of each model; each question for its metrics finds 20 more inferences of that version."""

    def __init__(self, repository):
        self.repository = repository
        self.refuses, self.microseconds = False, {}  # by number, unless 5,000
        self.loaded, self.counts = None, {}
        self.lock = threading.Lock()
        self.listener = ThreadingHTTPServer(("127.0.0.1", 0), self.handler())
        self.url = f"http://127.0.0.1:{self.listener.server_port}"
        threading.Thread(target=self.listener.serve_forever, daemon=True).start()

    def close(self):
        self.listener.shutdown()
        self.listener.server_close()

    def numbers(self):
        folder = self.repository / "digits"
        return sorted(int(entry.name) for entry in folder.iterdir() if entry.name.isdigit()) if folder.exists() else []

    def load(self):
        if not self.numbers():
            return 400, {"error": "failed to load 'digits', failed to poll from model repository"}
        if self.refuses and self.numbers()[-1] != self.loaded:
            return 400, {"error": "failed to load 'digits', no version is available: out of GPU memory"}
        if self.loaded != self.numbers()[-1]:
            self.loaded = self.numbers()[-1]
            self.counts[self.loaded] = [0, 0]
        return 200, None

    def ready(self, number):
        return (200, None) if number == self.loaded else (400, {"error": "Model version not ready"})

    def metrics(self):
        if self.loaded:
            self.counts[self.loaded][0] += 20
            self.counts[self.loaded][1] += 20 * self.microseconds.get(self.loaded, 5_000)
        lines = ["# TYPE nv_inference_request_success counter"]
        for number, (count, total_us) in self.counts.items():
            labels = f'{{model="digits",version="{number}"}}'
            lines += [f"nv_inference_request_success{labels} {count}",
                      f"nv_inference_request_duration_us{labels} {total_us}"]
        return "\n".join(lines) + "\n"

    def answer(self, method, path):
        with self.lock:
            if (method, path) == ("POST", "/v2/repository/models/digits/load"):
                return self.load()
            if (method, path) == ("GET", "/metrics"):
                return 200, self.metrics()
            asked = re.fullmatch(r"/v2/models/digits/versions/(\d+)/ready", path)
            return self.ready(int(asked.group(1))) if asked else (404, {"error": "Not Found"})

    def handler(self):
        triton = self

        class Handler(BaseHTTPRequestHandler):
            def reply(self):
                status, body = triton.answer(self.command, self.path)
                sent = (body if isinstance(body, str) else json.dumps(body) if body else "").encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(sent)))
                self.end_headers()
                self.wfile.write(sent)

            do_GET = do_POST = reply

            def log_message(self, *_):
                pass

        return Handler


class ModelServer(RealBoards):
    def setUp(self):
        self.device = self.folder / "edge-1"
        (self.device / "models").mkdir(parents=True)
        self.triton = RecordedTriton(self.device / "models")
        self.addCleanup(self.triton.close)
        self.policy = self.folder / "policy.json"
        self.policy.write_text(json.dumps(POLICY))
        self.agent = self.group.start(self.prepare("edge-1", self.device, SERVING.format(folder=self.device, url=self.triton.url),
                                                   window_s=1, poll_s=2))
        wait_until(lambda: [d for d in self.argosy("device", "list") if d["presence"] == "online"], 60, "the device")

    def roll_out(self, version):
        """How the device ended in a rollout of that version."""
        self.argosy("release", "publish", "--from", EXAMPLE / f"releases/{version}.json")
        rollout = self.argosy("rollout", "create", f"digits@{version}", "--policy", self.policy, "--start")["id"]

        def ended():
            devices = self.argosy("rollout", "devices", rollout)
            return devices and devices[0]["state"] in ("succeeded", "failed", "rejected") and devices[0]
        return wait_until(ended, 90, f"the end of {version} on the device")

    def test_published_refused_and_rolled_back(self):
        self.assertEqual(self.roll_out("1.0")["state"], "succeeded", self.agent.log_tail())
        self.assertEqual((self.triton.loaded, self.triton.numbers()), (1, [1]))
        served = lambda: sum(count_of(bytes.fromhex(row[0])) for row in self.installation.rows(
            "select encode(figures, 'hex') from telemetry_unpacked where version = '1.0'"))
        wait_until(lambda: served() >= 100, 60, "what Triton counted")

        self.triton.refuses = True
        refused = self.roll_out("1.1")
        self.assertEqual((refused["state"], refused["cause"]), ("failed", "activate"), refused)
        self.assertIn("out of GPU memory", json.dumps(refused))
        self.assertEqual((self.triton.loaded, self.triton.numbers()), (1, [1]))

        self.triton.refuses, self.triton.microseconds = False, {3: 90_000}
        slow = self.roll_out("1.3")
        self.assertEqual((slow["state"], slow["cause"]), ("failed", "probation_latency"), slow)
        self.assertEqual((self.triton.loaded, self.triton.numbers()), (1, [1]))
