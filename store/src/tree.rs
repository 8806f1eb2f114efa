//! The named trees. The set is fixed at build time, accounts share trees and come first in the keys. The engine keeps
//! all of them in one tree of its own, under their numbers.

macro_rules! trees {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)+) => {
        /// A named ordered map of byte keys to enveloped values. Keys are big-endian, their owner first.
        ///
        /// Every kind of row that ledger section 4 names has its tree here before the first user of it is written, so
        /// that a later feature never has to invent a place. What a tree's rows own, how they end and in which class
        /// they are written stands beside it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Tree { $($(#[$doc])* $variant,)+ }

        impl Tree {
            /// Every tree, in the order of their numbers.
            pub const ALL: &'static [Tree] = &[$(Tree::$variant,)+];

            /// The name in errors and exports. Never changed once shipped.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Tree::$variant => $name,)+ }
            }
        }
    };
}

trees! {
    /// name → schema version, store identity, counters, positions, the monotonic commit number. No expiry. Durable.
    Meta = "meta",
    /// tenant u32 → tenant. No expiry. Durable.
    Tenant = "tenant",
    /// user id → user. No expiry. Durable.
    User = "user",
    /// sha256 of the key → its scope and owner. Expires with the key. Durable.
    ApiKey = "api_key",
    /// tenant · kind · id → (): everything that is not under an account. Lives as long as its row. Durable.
    Own = "own",
    /// account string id → record. Ends with the account. Durable.
    Account = "account",
    /// no u32 → id, epoch and link of the account, or its tombstone. Never removed. Durable.
    AccountNo = "account_no",
    /// no · link u32 · kind · rest → rows of the protocol library. Ends with the link. See `repo::wa` for classes.
    Wa = "wa",
    /// no · jid → person number. Ends with the account. Durable.
    Person = "person",
    /// no · direction · person · person → (): merged persons. Ends with the account. Durable.
    Alias = "alias",
    /// no · chat_no → chat; no · jid → chat_no. Ends with the account. Durable.
    Chat = "chat",
    /// no · ~last_ms · chat_no → (). Follows the chat. Durable.
    ChatRecent = "chat_recent",
    /// no · ts_ms · rand → message. Pruned by range. Durable.
    Msg = "msg",
    /// no · chat_no · ts · rand → (). Follows the message. Durable.
    MsgChat = "msg_chat",
    /// no · person · ts · rand → (), group senders only. Follows the message. Durable.
    MsgNum = "msg_num",
    /// no · provider id · 0 · chat_no · sender → message key. Follows the message. Durable.
    MsgWid = "msg_wid",
    /// no · state · ts · rand → (), for sending, held, rejected, failed and cancelled. Follows the message. Durable.
    MsgOpen = "msg_open",
    /// no · term · first key → up to 256 keys of messages in order; see `repo::search`. Follows the message. Durable.
    MsgText = "msg_text",
    /// no · lane u8 · message key → (), queued and sending ones. Removed when the send is settled or held. Durable.
    Outbox = "outbox",
    /// position u64 → event. Pruned by range. Durable.
    Event = "event",
    /// no · seq → position. Pruned with the event. Durable.
    EventAcct = "event_acct",
    /// owner no (0 = every account) · endpoint id → subscription; endpoint id → owner. No expiry. Durable.
    Endpoint = "endpoint",
    /// endpoint · position → record with its first attempts. Pruned with the event. Durable.
    Delivery = "delivery",
    /// endpoint · due_ms · position → (), not final ones only. Durable, claims relaxed.
    DeliveryTodo = "delivery_todo",
    /// endpoint · ended_ms · position → (), discarded ones. Pruned with the event. Durable.
    DeliveryBad = "delivery_bad",
    /// endpoint · chat_no · position → (), ordered endpoints only. Durable.
    DeliveryLane = "delivery_lane",
    /// endpoint · position · n → attempts beyond the third. Pruned with the delivery. Durable.
    Attempt = "attempt",
    /// kind · due_ms · id → (): schedules, restarts, retention, one row an endpoint. Removed when done. Durable.
    Due = "due",
    /// tenant · account no · sha256(key) → first answer. Expires after the configured time. Durable.
    Idem = "idem",
    /// 0 · job id → job; 1 to 3: its indexes, see `repo::job`. Pruned by retention. Durable.
    Job = "job",
    /// 0 · schedule id → schedule; 1 to 3: its indexes, runs and items, see `repo::schedule`. Ends some time after its last
    /// run. Durable.
    Sched = "sched",
    /// list id → contact list. Ends with its owner. Durable.
    List = "list",
    /// list id · kind · rest → contacts, some hundred to a row, their tags, and imports; see `repo::listed`. Ends with the
    /// list. Durable.
    Contact = "contact",
    /// template id → template. Ends with its owner. Durable.
    Template = "template",
    /// 0 · media id → record of a kept file; 1 to 3: its indexes, see `repo::media`. Expires. Durable.
    Media = "media",
    /// 0 · campaign id → campaign; 1 · campaign id · … → its recipients and counts; 2 and 3: its indexes, see
    /// `repo::campaign`. Pruned by retention. Durable.
    Campaign = "campaign",
    /// run 17 → how far it is; run · seq u32 → item of a job, or of a campaign from its turn on; see `repo::run`. Ends with the
    /// run. Durable.
    Recipient = "recipient",
    /// run 17 · state u8 · seq → (), for items that are not pending; under 128 those that were answered. Ends with the run.
    /// Durable.
    RecipientState = "recipient_state",
    /// no · person → campaign · seq, the last one to them. Ends with the account. Durable.
    RecipientOf = "recipient_of",
    /// no · kind · time or human → what an account sent lately, and whose held sends may go; see `repo::pace`. Ends with
    /// its window. Durable.
    Pace = "pace",
    /// no · hour → messages by direction and type, see `repo::stat`. Pruned after 400 days. Durable.
    Stat = "stat",
    /// no · ts · n → what happened to the account. Pruned by range. Durable.
    Timeline = "timeline",
    /// tenant · ts · n → who did what. Pruned by range. Durable.
    Audit = "audit",
    /// deadline_ms · tree u8 · key → () for rows with a lifetime of their own. Class of the row it ends.
    Expiry = "expiry",
    /// tree u8 · key · n u16 → a piece of a value over 32 KiB. Private to the waist, follows the value.
    Chunk = "chunk",
    /// no · message ts · rand · kind u8 · person (0 is the account itself) → what they put on the message: an emoji, a
    /// vote. Follows the message. Durable.
    MsgMark = "msg_mark",
    /// no · chat_no → what is known of a group. Follows the account. Durable.
    Group = "group",
    /// no · chunk → a piece of history that is on disk and not imported yet, or lost. Removed when imported. Durable.
    History = "history",
    /// no · person → whether the account's chatbot hears what they write. Ends with the account. Durable.
    BotSender = "bot_sender",
    /// no (0 = the installation) → what of its messages is kept, and how long. Ends with the account. Durable.
    Keep = "keep",
    /// no · message ts · rand → words that a message is not to be found by any more; it is indexed anew. Removed when done.
    /// Durable.
    TextTodo = "text_todo",
    /// no · slot u16 → receipts for a message that is not known yet; see `repo::receipt`. Removed when it comes. Durable.
    Early = "early",
}

impl Tree {
    /// The tree's number on disk: in front of the rows' keys, and in keys of other trees (`expiry`, `chunk`). Stable: new
    /// trees are appended, and never more than 254 of them.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// Whether its keys begin with an account's number, whose keys then encrypt its values. The others (whose rows belong
    /// to no account, or name it later in the key or in the value) use those of account 0.
    #[must_use]
    pub const fn begins_with_account(self) -> bool {
        match self {
            Self::AccountNo
            | Self::Wa
            | Self::Person
            | Self::Alias
            | Self::Chat
            | Self::ChatRecent
            | Self::Msg
            | Self::MsgChat
            | Self::MsgNum
            | Self::MsgWid
            | Self::MsgOpen
            | Self::MsgMark
            | Self::Group
            | Self::History
            | Self::BotSender
            | Self::Keep
            | Self::TextTodo
            | Self::Early
            | Self::MsgText
            | Self::Outbox
            | Self::EventAcct
            | Self::Endpoint
            | Self::RecipientOf
            | Self::Pace
            | Self::Stat
            | Self::Timeline => true,
            Self::Meta
            | Self::Tenant
            | Self::User
            | Self::ApiKey
            | Self::Own
            | Self::Account
            | Self::Event
            | Self::Delivery
            | Self::DeliveryTodo
            | Self::DeliveryBad
            | Self::DeliveryLane
            | Self::Attempt
            | Self::Due
            | Self::Idem
            | Self::Job
            | Self::Sched
            | Self::List
            | Self::Contact
            | Self::Template
            | Self::Media
            | Self::Campaign
            | Self::Recipient
            | Self::RecipientState
            | Self::Audit
            | Self::Expiry
            | Self::Chunk => false,
        }
    }

    /// The number of the account whose keys a row is encrypted with.
    pub(crate) fn account_in(self, key: &[u8]) -> u32 {
        match key.first_chunk() {
            Some(no) if self.begins_with_account() => u32::from_be_bytes(*no),
            _ => 0,
        }
    }

    /// The tree with this number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_are_the_ones_on_disk() {
        let listed: Vec<String> = Tree::ALL.iter().map(|t| format!("{} {}", t.number(), t.name())).collect();
        insta::assert_snapshot!(listed.join("\n"));
        for tree in Tree::ALL {
            assert_eq!(Tree::from_number(tree.number()), Some(*tree));
        }
    }
}
