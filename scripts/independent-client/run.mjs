// Baileys, a client library that is not ours, pairs with a running sandbox and talks through it.
//
//   node run.mjs --control http://127.0.0.1:PORT [--number 15550000001] [--out FILE]
//
// The result is one JSON object, written to FILE or to file descriptor 3. Exit code 0 only when every step passed.

import { parseArgs } from 'node:util';
import {
    Companion, DEADLINE_MS, Run, WA_VERSION, baileys, caller, check, expectation, makeWASocket, silent,
} from './companion.mjs';

const { values: options } = parseArgs({
    options: {
        control: { type: 'string' },
        number: { type: 'string', default: '15550000001' },
        friend: { type: 'string', default: '15550000002' },
        out: { type: 'string' },
    },
});
if (!options.control) {
    process.stderr.write('--control http://127.0.0.1:PORT is needed\n');
    process.exit(2);
}

const control = caller(options.control);
const proof = new Run();

async function inbox(number, text) {
    const query = new URLSearchParams({ text, wait_ms: String(DEADLINE_MS) });
    const { messages } = await control('GET', `/v1/phones/${number}/inbox?${query}`);
    if (messages.length !== 1) throw new Error(`${messages.length} copies of one text`);
    return messages[0];
}

// With the real network's root still in place, the sandbox must look like an impostor.
async function refusesForeignRoot(url) {
    const outcome = expectation('refusal of a foreign root');
    const socket = makeWASocket({
        waWebSocketUrl: url,
        version: WA_VERSION,
        logger: silent,
        auth: { creds: baileys.initAuthCreds(), keys: { get: async () => ({}), set: async () => {} } },
    });
    socket.ev.on('connection.update', ({ connection, qr }) => {
        if (qr) outcome.settle('accepted');
        if (connection === 'close') outcome.settle('refused');
    });
    check((await outcome.promise) === 'refused', 'a foreign root was accepted');
    return 'refused';
}

async function run() {
    const { number, friend } = options;
    const { url, root_key } = await control('GET', '/v1/network');
    await proof.step('a foreign root is refused', () => refusesForeignRoot(url));
    // Verification stays on, against the sandbox's own root.
    baileys.WA_CERT_DETAILS.PUBLIC_KEY = Buffer.from(root_key, 'hex');
    for (const each of [number, friend]) await control('POST', '/v1/phones', { number: each });
    const companion = new Companion(url);
    const friendJid = `${friend}@s.whatsapp.net`;
    try {
        await proof.step('pair', async () => {
            const qr = await companion.code.promise;
            const linked = await control('POST', `/v1/phones/${number}/scan`, { qr });
            await companion.opened.promise;
            return linked;
        });
        await proof.step('send to a phone', async () => {
            const sent = await companion.socket.sendMessage(friendJid, { text: 'from Baileys' });
            const shown = await inbox(friend, 'from Baileys');
            check(shown.id === sent.key.id, 'another id arrived');
            check(shown.sender_number === number, 'another sender');
            const own = await inbox(number, 'from Baileys');
            check(own.from_me, 'the own phone did not see it as its own');
        });
        await proof.step('receive from a phone', async () => {
            const body = { to: number, text: 'from a phone' };
            const { id } = await control('POST', `/v1/phones/${friend}/messages`, body);
            const message = await companion.text('from a phone');
            check(message.key.id === id, 'another id arrived');
            check(!message.key.fromMe, 'taken for an own message');
            const query = new URLSearchParams({ id, kind: 'inactive', wait_ms: String(DEADLINE_MS) });
            const receipts = await control('GET', `/v1/phones/${friend}/receipts?${query}`);
            check(receipts.length === 1, 'no delivery receipt');
        });
        await proof.step('answered by rule', async () => {
            const rules = { reply: { template: 'you said {text}' } };
            await control('PUT', `/v1/phones/${friend}/rules`, rules);
            await companion.socket.sendMessage(friendJid, { text: 'ping' });
            await companion.text('you said ping');
            await control('PUT', `/v1/phones/${friend}/rules`, {});
        });
        await proof.step('150 messages while away', async () => {
            companion.opened = expectation('open connection');
            const scope = { number, device: 1 };
            await control('POST', '/v1/faults', {
                scope: { number },
                fault: { kind: 'refuse_connections_for', millis: 1500 },
            });
            await control('POST', '/v1/disconnect', { scope, cut: 'drop' });
            for (let count = 0; count < 150; count++) {
                const body = { to: number, text: `queued ${count}` };
                await control('POST', `/v1/phones/${friend}/messages`, body);
            }
            await companion.opened.promise;
            for (let count = 0; count < 150; count++) await companion.text(`queued ${count}`);
        });
        await proof.step('another companion pairs by code', async () => {
            const other = new Companion(url);
            try {
                // Its connection is there once it shows a QR code.
                await other.code.promise;
                const code = await other.socket.requestPairingCode(friend);
                const linked = await control('POST', `/v1/phones/${friend}/code`, { code });
                await other.opened.promise;
                await companion.socket.sendMessage(friendJid, { text: 'to both' });
                await other.text('to both');
                return linked;
            } finally {
                other.end();
            }
        });
        await proof.step('unlinked by the phone', async () => {
            const cut = { scope: { number }, cut: 'device_removed' };
            const { ended } = await control('POST', '/v1/disconnect', cut);
            check(ended === 1, 'nothing was connected');
            const phone = await control('GET', `/v1/phones/${number}`);
            check(phone.devices.length === 0, 'still linked');
        });
        await proof.step('no violations', async () => {
            const violations = await control('GET', '/v1/violations');
            check(violations.length === 0, JSON.stringify(violations));
        });
    } finally {
        companion.end();
    }
}

await proof.end('alone with the sandbox', options.out, run);
