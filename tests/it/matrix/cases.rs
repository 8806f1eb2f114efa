//! The rows and columns of the matrix.

use serde_json::{Value, json};

/// Where a message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// To the other account itself.
    Direct,
    /// To a group whose members are named by number.
    ByNumber,
    /// To a group whose members are named by hidden id.
    ByHiddenId,
}

impl Place {
    pub(super) const ALL: [Self; 3] = [Self::Direct, Self::ByNumber, Self::ByHiddenId];
}

/// Where a file comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    Multipart,
    Base64,
    Url,
    Id,
}

/// How a row is made.
#[derive(Debug, Clone, Copy)]
pub(super) enum Way {
    /// As a request to send with these fields.
    Said(fn() -> Value),
    /// As a file of a kind: the n-th sample.
    File(usize, Source),
    /// As an answer to a text, whose fields are these.
    Reply(fn() -> Value),
    /// ... and that is this file.
    ReplyWithFile(usize),
    /// A text that names the other account.
    Mention,
    /// A text passed on.
    Forward,
    /// An emoji on a text.
    React,
    /// Another text for a text.
    Edit,
    /// A text taken back.
    Revoke,
    /// A vote in a poll.
    Vote,
    /// Sent by the account's own phone, as a file of a kind that the API does not send.
    ByPhone { once: bool },
}

/// A row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Case {
    /// The type of its message at the receiver: a word of `Content::KINDS`.
    pub(super) kind: &'static str,
    pub(super) way: Way,
    /// The event at the receiver.
    pub(super) event: &'static str,
}

const fn row(kind: &'static str, way: Way) -> Case {
    Case { kind, way, event: "message.received" }
}

const fn act(kind: &'static str, way: Way, event: &'static str) -> Case {
    Case { kind, way, event }
}

/// Types that nobody sends: what is left of a message that was taken back (checked with it) or is not kept, and two that stand
/// for messages which can't be read.
pub(super) const NOT_SENT: [&str; 4] = ["revoked", "erased", "unsupported", "unavailable"];

/// Samples of [`crate::samples::of_every_kind`], one for each kind of file that the API sends.
const FILES: [(&str, usize); 7] =
    [("image", 0), ("video", 2), ("gif", 3), ("audio", 4), ("voice", 5), ("document", 6), ("sticker", 7)];

/// Every row, in the order in which they are sent.
pub(super) fn all() -> Vec<Case> {
    let mut rows = vec![
        row("text", Way::Said(|| json!({"type": "text", "text": "plain ☃"}))),
        row("text", Way::Said(|| json!({"type": "text", "text": "fading", "expiration": 604_800}))),
        row(
            "location",
            Way::Said(
                || json!({"type": "location", "latitude": -6.1754, "longitude": 106.8272, "name": "Monas", "address": "Jakarta"}),
            ),
        ),
        row(
            "contact",
            Way::Said(|| json!({"type": "contact", "contacts": [{"name": "Ann", "phone": "+62 812-3456-7890"}]})),
        ),
        row(
            "contact",
            Way::Said(
                || json!({"type": "contact", "contacts": [{"name": "Ann", "phone": "+62 812-3456-7890"}, {"name": "Bob", "phone": "+62 812-3456-7891"}]}),
            ),
        ),
        row("poll", Way::Said(|| json!({"type": "poll", "question": "Tea?", "options": ["yes", "no"], "choices": 1}))),
        row("text", Way::Mention),
        row("text", Way::Forward),
        row("text", Way::Reply(|| json!({"type": "text", "text": "an answer"}))),
        row("location", Way::Reply(|| json!({"type": "location", "latitude": 1.5, "longitude": 2.5}))),
        row("image", Way::ReplyWithFile(0)),
        row("document", Way::ReplyWithFile(6)),
        row("video_note", Way::ByPhone { once: false }),
        act("reaction", Way::React, "message.reaction"),
        act("edit", Way::Edit, "message.edited"),
        act("poll_vote", Way::Vote, "poll.vote"),
        act("revoke", Way::Revoke, "message.revoked"),
        row("view_once_unavailable", Way::ByPhone { once: true }),
    ];
    for (kind, sample) in FILES {
        for source in [Source::Multipart, Source::Base64, Source::Url, Source::Id] {
            rows.push(row(kind, Way::File(sample, source)));
        }
    }
    rows
}
