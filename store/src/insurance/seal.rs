//! What a clean stop leaves: size and hash of every file of the engine. A start that finds them the same needs to look
//! at no row; one that does not walks over all of them.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::fingerprint::Hasher;

const FILE: &str = "seal";
const HEAD: &str = "wasup seal 1";

/// Bytes read at once.
const READ: usize = 1 << 20;

/// How long the engine's own threads may hold its lock after the last handle is gone.
const LOCK_WAIT: Duration = Duration::from_secs(3);

/// How the store was left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Left {
    /// Every file is the one that a clean stop left.
    Sealed,
    /// It was not stopped in order, or it is from a time before seals.
    Open,
    /// It was stopped in order, and its files were changed since.
    Changed,
}

/// Looks at the files. Nothing is changed.
pub(crate) fn look(folder: &Path) -> Left {
    let Ok(noted) = fs::read_to_string(folder.join(FILE)) else { return Left::Open };
    match text(folder) {
        Ok(found) if found == noted => Left::Sealed,
        _ => Left::Changed,
    }
}

/// Takes the seal away, before the first write.
pub(crate) fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_file(folder.join(FILE)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Err(_) => Ok(()),
        Ok(()) => File::open(folder)?.sync_all(),
    }
}

/// Seals a store whose last handle is gone.
pub(crate) fn close(folder: &Path) -> io::Result<()> {
    let lock = File::open(folder.join("db"))?;
    let until = Instant::now() + LOCK_WAIT;
    while let Err(error) = lock.try_lock() {
        if Instant::now() >= until {
            return Err(error.into());
        }
        std::thread::park_timeout(Duration::from_millis(5));
    }
    let made = folder.join("seal.new");
    let mut file = File::create(&made)?;
    file.write_all(text(folder)?.as_bytes())?;
    file.sync_all()?;
    fs::rename(made, folder.join(FILE))?;
    File::open(folder)?.sync_all()
}

/// One line a file: name, size, hash.
fn text(folder: &Path) -> io::Result<String> {
    let mut lines = vec![HEAD.to_owned()];
    for path in files(folder)? {
        let (size, hash) = hash(&path)?;
        lines.push(format!("{} {size} {hash:032x}", path.strip_prefix(folder).unwrap_or(&path).display()));
    }
    Ok(lines.join("\n") + "\n")
}

/// The engine's own files, in order.
pub(crate) fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name == "conf" || name == "db" || name.starts_with("snap.") {
            found.push(path);
        }
    }
    match fs::read_dir(folder.join("blobs")) {
        Ok(blobs) => found.extend(blobs.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<_>>>()?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    found.sort();
    Ok(found)
}

fn hash(path: &Path) -> io::Result<(u64, u128)> {
    let mut file = File::open(path)?;
    let (mut hasher, mut size) = (Hasher::default(), 0);
    let mut page = vec![0; READ];
    loop {
        let mut filled = 0;
        // Whole pages, so that the hash does not depend on how much one read answers.
        while filled < READ {
            match file.read(&mut page[filled..])? {
                0 => break,
                more => filled += more,
            }
        }
        hasher.bytes(&page[..filled]);
        size += filled as u64;
        if filled < READ {
            return Ok((size, hasher.end()));
        }
    }
}
