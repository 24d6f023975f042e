"""A real Prometheus that reads a test's argosyd, and promtool."""
import json
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

from processes import Program, free_port

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = ROOT / ".argosy/monitoring/bin"
if not PROGRAMS.is_dir():
    raise RuntimeError(f"there is no {PROGRAMS}: run scripts/setup, which fetches it")


def promtool(*words, stdin=None, cwd=None):
    """(whether it was content, what it said)"""
    ended = subprocess.run([str(word) for word in (PROGRAMS / "promtool", *words)], input=stdin, cwd=cwd, capture_output=True, timeout=60)
    return ended.returncode == 0, (ended.stdout + ended.stderr).decode().strip()


class Prometheus(Program):
    def __init__(self, folder, config):
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / "prometheus.yml"
        file.write_text(config)
        self.url = f"http://127.0.0.1:{free_port()}"
        super().__init__("prometheus", [
            PROGRAMS / "prometheus", "--config.file", file, "--storage.tsdb.path", folder / "data",
            "--web.listen-address", self.url.removeprefix("http://")], log=folder / "prometheus.log", ready=self._is_ready)

    def _is_ready(self):
        try:
            with urllib.request.urlopen(f"{self.url}/-/ready", timeout=2) as answer:
                return answer.status == 200
        except OSError:
            return False

    def ask(self, path, **query):
        """The `data` of an answer; an AssertionError with Prometheus's own words where it refuses."""
        try:
            with urllib.request.urlopen(f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(query)}", timeout=30) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as refusal:
            raise AssertionError(f"{path} {query}: {refusal.read().decode()}") from None

    def query(self, expression):
        return self.ask("query", query=expression)["result"]
