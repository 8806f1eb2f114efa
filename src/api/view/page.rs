//! Lists and their cursors.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use utoipa::ToSchema;
use wasup_store::id::{
    AccountId, AccountNo, CampaignId, ChatNo, ContactId, EndpointId, ImportId, JobId, ListId, MediaId, MessageKey,
    PersonNo, ScheduleId, TemplateId,
};
use wasup_store::repo::audit::AuditPlace;
use wasup_store::repo::chat_list::ChatPlace;
use wasup_store::repo::delivery::DeliveryCursor;
use wasup_store::repo::timeline::TimelinePlace;

/// A piece of a list.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Page<T> {
    /// The items.
    pub data: Vec<T>,
    /// Give it as `cursor` to get the next piece; `null` at the end.
    pub next_cursor: Option<String>,
}

impl<T> Page<T> {
    /// A page of at most `limit` of the records; one more than `limit` was asked for, to know whether there are more.
    pub fn of<R>(mut records: Vec<R>, limit: usize, cursor: impl Fn(&R) -> Cursor, view: impl Fn(&R) -> T) -> Self {
        let more = records.len() > limit;
        records.truncate(limit);
        let next_cursor = records.last().filter(|_| more).map(|last| cursor(last).to_string());
        Self { data: records.iter().map(view).collect(), next_cursor }
    }
}

/// The last item of a page, as callers hold it: opaque to them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cursor {
    /// In the list of accounts.
    Account(AccountId),
    /// In a list of messages.
    Message(MessageKey),
    /// In the list of endpoints.
    Endpoint(EndpointId),
    /// In the list of acts.
    Act(AuditPlace),
    /// In an account's timeline.
    Timeline(TimelinePlace),
    /// In a list of deliveries.
    Delivery(DeliveryCursor),
    /// In the list of files.
    Media(MediaId),
    /// In a list of humans.
    Person(PersonNo),
    /// In a list of contacts of several accounts.
    Contact(ContactId),
    /// In a list of groups.
    Group(ChatNo),
    /// In the list of chats.
    Chat(ChatPlace),
    /// In the list of lists.
    List(ListId),
    /// In a list of numbers.
    Number(String),
    /// In a list of tags.
    Tag(String),
    /// In a list of imports.
    Import(ImportId),
    /// In a list of problems: how many came before.
    Problem(u64),
    /// In the list of templates.
    Template(TemplateId),
    /// In a list of jobs.
    Job(JobId),
    /// In a list of schedules.
    Schedule(ScheduleId),
    /// In the list of campaigns.
    Campaign(CampaignId),
    /// Among the items of a job, the runs of a schedule, or the recipients of a campaign.
    Item(u32),
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let bytes = match self {
            Self::Account(id) => [b"a", id.as_str().as_bytes()].concat(),
            Self::Message(key) => [b"m".as_slice(), &key.to_bytes()].concat(),
            Self::Endpoint(id) => [b"e".as_slice(), &id.to_bytes()].concat(),
            Self::Act((at_ms, n)) => [b"w".as_slice(), &at_ms.to_be_bytes(), &n.to_be_bytes()].concat(),
            Self::Timeline((at_ms, n)) => [b"t".as_slice(), &at_ms.to_be_bytes(), &n.to_be_bytes()].concat(),
            Self::Delivery(place) => [b"d", place.0.as_slice()].concat(),
            Self::Group(place) => [b"g".as_slice(), &place.0.to_be_bytes()].concat(),
            Self::Media(id) => [b"f".as_slice(), &id.to_bytes()].concat(),
            Self::List(id) => [b"l".as_slice(), &id.to_bytes()].concat(),
            Self::Import(id) => [b"i".as_slice(), &id.to_bytes()].concat(),
            Self::Template(id) => [b"x".as_slice(), &id.to_bytes()].concat(),
            Self::Number(number) => [b"n", number.as_bytes()].concat(),
            Self::Tag(tag) => [b"u", tag.as_bytes()].concat(),
            Self::Problem(n) => [b"r".as_slice(), &n.to_be_bytes()].concat(),
            Self::Contact(id) => [b"k".as_slice(), &id.account.0.to_be_bytes(), &id.person.0.to_be_bytes()].concat(),
            Self::Person(place) => [b"p".as_slice(), &place.0.to_be_bytes()].concat(),
            Self::Job(id) => [b"j".as_slice(), &id.to_bytes()].concat(),
            Self::Schedule(id) => [b"s".as_slice(), &id.to_bytes()].concat(),
            Self::Campaign(id) => [b"b".as_slice(), &id.to_bytes()].concat(),
            Self::Item(seq) => [b"q".as_slice(), &seq.to_be_bytes()].concat(),
            Self::Chat(place) => [b"c".as_slice(), &place.last_ms.to_be_bytes(), &place.chat.0.to_be_bytes()].concat(),
        };
        f.write_str(&URL_SAFE_NO_PAD.encode(bytes))
    }
}

impl Cursor {
    /// The cursor that this text was made from.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        match bytes.split_first()? {
            (b'a', id) => std::str::from_utf8(id).ok()?.parse().ok().map(Self::Account),
            (b'm', key) => MessageKey::from_bytes(key).map(Self::Message),
            (b'e', id) => EndpointId::from_bytes(id).map(Self::Endpoint),
            (b'f', id) => MediaId::from_bytes(id).map(Self::Media),
            (b'l', id) => ListId::from_bytes(id).map(Self::List),
            (b'i', id) => ImportId::from_bytes(id).map(Self::Import),
            (b'x', id) => TemplateId::from_bytes(id).map(Self::Template),
            (b'n', number) => std::str::from_utf8(number).ok().map(|number| Self::Number(number.to_owned())),
            (b'u', tag) => std::str::from_utf8(tag).ok().map(|tag| Self::Tag(tag.to_owned())),
            (b'r', n) => Some(Self::Problem(u64::from_be_bytes(n.try_into().ok()?))),
            (b'w', place) => placed(place).map(Self::Act),
            (b't', place) => placed(place).map(Self::Timeline),
            (b'p', place) => Some(Self::Person(PersonNo(u32::from_be_bytes(place.try_into().ok()?)))),
            (b'k', place) => {
                let (account, person) = place.split_first_chunk::<4>()?;
                let person = PersonNo(u32::from_be_bytes(person.try_into().ok()?));
                Some(Self::Contact(ContactId { account: AccountNo(u32::from_be_bytes(*account)), person }))
            }
            (b'g', place) => Some(Self::Group(ChatNo(u32::from_be_bytes(place.try_into().ok()?)))),
            (b'c', place) => placed(place).map(|(last_ms, chat)| Self::Chat(ChatPlace { last_ms, chat: ChatNo(chat) })),
            (b'j', id) => JobId::from_bytes(id).map(Self::Job),
            (b's', id) => ScheduleId::from_bytes(id).map(Self::Schedule),
            (b'b', id) => CampaignId::from_bytes(id).map(Self::Campaign),
            (b'q', seq) => Some(Self::Item(u32::from_be_bytes(seq.try_into().ok()?))),
            (b'd', place) => Some(Self::Delivery(DeliveryCursor(place.to_vec()))),
            _ => None,
        }
    }
}

/// A time, and the how manieth of it.
fn placed(bytes: &[u8]) -> Option<(u64, u32)> {
    let (at_ms, n) = bytes.split_first_chunk::<8>()?;
    Some((u64::from_be_bytes(*at_ms), u32::from_be_bytes(n.try_into().ok()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_come_back() {
        for cursor in [
            Cursor::Account("ünï/".replace('/', "").parse().unwrap()),
            Cursor::Message(MessageKey::new(7, 9)),
            Cursor::Endpoint(EndpointId::new(7, 9)),
            Cursor::Media(MediaId::new(7, 9)),
            Cursor::List(ListId::new(7, 9)),
            Cursor::Import(ImportId::new(7, 9)),
            Cursor::Template(TemplateId::new(7, 9)),
            Cursor::Number("6281".into()),
            Cursor::Tag("größe".into()),
            Cursor::Problem(7),
            Cursor::Job(JobId::new(7, 9)),
            Cursor::Campaign(CampaignId::new(7, 9)),
            Cursor::Item(7),
            Cursor::Act((7, 9)),
            Cursor::Timeline((7, 9)),
            Cursor::Person(PersonNo(7)),
            Cursor::Group(ChatNo(7)),
            Cursor::Contact(ContactId { account: AccountNo(7), person: PersonNo(9) }),
            Cursor::Delivery(DeliveryCursor(vec![b'a', 0, 9])),
            Cursor::Chat(ChatPlace { last_ms: 7, chat: ChatNo(9) }),
        ] {
            assert_eq!(Cursor::read(&cursor.to_string()), Some(cursor));
        }
        for bad in ["", "x", "YQ", "bQ", "!!", "YWEvYg"] {
            assert_eq!(Cursor::read(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_page_knows_whether_there_is_more() {
        let cursor = |n: &u64| Cursor::Message(MessageKey::new(*n, 0));
        let page = Page::of(vec![1, 2, 3], 2, cursor, |n| *n);
        assert_eq!((page.data, page.next_cursor), (vec![1, 2], Some(cursor(&2).to_string())));
        assert_eq!(Page::of(vec![1, 2], 2, cursor, |n| *n).next_cursor, None);
        assert_eq!(Page::of(Vec::<u64>::new(), 2, cursor, |n| *n).next_cursor, None);
    }
}
