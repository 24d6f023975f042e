"""A device as the protocol wants it, played by a thread: it reports its state, sends telemetry, keeps what was not
acknowledged, reconnects, and follows its desired document as far as probation. Many of them make a fleet for tests that
must not cost a real agent each."""
import json
import secrets
import threading
import time
from datetime import datetime, timezone

import cbor
from mqtt_link import MqttLink, Refused

# A log-histogram of one value: format 1, no zeros, one bucket, its index (zigzag) and its count.
ONE_VALUE = bytes([1, 0, 1, 200, 1, 1])


def window(at_ms, model="digits", version="1.0"):
    return {"start": at_ms - 1000, "end": at_ms, "model": model, "version": version, "count": 1, "errors": 0, "labelled": 0,
            "correct": 0, "latency": ONE_VALUE, "classes": {}, "features": []}


def batch(device, epoch, first, contents, oldest=None):
    """Records of the numbers from `first`."""
    records = [{"seq": first + i, kind: content} for i, (kind, content) in enumerate(contents)]
    return cbor.encode({"v": 1, "device": device, "epoch": epoch, "oldest": oldest or first, "records": records})


def state(name, /, **changes):
    document = {"v": 1, "device": name, "nonce": int(time.time() * 1000), "rev": 0, "agent_version": "test",
                "hardware_class": "cpu-fp32",
                "capabilities": {"architecture": "x86_64", "accelerators": [], "runtimes": ["onnxruntime"],
                                 "precisions": ["fp32"], "memory_mb": 1000},
                "health_interval_s": 2, "at": datetime.now(timezone.utc).isoformat(), "models": []}
    return {**document, **changes}


class PlayedDevice:
    """`connect()` gives a new MqttLink; it is called again whenever the last one broke."""

    def __init__(self, name, port, identity, *, record_every_s=0.5, state_every_s=2):
        self.name, self.port, self.identity = name, port, identity
        self.record_every_s, self.state_every_s = record_every_s, state_every_s
        self.epoch, self.nonce = secrets.token_hex(8), int(time.time() * 1000)
        self.made = self.acked = self.states = self.connections = 0
        self.waiting = []           # contents after `acked`
        self.desired, self.faults = None, []
        self.records_end = threading.Event()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._live, name=name, daemon=True)

    def start(self):
        self._thread.start()
        return self

    def stop_making_records(self):
        """What it has made is still sent."""
        self.records_end.set()

    @property
    def settled(self):
        return self.acked == self.made

    def end(self):
        self._end.set()
        self._thread.join(timeout=20)

    def topic(self, way, kind):
        return f"argosy/v1/{self.name}/{way}/{kind}"

    def _live(self):
        while not self._end.is_set():
            try:
                link = MqttLink(self.port, self.identity, client=self.name)
                try:
                    self.connections += 1
                    self._serve(link)
                finally:
                    link.close()
            except (OSError, Refused, ConnectionError):
                self._end.wait(0.2 + secrets.randbelow(300) / 1000)
            except Exception as error:  # noqa: BLE001 - a fault of the test's own must be seen, not end the thread silently
                self.faults.append(repr(error))
                return

    def _serve(self, link):
        link.subscribe(self.topic("down", "desired"), self.topic("down", "ack"))
        next_record = next_state = next_send = 0.0
        while not self._end.is_set():
            now = time.monotonic()
            if now >= next_state:
                self._send_state(link)
                next_state = now + self.state_every_s
            if now >= next_record and not self.records_end.is_set():
                self._make_record()
                next_record = now + self.record_every_s
                next_send = min(next_send, now)
            if self.waiting and now >= next_send:
                link.publish(self.topic("up", "telemetry"), batch(self.name, self.epoch, self.acked + 1, self.waiting[:200]))
                next_send = now + 2
            message = link.receive(0.1)
            if message:
                self._take(*message)
                if message[0].endswith("/desired"):
                    next_state = 0.0

    def _make_record(self):
        self.made += 1
        at_ms = int(time.time() * 1000)
        self.waiting.append(("window", window(at_ms)) if self.made % 2 else ("health", {"at": at_ms, "uptime_s": self.made}))

    def _send_state(self, link):
        self.states += 1
        document = state(self.name, nonce=self.nonce, rev=(self.desired or {}).get("rev", 0), agent_version=f"test-{self.states}")
        for wish in (self.desired or {}).get("models", []):
            document["models"].append({"model": wish["model"], "version": "", "digest": "", "slots": [],
                                       "update": {"rollout": wish["rollout"], "attempt": wish["attempt"],
                                                  "version": wish["version"], "state": "downloading", "progress": 0.5,
                                                  "source": "full", "bytes": 1, "full_bytes": 2, "cause": "", "message": "",
                                                  "changed_at": document["at"]}})
        link.publish(self.topic("up", "state"), json.dumps(document), retain=True)

    def _take(self, topic, payload):
        if topic.endswith("/desired"):
            self.desired = json.loads(payload) if payload else None
            return
        ack = json.loads(payload)
        if ack.get("epoch") != self.epoch or ack["seq"] <= self.acked:
            return
        del self.waiting[:ack["seq"] - self.acked]
        self.acked = ack["seq"]
