//! Rows as versions before this one wrote them, byte by byte, still open.

use wasup_store::id::{AccountNo, EndpointId};
use wasup_store::records::{EndpointRecord, EventKind, Off};
use wasup_store::{Tree, envelope};

use crate::support::NOW;

/// An endpoint's row of the layout with `enabled` and `disabled_reason`, around those two.
const HEAD: &[u8] = b"\x01\x00\x89\xa2id\xbdep_000038oobh800000000000000s\xa6tenant\x01\xa7account\x01\xa3url\
    \xb8https://example.org/hook\xa6secret\x93\x01\x02\xcc\xff\xa6events\x96\xadaccount.state\xb0message.received\
    \xacmessage.sent\xaemessage.status\xb1endpoint.disabled\xacserver.clock";
const TAIL: &[u8] = b"\xaacreated_ms\xcf\x00\x00\x01\xa3\x18\\P\x00";

fn opened(middle: &[u8]) -> EndpointRecord {
    envelope::open_record(Tree::Endpoint, &[HEAD, middle, TAIL].concat().into()).unwrap()
}

#[test]
fn endpoints_that_were_on_or_off() {
    let url = "https://example.org/hook".into();
    let plain = EndpointRecord::new(EndpointId::new(NOW, 7), AccountNo(1), url, vec![1, 2, 255], NOW);
    let events = [
        EventKind::AccountState,
        EventKind::MessageReceived,
        EventKind::MessageSent,
        EventKind::MessageStatus,
        EventKind::EndpointDisabled,
        EventKind::ServerClock,
    ];
    let plain = EndpointRecord { events: events.to_vec(), ..plain };
    assert_eq!(opened(b"\xa7enabled\xc3\xafdisabled_reason\xc0"), plain);
    let gone = opened(b"\xa7enabled\xc2\xafdisabled_reason\xa4gone");
    assert_eq!(gone, EndpointRecord { off: Some(Off::Gone), ..plain });
    assert!(!gone.enabled());
}
