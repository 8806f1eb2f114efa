//! A disk that is full when a test wants it to be.

use std::path::Path;

/// A file system of its own size in memory, unmounted when dropped.
pub(crate) struct SmallDisk {
    folder: tempfile::TempDir,
}

impl SmallDisk {
    /// `None` where mounting is not permitted.
    pub(crate) fn mount(size: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let disk = Self { folder };
        disk.run(&format!("size={size}")).then_some(disk)
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn grow(&self, size: &str) {
        assert!(self.run(&format!("remount,size={size}")));
    }

    /// Fills it to the last byte.
    pub(crate) fn fill(&self) {
        use std::io::Write as _;
        let mut filler = std::fs::File::create(self.path().join("filler")).unwrap();
        for size in [4_096, 1] {
            while filler.write(&vec![0; size]).is_ok_and(|written| written > 0) {}
        }
    }

    /// Takes back what filled it.
    pub(crate) fn make_room(&self) {
        std::fs::remove_file(self.path().join("filler")).unwrap();
    }

    fn run(&self, options: &str) -> bool {
        let mut mount = std::process::Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(self.folder.path());
        mount.output().is_ok_and(|output| output.status.success())
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg("-l").arg(self.folder.path()).output();
    }
}
