"""pyaileys, a client library in Python that shares no code with ours, talks to an account of the gateway.

    python gateway.py --control http://127.0.0.1:7702 --api http://127.0.0.1:8080 --key … [--out FILE]

What gateway.mjs beside this folder does with Baileys. The result is one JSON object in FILE, or on standard output.
Exit code 0 only when every step passed.
"""

import argparse
import asyncio
import base64
import json
import os
import sys
import tempfile
import time
import traceback
import urllib.parse
import urllib.request

from companion import Companion
from receiver import Receiver

ACCOUNT, SHOP, CUSTOMER = "python-shop", "628114000001", "628114000002"


def caller(base, headers):
    def call(method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        head = {"content-type": "application/json", **headers}
        with urllib.request.urlopen(urllib.request.Request(base + path, data, head, method=method)) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    return lambda *args: asyncio.to_thread(call, *args)


class Talk:
    def __init__(self, options):
        self.control = caller(options.control, {})
        self.api = caller(options.api, {"authorization": f"Bearer {options.key}"})
        self.secret = "whsec_" + base64.b64encode(os.urandom(32)).decode()
        self.receiver = Receiver(self.secret)
        self.folder = tempfile.TemporaryDirectory()
        self.steps = []

    async def step(self, name, work):
        started = time.monotonic()
        await work
        self.steps.append({"name": name, "ms": round((time.monotonic() - started) * 1000)})

    async def event(self, what, wanted):
        return await asyncio.to_thread(self.receiver.event, what, wanted)

    async def link(self):
        await self.api("POST", "/v1/accounts", {"id": ACCOUNT})
        await self.api("PUT", f"/v1/accounts/{ACCOUNT}/webhook", {"url": self.receiver.url, "secret": self.secret})
        qr = await self.api("GET", f"/v1/accounts/{ACCOUNT}/qr?format=json&wait=30s")
        await self.control("POST", f"/v1/phones/{SHOP}/scan", {"qr": qr["code"]})
        connected = lambda event: event["type"] == "account.state" and event["data"]["state"]["phase"] == "connected"
        await self.event("that the account is connected", connected)

    async def pair(self):
        qr = await self.companion.until("QR code", lambda: self.companion.qr)
        await self.control("POST", f"/v1/phones/{CUSTOMER}/scan", {"qr": qr})
        await self.companion.until("open connection", lambda: self.companion.connection == "open")

    async def write(self, text):
        message_id = await self.companion.client.send_text(f"{SHOP}@s.whatsapp.net", text)
        told = await self.event(text, lambda event: event["type"] == "message.received" and event["data"]["text"] == text)
        assert told["data"]["provider_message_id"] == message_id, "another id was told"
        page = await self.api("GET", f"/v1/accounts/{ACCOUNT}/messages?limit=100")
        stored = [message["id"] for message in page["data"] if message["text"] == text]
        assert stored == [told["data"]["id"]], f"{len(stored)} messages of one text"
        await self.companion.until("delivery receipt", lambda: message_id in self.companion.delivered)
        return told

    async def replace(self, endpoint, overlap):
        return (await self.api("POST", f"/v1/endpoints/{endpoint}/rotate-secret", {"overlap": overlap}))["secret"]

    async def rotate(self):
        """As `rotate` in gateway.mjs."""
        receiver, first = self.receiver, self.secret
        endpoint = (await self.api("GET", f"/v1/endpoints?account={ACCOUNT}"))["data"][0]["id"]
        second = await self.replace(endpoint, "1h")
        told = await self.write("with two signatures")
        assert receiver.signed(told, first) and receiver.signed(told, second), "not signed with both secrets"
        receiver.trust(second)
        told = await self.write("with two signatures, the receiver has the new secret")
        assert receiver.signed(told, first), "the old secret signs no more although its time is not over"
        receiver.trust(second, first)
        third = await self.replace(endpoint, "0s")
        receiver.trust(second, first, third)
        told = await self.write("with the third secret")
        assert receiver.signed(told, third), "not signed with the newest secret"
        assert not receiver.signed(told, second), "signed with a secret that was to end at once"

    async def answer(self, text):
        body = {"to": CUSTOMER, "type": "text", "text": text}
        accepted = await self.api("POST", f"/v1/accounts/{ACCOUNT}/messages", body)
        message = await self.companion.text(text)
        assert message["id"] == accepted["provider_message_id"], "another id arrived"
        delivered = lambda event: (
            event["type"] == "message.status"
            and event["data"]["id"] == accepted["id"]
            and event["data"]["state"] == "delivered"
        )
        await self.event(f"delivery of {text}", delivered)

    async def both_phones(self, texts):
        for number in (SHOP, CUSTOMER):
            for text in texts:
                query = urllib.parse.urlencode({"text": text, "wait_ms": "45000"})
                shown = (await self.control("GET", f"/v1/phones/{number}/inbox?{query}"))["messages"]
                assert len(shown) == 1, f"{len(shown)} copies at {number}"

    async def clean(self):
        assert not self.receiver.refused, self.receiver.refused
        violations = await self.control("GET", "/v1/violations")
        assert not violations, violations

    async def run(self):
        network = await self.control("GET", "/v1/network")
        for number in (SHOP, CUSTOMER):
            await self.control("POST", "/v1/phones", {"number": number})
        self.companion = await Companion.begin(network["url"], network["root_key"], self.folder.name)
        texts = ["hello from Python", "hello from the gateway", "and once more", "good bye"]
        try:
            await self.step("an account of the gateway is linked", self.link())
            await self.step("pyaileys is linked to another phone", self.pair())
            await self.step("a first message to the gateway", self.write(texts[0]))
            await self.step("its answer", self.answer(texts[1]))
            await self.step("a second message to the gateway", self.write(texts[2]))
            await self.step("its second answer", self.answer(texts[3]))
            await self.step("both phones show the whole talk", self.both_phones(texts))
            await self.step("a secret is replaced", self.rotate())
            await self.step("every webhook was signed, no violations", self.clean())
        finally:
            await self.companion.end()
            self.receiver.end()


async def main(options):
    talk, error = Talk(options), None
    try:
        await talk.run()
    except Exception:
        error = traceback.format_exc()
    what = {"client": "pyaileys 0.1.5", "what": "with an account of the gateway", "ok": error is None}
    result = json.dumps({**what, "steps": talk.steps, "error": error})
    if options.out:
        with open(options.out, "w") as file:
            print(result, file=file)
    else:
        print(result)
    return 0 if error is None else 1


parser = argparse.ArgumentParser()
for name in ("--control", "--api", "--key"):
    parser.add_argument(name, required=True)
parser.add_argument("--out")
status = asyncio.run(main(parser.parse_args()))
sys.stdout.flush()
# Tasks of the library would keep the process.
os._exit(status)
