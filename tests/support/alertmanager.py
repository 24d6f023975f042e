"""A real Alertmanager: Debian's, which scripts/setup fetches."""
import json
import urllib.request
from pathlib import Path

from processes import Program, free_port

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = ROOT / ".argosy/monitoring/bin/alertmanager"
CONFIG = """
route: {receiver: nobody}
receivers: [{name: nobody}]
"""


class Alertmanager(Program):
    def __init__(self, folder):
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / "alertmanager.yml"
        file.write_text(CONFIG)
        self.url = f"http://127.0.0.1:{free_port()}"
        super().__init__("alertmanager", [
            PROGRAM, "--config.file", file, "--storage.path", folder / "data", "--cluster.listen-address=",
            "--web.listen-address", self.url.removeprefix("http://")], log=folder / "alertmanager.log", cwd=PROGRAM.parent, ready=self._is_ready)

    def _is_ready(self):
        try:
            with urllib.request.urlopen(f"{self.url}/-/ready", timeout=2) as answer:
                return answer.status == 200
        except OSError:
            return False

    def alerts(self):
        """Those that are active, as Alertmanager tells them."""
        with urllib.request.urlopen(f"{self.url}/api/v2/alerts", timeout=10) as answer:
            return json.load(answer)
