//! Handing out key bundles, and telling a device when its one-time keys run low.

use crate::account::{Account, Family};
use crate::device::Device;
use crate::offline::{Class, Parcel};
use crate::prekey::Bundle;
use crate::registry::Registry;
use crate::stanza::{SERVER, now};
use std::sync::Arc;
use wacore_binary::builder::NodeBuilder;

/// A device is told to upload more when it falls below so many one-time keys.
const LOW: usize = 5;

/// A bundle for a session with one device of an account; 0 is the phone. `None` when there is no
/// such device.
pub(crate) fn take(registry: &Registry, account: &Account, device: u16) -> Option<Bundle> {
    let bundle = if device == 0 {
        account.phone.take_bundle()
    } else {
        let device = account.device(device)?;
        let (bundle, before, left) = {
            let mut keys = device.keys();
            let before = keys.left();
            (keys.take_bundle(&device.proof), before, keys.left())
        };
        if left < LOW && before >= LOW {
            tell_low(registry, account, &device, left);
        }
        bundle
    };
    registry.counters.bundles.add_one();
    Some(bundle)
}

fn tell_low(registry: &Registry, account: &Account, device: &Device, left: usize) {
    let id = registry.stanza_id();
    let count = NodeBuilder::new("count").attr("value", left.to_string());
    let notification = NodeBuilder::new("notification")
        .attr("from", SERVER)
        .attr("type", "encrypt")
        .attr("id", id.as_str())
        .attr("t", now().to_string())
        .children([count.build()])
        .build();
    let parcel = Parcel {
        class: Class::Notification,
        id,
        from: account.jid(Family::Number, 0),
        kind: Some("encrypt".to_owned()),
        node: Arc::new(notification),
        automatic: false,
    };
    device.deliver(parcel, false);
}
