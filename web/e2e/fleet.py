#!/usr/bin/env python3
"""Serves fleets to look at: for each size a database and an argosyd of its own, filled with the rows of fleet_rows.py.

    web/e2e/fleet.py 12 5000          # build folder from ARGOSY_BUILD, else build/dev

Prints one line of JSON, {"12": {"url", "link", "database"}, …}, and ends, with all that it started, when its input does.
"""
import json
import os
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "scripts/lib"), str(Path(__file__).resolve().parent)]

from fleet_rows import Fleet  # noqa: E402
from processes import Group, Program, free_port  # noqa: E402
from services import Postgres, run  # noqa: E402

CALM = {"rollouts.tick_ms": 500, "alerts.tick_ms": 60000, "drift.tick_ms": 60000, "presence.tick_ms": 500}


def argosyd():
    build = Path(os.environ.get("ARGOSY_BUILD", ROOT / "build/dev"))
    program = build / "server/argosyd"
    if not program.exists():
        raise SystemExit(f"{program} is missing: build it, or name another build folder in ARGOSY_BUILD")
    return program


def answers(url):
    try:
        with urllib.request.urlopen(f"{url}/readyz", timeout=2) as response:
            return response.status == 200
    except OSError:
        return False


def serve(group, folder, postgres, count):
    port, name = free_port(), f"fleet_{count}"
    url = f"http://127.0.0.1:{port}"
    settings = {"http.operator.port": port, "http.operator.public_url": url, "http.operator.web_root": ROOT / "web/dist",
                "http.device.address": "127.0.0.1", "http.device.port": 0,
                "pki.dir": folder / "pki", "mqtt.enabled": "false", "database.conninfo": postgres.create_database(name), "store.dir": folder / f"store-{count}", **CALM}
    flags = [f"--{key}={value}" for key, value in settings.items()]
    (folder / f"store-{count}").mkdir()
    group.start(Program(f"argosyd for {count}", [argosyd(), *flags], log=folder / f"argosyd-{count}.log", ready=lambda: answers(url)))
    rows = folder / f"{name}.sql"
    rows.write_text(Fleet(count).sql())
    run(["psql", postgres.conninfo(name), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", rows], cwd="/")
    printed = subprocess.run([str(argosyd()), "--admin-link", *flags], capture_output=True, text=True, check=True).stdout
    link = next(word for word in printed.split() if word.startswith("http"))
    return {"url": url, "link": link, "database": postgres.conninfo(name), "log": str(folder / f"argosyd-{count}.log")}


def main(sizes):
    with tempfile.TemporaryDirectory(prefix="argosy-fleet-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        with Group() as group:
            run([argosyd(), "--init-pki", folder / "pki", "--host", "127.0.0.1"])
            postgres = group.start(Postgres(folder / "postgres"))
            print(json.dumps({str(size): serve(group, folder, postgres, size) for size in sizes}), flush=True)
            sys.stdin.read()


if __name__ == "__main__":
    main([int(word) for word in sys.argv[1:]] or [12])
