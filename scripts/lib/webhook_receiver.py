#!/usr/bin/env python3
"""A receiver of webhooks that writes down what it takes, in a file that stays whatever becomes of it.

Usage: scripts/lib/webhook_receiver.py PORT FILE [--fails SHARE] [--seed N]

  FILE      a line of JSON a message, written before it is answered: {at, path, id, timestamp, signatures, body, answered}
  --fails   the share of messages that it answers 500, or breaks off without an answer, after having written them down
  --seed    of which

`signature()` computes what Standard Webhooks asks for, by its own means.
"""
import argparse
import base64
import hashlib
import hmac
import http.server
import json
import os
import random
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from processes import Program, accepts_connections, free_port  # noqa: E402


def signature(secret, message_id, timestamp, body):
    key = base64.b64decode(secret.removeprefix("whsec_"))
    return "v1," + base64.b64encode(hmac.new(key, f"{message_id}.{timestamp}.{body}".encode(), hashlib.sha256).digest()).decode()


class Receiver(Program):
    """The program below, as others start it."""

    def __init__(self, folder, fails=0.0, seed=0):
        self.port, self.file = free_port(), Path(folder) / "received.jsonl"
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self.url = f"http://127.0.0.1:{self.port}"
        super().__init__("receiver", [sys.executable, __file__, self.port, self.file, "--fails", fails, "--seed", seed],
                         log=Path(folder) / "receiver.log", ready=lambda: accepts_connections(self.port))

    def received(self):
        """What was written down; of a line that was cut off by a kill, nothing."""
        lines = self.file.read_text().split("\n")[:-1] if self.file.exists() else []
        return [json.loads(line) for line in lines]


def serve(port, file, fails, seed):
    kept = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    chance = random.Random(seed + os.getpid())

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            luck = chance.random()
            status = None if luck < fails / 2 else 500 if luck < fails else 200
            line = {"at": time.time(), "path": self.path, "id": self.headers["webhook-id"], "body": body, "answered": status,
                    "timestamp": self.headers["webhook-timestamp"], "signatures": (self.headers["webhook-signature"] or "").split(" ")}
            os.write(kept, (json.dumps(line) + "\n").encode())
            if status is None:
                self.close_connection = True
                return
            self.send_response(status)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *_):
            pass

    http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("port", type=int)
    parser.add_argument("file", type=Path)
    parser.add_argument("--fails", type=float, default=0.0)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    serve(options.port, options.file, options.fails, options.seed)


if __name__ == "__main__":
    main()
