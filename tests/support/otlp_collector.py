"""A collector of OTLP over HTTPS. It reads each request with the official definitions and Google's own
reader of Protobuf's JSON mapping, which refuses a field that they do not have and a value of another type."""
import http.server
import os
import ssl
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DEFINITIONS = ROOT / ".argosy/monitoring/python"
sys.path.insert(0, str(DEFINITIONS))
os.environ["PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION"] = "python"  # on whichever Python this is


def request_of(body):
    from google.protobuf import json_format
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
    return json_format.Parse(body, ExportMetricsServiceRequest())


@dataclass
class Export:
    path: str
    headers: dict
    resource: dict   # its attributes
    metrics: dict    # name: Metric
    status: int
    at: float        # when it came, by this machine's steady clock


class OtlpCollector:
    """`answers`: (status, headers, body) of the next requests, one each; then all are taken."""

    def __init__(self, port, answers=()):
        self.port, self.answers = port, list(answers)
        self.exports, self.errors = [], []
        self._server = None

    def start(self, certificate, key):
        collector = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, headers, answer = collector.take(self.path, dict(self.headers), body)
                self.send_response(status)
                for name, value in {"Content-Type": "application/json", "Content-Length": str(len(answer)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self):
        if self._server:
            self._server.shutdown()
            self._server.server_close()

    def take(self, path, headers, body):
        answer = self.answers.pop(0) if self.answers else (200, {}, b"{}")
        try:
            [of_resource] = request_of(body).resource_metrics
        except Exception as error:  # whatever the reader found, the test shall say
            self.errors.append(f"{error}: {body[:500]}")
            return 400, {}, b"{}"
        [of_scope] = of_resource.scope_metrics
        self.exports.append(Export(
            path, headers, {each.key: each.value.string_value for each in of_resource.resource.attributes},
            {metric.name: metric for metric in of_scope.metrics}, answer[0], time.monotonic()))
        return answer

    def taken(self):
        return [export for export in self.exports if export.status == 200]
