//! The words that label what the tree counts. Each set is closed: whoever reads the metrics can list it.

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$word_doc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$word_doc])* $variant,)+ }

        impl $name {
            /// Every one of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The word used in metrics.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }
    };
}

words! {
    /// What came of a try to send.
    SendOutcome {
        /// The network's server has it.
        Sent = "sent",
        /// The network's server refused it.
        Rejected = "rejected",
        /// A restriction forbids it for now.
        Held = "held",
        /// Given up.
        Failed = "failed",
        /// Put back into the queue.
        Requeued = "requeued",
        /// Sent once more under the same id.
        Resent = "resent",
    }
}

words! {
    /// What became of the network's forbidding to write to people who never wrote.
    RestrictionChange {
        /// It began.
        Begun = "begun",
        /// Its term became another one.
        Moved = "moved",
        /// It is over.
        Lifted = "lifted",
    }
}

words! {
    /// What was asked for and refused because a limit was reached.
    Refusal {
        /// The account's outbox is full.
        Outbox = "outbox",
        /// The disk has less free than its floor.
        Space = "space",
        /// Too many requests wait for the accounts' supervisor.
        Supervisor = "supervisor",
    }
}

words! {
    /// How an attempt to deliver a webhook ended.
    AttemptResult {
        /// 2xx.
        Ok = "ok",
        /// 4xx.
        Status4xx = "status_4xx",
        /// 5xx.
        Status5xx = "status_5xx",
        /// Another status: a redirect, which is not followed.
        StatusOther = "status_other",
        /// No answer in time.
        Timeout = "timeout",
        /// No connection, or it broke.
        Unreachable = "unreachable",
        /// The address may not be called.
        Forbidden = "forbidden",
        /// The worker died, or the process did: whether the receiver got it is not known.
        Lost = "lost",
    }
}

words! {
    /// How a delivery ended.
    DeliveryOutcome {
        /// Accepted by its receiver.
        Completed = "completed",
        /// Every attempt of the schedule failed.
        Exhausted = "exhausted",
        /// Refused with a status that no retry changes.
        Refused = "refused",
        /// The receiver answered that it is gone for good.
        Gone = "gone",
        /// The address is not allowed.
        Forbidden = "forbidden",
        /// The event was pruned before.
        EventPruned = "event_pruned",
    }
}

words! {
    /// What was pruned after its time.
    PrunedRows {

        /// Events of the log.
        Events = "events",
        /// Deliveries that had ended.
        Deliveries = "deliveries",
        /// Who did what.
        Acts = "acts",
        /// Changes of accounts' states.
        Timeline = "timeline",
        /// Messages that are not kept any more.
        Messages = "messages",
        /// What was left of such, by which a repeat is known.
        MessageIds = "message_ids",
        /// What messages said that are not kept.
        Contents = "contents",
        /// Jobs that were over.
        Jobs = "jobs",
        /// Campaigns that were over.
        Campaigns = "campaigns",
    }
}

words! {
    /// What became of a row of a file of contacts.
    RowOutcome {
        /// A contact came into the list.
        Added = "added",
        /// A contact of the list is another one now.
        Changed = "changed",
        /// A contact of the list stayed as it was.
        Known = "known",
        /// Its number stood in an earlier row.
        Duplicate = "duplicate",
        /// It has no number.
        MissingNumber = "missing_number",
        /// It has something else for a number.
        BadNumber = "bad_number",
        /// It is not UTF-8.
        NotText = "not_text",
        /// It is too long, or has too much.
        TooLong = "too_long",
    }
}

words! {
    /// What a time of a schedule came to.
    ScheduleOutcome {
        /// A message.
        Message = "message",
        /// A job.
        Job = "job",
        /// A campaign.
        Campaign = "campaign",
        /// It passed without anybody there.
        Missed = "missed",
        /// It could not run: the account was gone.
        Failed = "failed",
    }
}

words! {
    /// What became of an answer that was meant for a chat.
    ReplyOutcome {
        /// Accepted as a message.
        Sent = "sent",
        /// Longer than replies may be.
        TooLong = "too_long",
        /// Its file could not be fetched, or is not one that may be sent.
        BadMedia = "bad_media",
        /// The account's outbox was full.
        OutboxFull = "outbox_full",
        /// The disk was nearly full.
        SpaceLow = "space_low",
        /// The account was gone.
        AccountGone = "account_gone",
    }
}

words! {
    /// How a phone is to link an account.
    PairingWay {
        /// By a QR code.
        Qr = "qr",
        /// By a code that is entered on the phone.
        Code = "code",
    }
}

words! {
    /// What came of a pairing.
    PairingOutcome {
        /// The phone linked the account.
        Linked = "linked",
        /// No phone came in time.
        Expired = "expired",
        /// The network gave no code, or took it back.
        Refused = "refused",
        /// A phone began and did not finish.
        Interrupted = "interrupted",
        /// Somebody gave it up.
        Cancelled = "cancelled",
        /// The phone's account demands a passkey.
        Passkey = "passkey",
    }
}
