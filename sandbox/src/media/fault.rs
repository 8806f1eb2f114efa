//! What goes wrong with files.

use crate::lock::hold;
use std::sync::Mutex;

/// Something that goes wrong with uploads or downloads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum MediaFault {
    /// Uploads are answered with this status, unread.
    RefuseUpload {
        /// 400 to 599.
        status: u16,
    },
    /// The connection of an upload is cut after so many bytes; they are kept, so that it can be resumed.
    CutUpload {
        /// Bytes of the upload that are taken in.
        after: u64,
    },
    /// Downloads are answered with this status.
    RefuseDownload {
        /// 400 to 599.
        status: u16,
    },
    /// Downloads end after half of the bytes, as if there were no more.
    Truncate,
    /// One byte in the middle of a download is another.
    Corrupt,
    /// Downloads come at this pace.
    Slow {
        /// Bytes in a second, at least 1,024.
        bytes_per_second: u32,
    },
}

impl MediaFault {
    const fn of_uploads(self) -> bool {
        matches!(self, Self::RefuseUpload { .. } | Self::CutUpload { .. })
    }
}

/// The faults that are armed, each with how often it is still to be used.
#[derive(Default)]
pub(super) struct MediaFaults(Mutex<Vec<(u32, MediaFault)>>);

impl MediaFaults {
    pub(super) fn arm(&self, fault: MediaFault, count: u32) {
        hold(&self.0).push((count, fault));
    }

    pub(super) fn heal(&self) {
        hold(&self.0).clear();
    }

    /// What this upload suffers. Uses up one.
    pub(super) fn of_upload(&self) -> Option<MediaFault> {
        self.use_one(MediaFault::of_uploads)
    }

    /// What this download suffers. Uses up one.
    pub(super) fn of_download(&self) -> Option<MediaFault> {
        self.use_one(|fault| !fault.of_uploads())
    }

    fn use_one(&self, wanted: impl Fn(MediaFault) -> bool) -> Option<MediaFault> {
        let mut armed = hold(&self.0);
        let at = armed.iter().position(|(left, fault)| *left > 0 && wanted(*fault))?;
        armed[at].0 -= 1;
        let fault = armed[at].1;
        armed.retain(|(left, _)| *left > 0);
        Some(fault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_used_in_order_and_by_what_they_are_about() {
        let faults = MediaFaults::default();
        faults.arm(MediaFault::RefuseUpload { status: 503 }, 1);
        faults.arm(MediaFault::Truncate, 2);
        assert_eq!(faults.of_download(), Some(MediaFault::Truncate));
        assert_eq!(faults.of_upload(), Some(MediaFault::RefuseUpload { status: 503 }));
        assert_eq!(faults.of_upload(), None);
        assert_eq!(faults.of_download(), Some(MediaFault::Truncate));
        assert_eq!(faults.of_download(), None);
    }
}
