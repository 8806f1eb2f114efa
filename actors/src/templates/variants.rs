//! Variants: of `{Hi|Hello|Good day}` each contact gets one. They become conditions of the template language before it is
//! compiled, so that every variant is looked at for mistakes, may hold places of its own, and nothing that stands in a
//! contact is ever read as one.
//!
//! On the way the tags are looked at: those that could make a small template fill the memory are refused. What is left can
//! only print, ask and go through what a contact has.

use super::render::BadTemplate;

/// The name under which the choices stand.
pub(super) const CHOICES: &str = "__choices";

/// Tags that a template may have.
const TAGS: [&str; 8] = ["if", "elif", "else", "endif", "for", "endfor", "raw", "endraw"];

/// Filters that there are.
pub(super) const FILTERS: [&str; 16] = [
    "upper",
    "lower",
    "title",
    "capitalize",
    "trim",
    "length",
    "first",
    "last",
    "int",
    "float",
    "round",
    "default",
    "d",
    "join",
    "replace",
    "word",
];

/// Most operators that put texts together, of a template.
const JOINS_MAX: usize = 100;

/// Most choices of a template.
const CHOICES_MAX: usize = 200;

/// A template with conditions in the place of its variants.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Spun {
    pub(super) source: String,
    /// How many variants each choice has.
    pub(super) choices: Vec<usize>,
}

/// Turns variants into conditions.
pub(super) fn spin(body: &str) -> Result<Spun, BadTemplate> {
    let mut spinner = Spinner { body, out: String::with_capacity(body.len()), choices: Vec::new(), joins: 0 };
    spinner.text(0, body.len())?;
    Ok(Spun { source: spinner.out, choices: spinner.choices })
}

struct Spinner<'a> {
    body: &'a str,
    out: String,
    choices: Vec<usize>,
    joins: usize,
}

impl Spinner<'_> {
    fn bad(&self, at: usize, reason: impl Into<String>) -> BadTemplate {
        let line = self.body[..at].matches('\n').count() + 1;
        BadTemplate { line, reason: reason.into() }
    }

    /// Takes over the text between two places.
    fn text(&mut self, from: usize, to: usize) -> Result<(), BadTemplate> {
        let mut at = from;
        while at < to {
            let rest = &self.body[at..to];
            let Some(brace) = rest.find('{') else {
                self.out.push_str(rest);
                return Ok(());
            };
            self.out.push_str(&rest[..brace]);
            at += brace;
            at = match self.body.as_bytes().get(at + 1) {
                // `{{{name}}|you}`: a variant that begins with a place.
                Some(b'{') if self.body[at..to].starts_with("{{{") => match self.group(at, to)? {
                    Some(end) => end,
                    None => self.tag(at, to)?,
                },
                Some(b'{' | b'%' | b'#') => self.tag(at, to)?,
                _ => match self.group(at, to)? {
                    Some(end) => end,
                    None => {
                        self.out.push('{');
                        at + 1
                    }
                },
            };
        }
        Ok(())
    }

    /// Takes over a place, tag or comment; where it ends.
    fn tag(&mut self, at: usize, to: usize) -> Result<usize, BadTemplate> {
        let end = self.tag_end(at, to)?;
        let tag = &self.body[at..end];
        self.out.push_str(tag);
        if tag.starts_with("{#") {
            return Ok(end);
        }
        let inside = tag[2..tag.len() - 2].trim_matches(['-', '+']).trim();
        self.looked_at(at, inside)?;
        if !tag.starts_with("{%") {
            return Ok(end);
        }
        let word = inside.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default();
        if !TAGS.contains(&word) {
            return Err(
                self.bad(at, format!("{{% {word} %}} is no tag of templates; there are if, elif, else, for, raw"))
            );
        }
        if word == "for" && !goes_through_a_name(inside) {
            return Err(self.bad(at, "a for goes through what a contact has: {% for tag in tags %}"));
        }
        if word == "raw" {
            // Up to its end nothing means anything.
            let close = self.body[end..to].find("endraw").map(|found| end + found);
            let close = close.and_then(|found| self.body[..found].rfind("{%"));
            let Some(close) = close.filter(|close| *close >= end) else {
                return Err(self.bad(at, "{% raw %} has no {% endraw %}"));
            };
            self.out.push_str(&self.body[end..close]);
            return Ok(close);
        }
        Ok(end)
    }

    /// What an expression may not have.
    fn looked_at(&mut self, at: usize, inside: &str) -> Result<(), BadTemplate> {
        let mut quote = None;
        for (place, c) in inside.char_indices() {
            match (quote, c) {
                (None, '\'' | '"') => quote = Some(c),
                (Some(open), c) if open == c => quote = None,
                (None, '|') => {
                    let after = inside[place + 1..].trim_start();
                    let filter = after.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default();
                    if !FILTERS.contains(&filter) {
                        return Err(
                            self.bad(at, format!("there is no filter {filter:?}; there are {}", FILTERS.join(", ")))
                        );
                    }
                }
                (None, '*') => return Err(self.bad(at, "templates can't multiply")),
                (None, '~' | '+') => self.joins += 1,
                _ => {}
            }
        }
        if self.joins > JOINS_MAX {
            return Err(self.bad(at, format!("a template has at most {JOINS_MAX} + and ~")));
        }
        Ok(())
    }

    /// The end of the place, tag or comment that begins here.
    fn tag_end(&self, at: usize, to: usize) -> Result<usize, BadTemplate> {
        let (close, what) = match self.body.as_bytes()[at + 1] {
            b'{' => ("}}", "{{"),
            b'%' => ("%}", "{%"),
            _ => ("#}", "{#"),
        };
        let (mut quote, mut place) = (None, at + 2);
        for c in self.body[at + 2..to].chars() {
            match (quote, c) {
                (None, '\'' | '"') if what != "{#" => quote = Some(c),
                (Some(open), c) if open == c => quote = None,
                (None, _) if self.body[place..to].starts_with(close) => return Ok(place + 2),
                _ => {}
            }
            place += c.len_utf8();
        }
        Err(self.bad(at, format!("{what} is not closed")))
    }

    /// Takes over variants, where some begin here; where they end.
    fn group(&mut self, at: usize, to: usize) -> Result<Option<usize>, BadTemplate> {
        let Some((bars, end)) = self.bars(at, to)? else { return Ok(None) };
        if bars.is_empty() {
            return Ok(None);
        }
        if self.choices.len() >= CHOICES_MAX {
            return Err(self.bad(at, format!("a template has at most {CHOICES_MAX} groups of variants")));
        }
        let n = self.choices.len();
        self.choices.push(bars.len() + 1);
        let starts = std::iter::once(at + 1).chain(bars.iter().map(|bar| bar + 1));
        let ends = bars.iter().copied().chain([end]);
        for (k, (from, to)) in starts.zip(ends).enumerate() {
            let word = if k == 0 { "if" } else { "elif" };
            self.out.push_str(&format!("{{% {word} {CHOICES}[{n}] == {k} %}}"));
            self.text(from, to)?;
        }
        self.out.push_str("{% endif %}");
        Ok(Some(end + 1))
    }

    /// The bars between the variants that begin here, and the brace that closes them; `None` where nothing closes them.
    fn bars(&self, at: usize, to: usize) -> Result<Option<(Vec<usize>, usize)>, BadTemplate> {
        let bytes = self.body.as_bytes();
        let (mut bars, mut depth, mut place) = (Vec::new(), 0_usize, at + 1);
        while place < to {
            match bytes[place] {
                b'{' if matches!(bytes.get(place + 1), Some(b'{' | b'%' | b'#')) && place + 1 < to => {
                    place = self.tag_end(place, to)?;
                    continue;
                }
                b'{' => depth += 1,
                b'}' if depth == 0 => return Ok(Some((bars, place))),
                b'}' => depth -= 1,
                b'|' if depth == 0 => bars.push(place),
                _ => {}
            }
            place += 1;
        }
        Ok(None)
    }
}

/// `for x in name`, or `name.part`: nothing that is made on the way.
fn goes_through_a_name(inside: &str) -> bool {
    let plain = |c: char| c.is_alphanumeric() || "_.,".contains(c);
    let Some((names, of)) = inside.trim_start_matches("for").split_once(" in ") else { return false };
    names.chars().all(|c| plain(c) || c == ' ') && of.trim().chars().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spun(body: &str) -> (String, Vec<usize>) {
        let Spun { source, choices } = spin(body).unwrap_or_else(|bad| panic!("{body}: {bad}"));
        (source.replace(CHOICES, "c"), choices)
    }

    #[test]
    fn variants_become_conditions_and_nothing_else_does() {
        for (body, source, choices) in [
            ("no braces", "no braces", vec![]),
            ("{a|b}", "{% if c[0] == 0 %}a{% elif c[0] == 1 %}b{% endif %}", vec![2]),
            ("{a|}", "{% if c[0] == 0 %}a{% elif c[0] == 1 %}{% endif %}", vec![2]),
            ("a { b } c", "a { b } c", vec![]),
            ("a { b | c", "a { b | c", vec![]),
            ("{{ name|upper }}", "{{ name|upper }}", vec![]),
            ("{{ '}}{a|b}' }}", "{{ '}}{a|b}' }}", vec![]),
            ("{# {a|b} #}", "{# {a|b} #}", vec![]),
            ("{% raw %}{a|b}{% endraw %}", "{% raw %}{a|b}{% endraw %}", vec![]),
            ("{{{name|upper}}|you}!", "{% if c[0] == 0 %}{{name|upper}}{% elif c[0] == 1 %}you{% endif %}!", vec![2]),
            (
                "{a{b|c}|d}",
                "{% if c[0] == 0 %}a{% if c[1] == 0 %}b{% elif c[1] == 1 %}c{% endif %}{% elif c[0] == 1 %}d{% endif %}",
                vec![2, 2],
            ),
        ] {
            assert_eq!(spun(body), (source.to_owned(), choices), "{body}");
        }
    }

    #[test]
    fn what_could_fill_the_memory_is_refused_with_its_line() {
        for (body, line) in [
            ("a\n{% set x = name ~ name %}", 2),
            ("{% with x = name %}{% endwith %}", 1),
            ("{% macro a() %}{% endmacro %}", 1),
            ("\n\n{{ 'x' * 1000000 }}", 3),
            ("{% for a in [name ~ name] %}{% endfor %}", 1),
            ("{% for a in range(9) %}{% endfor %}", 1),
            ("{{ name", 1),
            ("ok\n{% if", 2),
            ("{% raw %}", 1),
            ("a\n{{ name|nofilter }}", 2),
            ("{% if name | other %}", 1),
            ("{% include 'x' %}", 1),
        ] {
            assert_eq!(spin(body).map_err(|bad| bad.line), Err(line), "{body}");
        }
        let many = format!("{{{{ {} }}}}", vec!["name"; 102].join(" ~ "));
        assert!(spin(&many).is_err());
        assert!(spin(&"{a|b}".repeat(201)).is_err());
    }
}
