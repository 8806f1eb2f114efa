//! An event as webhooks, lists and streams carry it: `{id, seq, type, account, timestamp, data}`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use serde::Serialize;
use utoipa::ToSchema;
use wasup_actors::webhook::{EventEncoder, FileInEvent};
use wasup_store::id::{AccountId, ChatId, ChatNo, EventId};
use wasup_store::records::{
    ClockEvent, DiscardedEvent, EventData, EventRecord, HistoryEvent, HistoryTally, MessageEvent, RestrictedEvent,
    StatusEvent,
};

use super::campaign::CampaignData;
use super::chat::ChatData;
use super::group::{GroupChangeData, GroupMembersData};
use super::job::JobData;
use super::people::{CallData, PresenceData};
use super::schedule::ScheduleData;
use super::{ContentView, PersonView, ReasonView, StateView, Time};
use crate::media::MediaLinks;

/// Turns events into the bodies of webhooks.
#[derive(Debug, Clone, Default)]
pub struct EventBody {
    links: Option<MediaLinks>,
}

impl EventBody {
    /// ... in which files have links.
    #[must_use]
    pub fn linking(links: MediaLinks) -> Self {
        Self { links: Some(links) }
    }
}

impl EventEncoder for EventBody {
    fn encode(&self, id: EventId, event: &EventRecord) -> Bytes {
        // Every field has a form in JSON; an empty body would be seen by the receiver's check of the signature.
        serde_json::to_vec(&EventView::new(id, event)).unwrap_or_default().into()
    }

    fn encode_with(&self, id: EventId, event: &EventRecord, file: FileInEvent<'_>) -> Bytes {
        let mut view = EventView::new(id, event);
        if let (Data::Message(data), EventData::Message(message)) = (&mut view.data, &event.data)
            && let Some(media) = &mut data.content.media
        {
            match (file, &self.links) {
                (FileInEvent::Linked { now_ms }, Some(links)) => {
                    let link = links.of(message.id, now_ms);
                    (media.url, media.url_expires_at) = (Some(link.url), Some(Time::from_ms(link.expires_ms)));
                }
                (FileInEvent::Whole(bytes), _) => media.base64 = Some(BASE64.encode(bytes)),
                _ => {}
            }
        }
        serde_json::to_vec(&view).unwrap_or_default().into()
    }
}

/// Something that happened.
#[derive(Serialize, ToSchema)]
#[schema(as = Event)]
pub struct EventView<'a> {
    /// The event's id, `evt_…`: the same in the log, on streams and in webhooks.
    id: String,
    /// Its place in the account's own order; there are no gaps but where a restore leaps.
    seq: u64,
    /// What kind of thing happened.
    #[schema(value_type = String, examples("message.received"))]
    r#type: &'static str,
    /// The account; `null` for the server itself.
    account: Option<&'a str>,
    /// When it was committed.
    timestamp: Time,
    /// What happened; its fields go by the type.
    #[schema(value_type = Object)]
    data: Data<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Data<'a> {
    Account { previous: &'static str, state: StateView },
    SamePhone { others: Vec<&'a str> },
    Expired { account: &'a str, reason: &'a str },
    Restricted { active: bool, code: u16, until: Option<Time> },
    Message(Box<MessageData<'a>>),
    Status(Box<StatusData<'a>>),
    Group(Box<GroupChangeData<'a>>),
    GroupMembers(Box<GroupMembersData<'a>>),
    Clock { trusted: bool, jump_ms: i64 },
    Endpoint { id: &'a str, reason: &'a str },
    Discarded(DiscardedData<'a>),
    Chat(Box<ChatData<'a>>),
    Merged { contact: PersonView, chat: Option<String>, absorbed_chat: Option<String> },
    Test { id: &'a str },
    History(HistoryData),
    Call(Box<CallData<'a>>),
    Presence(Box<PresenceData>),
    Job(Box<JobData<'a>>),
    Schedule(Box<ScheduleData<'a>>),
    Campaign(Box<CampaignData<'a>>),
}

/// `history.synced`.
#[derive(Serialize)]
struct HistoryData {
    kind: &'static str,
    order: Option<u32>,
    progress: Option<u32>,
    lost: bool,
    chats: u64,
    messages: u64,
    known: u64,
    left_out: u64,
}

impl From<HistoryEvent> for HistoryData {
    fn from(event: HistoryEvent) -> Self {
        let HistoryEvent { kind, order, progress, lost, tally } = event;
        let HistoryTally { chats, messages, known, left_out, .. } = tally;
        Self { kind: kind.as_str(), order, progress, lost, chats, messages, known, left_out }
    }
}

#[derive(Serialize)]
struct MessageData<'a> {
    id: String,
    provider_message_id: &'a str,
    direction: wasup_store::records::Direction,
    chat: PersonView,
    sender: Option<PersonView>,
    push_name: Option<&'a str>,
    timestamp: Time,
    #[serde(flatten)]
    content: ContentView,
}

#[derive(Serialize)]
struct StatusData<'a> {
    id: String,
    provider_message_id: &'a str,
    client_message_id: Option<&'a str>,
    chat: PersonView,
    state: &'static str,
    reason: Option<ReasonView>,
}

#[derive(Serialize)]
struct DiscardedData<'a> {
    delivery: &'a str,
    endpoint: &'a str,
    event: String,
    event_type: &'static str,
    reason: &'static str,
    status: Option<u16>,
    attempts: u32,
}

impl<'a> DiscardedData<'a> {
    fn new(incarnation: u64, event: &'a DiscardedEvent) -> Self {
        let DiscardedEvent { delivery, endpoint, kind, position, why, status, attempts } = event;
        Self {
            delivery,
            endpoint,
            event: EventId { incarnation, position: *position }.to_string(),
            event_type: kind.as_str(),
            reason: why.as_str(),
            status: *status,
            attempts: *attempts,
        }
    }
}

impl<'a> EventView<'a> {
    /// The view of an event.
    #[must_use]
    pub fn new(id: EventId, event: &'a EventRecord) -> Self {
        let data = match &event.data {
            EventData::Account(change) => {
                Data::Account { previous: change.previous.as_str(), state: StateView::from(&change.state) }
            }
            EventData::SamePhone { others } => {
                Data::SamePhone { others: others.iter().map(AccountId::as_str).collect() }
            }
            EventData::Expired { account, reason } => Data::Expired { account: account.as_str(), reason },
            EventData::Restricted(RestrictedEvent { active, code, until_ms }) => {
                Data::Restricted { active: *active, code: *code, until: until_ms.map(Time::from_ms) }
            }
            EventData::Message(message) => Data::Message(Box::new(MessageData::new(message))),
            EventData::Status(status) => Data::Status(Box::new(StatusData::new(status))),
            EventData::Group(change) => Data::Group(Box::new(GroupChangeData::new(change))),
            EventData::GroupMembers(change) => Data::GroupMembers(Box::new(GroupMembersData::new(change))),
            EventData::Clock(ClockEvent { trusted, jump_ms }) => Data::Clock { trusted: *trusted, jump_ms: *jump_ms },
            EventData::Endpoint { id, reason } => Data::Endpoint { id, reason },
            EventData::Discarded(given_up) => Data::Discarded(DiscardedData::new(id.incarnation, given_up)),
            EventData::Test { id } => Data::Test { id },
            EventData::History(history) => Data::History((*history).into()),
            EventData::Call(call) => Data::Call(Box::new(CallData::new(call))),
            EventData::Presence(seen) => Data::Presence(Box::new(PresenceData::from(seen))),
            EventData::Chat(chat) => Data::Chat(Box::new(ChatData::new(event.no, chat))),
            EventData::Job(job) => Data::Job(Box::new(job.into())),
            EventData::Schedule(run) => Data::Schedule(Box::new(run.into())),
            EventData::Campaign(campaign) => Data::Campaign(Box::new(campaign.into())),
            EventData::Merged(merged) => {
                let id = |chat: ChatNo| ChatId { account: event.no, chat }.to_string();
                let (contact, chat) = (PersonView::from(&merged.contact), merged.chat.map(id));
                Data::Merged { contact, chat, absorbed_chat: merged.absorbed.map(id) }
            }
        };
        Self {
            id: id.to_string(),
            seq: event.seq.0,
            r#type: event.kind.as_str(),
            account: event.account.as_ref().map(AccountId::as_str),
            timestamp: Time::from_ms(event.at_ms),
            data,
        }
    }
}

impl<'a> MessageData<'a> {
    fn new(message: &'a MessageEvent) -> Self {
        Self {
            id: message.id.to_string(),
            provider_message_id: &message.provider_id,
            direction: message.direction,
            chat: PersonView::from(&message.chat),
            sender: message.sender.as_ref().map(PersonView::from),
            push_name: message.push_name.as_deref(),
            timestamp: Time::from_ms(message.ts_ms),
            content: ContentView::new(&message.content, message.context.as_deref()),
        }
    }
}

impl<'a> StatusData<'a> {
    fn new(status: &'a StatusEvent) -> Self {
        Self {
            id: status.id.to_string(),
            provider_message_id: &status.provider_id,
            client_message_id: status.client_message_id.as_deref(),
            chat: PersonView::from(&status.chat),
            state: status.state.as_str(),
            reason: status.reason.map(ReasonView::from),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use wasup_store::id::{AccountNo, MessageId, MessageKey, Position, Seq};
    use wasup_store::jid::Jid;
    use wasup_store::records::{Content, Direction, EventKind, FailReason, MessageState, Participant};

    use super::*;

    fn body(kind: EventKind, data: EventData) -> Value {
        let (no, seq) = (AccountNo(1), Seq(7));
        let event =
            EventRecord { kind, no, account: "shop".parse().ok(), seq, at_ms: 1_795_257_659_125, by: None, data };
        let bytes = EventBody::default().encode(EventId { incarnation: 1, position: Position(9) }, &event);
        serde_json::from_slice(&bytes).unwrap()
    }

    fn chat() -> Participant {
        Participant { jid: Jid::phone("628123"), phone: Some("628123".into()), lid: None }
    }

    #[test]
    fn a_received_message_is_whole() {
        let id = MessageId { account: AccountNo(1), key: MessageKey::new(1_795_257_659_000, 1) };
        let message = MessageEvent {
            id,
            provider_id: "3EB0".into(),
            direction: Direction::Inbound,
            chat: chat(),
            sender: Some(chat()),
            push_name: Some("Ann".into()),
            ts_ms: 1_795_257_659_000,
            content: Content::text("hi"),
            context: None,
        };
        let event = EventId { incarnation: 1, position: Position(9) };
        let person = json!({"phone": "628123", "jid": "628123@s.whatsapp.net", "lid": null});
        assert_eq!(
            body(EventKind::MessageReceived, EventData::Message(message)),
            json!({
                "id": event.to_string(), "seq": 7, "type": "message.received", "account": "shop",
                "timestamp": "2026-11-21T10:40:59.125Z",
                "data": {
                    "id": id.to_string(), "provider_message_id": "3EB0", "direction": "inbound",
                    "chat": person, "sender": person, "push_name": "Ann", "timestamp": "2026-11-21T10:40:59.000Z",
                    "type": "text", "text": "hi", "unsupported_kind": null,
                },
            })
        );
    }

    #[test]
    fn a_test_names_its_endpoint() {
        let event = body(EventKind::EndpointTest, EventData::Test { id: "ep_1".into() });
        assert_eq!((&event["type"], &event["data"]), (&json!("endpoint.test"), &json!({"id": "ep_1"})));
    }

    #[test]
    fn a_refused_send_says_with_which_code() {
        let status = StatusEvent {
            id: MessageId { account: AccountNo(1), key: MessageKey::new(1, 1) },
            provider_id: "3EB0".into(),
            chat: chat(),
            state: MessageState::Rejected,
            reason: Some(FailReason::Server { error: 406 }),
            client_message_id: Some("mine".into()),
        };
        let data = &body(EventKind::MessageStatus, EventData::Status(status))["data"];
        assert_eq!(data["state"], "rejected");
        assert_eq!(data["reason"], json!({"code": "server", "server_code": 406}));
        assert_eq!(data["client_message_id"], "mine");
    }
}
