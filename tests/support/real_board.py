"""Real agents beside the installation under test, quick ones: a window and a state a second."""
import shutil

from running_argosy import ROOT, RunningArgosy
from processes import Program

MODELS = ROOT / "examples/digits/models"
CONFIG = """\
server = "{server}"
device = "{name}"
hardware_class = "cpu-fp32"
root = "{folder}/root"
run_dir = "{folder}/run"
[enrolment]
claim_file = "{folder}/claim"
ca_file = "{ca}"
[intervals]
window_s = 1
state_s = 1
poll_s = 1
"""
# One wave, which every device passes that serves the release for a second.
POLICY = {"waves": [{"share": 1.0}], "probation": {"duration_s": 1, "min_observations": 0}, "guards": [],
          "gate": {"min_executed": 1, "success_share": 0.9, "bake_s": 0}}


class RealBoards(RunningArgosy):
    def board(self, name):
        """A fresh one, which has never heard of the server; its agent."""
        folder = self.folder / name
        shutil.rmtree(folder, ignore_errors=True)
        for part in ("root", "run"):
            (folder / part).mkdir(parents=True)
        (folder / "claim").write_text(self.make_claim())
        (folder / "agent.toml").write_text(CONFIG.format(
            server=self.installation.argosyd.device_url, name=name, folder=folder, ca=self.installation.ca))
        agent = Program(f"agent of {name}", [self.build / "agent/argosy-agent", "--config", folder / "agent.toml"],
                        log=folder / "agent.log")
        self.group.start(agent)
        return agent

    def serves(self, name):
        models = self.argosy("device", "show", name)["models"]
        return models[0]["version"] if models else None
