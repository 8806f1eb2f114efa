// Baileys, a client library that is not ours, talks to an account of the gateway: end to end through the sandbox, with
// the gateway driven and watched only as its users do, by its API and its webhooks.
//
//   wasup sandbox                                               # prints the addresses
//   WASUP__LINK__URL=ws://… WASUP__SERVER__API_KEY=… wasup serve
//   node gateway.mjs --control http://127.0.0.1:7702 --api http://127.0.0.1:8080 --key … [--out FILE]
//
// The result is one JSON object, written to FILE or to file descriptor 3. Exit code 0 only when every step passed.

import { randomBytes } from 'node:crypto';
import { parseArgs } from 'node:util';
import { Companion, DEADLINE_MS, Run, baileys, caller, check } from './companion.mjs';
import { GroupTalk } from './groups.mjs';
import { Receiver } from './receiver.mjs';

const { values: options } = parseArgs({
    options: {
        control: { type: 'string' },
        api: { type: 'string' },
        key: { type: 'string' },
        account: { type: 'string', default: 'baileys-shop' },
        shop: { type: 'string', default: '628113000001' },
        customer: { type: 'string', default: '628113000002' },
        out: { type: 'string' },
    },
});
if (!options.control || !options.api || !options.key) {
    process.stderr.write('--control, --api and --key are needed\n');
    process.exit(2);
}

const { account, shop, customer } = options;
const control = caller(options.control);
const api = caller(options.api, { authorization: `Bearer ${options.key}` });
const proof = new Run();

async function link(receiver, secret) {
    await api('POST', '/v1/accounts', { id: account });
    await api('PUT', `/v1/accounts/${account}/webhook`, { url: receiver.url, secret });
    const { code } = await api('GET', `/v1/accounts/${account}/qr?format=json&wait=30s`);
    await control('POST', `/v1/phones/${shop}/scan`, { qr: code });
    const connected = event => event.type === 'account.state' && event.data.state.phase === 'connected';
    await receiver.event('that the account is connected', connected);
    check((await api('GET', `/v1/accounts/${account}`)).state.phase === 'connected', 'not connected');
}

async function pair(companion) {
    await control('POST', `/v1/phones/${customer}/scan`, { qr: await companion.code.promise });
    await companion.opened.promise;
}

// The customer writes with Baileys; the gateway tells it by webhook and API, once each, and acknowledges it.
async function heard(companion, receiver, text) {
    const sent = await companion.socket.sendMessage(`${shop}@s.whatsapp.net`, { text });
    const told = await receiver.event(text, event => event.type === 'message.received' && event.data.text === text);
    check(told.account === account, 'told of another account');
    check(told.data.provider_message_id === sent.key.id, 'another id was told');
    check(told.data.direction === 'inbound' && told.data.type === 'text', 'told as something else');
    const { data } = await api('GET', `/v1/accounts/${account}/messages?limit=100`);
    const stored = data.filter(message => message.text === text);
    check(stored.length === 1 && stored[0].id === told.data.id, `${stored.length} messages of one text`);
    const { DELIVERY_ACK } = baileys.proto.WebMessageInfo.Status;
    await companion.status(sent.key.id, DELIVERY_ACK);
    return told;
}

async function write(companion, receiver, text) {
    await heard(companion, receiver, text);
}

// The gateway answers; Baileys decrypts it, once, and its receipts come back as states of the message.
async function answer(companion, receiver, text) {
    const accepted = await api('POST', `/v1/accounts/${account}/messages`, { to: customer, type: 'text', text });
    const message = await companion.text(text);
    check(message.key.id === accepted.provider_message_id, 'another id arrived');
    check(!message.key.fromMe, 'taken for an own message');
    const state = (name, wanted) =>
        receiver.event(`${name} of ${text}`, event =>
            event.type === 'message.status' && event.data.id === accepted.id && wanted.includes(event.data.state));
    await state('delivery', ['delivered', 'read']);
    await companion.socket.readMessages([message.key]);
    await state('reading', ['read']);
    const stored = await api('GET', `/v1/messages/${accepted.id}`);
    check(stored.state === 'read' && stored.tries === 1, `state ${stored.state} after ${stored.tries} tries`);
}

// A file of Baileys arrives whole: told by the webhook, handed out by the API.
async function fileHeard(companion, receiver, to, content, wanted) {
    const sent = await companion.socket.sendMessage(to, content);
    const told = await receiver.event(wanted.type, event =>
        event.type === 'message.received' && event.data.provider_message_id === sent.key.id);
    const { type, media } = told.data;
    check(type === wanted.type, `a ${wanted.type} was told as ${type}`);
    check(media.mimetype === wanted.mimetype, `its type was told as ${media.mimetype}`);
    const answer = await fetch(`${options.api}/v1/messages/${told.data.id}/media`, {
        headers: { authorization: `Bearer ${options.key}` },
    });
    check(answer.ok, `the API answered ${answer.status} for the file`);
    check(wanted.bytes.equals(Buffer.from(await answer.arrayBuffer())), 'other bytes arrived');
}

// A file of the gateway is opened by Baileys: its own hashes and keys.
async function fileSent(companion, to, body, key, bytes) {
    const accepted = await api('POST', `/v1/accounts/${account}/messages`, { to, ...body });
    const message = await companion.text(key);
    check(message.key.id === accepted.provider_message_id, 'another id arrived');
    const opened = await baileys.downloadMediaMessage(message, 'buffer', {});
    check(bytes.equals(opened), 'other bytes were opened');
}

// One pixel, and something long enough for several blocks.
const PIXEL = Buffer.from(
    'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==', 'base64');
const LONG = Buffer.concat([Buffer.from('%PDF-1.4\n'), randomBytes(300_000)]);

async function files(companion, receiver, where) {
    const { to, chat } = where;
    const jpegThumbnail = PIXEL.toString('base64');
    await fileHeard(companion, receiver, to, { image: PIXEL, mimetype: 'image/png', caption: 'a pixel', jpegThumbnail },
        { type: 'image', mimetype: 'image/png', bytes: PIXEL });
    await fileHeard(companion, receiver, to, { document: LONG, mimetype: 'application/pdf', fileName: 'long.pdf' },
        { type: 'document', mimetype: 'application/pdf', bytes: LONG });
    const named = `${where.name}.pdf`;
    await fileSent(companion, chat, { type: 'image', caption: `pixel ${where.name}`, media: { base64: PIXEL.toString('base64') } },
        `pixel ${where.name}`, PIXEL);
    await fileSent(companion, chat, { type: 'document', media: { base64: LONG.toString('base64'), filename: named } },
        named, LONG);
}

// Files in a group that Baileys makes.
async function group(companion, receiver) {
    const made = await companion.socket.groupCreate('A shop and its customer', [`${shop}@s.whatsapp.net`]);
    const sent = await companion.socket.sendMessage(made.id, { text: 'hello group' });
    const told = await receiver.event('hello group', event =>
        event.type === 'message.received' && event.data.provider_message_id === sent.key.id);
    check(told.data.chat.jid === made.id, 'told in another chat');
    check(told.data.sender.phone === customer, 'told of another sender');
    const accepted = await api('POST', `/v1/accounts/${account}/messages`, { to: made.id, type: 'text', text: 'hello from the shop' });
    const message = await companion.text('hello from the shop');
    check(message.key.remoteJid === made.id && message.key.id === accepted.provider_message_id, 'another message arrived');
    await files(companion, receiver, { name: 'in the group', to: made.id, chat: made.id });
}

// The secret is replaced while the receiver still has the old one, then the receiver follows; at last it is replaced
// without any overlap.
async function rotate(companion, receiver, secret) {
    const { data } = await api('GET', `/v1/endpoints?account=${account}`);
    const replace = async overlap => (await api('POST', `/v1/endpoints/${data[0].id}/rotate-secret`, { overlap })).secret;
    const second = await replace('1h');
    let told = await heard(companion, receiver, 'with two signatures');
    check(receiver.signed(told, secret) && receiver.signed(told, second), 'not signed with both secrets');
    receiver.trust(second);
    told = await heard(companion, receiver, 'with two signatures, the receiver has the new secret');
    check(receiver.signed(told, secret), 'the old secret signs no more although its time is not over');
    // What is under way now is still signed with the second.
    receiver.trust(second, secret);
    const third = await replace('0s');
    receiver.trust(second, secret, third);
    told = await heard(companion, receiver, 'with the third secret');
    check(receiver.signed(told, third), 'not signed with the newest secret');
    check(!receiver.signed(told, second), 'signed with a secret that was to end at once');
}

async function run() {
    const { url, root_key } = await control('GET', '/v1/network');
    // Verification stays on, against the sandbox's own root.
    baileys.WA_CERT_DETAILS.PUBLIC_KEY = Buffer.from(root_key, 'hex');
    for (const number of [shop, customer]) await control('POST', '/v1/phones', { number });
    const secret = `whsec_${randomBytes(32).toString('base64')}`;
    const receiver = new Receiver(secret);
    await receiver.start();
    const companion = new Companion(url);
    try {
        await proof.step('an account of the gateway is linked', () => link(receiver, secret));
        await proof.step('Baileys is linked to another phone', () => pair(companion));
        await proof.step('a first message to the gateway', () => write(companion, receiver, 'hello from Baileys'));
        await proof.step('its answer', () => answer(companion, receiver, 'hello from the gateway'));
        await proof.step('a second message to the gateway', () => write(companion, receiver, 'and once more'));
        await proof.step('its second answer', () => answer(companion, receiver, 'good bye'));
        await proof.step('both phones show the whole talk', async () => {
            const texts = ['hello from Baileys', 'hello from the gateway', 'and once more', 'good bye'];
            for (const number of [shop, customer]) {
                for (const text of texts) {
                    const query = new URLSearchParams({ text, wait_ms: String(DEADLINE_MS) });
                    const { messages } = await control('GET', `/v1/phones/${number}/inbox?${query}`);
                    check(messages.length === 1, `${messages.length} copies at ${number}`);
                }
            }
        });
        const groups = new GroupTalk({ api, account, shop, customer, companion, receiver });
        await proof.step('a group that the gateway made', () => groups.madeByTheGateway());
        await proof.step('a group that Baileys made', () => groups.madeByBaileys());
        await proof.step('files both ways', () =>
            files(companion, receiver, { name: 'for one', to: `${shop}@s.whatsapp.net`, chat: customer }));
        await proof.step('files in a group', () => group(companion, receiver));
        await proof.step('a secret is replaced', () => rotate(companion, receiver, secret));
        await proof.step('every webhook was signed, and the verifier can refuse', async () => {
            check(receiver.refused.length === 0, receiver.refused.join('\n'));
            receiver.checkVerifier();
        });
        await proof.step('no violations', async () => {
            const violations = await control('GET', '/v1/violations');
            check(violations.length === 0, JSON.stringify(violations));
        });
    } finally {
        companion.end();
        receiver.end();
    }
}

await proof.end('with an account of the gateway', options.out, run);
