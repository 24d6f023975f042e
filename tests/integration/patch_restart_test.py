"""argosyd dies without a word in the middle of a patch; the one that comes back makes it, and clears up."""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from running_argosy import RunningArgosy  # noqa: E402, I001  (it knows where the next are)
from model_pairs import write_fine_tuned_pair  # noqa: E402
from processes import wait_until  # noqa: E402
from services import run  # noqa: E402


class PatchRestart(RunningArgosy):
    def setUp(self):
        self.temporary = self.folder / "store/tmp"
        self.old, self.new = self.folder / "old.npy", self.folder / "new.npy"
        write_fine_tuned_pair(self.old, self.new, 48)
        for version, file in (("1.0", self.old), ("1.1", self.new)):
            self.argosy("release", "publish", f"waves@{version}", "--variant", file)

    def patch(self):
        return self.argosy("release", "patches", "waves")[0]

    def half_made(self):
        return {file.name for file in self.temporary.iterdir() if file.stat().st_size > 0}

    def kill_in_the_middle(self, left=frozenset()):
        """When the encoder has written something besides what was `left`; what there is then."""
        wait_until(lambda: self.patch()["state"] == "making" and self.half_made() - left, 60, "the encoder writes")
        self.installation.argosyd.kill()
        return self.half_made()

    def come_back_after_the_lease(self):
        """Nobody renews a dead server's claim; instead of waiting for its end, it was last renewed an hour ago."""
        self.installation.rows("update patches set claimed_at = claimed_at - interval '1 hour'")
        self.installation.argosyd.start()

    def test_a_killed_encoding_is_taken_up_again(self):
        self.argosy("release", "ask-patch", "waves", "1.0", "1.1")
        first = self.kill_in_the_middle()
        self.assertEqual(self.installation.rows("select state, attempts from patches"), [["making", "1"]])

        self.come_back_after_the_lease()
        second = self.kill_in_the_middle(first)
        self.assertEqual(self.installation.rows("select state, attempts from patches"), [["making", "2"]])
        self.assertFalse(first & second, "what the first one left is gone")

        self.come_back_after_the_lease()
        wait_until(lambda: self.patch()["state"] == "ready", 120, "the patch is ready")
        self.assertEqual(self.patch()["attempts"], 3)
        self.assertEqual(list(self.temporary.iterdir()), [], "nothing half made is left")
        self.assert_the_patch_is_whole()

    def assert_the_patch_is_whole(self):
        digest, = self.installation.rows("select digest from patches")[0]
        stored = self.folder / "store" / digest[:2] / digest[2:4] / digest
        run([self.build / "cli/argosy", "patch", "verify", self.old, self.new, stored])
