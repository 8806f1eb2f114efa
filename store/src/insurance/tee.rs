//! What the writer notes while a backup is scanned: changes of rows that the scan has passed already. Those that it has
//! not reached it will see by itself. They go to a file, so that a busy store costs no memory.

use std::fs::File;
use std::io::{self, BufWriter, Write};

use super::archive::frame;
use crate::Tree;
use crate::engine::Change;

/// A scan's notes.
#[derive(Debug)]
pub(crate) struct Tee {
    /// The last place that was scanned; none before the first.
    pub(super) reached: Option<(Tree, Vec<u8>)>,
    out: BufWriter<File>,
    pub(super) frames: u64,
    failed: Option<io::Error>,
}

impl Tee {
    pub(super) fn new(out: File) -> Self {
        Self { reached: None, out: BufWriter::new(out), frames: 0, failed: None }
    }

    /// Notes what a group changed, in the order of its commits.
    pub(crate) fn group(&mut self, changes: &[Change]) {
        let Some((tree, key)) = &self.reached else { return };
        for change in changes {
            if (change.tree, &*change.key) > (*tree, key) || self.failed.is_some() {
                continue;
            }
            self.frames += 1;
            let frame = frame(change.tree, &change.key, change.value.as_deref());
            // The store goes on; the backup ends with this.
            self.failed = self.out.write_all(&frame).err();
        }
    }

    /// The notes, from their beginning.
    pub(super) fn end(self) -> io::Result<(File, u64)> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let mut file = self.out.into_inner().map_err(io::IntoInnerError::into_error)?;
        io::Seek::rewind(&mut file)?;
        Ok((file, self.frames))
    }
}
