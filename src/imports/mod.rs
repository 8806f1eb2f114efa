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

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;
use wasup_actors::{ImportFiles, ImportPlace, Importing, ListError, Lists, Principal, TooManyImports, Tree};
use wasup_store::id::{ImportId, ListId};
use wasup_store::records::{ImportFormat, ImportRecord, RowFault};
use wasup_store::repo::listed::Twice;

pub use arriving::Arrived;
pub use export::Exported;
pub(crate) use export::csv_row;

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
    #[error(transparent)]
    TooMany(#[from] TooManyImports),
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

/// The folder of files that are imported, in the store's: the tree reads them through it.
pub struct ImportFolder {
    folder: PathBuf,
    limits: Limits,
    /// Whether what an earlier process left there was looked through.
    tidied: AtomicBool,
}

impl ImportFolder {
    /// Opens the folder, made where it is not there.
    ///
    /// # Errors
    /// The disk's.
    pub fn open(data: &Path, limits: Limits) -> io::Result<Self> {
        use std::os::unix::fs::DirBuilderExt as _;
        let folder = data.join(FOLDER);
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
        Ok(Self { folder, limits, tidied: AtomicBool::new(false) })
    }

    fn file(&self, place: ImportPlace) -> PathBuf {
        self.folder.join(format!("{}.{}", place.list, place.id))
    }

    /// A folder for a file's parts that no other run of the same import has.
    fn parts(&self, place: ImportPlace) -> PathBuf {
        self.folder.join(format!("{}.{}-parts-{:08x}", place.list, place.id, rand::random::<u32>()))
    }
}

#[async_trait]
impl ImportFiles for ImportFolder {
    async fn left(&self, lists: &Lists) -> Result<Vec<ImportPlace>, ListError> {
        let (mut found, principal) = (Vec::new(), Principal::system("import"));
        // Later on files come that are no import's yet, and none of them is anybody's to take away.
        let tidies = !self.tidied.load(Ordering::Relaxed);
        for entry in std::fs::read_dir(&self.folder)? {
            let path = entry?.path();
            let place = path.file_name().and_then(|name| place_of(name.to_str()?));
            let record = match place {
                Some(ImportPlace { list, id }) => lists.import(&principal, list, id).await.map(Some),
                None => Ok(None),
            };
            match (place, record) {
                (Some(place), Ok(Some(record))) if record.end.is_none() => found.push(place),
                (_, Err(error @ ListError::Store(_))) => return Err(error),
                _ if !tidies => {}
                _ if path.is_dir() => std::fs::remove_dir_all(path)?,
                _ => std::fs::remove_file(path)?,
            }
        }
        self.tidied.store(true, Ordering::Relaxed);
        if tidies && !found.is_empty() {
            tracing::info!(imports = found.len(), "going on with files of contacts");
        }
        Ok(found)
    }

    async fn run(&self, lists: &Lists, principal: &Principal, place: ImportPlace, stopping: &CancellationToken) {
        running::run(self, lists, principal, place, stopping).await;
    }
}

/// Takes in files, and has them imported. Clones are the same.
#[derive(Clone)]
pub struct Imports {
    files: Arc<ImportFolder>,
    lists: Lists,
    importing: Importing,
}

impl Imports {
    /// Imports of files of a folder by a tree.
    #[must_use]
    pub fn new(files: Arc<ImportFolder>, tree: &Tree) -> Self {
        Self { files, lists: tree.lists.clone(), importing: tree.importing.clone() }
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
        self.importing.admit()?;
        let place = ImportPlace { list, id: self.lists.new_import() };
        let Wish { filename, columns, tags, region, twice } = wish;
        let (format, size) = (arrived.format, arrived.size);
        let record = ImportRecord { format, filename, size, columns, tags, region, twice, ..ImportRecord::default() };
        let file = self.files.file(place);
        tokio::task::spawn_blocking(move || arrived.place(&file)).await.map_err(io::Error::other)??;
        match self.lists.begin_import(principal, (list, place.id), record).await {
            Ok(record) => {
                self.importing.start(principal, place);
                Ok((place.id, record))
            }
            Err(error) => {
                // What stays goes when the process starts again.
                drop(std::fs::remove_file(self.files.file(place)));
                Err(error.into())
            }
        }
    }

    /// Whether an import runs, or waits for its turn, in this process.
    #[must_use]
    pub fn is_under_way(&self, id: ImportId) -> bool {
        self.importing.is_under_way(id)
    }

    /// Waits until an import has ended, at most so long.
    pub async fn until_ended(&self, id: ImportId, patience: Duration) {
        self.importing.until_ended(id, patience).await;
    }
}

/// The import whose file has this name.
fn place_of(name: &str) -> Option<ImportPlace> {
    let (list, id) = name.split_once('.')?;
    Some(ImportPlace { list: list.parse().ok()?, id: id.parse().ok()? })
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
