//! A template becomes a text for one contact. Nothing here asks for a clock, a store or chance.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use minijinja::value::{Rest, Value};
use minijinja::{Environment, Error, ErrorKind, State, UndefinedBehavior, filters};
use sha2::{Digest, Sha256};
use wasup_store::records::{ListedContact, TemplateMedia, TemplateRecord};

use super::variants::{CHOICES, spin};

/// Longest template, in bytes.
pub const BODY_MAX: usize = 16 * 1_024;

/// Steps that a text may take: a thousand times what an ordinary one does.
const FUEL: u64 = 50_000;

/// Longest text that comes of a template, in bytes. What the network takes is less.
const TEXT_MAX: usize = 64 * 1_024;

/// The template's only name in its environment.
const NAME: &str = "template";

/// A template that can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct BadTemplate {
    /// Where, the first line being 1.
    pub line: usize,
    /// What is wrong.
    pub reason: String,
}

/// Why there is no text for a contact.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// The template can't be used for anybody.
    #[error(transparent)]
    Bad(#[from] BadTemplate),
    /// The contact lacks something that a strict template wants.
    #[error("line {line}: the contact has nothing for a place here")]
    Missing {
        /// Where.
        line: usize,
    },
    /// It takes too many steps.
    #[error("the template takes too many steps")]
    TooManySteps,
    /// The text is too long.
    #[error("the text would have more than {TEXT_MAX} bytes")]
    TooLong,
    /// What it asks for can't be done with what the contact has.
    #[error("line {line}: {reason}")]
    Failed {
        /// Where.
        line: usize,
        /// What went wrong.
        reason: String,
    },
}

/// What a template says to a contact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// The text.
    pub text: String,
    /// The file that goes with it.
    pub media: Option<TemplateMedia>,
}

/// A template, ready for many contacts.
pub struct Compiled {
    environment: Environment<'static>,
    choices: Vec<usize>,
    defaults: BTreeMap<String, String>,
    media: Option<TemplateMedia>,
}

impl std::fmt::Debug for Compiled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Compiled").field("choices", &self.choices).finish_non_exhaustive()
    }
}

impl Compiled {
    /// Compiles a template.
    ///
    /// # Errors
    /// [`BadTemplate`], with the line.
    pub fn new(template: &TemplateRecord) -> Result<Self, BadTemplate> {
        if template.body.len() > BODY_MAX {
            return Err(BadTemplate { line: 1, reason: format!("a template has at most {BODY_MAX} bytes") });
        }
        let spun = spin(&template.body)?;
        let mut environment = environment();
        environment.set_undefined_behavior(match template.strict {
            true => UndefinedBehavior::SemiStrict,
            false => UndefinedBehavior::Chainable,
        });
        environment.add_template_owned(NAME, spun.source).map_err(|error| bad(&error))?;
        let (defaults, media) = (template.defaults.clone(), template.media.clone());
        Ok(Self { environment, choices: spun.choices, defaults, media })
    }

    /// The fields that it uses: `name`, `city`.
    #[must_use]
    pub fn fields(&self) -> BTreeSet<String> {
        let Ok(template) = self.environment.get_template(NAME) else { return BTreeSet::new() };
        let names = template.undeclared_variables(true).into_iter();
        let names = names.map(|name| name.strip_prefix("fields.").map(str::to_owned).unwrap_or(name));
        names.filter(|name| !name.starts_with(CHOICES)).collect()
    }

    /// The text for a contact. The same contact and seed are always the same text.
    ///
    /// # Errors
    /// [`RenderError`].
    pub fn render(&self, contact: &ListedContact, seed: u64) -> Result<Rendered, RenderError> {
        let template = self.environment.get_template(NAME).map_err(|error| bad(&error))?;
        let mut text = Bounded(Vec::new());
        let done = template.render_captured_to(self.known(contact, seed), &mut text);
        match done {
            Ok(_) => {}
            Err(_) if text.0.len() > TEXT_MAX => return Err(RenderError::TooLong),
            Err(error) => return Err(refusal(&error)),
        }
        let text = String::from_utf8_lossy(&text.0).into_owned();
        Ok(Rendered { text, media: self.media.clone() })
    }

    /// What the template finds. An empty value is none; a field stands under its name, and under one in small letters that
    /// can be written in a template.
    fn known(&self, contact: &ListedContact, seed: u64) -> Value {
        let mut fields: BTreeMap<String, Value> = BTreeMap::new();
        let filled = contact.fields.iter().filter(|(_, value)| !value.trim().is_empty());
        for (name, value) in self.defaults.iter().chain(filled.clone()) {
            fields.insert(name.clone(), Value::from(value.clone()));
        }
        let mut known: BTreeMap<String, Value> = BTreeMap::new();
        for (name, value) in self.defaults.iter().chain(filled) {
            known.insert(plain(name), Value::from(value.clone()));
        }
        known.extend(fields.clone());
        if let Some(name) = contact.name.as_ref().filter(|name| !name.trim().is_empty()) {
            known.insert("name".into(), Value::from(name.clone()));
        }
        known.insert("number".into(), Value::from(contact.number.clone()));
        known.insert("phone".into(), Value::from(contact.number.clone()));
        known.insert("tags".into(), contact.tags.iter().cloned().map(Value::from).collect());
        known.insert("fields".into(), Value::from(fields));
        let choices = self.choices.iter().enumerate();
        known.insert(
            CHOICES.into(),
            choices.map(|(at, of)| Value::from(chosen(seed, &contact.number, at, *of))).collect(),
        );
        Value::from(known)
    }
}

/// Which of some variants a contact gets.
fn chosen(seed: u64, number: &str, at: usize, of: usize) -> usize {
    let mut hash = Sha256::new();
    hash.update(seed.to_be_bytes());
    hash.update((at as u64).to_be_bytes());
    hash.update(number.as_bytes());
    let hash = hash.finalize();
    let drawn = hash.first_chunk().map_or(0, |first| u64::from_be_bytes(*first));
    usize::try_from(drawn % of.max(1) as u64).unwrap_or_default()
}

/// A field's name as one can write it in a template: `First name` is `first_name`.
fn plain(name: &str) -> String {
    name.trim().chars().map(|c| if c.is_alphanumeric() { c.to_ascii_lowercase() } else { '_' }).collect()
}

/// An environment that can't do more than a template needs: no functions, and filters whose answers are not longer than
/// what they are asked about.
fn environment() -> Environment<'static> {
    let mut environment = Environment::empty();
    environment.set_fuel(Some(FUEL));
    environment.set_recursion_limit(100);
    environment.set_debug(false);
    environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    environment.add_filter("upper", filters::upper);
    environment.add_filter("lower", filters::lower);
    environment.add_filter("title", filters::title);
    environment.add_filter("capitalize", filters::capitalize);
    environment.add_filter("trim", filters::trim);
    environment.add_filter("length", filters::length);
    environment.add_filter("first", filters::first);
    environment.add_filter("last", filters::last);
    environment.add_filter("int", filters::int);
    environment.add_filter("float", filters::float);
    environment.add_filter("round", filters::round);
    environment.add_filter("default", filters::default);
    environment.add_filter("d", filters::default);
    environment.add_filter("join", join);
    environment.add_filter("replace", replace);
    environment.add_filter("word", word);
    environment
}

fn bounded(text: String) -> Result<String, Error> {
    match text.len() > TEXT_MAX {
        true => Err(Error::new(ErrorKind::InvalidOperation, "the text becomes too long")),
        false => Ok(text),
    }
}

/// What stands in a list, with something between.
fn join(_: &State<'_, '_>, values: Value, between: Rest<Value>) -> Result<String, Error> {
    let between = between.first().map(ToString::to_string).unwrap_or_default();
    let mut text = String::new();
    for (at, value) in values.try_iter()?.enumerate() {
        if at > 0 {
            text.push_str(&between);
        }
        text.push_str(&value.to_string());
        text = bounded(text)?;
    }
    Ok(text)
}

fn replace(text: String, from: String, to: String) -> Result<String, Error> {
    let found = if from.is_empty() { 0 } else { text.matches(&from).count() };
    if text.len().saturating_add(found.saturating_mul(to.len())) > 4 * TEXT_MAX {
        return bounded(" ".repeat(TEXT_MAX + 1));
    }
    bounded(if found == 0 { text } else { text.replace(&from, &to) })
}

/// A word of a text, counted from 0: the first name of `Budi Santoso`. Nothing where there is none, so that a default can stand
/// there.
fn word(text: Value, at: Option<usize>) -> Value {
    let found = text.as_str().and_then(|text| text.split_whitespace().nth(at.unwrap_or(0)));
    found.map_or(Value::UNDEFINED, Value::from)
}

fn line(error: &Error) -> usize {
    error.line().unwrap_or(1)
}

/// What the engine says, without places of its own.
fn reason(error: &Error) -> String {
    let kind = error.kind().to_string();
    error.detail().map_or(kind.clone(), |detail| format!("{kind}: {detail}"))
}

fn bad(error: &Error) -> BadTemplate {
    BadTemplate { line: line(error), reason: reason(error) }
}

fn refusal(error: &Error) -> RenderError {
    match error.kind() {
        ErrorKind::UndefinedError => RenderError::Missing { line: line(error) },
        ErrorKind::OutOfFuel => RenderError::TooManySteps,
        ErrorKind::UnknownFilter | ErrorKind::UnknownFunction | ErrorKind::UnknownTest => bad(error).into(),
        _ => RenderError::Failed { line: line(error), reason: reason(error) },
    }
}

/// A text that ends when it is too long.
struct Bounded(Vec<u8>);

impl Write for Bounded {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        self.0.extend_from_slice(piece);
        match self.0.len() > TEXT_MAX {
            true => Err(io::ErrorKind::FileTooLarge.into()),
            false => Ok(piece.len()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template(body: &str) -> TemplateRecord {
        TemplateRecord { body: body.into(), ..TemplateRecord::default() }
    }

    fn budi() -> ListedContact {
        let fields = [("city", "Jakarta"), ("First name", "Budi"), ("points", "120"), ("empty", " ")];
        ListedContact {
            number: "6281234567890".into(),
            name: Some("Budi {a|b} Santoso".into()),
            fields: fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            tags: ["vip", "new"].iter().map(|tag| (*tag).to_owned()).collect(),
            added_ms: 0,
        }
    }

    fn text(body: &str) -> Result<String, RenderError> {
        super::super::render(&template(body), &budi(), 1).map(|rendered| rendered.text)
    }

    #[test]
    fn places_conditions_and_filters() {
        for (body, expected) in [
            ("Hi {{ name }}!", "Hi Budi {a|b} Santoso!"),
            ("{{ first_name }} {{ fields['First name'] }} {{ name|word }}", "Budi Budi Budi"),
            ("{{ city|upper }} <b> & {{ 'ä' }}", "JAKARTA <b> & ä"),
            ("{{ nothing }}{{ empty }}.", "."),
            ("{{ nothing|default('friend') }}", "friend"),
            ("{% if 'vip' in tags %}V{% else %}-{% endif %}", "V"),
            ("{% if points|int > 100 %}many{% elif points|int > 10 %}some{% endif %}", "many"),
            ("{% for tag in tags %}{{ tag }};{% endfor %}", "new;vip;"),
            ("{{ tags|join(', ') }} {{ tags|length }}", "new, vip 2"),
            ("{{ number }} {{ phone }}", "6281234567890 6281234567890"),
            ("{{ city|replace('a', 'o') }}", "Jokorto"),
            ("{{ nothing|word|default('friend') }}", "friend"),
        ] {
            assert_eq!(text(body), Ok(expected.to_owned()), "{body}");
        }
    }

    #[test]
    fn what_is_missing_is_empty_has_a_default_or_is_an_error() {
        let strict = TemplateRecord { strict: true, ..template("Hi {{ name }}\nfrom {{ empty }}") };
        assert_eq!(super::super::render(&strict, &budi(), 1), Err(RenderError::Missing { line: 2 }));
        let defaults = BTreeMap::from([("empty".to_owned(), "somewhere".to_owned()), ("city".into(), "x".into())]);
        let with = TemplateRecord { defaults, ..strict.clone() };
        assert!(super::super::render(&with, &budi(), 1).unwrap().text.ends_with("from somewhere"));
        let asked = TemplateRecord { body: "{% if empty %}a{% else %}b{% endif %}{{ city }}".into(), ..with };
        let asked = TemplateRecord { defaults: BTreeMap::new(), ..asked };
        assert_eq!(super::super::render(&asked, &budi(), 1).unwrap().text, "bJakarta", "a question is no place");
    }

    #[test]
    fn variants_are_drawn_evenly_and_always_the_same() {
        let compiled = Compiled::new(&template("{Hi|Hello|Hey} {{{city}}|you}")).unwrap();
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        for n in 0..600 {
            let contact = ListedContact { number: format!("62812{n:07}"), ..budi() };
            let one = compiled.render(&contact, 7).unwrap();
            assert_eq!(one, compiled.render(&contact, 7).unwrap());
            *seen.entry(one.text).or_default() += 1;
        }
        assert_eq!(seen.len(), 6, "{seen:?}");
        assert!(seen.values().all(|n| (60..150).contains(n)), "{seen:?}");
        let texts: BTreeSet<String> = (0..50).map(|seed| compiled.render(&budi(), seed).unwrap().text).collect();
        assert_eq!(texts.len(), 6, "another seed, another draw");
    }

    #[test]
    fn a_template_that_does_not_parse_says_where_and_why() {
        for (body, line) in [
            ("Hi {{ name }", 1),
            ("a\nb {% if x %}", 2),
            ("a\n\n{{ name|nofilter }}", 3),
            ("{% for tag in tags %}", 1),
            ("a\n{{ 1 + }}", 2),
            ("{a|b}{% endif %}", 1),
        ] {
            let bad = Compiled::new(&template(body)).map(|_| ()).unwrap_err();
            assert_eq!(bad.line, line, "{body}: {bad}");
            assert!(!bad.reason.is_empty());
        }
    }

    #[test]
    fn no_template_runs_for_ever_or_fills_the_memory() {
        let loops = "{% for a in number %}".repeat(9) + "x" + &"{% endfor %}".repeat(9);
        assert_eq!(text(&loops), Err(RenderError::TooManySteps));
        let long = ListedContact { name: Some("x".repeat(200)), ..budi() };
        let body = "{% for a in number %}{% for b in number %}{% for c in number %}{{ name }}{% endfor %}{% endfor %}{% endfor %}";
        assert_eq!(super::super::render(&template(body), &long, 1), Err(RenderError::TooLong));
        let grown = "{{ name|replace('x', name)|replace('x', name)|replace('x', name) }}";
        assert!(matches!(super::super::render(&template(grown), &long, 1), Err(RenderError::Failed { .. })));
        assert!(Compiled::new(&template(&"a".repeat(BODY_MAX + 1))).is_err());
    }

    #[test]
    fn the_fields_that_a_template_uses() {
        let body = "{{ name }} {% if city %}{{ fields.shoe }}{% endif %}{% for tag in tags %}{{ tag }}{% endfor %}{a|{{ hat }}}";
        let fields = Compiled::new(&template(body)).unwrap().fields();
        assert!(fields.iter().eq(["city", "hat", "name", "shoe", "tags"]), "{fields:?}");
    }
}
