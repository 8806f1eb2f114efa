//! Files of contacts come into lists.
//!
//! A file is put on the disk first, whole, and its import noted in the store; then the caller may leave. It is read twice over:
//! once to look at its rows and sort them by place, on the disk, and then part by part into the list. Each commit brings
//! contacts and says how far the import is, so a process that is killed goes on where the last commit was. Nothing of a file
//! is ever whole in memory.

mod arriving;
mod columns;
mod contact;
mod csv;
mod export;
mod listing;
mod parts;
mod reading;
mod running;
mod xlsx;

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use wasup_actors::{ListError, Lists, Principal};
use wasup_store::id::{ImportId, ListId};
use wasup_store::records::{ImportFormat, ImportRecord, RowFault};
use wasup_store::repo::listed::Twice;

pub use arriving::Arrived;
pub use export::Exported;

/// Imports that run at once; others wait for their turn.
const AT_ONCE: usize = 2;
/// Imports that run or wait.
const MOST: usize = 32;
/// The folder of files in the store's.
const FOLDER: &str = "imports";

/// A row of a file, and the line where it begins.
#[derive(Debug, Clone, PartialEq, Eq)]
struct RawRow {
    line: u64,
    cells: Result<Vec<String>, RowFault>,
}

/// Why a file is not read to its end.
#[derive(Debug, thiserror::Error)]
enum SourceError {
    /// It can't be read, and why.
    #[error("{0}")]
    Unreadable(String),
    /// It unpacks to more than it may, or has more in one place than any cell.
    #[error("the workbook is larger, once unpacked, than lists.import_unpacked_max allows, or has a cell without end")]
    TooLarge,
    /// The process stops, or nobody wants it any more.
    #[error("stopped")]
    Stopped,
    /// The disk failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Why a file is not taken.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// There is no such list, or the store failed.
    #[error(transparent)]
    List(#[from] ListError),
    /// It has no bytes.
    #[error("the file is empty")]
    Empty,
    /// It is longer than files may be.
    #[error("the file has more than {0} bytes, which lists.import_max allows")]
    TooLarge(u64),
    /// It did not arrive whole.
    #[error("the file did not arrive whole")]
    Truncated,
    /// It is of a type that nobody reads here.
    #[error("{0}")]
    Unsupported(&'static str),
    /// As many imports run and wait as may.
    #[error("{MOST} imports run or wait already")]
    TooMany,
    /// The disk failed.
    #[error("the file can't be kept")]
    Io(#[from] io::Error),
}

/// What is said of a file.
#[derive(Debug, Clone, Default)]
pub struct Wish {
    /// Its name.
    pub filename: Option<String>,
    /// The columns of number, name and tags.
    pub columns: [Option<String>; 3],
    /// Tags that every contact gets.
    pub tags: Vec<String>,
    /// The country of numbers in national form.
    pub region: Option<String>,
    /// What becomes of contacts that are there already.
    pub twice: Twice,
}

/// What imports keep to.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Longest file, in bytes.
    pub file: u64,
    /// Most bytes that a workbook unpacks to.
    pub unpacked: u64,
}

/// Imports. Clones are the same.
#[derive(Clone)]
pub struct Imports(Arc<Inner>);

struct Inner {
    lists: Lists,
    folder: PathBuf,
    limits: Limits,
    turns: Semaphore,
    /// Imports that run or wait, and how one hears of their end.
    under_way: Mutex<HashMap<ImportId, watch::Receiver<bool>>>,
    tasks: TaskTracker,
    stopping: CancellationToken,
}

/// Which import, of which list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Which {
    list: ListId,
    id: ImportId,
}

impl Imports {
    /// Imports whose files lie in the store's folder.
    ///
    /// # Errors
    /// The disk's.
    pub fn open(lists: Lists, data: &Path, limits: Limits) -> io::Result<Self> {
        use std::os::unix::fs::DirBuilderExt as _;
        let folder = data.join(FOLDER);
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
        let (turns, under_way) = (Semaphore::new(AT_ONCE), Mutex::default());
        let (tasks, stopping) = (TaskTracker::new(), CancellationToken::new());
        Ok(Self(Arc::new(Inner { lists, folder, limits, turns, under_way, tasks, stopping })))
    }

    /// Goes on with what an earlier process left, and takes away files that nobody waits for.
    ///
    /// # Errors
    /// The disk's, or the store's.
    pub async fn resume(&self) -> Result<usize, ImportError> {
        let (mut found, principal) = (Vec::new(), Principal::system("import"));
        for entry in std::fs::read_dir(&self.0.folder)? {
            let path = entry?.path();
            let which = path.file_name().and_then(|name| which(name.to_str()?));
            let record = match which {
                Some(Which { list, id }) => self.0.lists.import(&principal, list, id).await.map(Some),
                None => Ok(None),
            };
            match (which, record) {
                (Some(which), Ok(Some(record))) if record.end.is_none() => found.push(which),
                (_, Err(ListError::Store(error))) => return Err(ListError::Store(error).into()),
                _ if path.is_dir() => std::fs::remove_dir_all(path)?,
                _ => std::fs::remove_file(path)?,
            }
        }
        for which in &found {
            self.start(principal.clone(), *which);
        }
        Ok(found.len())
    }

    /// Begins the import of a file that has arrived.
    ///
    /// # Errors
    /// [`ImportError::TooMany`], [`ImportError::List`], [`ImportError::Io`].
    pub async fn begin(
        &self,
        principal: &Principal,
        list: ListId,
        arrived: Arrived,
        wish: Wish,
    ) -> Result<(ImportId, ImportRecord), ImportError> {
        self.admit()?;
        let which = Which { list, id: self.0.lists.new_import() };
        let Wish { filename, columns, tags, region, twice } = wish;
        let (format, size) = (arrived.format, arrived.size);
        let record = ImportRecord { format, filename, size, columns, tags, region, twice, ..ImportRecord::default() };
        let file = self.0.file(which);
        tokio::task::spawn_blocking(move || arrived.place(&file)).await.map_err(io::Error::other)??;
        match self.0.lists.begin_import(principal, (list, which.id), record).await {
            Ok(record) => {
                self.start(principal.clone(), which);
                Ok((which.id, record))
            }
            Err(error) => {
                // What stays goes when the process starts again.
                drop(std::fs::remove_file(self.0.file(which)));
                Err(error.into())
            }
        }
    }

    /// Refuses one import more than may run or wait.
    ///
    /// # Errors
    /// [`ImportError::TooMany`].
    pub fn admit(&self) -> Result<(), ImportError> {
        if self.0.under_way().len() < MOST { Ok(()) } else { Err(ImportError::TooMany) }
    }

    fn start(&self, principal: Principal, which: Which) {
        let (told, hears) = watch::channel(false);
        self.0.under_way().insert(which.id, hears);
        let inner = Arc::clone(&self.0);
        self.0.tasks.spawn(async move {
            running::run(&inner, &principal, which).await;
            inner.under_way().remove(&which.id);
            told.send_replace(true);
        });
    }

    /// Whether an import runs, or waits for its turn, in this process.
    #[must_use]
    pub fn is_under_way(&self, id: ImportId) -> bool {
        self.0.under_way().contains_key(&id)
    }

    /// Waits until an import has ended, at most so long.
    pub async fn until_ended(&self, id: ImportId, patience: Duration) {
        let hears = self.0.under_way().get(&id).cloned();
        if let Some(mut hears) = hears {
            // One that is gone has ended as well.
            let _ = tokio::time::timeout(patience, hears.wait_for(|ended| *ended)).await;
        }
    }

    /// Stops them where they are, to go on when the process starts again.
    pub async fn stop(&self) {
        self.0.stopping.cancel();
        self.0.tasks.close();
        self.0.tasks.wait().await;
    }
}

impl Inner {
    fn under_way(&self) -> MutexGuard<'_, HashMap<ImportId, watch::Receiver<bool>>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn file(&self, which: Which) -> PathBuf {
        self.folder.join(format!("{}.{}", which.list, which.id))
    }
}

/// The import whose file has this name.
fn which(name: &str) -> Option<Which> {
    let (list, id) = name.split_once('.')?;
    Some(Which { list: list.parse().ok()?, id: id.parse().ok()? })
}

/// What a file is by its first bytes.
fn format_of(head: &[u8]) -> Result<ImportFormat, ImportError> {
    match head {
        [b'P', b'K', 3, 4, ..] => Ok(ImportFormat::Xlsx),
        [0xd0, 0xcf, 0x11, 0xe0, ..] => {
            Err(ImportError::Unsupported("workbooks of the old form (.xls) are not read; save it as .xlsx or as CSV"))
        }
        [0x1f, 0x8b, ..] => Err(ImportError::Unsupported("packed files are not read; unpack it first")),
        [b'%', b'P', b'D', b'F', ..] => Err(ImportError::Unsupported("the file is neither CSV nor XLSX")),
        _ => Ok(ImportFormat::Csv),
    }
}
