// Phones write to an account of the gateway, Node-RED's flows answer its webhooks, and the answers reach the phones. The
// gateway is driven by its API alone; see `check` beside this file for what has to run.
//
//   node run.mjs --control http://… --api http://… --key … --node-red http://… --out FILE
//
// The result is one JSON object in FILE. Exit code 0 only when every step passed.

import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

const DEADLINE_MS = 45_000;
const { values: options } = parseArgs({
    options: Object.fromEntries(['control', 'api', 'key', 'node-red', 'out'].map(name => [name, { type: 'string' }])),
});

const [account, shop] = ['no-code', '628115000001'];
// One flow for each of these phones.
const phones = { plain: '628115000002', json: '628115000003', started: '628115000004' };
const steps = [];

function check(condition, what) {
    if (!condition) throw new Error(what);
}

function caller(base, headers = {}) {
    return async (method, path, body) => {
        const answer = await fetch(base + path, {
            method,
            headers: { 'content-type': 'application/json', ...headers },
            body: body === undefined ? undefined : JSON.stringify(body),
            signal: AbortSignal.timeout(DEADLINE_MS),
        });
        const text = await answer.text();
        check(answer.ok, `${method} ${path}: ${answer.status} ${text}`);
        return text ? JSON.parse(text) : null;
    };
}

const control = caller(options.control);
const api = caller(options.api, { authorization: `Bearer ${options.key}` });

async function step(name, work) {
    const started = performance.now();
    await work();
    steps.push({ name, ms: Math.round(performance.now() - started) });
}

// The condition is looked at again with every event that the log holds, which the server keeps the request for.
async function until(what, look) {
    const deadline = performance.now() + DEADLINE_MS;
    let { next_cursor: after } = await api('GET', '/v1/events?after=latest');
    for (;;) {
        const found = await look();
        if (found) return found;
        check(performance.now() < deadline, `no ${what} in time`);
        ({ next_cursor: after } = await api('GET', `/v1/events?after=${after}&wait=250ms`));
    }
}

async function link() {
    for (const number of [shop, ...Object.values(phones)]) await control('POST', '/v1/phones', { number });
    await api('POST', '/v1/accounts', { id: account });
    const { code } = await api('GET', `/v1/accounts/${account}/qr?format=json&wait=30s`);
    await control('POST', `/v1/phones/${shop}/scan`, { qr: code });
    const connected = async () => (await api('GET', `/v1/accounts/${account}`)).state.phase === 'connected';
    await until('connection', connected);
}

// Each flow hears one phone.
async function subscribe() {
    const made = {};
    for (const [flow, number] of Object.entries(phones)) {
        made[flow] = await api('POST', '/v1/endpoints', {
            account,
            url: `${options['node-red']}/${flow}`,
            events: ['message.received'],
            filter: { chats: [`+${number}`] },
            reply: 'answer',
            retry: { schedule: ['0s', '200ms', '1s', '1s'] },
        });
    }
    return made;
}

const write = (number, text) => control('POST', `/v1/phones/${number}/messages`, { to: shop, text });

// Waits until the phone shows an answer, and counts its copies.
async function shown(number, text) {
    const query = new URLSearchParams({ text, wait_ms: String(DEADLINE_MS) });
    const { messages } = await control('GET', `/v1/phones/${number}/inbox?${query}`);
    return messages.filter(message => !message.from_me).length;
}

async function answered(number, text) {
    await write(number, text);
    const copies = await shown(number, `Node-RED heard: ${text}`);
    check(copies === 1, `${copies} answers to ${text}`);
}

// The newest delivery of an endpoint, once it is completed after so many attempts.
async function completed(endpoint, attempts) {
    return until(`delivery after ${attempts} attempts`, async () => {
        const { data } = await api('GET', `/v1/endpoints/${endpoint.id}/deliveries`);
        return data[0]?.state === 'completed' && data[0].attempts === attempts && data[0];
    });
}

async function sendsTo(number) {
    const { data } = await api('GET', `/v1/accounts/${account}/messages?limit=1000`);
    return data.filter(message => message.direction === 'outbound' && message.chat.phone === number).length;
}

async function talk() {
    let endpoints;
    await step('an account of the gateway is linked', link);
    await step('each flow of Node-RED has an endpoint', async () => (endpoints = await subscribe()));
    await step('plain text is an answer', () => answered(phones.plain, 'hello'));
    await step('an object with a text is an answer', () => answered(phones.json, 'is anybody there?'));
    await step('what fails first is answered once', async () => {
        await answered(phones.plain, 'trouble');
        await completed(endpoints.plain, 2);
    });
    await step('a replay is answered by Node-RED, and not sent again', async () => {
        const { id } = await completed(endpoints.plain, 2);
        await api('POST', `/v1/deliveries/${id}/replay`);
        await completed(endpoints.plain, 3);
        // Another answer, to see that none is still under way before it.
        await answered(phones.plain, 'one more');
        for (const text of ['hello', 'trouble', 'one more']) {
            const copies = await shown(phones.plain, `Node-RED heard: ${text}`);
            check(copies === 1, `${copies} answers to ${text}`);
        }
        const sends = await sendsTo(phones.plain);
        check(sends === 3, `${sends} sends for three answers`);
    });
    await step('that a workflow was started is no answer', async () => {
        await write(phones.started, 'start');
        const { reply } = await completed(endpoints.started, 1);
        check(reply === null || reply === undefined, `taken for a reply: ${JSON.stringify(reply)}`);
        check((await sendsTo(phones.started)) === 0, 'the phone was told about the workflow');
    });
    await step('no violations', async () => {
        const violations = await control('GET', '/v1/violations');
        check(violations.length === 0, JSON.stringify(violations));
    });
}

let error = null;
try {
    await talk();
} catch (thrown) {
    error = String(thrown?.stack ?? thrown);
}
const result = { client: 'node-red 4.1.8', what: 'replies in the answer', ok: error === null, steps, error };
writeFileSync(options.out, `${JSON.stringify(result)}\n`);
process.exit(error === null ? 0 : 1);
