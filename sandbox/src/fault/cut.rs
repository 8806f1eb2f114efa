//! Cuts: every way a server ends a stream on purpose.

use crate::connection::Link;
use crate::stanza::{conflict, stream_error};
use wacore_binary::Node;
use wacore_binary::builder::NodeBuilder;

/// How a connection is ended on purpose. Only [`Self::DeviceRemoved`] unlinks the device; after any other the server would
/// take its next login, whatever the cut said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cut {
    /// The socket is dropped without a word.
    Drop,
    /// `<stream:error code="503">`: service unavailable.
    Unavailable,
    /// `<stream:error code="515">`: reconnect at once.
    Restart,
    /// `<conflict type="replaced">`: another connection took over.
    Replaced,
    /// `<conflict type="device_removed">` with code 401. The device is unlinked: its next login
    /// is refused with 401.
    DeviceRemoved,
    /// `<conflict>` of a type that is neither of the two above.
    OtherConflict,
    /// `<stream:error code="…">`, whatever the code: 401, 403, 409, 429, 500, 503, 515, 516 and what nobody has seen yet.
    StreamError {
        /// The code.
        code: u16,
    },
    /// `<xmlstreamend/>`: the server ends the stream in order, as it does when it recycles one.
    StreamEnd,
    /// `<stream:error><xml-not-well-formed/>`: the server could not read what the client sent.
    NotWellFormed,
    /// `<stream:error><ack class=… id=…/>`, then `<xmlstreamend/>`: the client owes the server an acknowledgement.
    OwedAck,
    /// `<stream:error/>` without a code and without a word.
    Unexplained,
}

impl Cut {
    /// Ends a connection.
    pub(crate) fn end(self, link: &Link) {
        match self.words() {
            None => link.drop_now(),
            Some(words) => link.say_goodbye(words),
        }
    }

    /// What is said before the socket is closed, one stanza after the other.
    fn words(self) -> Option<Vec<Node>> {
        Some(match self {
            Self::Drop => return None,
            Self::Unavailable => vec![stream_error(503).build()],
            Self::Restart => vec![stream_error(515).build()],
            Self::Replaced => vec![conflict(None, "replaced")],
            Self::DeviceRemoved => vec![conflict(Some(401), "device_removed")],
            Self::OtherConflict => vec![conflict(None, "sandbox_unheard_of")],
            Self::StreamError { code } => vec![stream_error(code).build()],
            Self::StreamEnd => vec![stream_end()],
            Self::NotWellFormed => vec![explained(NodeBuilder::new("xml-not-well-formed").build())],
            Self::OwedAck => {
                let owed = NodeBuilder::new("ack").attr("class", "message").attr("id", "SANDBOX0OWED");
                vec![explained(owed.build()), stream_end()]
            }
            Self::Unexplained => vec![NodeBuilder::new("stream:error").build()],
        })
    }
}

fn stream_end() -> Node {
    NodeBuilder::new("xmlstreamend").build()
}

fn explained(reason: Node) -> Node {
    NodeBuilder::new("stream:error").children([reason]).build()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stanza::attr;

    #[test]
    fn old_names_and_new_ones_are_read() {
        let read = |text: &str| serde_json::from_str::<Cut>(text).unwrap();
        assert_eq!(read("\"drop\""), Cut::Drop);
        assert_eq!(read("\"device_removed\""), Cut::DeviceRemoved);
        assert_eq!(read("\"owed_ack\""), Cut::OwedAck);
        assert_eq!(read("{\"stream_error\":{\"code\":429}}"), Cut::StreamError { code: 429 });
    }

    #[test]
    fn a_code_is_said_as_it_is() {
        let words = Cut::StreamError { code: 516 }.words().unwrap();
        assert_eq!(attr(&words[0], "code").unwrap(), "516");
        assert_eq!(Cut::Drop.words(), None);
    }
}
