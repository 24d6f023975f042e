#!/usr/bin/env python3
"""The checks of scripts/check, whose help says what they are, and their closing line."""
import json
import sys
import tempfile

from processes import ROOT, Group, say

CHECK_TIMEOUT_S = 120


def checks():
    yield "C++ format", ["scripts/check-format"]
    yield "layering", ["scripts/check-layering"]
    yield "documents, migrations, scripts", ["scripts/lib/check_repository.py"]
    package = ROOT / "web/package.json"
    if (ROOT / "web/node_modules").exists() and "check" in json.loads(package.read_text()).get("scripts", {}):
        yield "dashboard (npm run check)", ["npm", "--prefix", "web", "run", "--silent", "check"]


def passes(group, name, command):
    """Silent when it passes; everything it says when it does not."""
    with tempfile.TemporaryFile("w+") as output:
        status = group.run(command, cwd=ROOT, stdout=output, stderr=output, timeout_s=CHECK_TIMEOUT_S)
        say(f"{'FAILED' if status else 'ok    '}  {name}")
        output.seek(0)
        if status:
            print(output.read(), flush=True)
        return status == 0


def main():
    try:
        with Group() as group:
            results = [passes(group, name, command) for name, command in checks()]
    except KeyboardInterrupt:
        say("interrupted")
        return 130
    print(f"{results.count(True)} passed, {results.count(False)} failed", flush=True)
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
