//! What clamd says of a file, over a socket: its command `INSTREAM` (clamd(8)). The file goes there in chunks, each behind its
//! length in four bytes, the highest first; a length of nought ends it. The answer is one line that a zero byte ends.

use std::io;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;

/// Bytes of a chunk.
const CHUNK: usize = 64 * 1024;
/// Longest answer that is read.
const ANSWER_MAX: u64 = 4 * 1024;
/// Longest name of a signature that is told.
const NAME_CHARS: usize = 120;
/// Longest wait for a connection. The daemon is near.
const CONNECT: Duration = Duration::from_secs(5);
/// Begins a scan. Commands that begin with `z` end with a zero byte, as their answers do.
const COMMAND: &[u8] = b"zINSTREAM\0";

/// Where clamd listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClamdAddress {
    /// Host and port, `tcp://host:port` in the config.
    Tcp(String),
    /// A socket in the file system, `unix:/path` in the config.
    Unix(PathBuf),
}

/// An address that is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be \"tcp://host:port\" or \"unix:/path\"")]
pub struct BadClamdAddress;

impl FromStr for ClamdAddress {
    type Err = BadClamdAddress;

    fn from_str(text: &str) -> Result<Self, BadClamdAddress> {
        if let Some(path) = text.strip_prefix("unix:").filter(|path| path.starts_with('/')) {
            return Ok(Self::Unix(path.into()));
        }
        let place = text.strip_prefix("tcp://").ok_or(BadClamdAddress)?;
        let (host, port) = place.rsplit_once(':').ok_or(BadClamdAddress)?;
        let is_port = port.parse::<u16>().is_ok_and(|port| port > 0);
        if host.is_empty() || host.contains('/') || !is_port {
            return Err(BadClamdAddress);
        }
        Ok(Self::Tcp(place.to_owned()))
    }
}

/// What clamd says of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Finding {
    /// Nothing that it knows.
    Clean,
    /// What this signature stands for.
    Infected(String),
}

/// Why nothing is known of a file.
#[derive(Debug, thiserror::Error)]
pub(super) enum ScanError {
    /// It can't be reached, or the connection broke.
    #[error("clamd can't be reached: {0}")]
    Unreachable(#[from] io::Error),
    /// It took too long.
    #[error("clamd did not answer in time")]
    TimedOut,
    /// The file is longer than it takes (its `StreamMaxLength`).
    #[error("the file is longer than clamd takes: see its StreamMaxLength")]
    TooLong,
    /// It says something else than what it found.
    #[error("clamd answered: {0}")]
    Answered(String),
}

/// Asks what is in a file, within `patience`.
pub(super) async fn scan(
    address: &ClamdAddress,
    file: impl AsyncRead + Unpin,
    patience: Duration,
) -> Result<Finding, ScanError> {
    let asked = async {
        match address {
            ClamdAddress::Tcp(place) => over(connected(TcpStream::connect(place)).await?, file).await,
            ClamdAddress::Unix(path) => over(connected(UnixStream::connect(path)).await?, file).await,
        }
    };
    timeout(patience, asked).await.unwrap_or(Err(ScanError::TimedOut))
}

async fn connected<S>(connecting: impl Future<Output = io::Result<S>>) -> Result<S, ScanError> {
    Ok(timeout(CONNECT, connecting).await.map_err(|_| ScanError::TimedOut)??)
}

async fn over(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    file: impl AsyncRead + Unpin,
) -> Result<Finding, ScanError> {
    let sent = send(&mut stream, file).await;
    let mut answer = Vec::new();
    let heard = stream.take(ANSWER_MAX).read_to_end(&mut answer).await;
    // It may say why it takes no more and hang up: then what it said counts, and not that it hung up.
    if answer.is_empty() {
        sent?;
        heard?;
    }
    read(&answer)
}

async fn send(stream: &mut (impl AsyncWrite + Unpin), mut file: impl AsyncRead + Unpin) -> io::Result<()> {
    stream.write_all(COMMAND).await?;
    // The length stands in the same piece, so that no chunk is two packets.
    let mut piece = vec![0; 4 + CHUNK];
    loop {
        let read = file.read(&mut piece[4..]).await?;
        let length = u32::try_from(read).map_err(io::Error::other)?;
        piece[..4].copy_from_slice(&length.to_be_bytes());
        stream.write_all(&piece[..4 + read]).await?;
        if read == 0 {
            return stream.flush().await;
        }
    }
}

/// Reads an answer: `stream: OK`, `stream: <signature> FOUND`, or what is wrong.
fn read(answer: &[u8]) -> Result<Finding, ScanError> {
    let text = String::from_utf8_lossy(answer);
    let line = text.trim_end_matches(['\0', '\n']).trim();
    let told = line.strip_prefix("stream:").unwrap_or(line).trim();
    if told == "OK" {
        return Ok(Finding::Clean);
    }
    if let Some(name) = told.strip_suffix("FOUND") {
        return Ok(Finding::Infected(shown(name.trim())));
    }
    match line.contains("size limit exceeded") {
        true => Err(ScanError::TooLong),
        false => Err(ScanError::Answered(shown(line))),
    }
}

/// What clamd said, as far as it may stand in an answer or a log.
fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(NAME_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_of_two_forms() {
        assert_eq!("tcp://clamd:3310".parse(), Ok(ClamdAddress::Tcp("clamd:3310".into())));
        assert_eq!("tcp://[::1]:3310".parse(), Ok(ClamdAddress::Tcp("[::1]:3310".into())));
        assert_eq!("unix:/run/clamd.ctl".parse(), Ok(ClamdAddress::Unix("/run/clamd.ctl".into())));
        for bad in ["clamd:3310", "tcp://clamd", "tcp://:3310", "tcp://clamd:0", "tcp://a/b:1", "unix:clamd.ctl", ""] {
            assert_eq!(bad.parse::<ClamdAddress>(), Err(BadClamdAddress), "{bad}");
        }
    }

    #[test]
    fn answers_are_read_as_clamd_writes_them() {
        assert_eq!(read(b"stream: OK\0").unwrap(), Finding::Clean);
        let infected = |name: &str| Finding::Infected(name.to_owned());
        assert_eq!(read(b"stream: Win.Test.EICAR_HDB-1 FOUND\0").unwrap(), infected("Win.Test.EICAR_HDB-1"));
        assert_eq!(read(b"stream: Eicar-Signature FOUND\n").unwrap(), infected("Eicar-Signature"));
        let long = format!("stream: {} FOUND\0", "x\u{1}".repeat(500));
        assert_eq!(read(long.as_bytes()).unwrap(), infected(&"x".repeat(NAME_CHARS)));
        assert!(matches!(read(b"INSTREAM size limit exceeded. ERROR\0"), Err(ScanError::TooLong)));
        assert!(matches!(read(b"UNKNOWN COMMAND\0"), Err(ScanError::Answered(said)) if said == "UNKNOWN COMMAND"));
        // A connection that ends without a word is no clean file.
        assert!(matches!(read(b""), Err(ScanError::Answered(_))));
        assert!(matches!(read(b"stream: OK but"), Err(ScanError::Answered(_))));
    }

    #[tokio::test]
    async fn a_file_goes_in_chunks_behind_their_lengths() {
        let file: Vec<u8> = (0..CHUNK + 5).map(|n| (n % 251) as u8).collect();
        let mut sent = Vec::new();
        send(&mut sent, file.as_slice()).await.unwrap();
        let (mut rest, mut came) = (sent.strip_prefix(COMMAND).unwrap(), Vec::new());
        loop {
            let (length, tail) = rest.split_first_chunk::<4>().unwrap();
            let (chunk, tail) = tail.split_at(u32::from_be_bytes(*length) as usize);
            came.extend_from_slice(chunk);
            rest = tail;
            if chunk.is_empty() {
                break;
            }
        }
        assert!(came == file && rest.is_empty());
    }
}
