// Baileys and an account of the gateway in the same groups: one that the gateway made, one that Baileys made.

import { check } from './companion.mjs';

export class GroupTalk {
    constructor({ api, account, shop, customer, companion, receiver }) {
        Object.assign(this, { api, account, shop, customer, companion, receiver });
    }

    told(what, wanted) {
        return this.receiver.event(what, event => event.account === this.account && wanted(event));
    }

    // Baileys writes; the gateway tells it once, with the group and with who wrote it.
    async heard(group, text) {
        const sent = await this.companion.socket.sendMessage(group, { text });
        const told = await this.told(text, event => event.type === 'message.received' && event.data.text === text);
        check(told.data.chat.jid === group, `told in ${told.data.chat.jid}`);
        check(told.data.sender.phone === this.customer, 'told of another sender');
        check(told.data.provider_message_id === sent.key.id, 'another id was told');
    }

    // The gateway writes; Baileys decrypts it and its receipt comes back as the message's state.
    async said(group, text) {
        const body = { to: group, type: 'text', text };
        const accepted = await this.api('POST', `/v1/accounts/${this.account}/messages`, body);
        const message = await this.companion.text(text);
        check(message.key.remoteJid === group, `arrived in ${message.key.remoteJid}`);
        check(message.key.id === accepted.provider_message_id, 'another id arrived');
        check(!message.key.fromMe, 'taken for an own message');
        await this.told(`delivery of ${text}`, event =>
            event.type === 'message.status' && event.data.id === accepted.id
                && ['delivered', 'read'].includes(event.data.state));
    }

    async madeByTheGateway() {
        const body = { subject: 'with Baileys', participants: [this.customer] };
        const made = await this.api('POST', `/v1/accounts/${this.account}/groups`, body);
        await this.heard(made.id, 'hello group, from Baileys');
        await this.said(made.id, 'hello group, from the gateway');
        await this.heard(made.id, 'and again, from Baileys');
        const seen = await this.companion.socket.groupMetadata(made.id);
        check(seen.subject === 'with Baileys' && seen.participants.length === 2, JSON.stringify(seen));
        const path = `/v1/accounts/${this.account}/groups/${made.id}`;
        const { data } = await this.api('POST', `${path}/admins`, { participants: [this.customer] });
        check(data[0].done, JSON.stringify(data));
        // As an admin Baileys may, and the gateway is told who did it.
        await this.companion.socket.groupUpdateSubject(made.id, 'renamed by Baileys');
        const told = await this.told('the subject', event =>
            event.type === 'group.updated' && event.data.value === 'renamed by Baileys');
        check(told.data.by.phone === this.customer, 'told of somebody else');
    }

    async madeByBaileys() {
        const made = await this.companion.socket.groupCreate('by Baileys', [`${this.shop}@s.whatsapp.net`]);
        await this.told('the new group', event =>
            event.type === 'group.updated' && event.data.change === 'new' && event.data.group.id === made.id);
        await this.said(made.id, 'thank you, says the gateway');
        await this.heard(made.id, 'you are welcome, says Baileys');
        await this.companion.socket.groupParticipantsUpdate(made.id, [`${this.shop}@s.whatsapp.net`], 'remove');
        await this.told('that it is out', event =>
            event.type === 'group.participants' && event.data.action === 'removed' && event.data.group.id === made.id);
        const group = await this.api('GET', `/v1/accounts/${this.account}/groups/${made.id}`);
        check(!group.joined, 'it still believes to be in the group');
    }
}
