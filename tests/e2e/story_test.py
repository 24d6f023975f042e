"""The main job from end to end, as `scripts/run --once` plays it: twelve real devices, good and bad releases, crashes."""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from running_argosy import RunningArgosy  # noqa: E402, I001  (it knows where the next are)
from fleet import Fleet  # noqa: E402
from scenario import Scenario  # noqa: E402

DEVICES = 12


class Story(RunningArgosy):
    OWN_POSTGRES = True  # it is restarted in the story

    def test_all_of_it_holds(self):
        fleet = Fleet(self.group, self.installation, self.argosy, DEVICES)
        fleet.start()
        story = Scenario(self.installation, fleet, self.argosy)
        held = story.play()
        fleet.stop()
        self.assertTrue(held, "\n".join(f"{f.step}: {f.observed}" for f in story.findings if not f.held))
