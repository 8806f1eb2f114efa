// Baileys as a companion device of a virtual phone, and what the scripts beside this one share.

import { writeSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import makeWASocket, * as baileys from 'baileys';

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

export const DEADLINE_MS = 45_000;
export const WA_VERSION = [2, 3000, 1023223821];
export { baileys, makeWASocket };

// A caller of one HTTP API with JSON on both sides.
export function caller(base, headers = {}) {
    return async (method, path, body) => {
        const answer = await fetch(base + path, {
            method,
            headers: { 'content-type': 'application/json', ...headers },
            body: body === undefined ? undefined : JSON.stringify(body),
        });
        const text = await answer.text();
        if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
        return text ? JSON.parse(text) : null;
    };
}

// Waits for promises that events resolve, each with the run's deadline.
export function expectation(what) {
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

// Steps of a run, with their times. The result is one JSON object, in a file or on file descriptor 3: standard output
// is not for reading, a dependency prints session keys there.
export class Run {
    steps = [];

    async step(name, work) {
        const started = performance.now();
        const detail = await work();
        this.steps.push({ name, ms: Math.round(performance.now() - started), detail });
    }

    // Runs it, tells what came of it, and ends the process with 0 only when every step passed.
    async end(what, out, work) {
        let error = null;
        try {
            await work();
        } catch (thrown) {
            error = String(thrown?.stack ?? thrown);
        }
        const client = 'baileys 7.0.0-rc14';
        const result = JSON.stringify({ client, what, ok: error === null, steps: this.steps, error });
        if (out) {
            writeFileSync(out, `${result}\n`);
        } else {
            try {
                writeSync(3, `${result}\n`);
            } catch {
                process.stderr.write('file descriptor 3 is not open and --out is not given\n');
                error ??= 'no place for the result';
            }
        }
        process.exit(error === null ? 0 : 1);
    }
}

export function check(condition, what) {
    if (!condition) throw new Error(what);
}

export const silent = { level: 'silent', child: () => silent };
for (const level of ['trace', 'debug', 'info', 'warn', 'error', 'fatal']) silent[level] = () => {};

// A companion with its keys in memory. Baileys never reconnects by itself.
export class Companion {
    constructor(url) {
        this.url = url;
        this.creds = baileys.initAuthCreds();
        this.store = new Map();
        this.opened = expectation('open connection');
        this.code = expectation('QR code');
        this.waiting = new Map();
        this.early = new Map();
        this.receipts = new Map();
        this.awaited = new Set();
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

    // Waited for by its text, or by the name or the caption of its file.
    got(message) {
        const content = baileys.normalizeMessageContent(message.message);
        const text = content?.conversation ?? content?.extendedTextMessage?.text
            ?? content?.imageMessage?.caption ?? content?.documentMessage?.fileName;
        if (text === undefined || text === null) return;
        const waiting = this.waiting.get(text);
        if (waiting) waiting.settle(message);
        else this.early.set(text, message);
    }

    receipt({ key, update, receipt }) {
        const status = update?.status ?? (receipt ? 3 : undefined);
        if (status === undefined) return;
        this.receipts.set(key.id, Math.max(status, this.receipts.get(key.id) ?? 0));
        this.awaited.forEach(look => look());
    }

    // Waits until a message of ours has at least this status.
    async status(id, least) {
        const reached = expectation(`status ${least} of ${id}`);
        const look = () => {
            if ((this.receipts.get(id) ?? 0) >= least) reached.settle();
        };
        this.awaited.add(look);
        look();
        await reached.promise;
        this.awaited.delete(look);
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
