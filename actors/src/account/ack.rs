//! What the server's answer to a send means.

use wasup_store::repo::send::Settlement;

use crate::meters::SendOutcome;

/// Codes that forbid a message only for now. Every other code is final: sending again what the server refused for a
/// reason we do not know is how numbers get banned.
const HELD: &[(u16, &str)] = &[
    // The sender may not open new chats for a while, or lacks the receiver's privacy token.
    (463, "new chats are locked for a time"),
    // `NewChatMessagesCapped` in the web client: the quota of messages to people who never answered is used up.
    (475, "the quota of new chats is used up"),
];

/// The settlement for an acknowledgement with this error code, or without one.
pub(crate) fn settlement(error: Option<u16>) -> Settlement {
    match error {
        None => Settlement::Sent,
        Some(code) if HELD.iter().any(|(held, _)| *held == code) => Settlement::Held(code),
        Some(code) => Settlement::Rejected(code),
    }
}

/// The word used in metrics.
pub(crate) const fn outcome(settlement: Settlement) -> SendOutcome {
    match settlement {
        Settlement::Sent => SendOutcome::Sent,
        Settlement::Rejected(_) => SendOutcome::Rejected,
        Settlement::Held(_) => SendOutcome::Held,
        Settlement::Failed(_) => SendOutcome::Failed,
        Settlement::Requeue => SendOutcome::Requeued,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_codes_of_the_table_are_held() {
        for (error, expected) in [
            (None, Settlement::Sent),
            (Some(463), Settlement::Held(463)),
            (Some(475), Settlement::Held(475)),
            (Some(479), Settlement::Rejected(479)),
            (Some(400), Settlement::Rejected(400)),
            (Some(500), Settlement::Rejected(500)),
            (Some(0), Settlement::Rejected(0)),
        ] {
            assert_eq!(settlement(error), expected);
        }
    }
}
