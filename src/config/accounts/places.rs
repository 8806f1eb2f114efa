//! Where things stand in an accounts file: what is wrong is told with its line.

use std::fmt;
use std::ops::Range;

/// The lines of an accounts file, each account with its own.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Places {
    lines: Vec<String>,
    /// Where each `[[account]]` begins; lines from 0.
    accounts: Vec<usize>,
}

/// The file holds secrets.
impl fmt::Debug for Places {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Places").field("accounts", &self.accounts.len()).finish_non_exhaustive()
    }
}

impl Places {
    /// The places of a file.
    #[must_use]
    pub(super) fn of(text: &str) -> Self {
        let lines: Vec<String> = text.lines().map(|line| line.trim().to_owned()).collect();
        let begins = |(_, line): &(usize, &String)| line.starts_with("[[account]]");
        let accounts = lines.iter().enumerate().filter(begins).map(|(at, _)| at).collect();
        Self { lines, accounts }
    }

    /// The line, from 1, of a setting of the account that stands there as the how manieth, from 0; that of its id, or of its
    /// beginning, where the setting is not found.
    #[must_use]
    pub fn of_account(&self, nth: usize, field: &str) -> usize {
        self.find(self.block(nth), field)
    }

    /// The line, from 1, of a webhook with a name: of an account, or of every one.
    #[must_use]
    pub fn of_webhook(&self, name: Option<(Option<usize>, &str)>) -> usize {
        let Some((nth, name)) = name else { return self.last("[[webhook]]", 0..self.lines.len()).unwrap_or(1) };
        let block = nth.map_or(0..self.lines.len(), |nth| self.block(nth));
        let begin = block.start + 1;
        self.last(&format!("\"{name}\""), block).unwrap_or(begin)
    }

    fn block(&self, nth: usize) -> Range<usize> {
        let Some(begin) = self.accounts.get(nth).copied() else { return 0..self.lines.len() };
        begin..self.accounts.get(nth + 1).copied().unwrap_or(self.lines.len())
    }

    fn last(&self, part: &str, block: Range<usize>) -> Option<usize> {
        let begin = block.start;
        self.lines[block].iter().rposition(|line| line.contains(part)).map(|at| begin + at + 1)
    }

    fn find(&self, block: Range<usize>, field: &str) -> usize {
        let (begin, lines) = (block.start, &self.lines[block]);
        let last = field.rsplit('.').next().unwrap_or(field);
        let first = field.split('.').next().unwrap_or(field);
        let sets = |key: &str| lines.iter().position(|line| assigns(line, key));
        // A table of its own, as [account.pacing], has the name in its head.
        let heads = |key: &str| lines.iter().position(|line| line.starts_with('[') && line.contains(key));
        let found = sets(last).or_else(|| sets(first)).or_else(|| heads(first)).or_else(|| sets("id"));
        begin + found.unwrap_or(0) + 1
    }
}

/// Whether a line gives a key a value.
fn assigns(line: &str, key: &str) -> bool {
    line.match_indices(key).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let free = before.is_none_or(|c| !c.is_alphanumeric() && c != '_' && c != '-' && c != '"');
        free && line[at + key.len()..].trim_start().starts_with('=')
    })
}

/// What is wrong, with the key before a value that is of a wrong kind.
pub(super) fn named(text: &str, span: Option<Range<usize>>, what: &str) -> String {
    let before = span.and_then(|span| text.get(..span.start)).unwrap_or_default();
    let key = before.trim_end().strip_suffix('=').map(|rest| {
        let rest = rest.trim_end();
        let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
        &rest[rest.rfind(|c| !plain(c)).map_or(0, |at| at + 1)..]
    });
    match key {
        Some(key) if !key.is_empty() && !what.contains(key) => format!("{key}: {what}"),
        _ => what.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_found_in_the_block_of_their_account() {
        let places = Places::of(
            "[[account]]\nid = \"a\"\nname = \"a\"\n[account.pacing]\ngap = { min = \"1s\" }\n\n[[account]]\nid = \"b\"\n\
             [[account.webhooks]]\nname = \"crm\"\nurl = \"x\"\n",
        );
        for (nth, field, line) in
            [(0, "id", 2), (0, "name", 3), (0, "pacing.gap.min", 5), (0, "pacing", 4), (1, "id", 8), (1, "proxy", 8)]
        {
            assert_eq!(places.of_account(nth, field), line, "{nth} {field}");
        }
        assert_eq!(places.of_webhook(Some((Some(1), "crm"))), 10);
        assert_eq!(places.of_webhook(Some((Some(0), "crm"))), 1);
        assert!(!format!("{places:?}").contains("crm"));
    }
}
