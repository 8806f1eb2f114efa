//! What the media host keeps: files by their path, uploads that broke off, who may upload.

use super::blob::{Blob, Draft};
use super::fault::MediaFaults;
use super::{Certificate, Forgotten, KINDS, PICTURES};
use crate::lock::hold;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Mutex;
use tokio::time::Instant;

/// How long an auth is good.
const AUTH_LIFE: std::time::Duration = std::time::Duration::from_secs(3_600);

/// Most auths, unfinished uploads and bytes kept; the oldest go first.
const MOST_GRANTS: usize = 8_192;
const MOST_DRAFTS: usize = 64;

/// Who was given an auth.
#[derive(Clone)]
pub(crate) struct Grant {
    pub(crate) number: String,
    pub(crate) device: u16,
    until: Instant,
}

impl Grant {
    pub(super) fn is_over(&self) -> bool {
        Instant::now() >= self.until
    }
}

/// A file on the host.
#[derive(Clone)]
pub(crate) struct Hosted {
    pub(crate) token: String,
    /// The hash in its path, without which it is not handed out.
    pub(super) oh: String,
    pub(super) body: Blob,
    pub(super) forgotten: Option<Forgotten>,
    folder: &'static str,
}

#[derive(Default)]
struct Kept {
    files: BTreeMap<u64, Hosted>,
    bytes: u64,
    next: u64,
    drafts: VecDeque<(String, Draft)>,
    grants: HashMap<String, Grant>,
    grant_order: VecDeque<String>,
}

/// The media host's state. It lives as long as the network.
pub(crate) struct MediaHost {
    pub(crate) address: SocketAddr,
    pub(crate) certificate: Certificate,
    pub(super) faults: MediaFaults,
    most_bytes: u64,
    kept: Mutex<Kept>,
}

impl MediaHost {
    pub(crate) fn new(address: SocketAddr, certificate: Certificate, most_bytes: u64) -> Self {
        Self { address, certificate, faults: MediaFaults::default(), most_bytes, kept: Mutex::default() }
    }

    /// An auth for a device.
    pub(crate) fn grant(&self, number: &str, device: u16) -> String {
        let auth = format!("sandbox{}", data_encoding::BASE64URL_NOPAD.encode(&rand::random::<[u8; 18]>()));
        let grant = Grant { number: number.to_owned(), device, until: Instant::now() + AUTH_LIFE };
        let mut kept = hold(&self.kept);
        kept.grants.insert(auth.clone(), grant);
        kept.grant_order.push_back(auth.clone());
        if kept.grant_order.len() > MOST_GRANTS
            && let Some(oldest) = kept.grant_order.pop_front()
        {
            kept.grants.remove(&oldest);
        }
        auth
    }

    /// Takes back every auth: uploads with one are refused until the client asks for another.
    pub(crate) fn revoke_grants(&self) {
        let mut kept = hold(&self.kept);
        kept.grants.clear();
        kept.grant_order.clear();
    }

    pub(super) fn granted(&self, auth: &str) -> Option<Grant> {
        hold(&self.kept).grants.get(auth).filter(|grant| !grant.is_over()).cloned()
    }

    /// Keeps a file whose hash was checked. Returns its direct path.
    pub(crate) fn keep(&self, kind: &str, token: &str, body: Blob) -> Option<String> {
        let (_, folder) = KINDS.iter().find(|(known, _)| *known == kind)?;
        let oh = data_encoding::BASE64URL_NOPAD.encode(&rand::random::<[u8; 24]>());
        let hosted = Hosted { token: token.to_owned(), oh, body, forgotten: None, folder };
        Some(hold(&self.kept).enter(hosted, self.most_bytes))
    }

    /// Hosts a picture of somebody. Returns its direct path.
    pub(crate) fn keep_picture(&self, bytes: &[u8]) -> Option<String> {
        let mut draft = Draft::new();
        draft.push(bytes).ok()?;
        let oh = data_encoding::BASE64URL_NOPAD.encode(&rand::random::<[u8; 24]>());
        let body = draft.finish().0;
        let hosted = Hosted { token: String::new(), oh, body, forgotten: None, folder: PICTURES };
        Some(hold(&self.kept).enter(hosted, self.most_bytes))
    }

    /// Hosts bytes of a phone, which is in this process.
    pub(crate) fn keep_bytes(&self, kind: &str, token: &str, bytes: &[u8]) -> Option<String> {
        let mut draft = Draft::new();
        draft.push(bytes).ok()?;
        self.keep(kind, token, draft.finish().0)
    }

    /// The file with this path, forgotten or not.
    pub(crate) fn find(&self, direct_path: &str) -> Option<Hosted> {
        let number = number_of(direct_path)?;
        hold(&self.kept).files.get(&number).cloned()
    }

    /// All bytes of a file that is not forgotten.
    pub(crate) fn read(&self, direct_path: &str) -> Option<Vec<u8>> {
        let hosted = self.find(direct_path).filter(|hosted| hosted.forgotten.is_none())?;
        hosted.body.read(0, usize::MAX).ok().map(Vec::from)
    }

    /// A finished upload of these bytes, for a client that asks before it sends them again.
    pub(super) fn path_of(&self, token: &str) -> Option<String> {
        let kept = hold(&self.kept);
        let found = kept.files.iter().rev().find(|(_, file)| file.token == token && file.forgotten.is_none());
        found.map(|(number, file)| file.direct_path(*number))
    }

    /// What of an upload is there.
    pub(super) fn drafted(&self, token: &str) -> u64 {
        let kept = hold(&self.kept);
        kept.drafts.iter().find(|(held, _)| held == token).map_or(0, |(_, draft)| draft.len())
    }

    pub(super) fn take_draft(&self, token: &str) -> Option<Draft> {
        let mut kept = hold(&self.kept);
        let at = kept.drafts.iter().position(|(held, _)| held == token)?;
        kept.drafts.remove(at).map(|(_, draft)| draft)
    }

    pub(super) fn put_draft(&self, token: &str, draft: Draft) {
        let mut kept = hold(&self.kept);
        kept.drafts.push_back((token.to_owned(), draft));
        if kept.drafts.len() > MOST_DRAFTS {
            kept.drafts.pop_front();
        }
    }

    /// Forgets every file, as the real network does after some weeks; phones can bring them again.
    pub(crate) fn forget_all(&self, how: Forgotten) -> usize {
        let mut kept = hold(&self.kept);
        kept.files.values_mut().for_each(|file| file.forgotten = Some(how));
        kept.files.len()
    }

    /// A phone brings a forgotten file again, under another path.
    pub(crate) fn bring_again(&self, direct_path: &str) -> Option<String> {
        let file = self.find(direct_path)?;
        let oh = data_encoding::BASE64URL_NOPAD.encode(&rand::random::<[u8; 24]>());
        Some(hold(&self.kept).enter(Hosted { forgotten: None, oh, ..file }, self.most_bytes))
    }

    pub(crate) fn count(&self) -> usize {
        hold(&self.kept).files.len()
    }

    pub(crate) fn arm(&self, fault: super::MediaFault, count: u32) {
        self.faults.arm(fault, count);
    }

    pub(crate) fn heal(&self) {
        self.faults.heal();
    }
}

impl Kept {
    fn enter(&mut self, hosted: Hosted, most_bytes: u64) -> String {
        self.next += 1;
        let number = self.next;
        self.bytes += hosted.body.len();
        let path = hosted.direct_path(number);
        self.files.insert(number, hosted);
        while self.bytes > most_bytes && self.files.len() > 1 {
            if let Some((_, oldest)) = self.files.pop_first() {
                self.bytes -= oldest.body.len();
            }
        }
        path
    }
}

impl Hosted {
    /// A picture of a human or a group, which everybody can look at who has its path.
    pub(super) fn is_picture(&self) -> bool {
        self.folder == PICTURES
    }

    /// The last parameter is of no use: clients append their own behind a second question mark.
    fn direct_path(&self, number: u64) -> String {
        let ending = if self.is_picture() { "jpg" } else { "enc" };
        format!("/v/{}/{number}_n.{ending}?ccb=11-4&oh={}&_nc_sid=5e03e5", self.folder, self.oh)
    }
}

/// The number in `/v/{folder}/{number}_n.enc…`, or `_n.jpg` of a picture.
pub(super) fn number_of(path: &str) -> Option<u64> {
    let path = path.split(['?', '&']).next()?;
    let name = path.rsplit('/').next()?;
    name.strip_suffix("_n.enc").or_else(|| name.strip_suffix("_n.jpg"))?.parse().ok()
}

/// A parameter of a query, however often the client wrote a question mark.
pub(super) fn parameter<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    let pairs = query.split(['?', '&']).filter_map(|pair| pair.split_once('='));
    pairs.into_iter().find(|(key, _)| *key == name).map(|(_, value)| value)
}
