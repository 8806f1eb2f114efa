"""A webhook receiver that takes only what the official verifier of Standard Webhooks accepts."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from standardwebhooks import Webhook, WebhookVerificationError


class Receiver:
    def __init__(self, secret):
        self.events, self.refused = [], []
        self.changed = threading.Condition()
        receiver, webhook = self, Webhook(secret)

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                try:
                    webhook.verify(body, dict(self.headers))
                    status = 204
                except WebhookVerificationError as error:
                    receiver.refused.append(str(error))
                    status = 401
                with receiver.changed:
                    if status == 204:
                        receiver.events.append(json.loads(body))
                    receiver.changed.notify_all()
                self.send_response(status)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def event(self, what, wanted, deadline=45.0):
        """The first event that is wanted. Blocks."""
        find = lambda: next((event for event in self.events if wanted(event)), None)
        with self.changed:
            found = self.changed.wait_for(find, deadline)
        assert found, f"no webhook {what} in time"
        return found

    def end(self):
        self.server.shutdown()
