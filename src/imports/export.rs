//! A list as a CSV file, piece by piece.

use std::collections::BTreeSet;
use std::io;

use bytes::Bytes;
use futures_util::Stream;
use futures_util::stream::try_unfold;
use wasup_actors::{ListError, Lists, Principal};
use wasup_store::id::ListId;
use wasup_store::records::ListedContact;

use super::contact::guarded;

/// Contacts of a piece.
const PIECE: usize = 1_000;
/// Most columns of fields; where contacts have more, the others are left out.
const FIELDS_MAX: usize = 500;

/// What is exported, and how.
#[derive(Debug, Clone)]
pub struct Exported {
    /// The list.
    pub list: ListId,
    /// Only contacts with this tag.
    pub tag: Option<String>,
    /// The columns of fields; all that any contact has where nobody said which.
    pub fields: Option<Vec<String>>,
    /// What stands between values.
    pub delimiter: char,
    /// Whether the file begins with the mark of UTF-8, which some spreadsheets want.
    pub bom: bool,
}

/// How far it is.
struct Walk {
    lists: Lists,
    principal: Principal,
    of: Exported,
    fields: Vec<String>,
    header: bool,
    after: Option<String>,
    ended: bool,
}

impl Exported {
    /// The file. Contacts that come or go meanwhile are in it or not; the others are in it once.
    ///
    /// # Errors
    /// [`ListError::NotFound`], [`ListError::Store`].
    pub async fn csv(
        self,
        lists: Lists,
        principal: Principal,
    ) -> Result<impl Stream<Item = io::Result<Bytes>> + Send, ListError> {
        lists.get(&principal, self.list).await?;
        let fields = match &self.fields {
            Some(fields) => fields.clone(),
            None => all_fields(&lists, &principal, &self).await?,
        };
        let walk = Walk { lists, principal, of: self, fields, header: true, after: None, ended: false };
        Ok(try_unfold(walk, |walk| async { walk.next().await.map_err(io::Error::other) }))
    }
}

/// Every field that a contact has.
async fn all_fields(lists: &Lists, principal: &Principal, of: &Exported) -> Result<Vec<String>, ListError> {
    let (mut names, mut after) = (BTreeSet::new(), None::<String>);
    loop {
        let page = lists.contacts(principal, of.list, of.tag.as_deref(), after.as_deref(), PIECE).await?;
        for name in page.iter().flat_map(|one| one.fields.keys()) {
            if names.len() < FIELDS_MAX && !names.contains(name) {
                names.insert(name.clone());
            }
        }
        match page.last() {
            Some(last) if page.len() == PIECE => after = Some(last.number.clone()),
            _ => return Ok(names.into_iter().collect()),
        }
    }
}

impl Walk {
    async fn next(mut self) -> Result<Option<(Bytes, Self)>, ListError> {
        if self.ended {
            return Ok(None);
        }
        let mut out = String::new();
        if std::mem::take(&mut self.header) {
            if self.of.bom {
                out.push('\u{feff}');
            }
            let names = ["number", "name", "tags"].into_iter().chain(self.fields.iter().map(String::as_str));
            csv_row(&mut out, self.of.delimiter, names);
        }
        let (tag, after) = (self.of.tag.as_deref(), self.after.as_deref());
        let page = self.lists.contacts(&self.principal, self.of.list, tag, after, PIECE).await?;
        page.iter().for_each(|one| self.row(&mut out, one));
        self.ended = page.len() < PIECE;
        self.after = page.last().map(|last| last.number.clone()).or(self.after);
        Ok(Some((out.into(), self)))
    }

    fn row(&self, out: &mut String, contact: &ListedContact) {
        let tags = contact.tags.iter().map(String::as_str).collect::<Vec<_>>().join(";");
        let known = [contact.number.as_str(), contact.name.as_deref().unwrap_or_default(), &tags];
        let fields = self.fields.iter().map(|name| contact.fields.get(name).map_or("", String::as_str));
        csv_row(out, self.of.delimiter, known.into_iter().chain(fields));
    }
}

/// Writes a row of cells, each of which is quoted where it has to be, and never run by a spreadsheet.
pub(crate) fn csv_row<'a>(out: &mut String, delimiter: char, cells: impl Iterator<Item = &'a str>) {
    for (at, text) in cells.enumerate() {
        if at > 0 {
            out.push(delimiter);
        }
        cell(out, delimiter, text);
    }
    out.push_str("\r\n");
}

fn cell(out: &mut String, delimiter: char, text: &str) {
    let text = guarded(text);
    let is_plain = !text.contains([delimiter, '"', '\r', '\n']) && text.trim() == text;
    match is_plain {
        true => out.push_str(&text),
        false => {
            out.push('"');
            out.push_str(&text.replace('"', "\"\""));
            out.push('"');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_where_they_must_and_never_run() {
        for (text, expected) in [
            ("plain", "plain"),
            ("a;b", "\"a;b\""),
            ("a,b", "a,b"),
            ("say \"x\"", "\"say \"\"x\"\"\""),
            ("two\nlines", "\"two\nlines\""),
            ("=1+1", "'=1+1"),
            ("+62", "'+62"),
            ("-1", "'-1"),
            ("@x", "'@x"),
            ("\tx", "'\tx"),
            ("\rx", "\"'\rx\""),
            ("'=x", "''=x"),
            ("'tis", "'tis"),
            ("", ""),
        ] {
            let mut out = String::new();
            cell(&mut out, ';', text);
            assert_eq!(out, expected, "{text:?}");
            assert_eq!(super::super::contact::unguarded(&guarded(text)), text);
        }
    }
}
