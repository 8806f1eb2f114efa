//! Words to search for: split where Unicode has no letter or digit, in lower case; the last may be the beginning of one.

/// Most words of a question; more are left out.
const WORDS_MAX: usize = 16;

/// Words that a message must all have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    whole: Vec<String>,
    begun: Option<String>,
}

fn split(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase)
}

impl Words {
    /// The words of a question; `None` where it has none. A last word with nothing behind it may go on in the message.
    #[must_use]
    pub fn of(question: &str) -> Option<Self> {
        let mut whole: Vec<String> = split(question).take(WORDS_MAX).collect();
        let open = question.chars().next_back().is_some_and(char::is_alphanumeric);
        let begun = if open { whole.pop() } else { None };
        (begun.is_some() || !whole.is_empty()).then_some(Self { whole, begun })
    }

    /// Whether a text has them all.
    #[must_use]
    pub fn are_in(&self, text: &str) -> bool {
        let words: Vec<String> = split(text).collect();
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
            ("заказ", "Ваш Заказ №5", true),
            ("ann@example", "write to Ann@Example.com", true),
            ("missing", "", false),
        ] {
            assert_eq!(Words::of(question).unwrap().are_in(text), expected, "{question}");
        }
        for none in ["", " … ", "!?"] {
            assert_eq!(Words::of(none), None);
        }
    }
}
