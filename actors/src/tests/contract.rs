//! What becomes of a delivery, by what its receiver does. One table for two kinds of proof: receivers on real sockets
//! (the gateway's tests) and receivers that are only asked (the tests of the tree).

/// The waits before the attempts, in seconds, that the table is written for. Without jitter.
pub(crate) const SCHEDULE_S: [u64; 3] = [0, 30, 120];

/// What a receiver does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Does {
    /// Answers with this status.
    Answers(u16),
    /// ... and asks to be left alone for so many seconds.
    AsksToWait(u16, u64),
    /// Takes the request and says nothing.
    Hangs,
    /// Says its status, a byte at a time, and never gets to its end.
    DripsItsHead,
    /// Says 200, and then its body a byte at a time without an end.
    DripsItsBody,
    /// Says 200 and more than anybody wants to hear, without an end.
    HasNoEnd,
    /// Takes the request and cuts the connection.
    Resets,
    /// Speaks no TLS where TLS is expected.
    SpeaksNoTls,
    /// Is not there.
    IsAbsent,
}

/// What becomes of the delivery after its first attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Becomes {
    /// Delivered.
    Completed,
    /// Given up, for this reason.
    Discarded(&'static str),
    /// Tried again after so many seconds.
    Again(u64),
}

/// What a receiver does, the word of the attempt's outcome, its status, and what becomes of the delivery.
pub(crate) type Row = (Does, &'static str, Option<u16>, Becomes);

#[rustfmt::skip]
pub(crate) const CONTRACT: [Row; 25] = [
    (Does::Answers(200), "answered", Some(200), Becomes::Completed),
    (Does::Answers(204), "answered", Some(204), Becomes::Completed),
    (Does::Answers(302), "answered", Some(302), Becomes::Again(30)),
    (Does::Answers(400), "answered", Some(400), Becomes::Discarded("refused")),
    (Does::Answers(401), "answered", Some(401), Becomes::Discarded("refused")),
    (Does::Answers(404), "answered", Some(404), Becomes::Discarded("refused")),
    (Does::Answers(408), "answered", Some(408), Becomes::Again(30)),
    (Does::Answers(410), "answered", Some(410), Becomes::Discarded("gone")),
    (Does::Answers(422), "answered", Some(422), Becomes::Discarded("refused")),
    (Does::Answers(429), "answered", Some(429), Becomes::Again(60)),
    (Does::AsksToWait(429, 90), "answered", Some(429), Becomes::Again(90)),
    (Does::AsksToWait(429, 10), "answered", Some(429), Becomes::Again(60)),
    (Does::AsksToWait(503, 9_999), "answered", Some(503), Becomes::Again(120)),
    (Does::Answers(500), "answered", Some(500), Becomes::Again(30)),
    (Does::AsksToWait(500, 45), "answered", Some(500), Becomes::Again(45)),
    (Does::Answers(502), "answered", Some(502), Becomes::Again(60)),
    (Does::Answers(503), "answered", Some(503), Becomes::Again(60)),
    (Does::Answers(504), "answered", Some(504), Becomes::Again(60)),
    (Does::Hangs, "timed_out", None, Becomes::Again(60)),
    (Does::DripsItsHead, "timed_out", None, Becomes::Again(60)),
    (Does::DripsItsBody, "answered", Some(200), Becomes::Completed),
    (Does::HasNoEnd, "answered", Some(200), Becomes::Completed),
    (Does::Resets, "unreachable", None, Becomes::Again(30)),
    (Does::SpeaksNoTls, "unreachable", None, Becomes::Again(30)),
    (Does::IsAbsent, "unreachable", None, Becomes::Again(30)),
];
