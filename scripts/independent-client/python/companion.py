"""pyaileys as a companion device of a virtual phone."""

import asyncio

from pyaileys import WhatsAppClient
from pyaileys.crypto import noise
from pyaileys.socket_config import SocketConfig

DEADLINE = 45.0


class Companion:
    """A companion with its keys in a folder. The library connects again by itself."""

    @classmethod
    async def begin(cls, url, root_key, folder):
        # Verification stays on, against the sandbox's own root.
        noise.WA_CERT_PUBLIC_KEY = bytes.fromhex(root_key)
        companion = cls()
        config = SocketConfig(ws_url=url, reconnect_delay_s=0.05, sync_full_history=False)
        companion.client, companion.auth = await WhatsAppClient.from_auth_folder(folder, socket=config)
        client = companion.client
        client.on("connection.update", companion.update)
        client.on("creds.update", companion.save)
        client.on("message.decrypted", lambda message: companion.tell(companion.messages.append, message))
        client.on("stanza.receipt", lambda stanza: companion.tell(companion.receipt, stanza))
        await client.connect()
        return companion

    def __init__(self):
        self.qr, self.connection = None, None
        self.messages, self.delivered = [], set()
        self.changed = asyncio.Event()

    def tell(self, note, what):
        note(what)
        self.changed.set()

    def update(self, update):
        self.qr = update.qr or self.qr
        self.connection = update.connection or self.connection
        self.changed.set()

    async def save(self, _creds):
        await self.auth.save_creds()

    def receipt(self, stanza):
        # Without a type it says: delivered.
        if stanza.attrs.get("type") in (None, "inactive"):
            self.delivered.add(stanza.attrs.get("id"))

    async def until(self, what, look):
        """Waits until there is something to see, with a deadline."""
        try:
            async with asyncio.timeout(DEADLINE):
                while not (seen := look()):
                    self.changed.clear()
                    await self.changed.wait()
                return seen
        except TimeoutError:
            raise AssertionError(f"no {what} in time") from None

    async def text(self, text):
        """The message of others that says this, once."""
        found = await self.until(f"message {text!r}", lambda: [m for m in self.messages if m["text"] == text])
        assert len(found) == 1, f"{len(found)} messages of one text"
        return found[0]

    async def end(self):
        await self.client.disconnect()
