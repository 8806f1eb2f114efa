use std::os::unix::fs::PermissionsExt as _;

use super::*;

const LIMIT: u64 = 1_000;

fn file(folder: &Path, max_files: usize) -> LogFile {
    LogFile::new(folder.join("combined.log"), LIMIT, max_files, Arc::default())
}

/// Lines in every file of the folder, by file name.
fn lines(folder: &Path) -> Vec<(String, Vec<String>)> {
    let read = |entry: io::Result<std::fs::DirEntry>| {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.len() as u64 <= LIMIT, "{} bytes in {}", text.len(), path.display());
        (path.file_name().unwrap().to_string_lossy().into_owned(), text.lines().map(str::to_owned).collect())
    };
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(read).collect();
    files.sort();
    files
}

#[test]
fn neither_size_nor_number_is_exceeded_and_the_newest_lines_stay() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = file(folder.path(), 3);
    for n in 0..500 {
        log.write_all(format!("line {n} {}\n", "x".repeat(n % 90)).as_bytes()).unwrap();
        log.flush().unwrap();
    }
    let files = lines(folder.path());
    let names: Vec<_> = files.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["combined.log", "combined.log.1", "combined.log.2"]);
    let kept: Vec<&String> = files.iter().rev().flat_map(|(_, lines)| lines).collect();
    let number = |line: &&String| line.split(' ').nth(1).unwrap().parse::<usize>().unwrap();
    let numbers: Vec<usize> = kept.iter().map(number).collect();
    assert_eq!(numbers, (500 - numbers.len()..500).collect::<Vec<_>>(), "whole, in order, the newest");
    assert!(numbers.len() > 20);
    let mode = |name: &str| folder.path().join(name).metadata().unwrap().permissions().mode() & 0o777;
    assert!(names.iter().all(|name| mode(name) == 0o600));
    assert_eq!(log.lost.load(Ordering::Relaxed), 0);
}

#[test]
fn one_file_is_a_limit_too_and_a_smaller_one_holds_for_what_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let mut many = file(folder.path(), 5);
    (0..600).for_each(|n| many.write_all(format!("line {n}\n").as_bytes()).unwrap());
    assert_eq!(lines(folder.path()).len(), 5);
    let mut one = file(folder.path(), 1);
    (0..150).for_each(|n| one.write_all(format!("line {n}\n").as_bytes()).unwrap());
    let files = lines(folder.path());
    assert_eq!(files.len(), 1);
    assert_eq!(files[0].1.last().unwrap(), "line 149");
}

#[test]
fn a_file_that_was_deleted_or_moved_is_begun_anew() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = file(folder.path(), 2);
    let path = folder.path().join("combined.log");
    log.write_all(b"one\n").unwrap();
    std::fs::rename(&path, folder.path().join("elsewhere")).unwrap();
    log.flush().unwrap();
    log.write_all(b"two\n").unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "two\n");
    std::fs::remove_file(&path).unwrap();
    log.flush().unwrap();
    log.write_all(b"three\n").unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "three\n");
}

#[test]
fn what_can_not_be_written_is_counted_and_writing_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = file(folder.path(), 2);
    log.write_all(b"before\n").unwrap();
    std::fs::remove_dir_all(folder.path()).unwrap();
    log.flush().unwrap();
    for _ in 0..3 {
        log.write_all(b"lost\n").unwrap();
    }
    assert_eq!(log.lost.load(Ordering::Relaxed), 3);
    std::fs::create_dir(folder.path()).unwrap();
    for n in 0..CALM {
        assert_eq!(log.outage.as_ref().map(|outage| outage.lost), Some(3), "told once, until it is over");
        log.write_all(format!("after {n}\n").as_bytes()).unwrap();
    }
    assert!(log.outage.is_none());
    let text = std::fs::read_to_string(folder.path().join("combined.log")).unwrap();
    assert!(text.starts_with("after 0\n"), "{text}");
}
