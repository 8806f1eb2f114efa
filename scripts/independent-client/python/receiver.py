"""A webhook receiver that takes only what the official verifier of Standard Webhooks accepts."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from standardwebhooks import Webhook, WebhookVerificationError


class Receiver:
    def __init__(self, secret):
        self.events, self.refused, self.requests = [], [], {}
        self.changed = threading.Condition()
        self.trust(secret)
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                try:
                    receiver.verify(body, dict(self.headers))
                    status = 204
                except WebhookVerificationError as error:
                    receiver.refused.append(str(error))
                    status = 401
                with receiver.changed:
                    if status == 204:
                        event = json.loads(body)
                        receiver.events.append(event)
                        receiver.requests[event["id"]] = (body, dict(self.headers))
                    receiver.changed.notify_all()
                self.send_response(status)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def trust(self, *secrets):
        """From now on takes what was signed with one of these."""
        self.verifiers = [Webhook(secret) for secret in secrets]

    def verify(self, body, headers):
        for verifier in self.verifiers[:-1]:
            try:
                return verifier.verify(body, headers)
            except WebhookVerificationError:
                pass
        return self.verifiers[-1].verify(body, headers)

    def signed(self, event, secret):
        """Whether the newest request with an event was signed with a secret."""
        try:
            Webhook(secret).verify(*self.requests[event["id"]])
            return True
        except WebhookVerificationError:
            return False

    def event(self, what, wanted, deadline=45.0):
        """The first event that is wanted. Blocks."""
        find = lambda: next((event for event in self.events if wanted(event)), None)
        with self.changed:
            found = self.changed.wait_for(find, deadline)
        assert found, f"no webhook {what} in time"
        return found

    def end(self):
        self.server.shutdown()
