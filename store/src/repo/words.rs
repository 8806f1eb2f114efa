//! Words to search for: compatible forms made one (NFKC), in lower case, split where Unicode has no letter, digit or mark.
//! Scripts that set no spaces between words give a word for each character. The last word of a question may be the
//! beginning of one.

use std::borrow::Cow;
use std::collections::BTreeSet;

use icu_normalizer::ComposingNormalizerBorrowed;
use icu_properties::CodePointMapData;
use icu_properties::props::GeneralCategory;

/// Most words of a question; more are left out.
const WORDS_MAX: usize = 16;
/// Most characters of a word, and most bytes; longer ones are cut, here and there.
const CHARS_MAX: usize = 32;
const BYTES_MAX: usize = 64;
/// Most different words of a message that are found by the index.
pub(super) const TERMS_MAX: usize = 64;

/// Words that a message must all have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    pub(super) whole: Vec<String>,
    pub(super) begun: Option<String>,
}

fn is_mark(c: char) -> bool {
    let category = CodePointMapData::<GeneralCategory>::new().get(c);
    matches!(category, GeneralCategory::NonspacingMark | GeneralCategory::SpacingMark | GeneralCategory::EnclosingMark)
}

/// Whether it is a word by itself: ideographs, kana, and the scripts of Thailand, Laos, Myanmar and Cambodia.
const fn stands_alone(c: char) -> bool {
    matches!(c, '\u{0E00}'..='\u{0EFF}' | '\u{1000}'..='\u{109F}' | '\u{1780}'..='\u{17FF}'
        | '\u{3040}'..='\u{30FF}' | '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}'
        | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..='\u{3FFFF}')
}

fn lower(text: &str) -> String {
    let normal: Cow<'_, str> = ComposingNormalizerBorrowed::new_nfkc().normalize(text);
    let mut folded = String::with_capacity(normal.len());
    for c in normal.chars().flat_map(char::to_lowercase) {
        match c {
            'ß' => folded.push_str("ss"),
            'ς' => folded.push('σ'),
            c => folded.push(c),
        }
    }
    folded
}

/// Cuts a word that is too long.
fn push(words: &mut Vec<String>, word: &mut String) {
    if word.is_empty() {
        return;
    }
    let mut cut = std::mem::take(word);
    if let Some((end, _)) = cut.char_indices().find(|(at, c)| at + c.len_utf8() > BYTES_MAX) {
        cut.truncate(end);
    }
    if let Some((end, _)) = cut.char_indices().nth(CHARS_MAX) {
        cut.truncate(end);
    }
    words.push(cut);
}

fn split(text: &str) -> Vec<String> {
    let (mut words, mut word) = (Vec::new(), String::new());
    for c in lower(text).chars() {
        if stands_alone(c) && c.is_alphabetic() {
            push(&mut words, &mut word);
            words.push(c.to_string());
        } else if c.is_alphanumeric() || (is_mark(c) && !word.is_empty()) {
            word.push(c);
        } else if !is_mark(c) {
            push(&mut words, &mut word);
        }
    }
    push(&mut words, &mut word);
    words
}

/// The words by which a text is found.
pub(super) fn terms(text: &str) -> BTreeSet<String> {
    let mut terms = BTreeSet::new();
    for word in split(text) {
        terms.insert(word);
        if terms.len() == TERMS_MAX {
            break;
        }
    }
    terms
}

impl Words {
    /// The words of a question; `None` where it has none. A last word with nothing behind it may go on in the message.
    #[must_use]
    pub fn of(question: &str) -> Option<Self> {
        let mut whole = split(question);
        whole.truncate(WORDS_MAX);
        let open = question.chars().next_back().is_some_and(|c| c.is_alphanumeric() || is_mark(c));
        let begun = if open { whole.pop() } else { None };
        (begun.is_some() || !whole.is_empty()).then_some(Self { whole, begun })
    }

    /// Whether a text has them all.
    #[must_use]
    pub fn are_in(&self, text: &str) -> bool {
        let words = split(text);
        self.whole.iter().all(|wanted| words.contains(wanted))
            && self.begun.as_ref().is_none_or(|begun| words.iter().any(|word| word.starts_with(begun.as_str())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_words_must_be_there_and_the_last_may_be_begun() {
        for (question, text, expected) in [
            ("order 42", "Your ORDER: 42, thanks", true),
            ("thank", "Your order, thanks", true),
            ("thank ", "Your order, thanks", false),
            ("ord thanks", "Your order, thanks", false),
            ("ÜBER straße", "über die Straße", true),
            ("STRASSE", "über die Straße", true),
            ("заказ", "Ваш Заказ №5", true),
            ("ΟΔΟΣ", "στην οδός", false),
            ("οδός ", "στην ΟΔΌΣ 5", true),
            ("ann@example", "write to Ann@Example.com", true),
            ("e\u{301}te", "\u{c9}T\u{c9}", false),
            ("e\u{301}te\u{301}", "\u{c9}T\u{c9}", true),
            ("office", "the \u{fb01}le in the O\u{fb03}ce", true),
            ("ＡＢＣ１２", "abc12", true),
            ("订单", "您的订单已发货", true),
            ("货单", "您的订单已发货", true),
            ("订购", "您的订单已发货", false),
            ("हिन्दी", "यह हिन्दी है", true),
            ("हन्दी", "यह हिन्दी है", false),
            ("missing", "", false),
        ] {
            assert_eq!(Words::of(question).unwrap().are_in(text), expected, "{question}");
        }
        for none in ["", " … ", "!?", "\u{301}"] {
            assert_eq!(Words::of(none), None);
        }
    }

    #[test]
    fn terms_are_bounded() {
        let long = "ж".repeat(500);
        assert_eq!(terms(&long).first().unwrap().len(), 64);
        assert!(Words::of(&long).unwrap().are_in(&long));
        let many: String = (0..1_000).map(|n| format!("word{n} ")).collect();
        assert_eq!(terms(&many).len(), TERMS_MAX);
        assert_eq!(terms(&"a".repeat(500)).first().unwrap().len(), 32);
    }
}
