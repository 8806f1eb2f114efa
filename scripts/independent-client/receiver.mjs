// A webhook receiver that takes only what the official verifier of Standard Webhooks accepts.

import { createServer } from 'node:http';
import { once } from 'node:events';
import { Webhook } from 'standardwebhooks';
import { check, expectation } from './companion.mjs';

export class Receiver {
    events = [];
    // Requests that the verifier refused.
    refused = [];
    // The newest request with an event, by its id.
    requests = new Map();
    waiting = [];

    constructor(secret) {
        this.trust(secret);
    }

    // From now on requests are taken that were signed with one of these.
    trust(...secrets) {
        this.verifiers = secrets.map(secret => new Webhook(secret));
    }

    async start() {
        this.server = createServer((request, response) => this.take(request, response));
        this.server.listen(0, '127.0.0.1');
        await once(this.server, 'listening');
        this.url = `http://127.0.0.1:${this.server.address().port}/hook`;
    }

    async take(request, response) {
        const chunks = [];
        for await (const chunk of request) chunks.push(chunk);
        const body = Buffer.concat(chunks).toString();
        try {
            const event = this.verify(body, request.headers);
            this.last = { body, headers: request.headers };
            this.requests.set(event.id, this.last);
            this.note(event);
            response.writeHead(204).end();
        } catch (error) {
            this.refused.push(String(error));
            response.writeHead(401).end();
        }
    }

    // What the verifier says of the first secret that signed it, or of the last that did not.
    verify(body, headers) {
        let error;
        for (const verifier of this.verifiers) {
            try {
                return verifier.verify(body, headers);
            } catch (thrown) {
                error = thrown;
            }
        }
        throw error;
    }

    // Whether the request with an event was signed with a secret.
    signed(event, secret) {
        const { body, headers } = this.requests.get(event.id);
        try {
            new Webhook(secret).verify(body, headers);
            return true;
        } catch {
            return false;
        }
    }

    note(event) {
        this.events.push(event);
        for (const { wanted, settle } of this.waiting) if (wanted(event)) settle(event);
    }

    // The first event that is wanted, also one that has come already.
    async event(what, wanted) {
        const known = this.events.find(wanted);
        if (known) return known;
        const waiting = expectation(`webhook ${what}`);
        this.waiting.push({ wanted, settle: waiting.settle });
        return waiting.promise;
    }

    // The verifier is no rubber stamp: with one byte changed, another key, or an old time, it refuses.
    checkVerifier() {
        const { body, headers } = this.last;
        const refuses = (verifier, text, head) => {
            try {
                verifier.verify(text, head);
                return false;
            } catch {
                return true;
            }
        };
        check(refuses(this, body.replace('"seq"', '"sEq"'), headers), 'a changed body was accepted');
        const other = new Webhook(`whsec_${Buffer.alloc(24, 1).toString('base64')}`);
        check(refuses(other, body, headers), 'another key was accepted');
        const old = String(Number(headers['webhook-timestamp']) - 3600);
        check(refuses(this, body, { ...headers, 'webhook-timestamp': old }), 'an old time was accepted');
    }

    end() {
        this.server.close();
        this.server.closeAllConnections();
    }
}
