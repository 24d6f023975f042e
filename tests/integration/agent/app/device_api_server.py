"""An HTTPS server in place of argosyd's device side, for the tests of the agent's uplink.

Usage: device_api_server.py CERTIFICATE KEY AUTHORITY FOLDER

Prints its port. A request to /device/v1/NAME gets the answer in FOLDER/NAME.json, `{"status": 503, "headers": {}, "body": ""}`,
and without one: 304 to GET, 204 to a state, 503 to all else. Writes each request to FOLDER/requests.log as one line of JSON: what,
of which device (by its certificate, "" without one), its If-None-Match, and the body in Base64.
"""
import base64
import http.server
import json
import pathlib
import ssl
import sys
import threading

certificate, key, authority, folder = sys.argv[1:5]
folder = pathlib.Path(folder)
lock = threading.Lock()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def serve(self):
        name = self.path.rpartition("/")[2]
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        of = dict(pair[0] for pair in (self.connection.getpeercert() or {}).get("subject", ()))
        line = json.dumps({"what": f"{self.command} {name}", "device": of.get("commonName", ""),
                           "known": self.headers.get("If-None-Match", ""), "body": base64.b64encode(body).decode()})
        with lock, open(folder / "requests.log", "a") as log:
            log.write(line + "\n")
        planned = folder / f"{name}.json"
        answer = json.loads(planned.read_text()) if planned.exists() else {}
        usual = 304 if self.command == "GET" else 204 if name == "state" else 503
        content = answer.get("body", "").encode()
        self.send_response(answer.get("status", usual))
        for field, value in answer.get("headers", {}).items():
            self.send_header(field, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = serve


def end_with_the_test():
    sys.stdin.read()
    server.shutdown()


context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate, key)
context.load_verify_locations(authority)
context.verify_mode = ssl.CERT_OPTIONAL
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_port, flush=True)
threading.Thread(target=end_with_the_test, daemon=True).start()
server.serve_forever()
