//! What the network forbids accounts to send.

use super::{Family, counter, label};

pub(crate) static RESTRICTIONS: Family = counter(
    "wasup_account_restrictions_total",
    "Changes of the network's forbidding an account to write to people who never wrote to it: begun, moved (its term), lifted.",
    &[label("change", &["begun", "moved", "lifted"])],
);

pub(super) const ALL: &[&Family] = &[&RESTRICTIONS];
