//! `[lists]`: files of contacts.

use serde::{Deserialize, Serialize};

use super::check::Checks;
use super::units::Size;

/// Files of contacts. Keys: `config/default.toml`.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ListsConfig {
    /// Most bytes of a file.
    pub import_max: Size,
    /// Most bytes that a workbook unpacks to.
    pub import_unpacked_max: Size,
}

impl ListsConfig {
    pub(super) fn check(&self, checks: &mut Checks) {
        checks.between("lists.import_max", self.import_max, Size::kib(1), Size::mib(1 << 20));
        checks.between("lists.import_unpacked_max", self.import_unpacked_max, Size::kib(1), Size::mib(1 << 20));
    }
}
