//! What the accounts supervisor tells of its children to whoever looks at the tree.

use tokio::time::Instant;
use wasup_store::id::AccountNo;

use super::supervisor::Supervision;
use crate::supervision::Standing;

impl Supervision {
    /// How these accounts stand. Needs neither the store nor the actors.
    pub(super) fn standings(&self, of: &[AccountNo]) -> Vec<Standing> {
        let now = Instant::now();
        of.iter().map(|no| self.table.standing(no, now)).collect()
    }
}
