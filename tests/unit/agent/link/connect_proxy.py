"""An HTTP proxy that only knows CONNECT, for the tests of the agent's way out.

Usage: connect_proxy.py LOG ANSWER

Prints its port. ANSWER 200: opens a tunnel to the port that was asked for, on this machine, whatever the host is called.
Any other: answers with that status. Appends "host:port|Proxy-Authorization" of each request to LOG.
"""
import socket
import socketserver
import sys
import threading

log_file, answer = sys.argv[1:3]
lock = threading.Lock()


def pump(source, target):
    try:
        while data := source.recv(65536):
            target.sendall(data)
    except OSError:
        pass
    for end in (source, target):
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


class Handler(socketserver.StreamRequestHandler):
    rbufsize = 0  # what follows the head is for the tunnel

    def handle(self):
        method, target, _ = self.rfile.readline().decode().split()
        headers = {}
        while line := self.rfile.readline().decode().strip():
            name, value = line.split(":", 1)
            headers[name.lower()] = value.strip()
        with lock, open(log_file, "a") as log:
            log.write(f"{target}|{headers.get('proxy-authorization')}\n")
        if method != "CONNECT" or answer != "200":
            self.wfile.write(f"HTTP/1.1 {answer} No\r\nContent-Length: 0\r\n\r\n".encode())
            return
        with socket.create_connection(("127.0.0.1", int(target.rsplit(":", 1)[1]))) as server:
            self.wfile.write(b"HTTP/1.1 200 Connection established\r\nVia: 1.1 test\r\n\r\n")
            back = threading.Thread(target=pump, args=(server, self.connection))
            back.start()
            pump(self.connection, server)
            back.join()


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def handle_error(self, *_):
        pass  # clients that hang up


proxy = Server(("127.0.0.1", 0), Handler)
print(proxy.server_address[1], flush=True)
proxy.serve_forever()
