"""A mail server with STARTTLS and accounts: Debian's aiosmtpd, which scripts/setup fetches."""
import email
import email.policy
import ssl
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / ".argosy/monitoring/python"))

from aiosmtpd.controller import Controller  # noqa: E402
from aiosmtpd.smtp import AuthResult  # noqa: E402


class MailServer:
    """`implicit`: TLS from the first byte. It takes mail of `user` alone, and none to an address that begins with `nobody`."""

    def __init__(self, certificate, key, user="argosy", password="hunter2", implicit=False):
        self.mails, self.was_encrypted, self.sent_to = [], [], []
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        tls = {"ssl_context": context} if implicit else {"tls_context": context, "require_starttls": True}

        def authenticate(_server, _session, _envelope, mechanism, data):
            good = mechanism in ("PLAIN", "LOGIN") and (data.login, data.password) == (user.encode(), password.encode())
            return AuthResult(success=good, handled=False)

        self._controller = Controller(self, hostname="127.0.0.1", port=0, authenticator=authenticate, auth_required=True,
                                      auth_require_tls=not implicit, **tls)

    def start(self):
        # The controller looks whether it can reach itself, on a port that it knows; the system chooses one here.
        self._controller.port = _free_port()
        self._controller.start()
        self.port = self._controller.port
        return self

    def stop(self):
        self._controller.stop()

    async def handle_RCPT(self, _server, _session, envelope, address, _options):
        if address.startswith("nobody"):
            return "550 there is nobody of that name"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server, session, envelope):
        self.mails.append(email.message_from_bytes(envelope.content, policy=email.policy.default))
        self.was_encrypted.append(session.ssl is not None)
        self.sent_to.append(list(envelope.rcpt_tos))
        return "250 taken"


def _free_port():
    from processes import free_port
    return free_port()
