//! `[media]`: files, what is taken, how long they are kept, when they are fetched.

use serde::{Deserialize, Serialize};

use super::check::Checks;
use super::units::{Size, Span};
use crate::media::{BadClamdAddress, ClamdAddress, KindRule, MediaKind, MediaRules, Unscanned};

/// Files. Keys and limits: `config/default.toml`.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct MediaConfig {
    /// How long a file is kept after its last use.
    pub keep: Span,
    /// Bytes of all kept files.
    pub max_bytes: Size,
    /// Most bytes of any file.
    pub max_size: Size,
    /// Most bytes of a file that comes as base64 in a request.
    pub base64_max: Size,
    /// Longest time that a file at an address may take.
    pub fetch_timeout: Span,
    /// Kinds of received files that are fetched at once.
    pub auto_download: Vec<String>,
    /// Largest received file that is fetched at once.
    pub auto_download_max: Size,
    /// Most bytes of a file that stands in an event.
    pub event_base64_max: Size,
    /// Most bytes of a file that an answer to a webhook brings in base64.
    pub reply_base64_max: Size,
    /// How long links to files in events work.
    pub link_life: Span,
    /// Most millions of pixels of a picture of which a small one is made.
    pub thumbnail_megapixels: u32,
    /// Where clamd listens; empty for none.
    pub clamd: String,
    /// Longest time that the scan of a file may take.
    pub clamd_timeout: Span,
    /// What becomes of files while clamd can't be asked.
    pub clamd_down: ClamdDown,
    /// Pictures.
    pub image: KindConfig,
    /// Films.
    pub video: KindConfig,
    /// Films without sound that play by themselves.
    pub gif: KindConfig,
    /// Sound as a file.
    pub audio: KindConfig,
    /// Sound spoken for the chat.
    pub voice: KindConfig,
    /// Any file.
    pub document: KindConfig,
    /// Stickers.
    pub sticker: KindConfig,
}

/// What becomes of files while clamd can't be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ClamdDown {
    /// They are refused.
    Refuse,
    /// They are kept.
    Keep,
}

impl From<ClamdDown> for Unscanned {
    fn from(word: ClamdDown) -> Self {
        match word {
            ClamdDown::Refuse => Self::Refused,
            ClamdDown::Keep => Self::Kept,
        }
    }
}

/// What is taken as one kind.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct KindConfig {
    /// Most bytes.
    pub max_size: Size,
    /// Types; `image/*` is every picture, `*/*` everything.
    pub types: Vec<String>,
}

/// Words of `auto_download` beside the kinds.
const ALL: &str = "all";

impl MediaConfig {
    pub(super) fn check(&self, checks: &mut Checks) {
        checks.between("media.keep", self.keep, Span::secs(60), Span::secs(10 * 365 * 86_400));
        checks.between("media.max_bytes", self.max_bytes, Size::mib(1), Size::mib(1 << 30));
        checks.between("media.max_size", self.max_size, Size::kib(1), Size::mib(2_048));
        checks.between("media.base64_max", self.base64_max, Size::kib(1), Size::mib(64));
        checks.between("media.fetch_timeout", self.fetch_timeout, Span::secs(1), Span::secs(3_600));
        checks.between("media.auto_download_max", self.auto_download_max, Size::kib(1), Size::mib(2_048));
        checks.between("media.event_base64_max", self.event_base64_max, Size::kib(1), Size::mib(64));
        checks.between("media.reply_base64_max", self.reply_base64_max, Size::kib(1), Size::mib(64));
        checks.between("media.link_life", self.link_life, Span::secs(60), Span::secs(30 * 86_400));
        checks.between("media.thumbnail_megapixels", self.thumbnail_megapixels, 0, 100);
        checks.between("media.clamd_timeout", self.clamd_timeout, Span::secs(1), Span::secs(3_600));
        if let Err(bad) = self.clamd_address() {
            checks.refuse("media.clamd", bad.to_string());
        }
        for word in &self.auto_download {
            if word != ALL && word != "video_note" && !MediaKind::ALL.iter().any(|kind| kind.as_str() == word) {
                checks.refuse("media.auto_download", format!("{word:?} is no kind of file, and not \"all\""));
            }
        }
        for (key, kind) in self.kinds() {
            if kind.types.iter().any(|text| text.split_once('/').is_none()) {
                checks.refuse(key, "types have the form \"image/png\", \"image/*\" or \"*/*\"");
            }
        }
        if self.link_life > self.keep {
            checks.warn("media.link_life", "is longer than media.keep: a link may outlive its file");
        }
    }

    /// Where clamd listens; `None` where files are not scanned.
    ///
    /// # Errors
    /// [`BadClamdAddress`].
    pub fn clamd_address(&self) -> Result<Option<ClamdAddress>, BadClamdAddress> {
        if self.clamd.is_empty() { Ok(None) } else { self.clamd.parse().map(Some) }
    }

    const fn kinds(&self) -> [(&'static str, &KindConfig); 7] {
        [
            ("media.image.types", &self.image),
            ("media.video.types", &self.video),
            ("media.gif.types", &self.gif),
            ("media.audio.types", &self.audio),
            ("media.voice.types", &self.voice),
            ("media.document.types", &self.document),
            ("media.sticker.types", &self.sticker),
        ]
    }

    /// Which files are taken.
    #[must_use]
    pub fn rules(&self) -> MediaRules {
        let rule = |(_, kind): (&str, &KindConfig)| KindRule { max: kind.max_size.0, types: kind.types.clone() };
        MediaRules {
            max: self.max_size.0,
            kinds: self.kinds().map(rule),
            thumbnail_pixels: u64::from(self.thumbnail_megapixels) * 1_000_000,
        }
    }

    /// Whether a received file of this kind is fetched at once.
    #[must_use]
    pub fn fetches(&self, kind: &str) -> bool {
        self.auto_download.iter().any(|word| word == ALL || word == kind)
    }
}
