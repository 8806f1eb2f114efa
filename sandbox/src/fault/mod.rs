//! Faults: what a test or an operator makes go wrong, and where.
//!
//! A fault belongs to a scope. When several scopes hold the same fault, the narrowest one is used
//! up first: device, then account, then network.
//!
//! What concerns connections, acks and refusals is about companions: a phone has no connection and
//! what it sends is always accepted. A phone's deliveries can be doubled, not delayed; a phone that
//! is to get nothing goes offline.

mod armed;
mod cut;

pub use cut::Cut;

pub(crate) use armed::{CodeRefusal, FaultScope, FaultSet, LoginRefusal};

/// Where a fault applies.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Every connection and device.
    Network,
    /// Every device of the account with this number.
    Account(String),
    /// One device of an account; 0 is the phone.
    Device(String, u16),
}

impl Scope {
    /// Every device of an account.
    pub fn account(number: impl Into<String>) -> Self {
        Self::Account(number.into())
    }

    /// One device of an account.
    pub fn device(number: impl Into<String>, device: u16) -> Self {
        Self::Device(number.into(), device)
    }
}

/// Something that goes wrong until it is used up or healed.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Fault {
    /// Every stanza to the device is held back this long. Zero ends it.
    Delay {
        /// Milliseconds.
        millis: u64,
    },
    /// The next `count` messages are delivered twice.
    Duplicate {
        /// How many messages.
        count: u32,
    },
    /// The acks of the next `count` messages from the device are not sent.
    SwallowAcks {
        /// How many acks.
        count: u32,
        /// Whether the messages themselves are delivered.
        deliver: bool,
    },
    /// The next `count` messages from the device are answered with an error and not delivered.
    RefuseMessages {
        /// How many messages.
        count: u32,
        /// The code in the ack, such as 463.
        code: u16,
    },
    /// The next `count` connections are closed before they are answered. In the network's scope
    /// that is at once; in narrower scopes it is after the login names the account.
    RefuseConnections {
        /// How many connections.
        count: u32,
    },
    /// Connections are closed as above for this long.
    RefuseConnectionsFor {
        /// Milliseconds.
        millis: u64,
    },
    /// Logins of linked devices are refused with `<failure reason="…">`; the devices stay linked. The client library
    /// knows 400, 401, 402 (a ban), 403 (locked), 405 (outdated), 406, 409, 413, 414, 415, 418, 500, 501 and 503; any
    /// other number is a reason it has never heard of.
    RefuseLogins {
        /// How many logins; `None` refuses until it is healed.
        count: Option<u32>,
        /// The reason.
        reason: u16,
        /// With 402: why the number is banned, such as 101. Without it and `expire` the ban does not say how long it is.
        code: Option<u16>,
        /// With 402: how many seconds the ban lasts.
        expire: Option<u64>,
    },
    /// Requests for a pairing code (`companion_hello`) are refused with an error: 400 (malformed, or too many for the
    /// number), 403, 429 (too many), 452 (not available), 500, or any other code.
    RefuseCodes {
        /// How many requests; `None` refuses until it is healed.
        count: Option<u32>,
        /// The code in the error.
        code: u16,
        /// Seconds the client is told to wait.
        backoff: Option<u32>,
    },
    /// The server neither reads nor answers, but keeps the connection: the client's keep-alive must notice. In the
    /// network's scope new sockets are accepted and not even the upgrade to a websocket is answered; in narrower scopes
    /// a login gets no answer. What a client said meanwhile is lost; once it is healed the server goes on with every
    /// connection that is still there.
    Silence,
}
