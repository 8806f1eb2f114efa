//! What is wrong with a connection that stands: the library waits for ever for some things, and this house does not.
//! Pure: times come in.

use std::time::Duration;

use tokio::time::Instant;

use super::LinkSettings;

/// How long after a socket went its end may stay untold; the library tells of most within this time, and knows better.
const UNTOLD: Duration = Duration::from_secs(3);

/// What a look at a link sees.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Seen {
    /// A connection was made and its end was not told.
    pub(super) open: bool,
    /// Its socket is there.
    pub(super) socket: bool,
    /// It was reported as connected.
    pub(super) connected: bool,
    /// The network let it in.
    pub(super) logged_in: bool,
    /// By when it must have got on: connected, a new code, an answer of the phone.
    pub(super) deadline: Option<Instant>,
    /// Since when the network calls the stream over.
    pub(super) over: Option<Instant>,
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    /// Nothing.
    Wait,
    /// Report it as connected: what it still waits for is not needed.
    Report,
    /// Say that it is lost: nobody else did.
    SayLost,
    /// Cut it off: the network ended the stream and keeps the socket.
    CutOver,
    /// Cut it off: it does not get on.
    CutLate,
}

/// What was seen when.
#[derive(Debug, Default)]
pub(super) struct Watch {
    gone: Option<Instant>,
    let_in: Option<Instant>,
    shut_out: Option<Instant>,
}

impl Watch {
    /// What a look at a time leads to.
    pub(super) fn look(&mut self, seen: Seen, settings: &LinkSettings, now: Instant) -> Act {
        let gone = seen.open && !seen.socket;
        let let_in = seen.open && seen.socket && seen.logged_in && !seen.connected;
        let shut_out = seen.open && seen.socket && !seen.logged_in && seen.connected;
        let passed = |since: Option<Instant>, limit| since.is_some_and(|at| now.duration_since(at) >= limit);
        for (since, holds) in [(&mut self.gone, gone), (&mut self.let_in, let_in), (&mut self.shut_out, shut_out)] {
            *since = holds.then(|| since.unwrap_or(now));
        }
        let over = seen.open && seen.socket && passed(seen.over, settings.stream_error_grace);
        let late = seen.open && seen.socket && !seen.logged_in && seen.deadline.is_some_and(|at| now >= at);
        match () {
            () if passed(self.gone, UNTOLD) => Act::SayLost,
            () if over || passed(self.shut_out, settings.stream_error_grace) => Act::CutOver,
            () if late => Act::CutLate,
            () if passed(self.let_in, settings.initial_sync_wait) => Act::Report,
            () => Act::Wait,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Duration = Duration::from_secs(1);

    fn settings() -> LinkSettings {
        LinkSettings { stream_error_grace: 5 * S, initial_sync_wait: 10 * S, ..LinkSettings::default() }
    }

    /// What looks every second lead to while the same is seen: the first act and after how long.
    fn leads_to(seen: impl Fn(Instant) -> Seen) -> Option<(Act, u32)> {
        let (mut watch, start) = (Watch::default(), Instant::now());
        let seen = seen(start);
        (0..120).find_map(|n| match watch.look(seen, &settings(), start + n * S) {
            Act::Wait => None,
            act => Some((act, n)),
        })
    }

    #[tokio::test]
    async fn whatever_stands_still_comes_to_an_end() {
        let up = Seen { open: true, socket: true, ..Seen::default() };
        let (told, within) = (Seen { connected: true, logged_in: true, ..up }, |at| Some(at + 45 * S));
        let over = |seen| move |at| Seen { over: Some(at), ..seen };
        for (what, found, expected) in [
            ("nothing is there", leads_to(|_| Seen::default()), None),
            ("all is well", leads_to(|_| told), None),
            ("a code is on show, without a limit", leads_to(|_| up), None),
            ("a login without an answer", leads_to(|at| Seen { deadline: within(at), ..up }), Some((Act::CutLate, 45))),
            (
                "let in, first exchange goes on",
                leads_to(|_| Seen { connected: false, ..told }),
                Some((Act::Report, 10)),
            ),
            (
                "let in in time",
                leads_to(|at| Seen { connected: false, deadline: within(at), ..told }),
                Some((Act::Report, 10)),
            ),
            ("a stream error, the socket kept", leads_to(over(told)), Some((Act::CutOver, 5))),
            ("... before it was connected", leads_to(over(up)), Some((Act::CutOver, 5))),
            ("shut out without a word", leads_to(|_| Seen { logged_in: false, ..told }), Some((Act::CutOver, 5))),
            ("its socket went", leads_to(|_| Seen { socket: false, ..told }), Some((Act::SayLost, 3))),
            ("... and it was told", leads_to(|_| Seen { socket: false, open: false, ..told }), None),
        ] {
            assert_eq!(found, expected, "{what}");
        }
    }

    #[tokio::test]
    async fn what_passes_starts_anew() {
        let (mut watch, start) = (Watch::default(), Instant::now());
        let seen = |logged_in| Seen { open: true, socket: true, connected: true, logged_in, ..Seen::default() };
        for (n, logged_in, act) in [(0, false, Act::Wait), (4, true, Act::Wait), (5, false, Act::Wait)] {
            assert_eq!(watch.look(seen(logged_in), &settings(), start + n * S), act);
        }
        assert_eq!(watch.look(seen(false), &settings(), start + 10 * S), Act::CutOver);
    }
}
