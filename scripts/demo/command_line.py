"""The operator of the demo: everything that is done to the fleet goes through the `argosy` command line."""
import json
import os
import subprocess


class CommandFailed(Exception):
    """`argosy` ended with another status than 0; `status` is documented in `argosy --help`."""

    def __init__(self, words, status, output):
        super().__init__(f"argosy {' '.join(words)}: status {status}: {output.strip()}")
        self.status = status


class CommandLine:
    """argosy("device", "list") runs `argosy --json device list` and gives what it printed."""

    def __init__(self, program, home):
        self.program = str(program)
        self.env = {**os.environ, "XDG_CONFIG_HOME": str(home), "NO_COLOR": "1"}
        for name in ("ARGOSY_SERVER", "ARGOSY_TOKEN"):
            self.env.pop(name, None)

    def __call__(self, *words, timeout_s=60):
        words = [str(word) for word in words]
        done = subprocess.run([self.program, "--json", "--quiet", *words], stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, env=self.env, timeout=timeout_s)
        if done.returncode != 0:
            raise CommandFailed(words, done.returncode, done.stderr or done.stdout)
        return json.loads(done.stdout) if done.stdout.strip() else None

    def patiently(self, *words):
        """The same, or None while the server cannot be reached: it may be restarting, on purpose."""
        try:
            return self(*words)
        except CommandFailed as failed:
            if failed.status == 6:
                return None
            raise
