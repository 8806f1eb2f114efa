//! Why a link ends, from what the network said.

use wacore::types::events::ConnectFailureReason;

use crate::ports::EndReason;

/// A login that the network refused, or `None` where the library tries again by itself.
pub(super) fn refused_login(reason: ConnectFailureReason) -> Option<EndReason> {
    use ConnectFailureReason as Code;
    if reason.should_reconnect() {
        return None;
    }
    Some(match reason {
        Code::LoggedOut | Code::UnknownLogout => EndReason::LoggedOut,
        // 402 without a term that can be read.
        Code::TempBanned => EndReason::Banned { until_ms: None },
        Code::AccountLocked => EndReason::Locked,
        Code::ClientOutdated | Code::BadUserAgent | Code::ClientUnknown => EndReason::Outdated,
        other => EndReason::Refused { code: u16::try_from(other.code()).unwrap_or_default() },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_become_reasons() {
        for (code, expected) in [
            (400, Some(EndReason::Refused { code: 400 })),
            (401, Some(EndReason::LoggedOut)),
            (402, Some(EndReason::Banned { until_ms: None })),
            (403, Some(EndReason::Locked)),
            (405, Some(EndReason::Outdated)),
            (406, Some(EndReason::LoggedOut)),
            (409, Some(EndReason::Outdated)),
            (413, Some(EndReason::Refused { code: 413 })),
            (414, Some(EndReason::Refused { code: 414 })),
            (415, Some(EndReason::Refused { code: 415 })),
            (418, Some(EndReason::Outdated)),
            (429, Some(EndReason::Refused { code: 429 })),
            (500, None),
            (501, Some(EndReason::Refused { code: 501 })),
            (503, None),
            (999, Some(EndReason::Refused { code: 999 })),
            // A failure without a number.
            (0, Some(EndReason::Refused { code: 0 })),
            (-1, Some(EndReason::Refused { code: 0 })),
        ] {
            assert_eq!(refused_login(ConnectFailureReason::from(code)), expected, "{code}");
        }
    }
}
