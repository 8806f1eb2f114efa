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
        // 402 without a term, and 403: the number is locked until a human acts.
        Code::TempBanned | Code::AccountLocked => EndReason::Banned { until_ms: None },
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
            (401, Some(EndReason::LoggedOut)),
            (406, Some(EndReason::LoggedOut)),
            (402, Some(EndReason::Banned { until_ms: None })),
            (403, Some(EndReason::Banned { until_ms: None })),
            (405, Some(EndReason::Outdated)),
            (409, Some(EndReason::Outdated)),
            (500, None),
            (503, None),
            (413, Some(EndReason::Refused { code: 413 })),
            (999, Some(EndReason::Refused { code: 999 })),
        ] {
            assert_eq!(refused_login(ConnectFailureReason::from(code)), expected, "{code}");
        }
    }
}
