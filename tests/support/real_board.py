"""Real agents beside the installation under test, quick ones: a window and a state a second."""
import shutil

from running_argosy import ROOT, RunningArgosy
from processes import Program

MODELS = ROOT / "examples/digits/models"
CONFIG = """\
server = "{server}"
device = "{device}"
hardware_class = "{hardware_class}"
root = "{root}"
run_dir = "{run}"
[enrolment]
claim_file = "{claim}"
ca_file = "{ca}"
[intervals]
{intervals}
{more}"""
QUICK = {"window_s": 1, "state_s": 1, "poll_s": 1}
# One wave, which every device passes that serves the release for a second.
POLICY = {"waves": [{"share": 1.0}], "probation": {"duration_s": 1, "min_observations": 0}, "guards": [],
          "gate": {"min_executed": 1, "success_share": 0.9, "bake_s": 0}}


class RealBoards(RunningArgosy):
    """What a board is made of lies in a folder of its own: root, run, claim, agent.toml, agent.log."""

    def board(self, name):
        """A fresh one, which has never heard of the server; its agent."""
        folder = self.folder / name
        shutil.rmtree(folder, ignore_errors=True)
        return self.group.start(self.prepare(name, folder))

    def prepare(self, device, folder, more="", **intervals):
        """A fresh one in that folder, as configure() has it; its agent, not started."""
        for part in ("root", "run"):
            (folder / part).mkdir(parents=True)
        (folder / "claim").write_text(self.make_claim())
        self.configure(device, folder, more, **intervals)
        return self.agent_in(folder)

    def configure(self, device, folder, more="", *, hardware_class="cpu-fp32", root=None, run=None, claim=None, **intervals):
        """`more` are further tables of the configuration; what is named lies elsewhere than in the folder."""
        (folder / "agent.toml").write_text(CONFIG.format(
            server=self.installation.argosyd.device_url, device=device, hardware_class=hardware_class,
            root=root or folder / "root", run=run or folder / "run", claim=claim or folder / "claim", ca=self.installation.ca, more=more,
            intervals="\n".join(f"{name} = {seconds}" for name, seconds in (intervals or QUICK).items())))

    def agent_in(self, folder, env=None):
        return Program(f"agent in {folder.name}", self.agent_command(folder), log=folder / "agent.log", env=env)

    def agent_command(self, folder):
        return [self.build / "agent/argosy-agent", "--config", folder / "agent.toml"]

    def serves(self, name):
        models = self.argosy("device", "show", name)["models"]
        return models[0]["version"] if models else None
