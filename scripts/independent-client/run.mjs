// Baileys, a client library that is not ours, pairs with a running sandbox and talks through it.
//
//   node run.mjs --control http://127.0.0.1:PORT [--number 15550000001] [--out FILE]
//
// The result is one JSON object, written to FILE or to file descriptor 3. Standard output is not
// for reading: a dependency prints session keys there. Exit code 0 only when every step passed.

import { writeSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { parseArgs } from 'node:util';
import makeWASocket, * as baileys from 'baileys';

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

// Baileys 7.0.0-rc14 takes every signature for good: its Curve.verify waits for an exception where
// libsignal returns false. With the answer heeded, its checks of the server's certificates and of
// the phone's signatures are real.
const { curve } = createRequire(import.meta.resolve('baileys'))('libsignal');
baileys.Curve.verify = (key, message, signature) => {
    try {
        return curve.verifySignature(baileys.generateSignalPubKey(key), message, signature) === true;
    } catch {
        return false;
    }
};

const DEADLINE_MS = 45_000;
const WA_VERSION = [2, 3000, 1023223821];
const steps = [];

async function control(method, path, body) {
    const answer = await fetch(options.control + path, {
        method,
        headers: { 'content-type': 'application/json' },
        body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return text ? JSON.parse(text) : null;
}

// Waits for promises that events resolve, each with the run's deadline.
function expectation(what) {
    let settle;
    const promise = new Promise((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`no ${what} in time`)), DEADLINE_MS);
        settle = value => {
            clearTimeout(timer);
            resolve(value);
        };
    });
    promise.catch(() => {});
    return { promise, settle };
}

async function step(name, work) {
    const started = performance.now();
    const detail = await work();
    steps.push({ name, ms: Math.round(performance.now() - started), detail });
}

const silent = { level: 'silent', child: () => silent };
for (const level of ['trace', 'debug', 'info', 'warn', 'error', 'fatal']) silent[level] = () => {};

// A companion with its keys in memory. Baileys never reconnects by itself.
class Companion {
    constructor(url) {
        this.url = url;
        this.creds = baileys.initAuthCreds();
        this.store = new Map();
        this.opened = expectation('open connection');
        this.code = expectation('QR code');
        this.waiting = new Map();
        this.early = new Map();
        this.receipts = new Map();
        this.finished = false;
        this.connect();
    }

    keys() {
        return {
            get: async (type, ids) =>
                Object.fromEntries(ids.map(id => [id, this.store.get(`${type}/${id}`)])),
            set: async data => {
                for (const [type, entries] of Object.entries(data))
                    for (const [id, value] of Object.entries(entries))
                        value ? this.store.set(`${type}/${id}`, value) : this.store.delete(`${type}/${id}`);
            },
        };
    }

    connect() {
        this.socket = makeWASocket({
            waWebSocketUrl: this.url,
            version: WA_VERSION,
            logger: silent,
            auth: {
                creds: this.creds,
                keys: baileys.makeCacheableSignalKeyStore(this.keys(), silent),
            },
        });
        this.socket.ev.on('creds.update', update => Object.assign(this.creds, update));
        this.socket.ev.on('connection.update', update => this.update(update));
        this.socket.ev.on('messages.upsert', ({ messages }) => messages.forEach(m => this.got(m)));
        this.socket.ev.on('message-receipt.update', updates => updates.forEach(u => this.receipt(u)));
        this.socket.ev.on('messages.update', updates => updates.forEach(u => this.receipt(u)));
    }

    update({ connection, qr, lastDisconnect }) {
        if (qr) this.code.settle(qr);
        if (connection === 'open') this.opened.settle();
        if (connection !== 'close' || this.finished) return;
        const code = lastDisconnect?.error?.output?.statusCode;
        this.lastClose = code;
        // 401 and 440 are final; anything else is worth another connection.
        if (code !== 401 && code !== 440) this.connect();
    }

    got(message) {
        const text = message.message?.conversation ?? message.message?.extendedTextMessage?.text;
        if (text === undefined || text === null) return;
        const waiting = this.waiting.get(text);
        if (waiting) waiting.settle(message);
        else this.early.set(text, message);
    }

    receipt({ key, update, receipt }) {
        const status = update?.status ?? (receipt ? 3 : undefined);
        if (status === undefined) return;
        this.receipts.set(key.id, Math.max(status, this.receipts.get(key.id) ?? 0));
    }

    async text(text) {
        if (this.early.has(text)) return this.early.get(text);
        const waiting = expectation(`message ${JSON.stringify(text)}`);
        this.waiting.set(text, waiting);
        return waiting.promise;
    }

    end() {
        this.finished = true;
        this.socket.end();
    }
}

async function inbox(number, text) {
    const query = new URLSearchParams({ text, wait_ms: String(DEADLINE_MS) });
    const { messages } = await control('GET', `/v1/phones/${number}/inbox?${query}`);
    if (messages.length !== 1) throw new Error(`${messages.length} copies of one text`);
    return messages[0];
}

function check(condition, what) {
    if (!condition) throw new Error(what);
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
    await step('a foreign root is refused', () => refusesForeignRoot(url));
    // Verification stays on, against the sandbox's own root.
    baileys.WA_CERT_DETAILS.PUBLIC_KEY = Buffer.from(root_key, 'hex');
    for (const each of [number, friend]) await control('POST', '/v1/phones', { number: each });
    const companion = new Companion(url);
    const friendJid = `${friend}@s.whatsapp.net`;
    try {
        await step('pair', async () => {
            const qr = await companion.code.promise;
            const linked = await control('POST', `/v1/phones/${number}/scan`, { qr });
            await companion.opened.promise;
            return linked;
        });
        await step('send to a phone', async () => {
            const sent = await companion.socket.sendMessage(friendJid, { text: 'from Baileys' });
            const shown = await inbox(friend, 'from Baileys');
            check(shown.id === sent.key.id, 'another id arrived');
            check(shown.sender_number === number, 'another sender');
            const own = await inbox(number, 'from Baileys');
            check(own.from_me, 'the own phone did not see it as its own');
        });
        await step('receive from a phone', async () => {
            const body = { to: number, text: 'from a phone' };
            const { id } = await control('POST', `/v1/phones/${friend}/messages`, body);
            const message = await companion.text('from a phone');
            check(message.key.id === id, 'another id arrived');
            check(!message.key.fromMe, 'taken for an own message');
            const query = new URLSearchParams({ id, kind: 'inactive', wait_ms: String(DEADLINE_MS) });
            const receipts = await control('GET', `/v1/phones/${friend}/receipts?${query}`);
            check(receipts.length === 1, 'no delivery receipt');
        });
        await step('answered by rule', async () => {
            const rules = { reply: { template: 'you said {text}' } };
            await control('PUT', `/v1/phones/${friend}/rules`, rules);
            await companion.socket.sendMessage(friendJid, { text: 'ping' });
            await companion.text('you said ping');
            await control('PUT', `/v1/phones/${friend}/rules`, {});
        });
        await step('150 messages while away', async () => {
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
        await step('unlinked by the phone', async () => {
            const cut = { scope: { number }, cut: 'device_removed' };
            const { ended } = await control('POST', '/v1/disconnect', cut);
            check(ended === 1, 'nothing was connected');
            const phone = await control('GET', `/v1/phones/${number}`);
            check(phone.devices.length === 0, 'still linked');
        });
        await step('no violations', async () => {
            const violations = await control('GET', '/v1/violations');
            check(violations.length === 0, JSON.stringify(violations));
        });
    } finally {
        companion.end();
    }
}

let error = null;
try {
    await run();
} catch (thrown) {
    error = String(thrown?.stack ?? thrown);
}
const result = JSON.stringify({ client: 'baileys 7.0.0-rc14', ok: error === null, steps, error });
if (options.out) {
    writeFileSync(options.out, `${result}\n`);
} else {
    try {
        writeSync(3, `${result}\n`);
    } catch {
        process.stderr.write('file descriptor 3 is not open and --out is not given\n');
        error ??= 'no place for the result';
    }
}
process.exit(error === null ? 0 : 1);
