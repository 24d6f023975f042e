"""An HTTPS server with one blob and bad manners on order, for the tests of the agent's downloads.

Usage: blob_server.py CERTIFICATE KEY BLOB MANNERS

Prints its port. Serves BLOB under any path; each request takes the next word from the file MANNERS and behaves like it:
ok, no-range (the whole file to any request), wrong-range, wrong-bytes, longer, cut (half of what was asked for, then the
end), stall (half, then silence), large-head (a field of 1 MiB), endless-head (fields until the client hangs up), a status
such as 404 or 503, 302=URL (a redirect, also with 301, 303, 307, 308; without a Location when there is no URL). When there is no word left: ok. Appends "Range|If-Range|word" to MANNERS.log and, of a GET,
"path|names of the header fields|certificate" or "…|no certificate" to MANNERS.heads.
"""
import http.server
import pathlib
import re
import ssl
import sys
import threading

certificate, key, blob_file, manners_file = sys.argv[1:5]
blob = pathlib.Path(blob_file).read_bytes()
manners = pathlib.Path(manners_file)
lock = threading.Lock()


def next_word(handler):
    with lock:
        words = manners.read_text().split() if manners.exists() else []
        manners.write_text(" ".join(words[1:]))
        word = words[0] if words else "ok"
        with open(f"{manners}.log", "a") as log:
            log.write(f"{handler.headers.get('Range')}|{handler.headers.get('If-Range')}|{word}\n")
    return word


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body, headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def answer_at_length(self, word):
        self.close_connection = True
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n")
        if word == "large-head":
            return self.wfile.write(b"X-Large: " + b"x" * (1 << 20) + b"\r\n\r\n")
        while True:
            self.wfile.write(b"X-More: and more\r\n" * 100)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        word = next_word(self)
        if word == "503":
            return self.answer(503, b'{"type": "https://argosy.dev/problems/unavailable", "detail": "busy"}',
                               [("Retry-After", "7")])
        return self.answer(200, body)

    def do_GET(self):
        word = next_word(self)
        with open(f"{manners}.heads", "a") as heads:
            certificate = "certificate" if self.connection.getpeercert() else "no certificate"
            heads.write(f"{self.path}|{' '.join(sorted(self.headers.keys()))}|{certificate}\n")
        if word[:3].isdigit():
            location = [("Location", word[4:])] if len(word) > 4 else []
            return self.answer(int(word[:3]), b"", [("Retry-After", "7")] if word == "503" else location)
        if word in ("large-head", "endless-head"):
            return self.answer_at_length(word)
        data = bytes(b ^ 1 for b in blob) if word == "wrong-bytes" else blob + b"!" if word == "longer" else blob
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range") or "")
        first = int(wanted.group(1)) if wanted and word != "no-range" else None
        last = min(int(wanted.group(2) or len(data)), len(data) - 1) if wanted else None
        self.send_response(200 if first is None else 206)
        if first is not None:
            shown = first + 1 if word == "wrong-range" else first
            self.send_header("Content-Range", f"bytes {shown}-{last}/{len(data)}")
            data = data[first:last + 1]
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if word not in ("cut", "stall"):
            return self.wfile.write(data)
        self.wfile.write(data[:len(data) // 2])
        self.wfile.flush()
        if word == "stall":
            sys.stdin.read(1)
        self.close_connection = True
        self.connection.close()


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        pass  # clients that hang up are what this is for


server = Server(("127.0.0.1", 0), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate, key)
context.load_verify_locations(certificate)
context.verify_mode = ssl.CERT_OPTIONAL
server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_port, flush=True)
server.serve_forever()
