//! The layers a config is made of, and the refusal of keys that no layer may have.

use std::path::{Path, PathBuf};

use figment::value::{Dict, Map, Value};
use figment::{Metadata, Profile, Provider};
use toml::Table;

use super::problem::{ConfigError, Problem, line_of};

/// The compiled-in defaults: the manual, and the list of every key there is.
pub const DEFAULTS: &str = include_str!("../../config/default.toml");

/// Environment variables that begin so are settings.
pub const ENV_PREFIX: &str = "WASUP__";

/// Files that are looked for when none is named, in this order.
const USUAL_FILES: [&str; 2] = ["wasup.toml", "/etc/wasup/config.toml"];

/// What a config is loaded from.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// The file, if any.
    pub file: Option<PathBuf>,
    /// Environment variables; those without our prefix are not looked at.
    pub env: Vec<(String, String)>,
}

impl Sources {
    /// Those of this process: the named file, or the first usual one that is there.
    #[must_use]
    pub fn of_process(named: Option<&Path>) -> Self {
        let usual = || USUAL_FILES.iter().map(PathBuf::from).find(|path| path.exists());
        let env = std::env::vars_os().filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)));
        Self { file: named.map(Path::to_path_buf).or_else(usual), env: env.collect() }
    }
}

/// One layer: where it comes from, and its keys.
pub(super) struct Layer {
    origin: String,
    table: Table,
}

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.origin.clone())
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        match Value::serialize(&self.table)? {
            Value::Dict(_, dict) => Ok(Map::from([(Profile::Default, dict)])),
            _ => Ok(Map::new()),
        }
    }
}

/// The layers, the weakest first.
pub(super) fn read(sources: &Sources) -> Result<Vec<Layer>, ConfigError> {
    let known: Table = DEFAULTS.parse().map_err(|error: toml::de::Error| {
        let line = line_of(DEFAULTS, error.span());
        ConfigError::Syntax { path: "config/default.toml".into(), line, detail: error.message().to_owned() }
    })?;
    let mut layers = vec![Layer { origin: "the defaults".to_owned(), table: known.clone() }];
    let mut problems = Vec::new();
    if let Some(path) = &sources.file {
        let text =
            std::fs::read_to_string(path).map_err(|source| ConfigError::Unreadable { path: path.clone(), source })?;
        let table: Table = text.parse().map_err(|error: toml::de::Error| {
            let line = line_of(&text, error.span());
            ConfigError::Syntax { path: path.clone(), line, detail: error.message().to_owned() }
        })?;
        let origin = path.display().to_string();
        unknown_keys(&known, &table, &origin, &mut problems);
        layers.push(Layer { origin, table });
    }
    for (name, raw) in sources.env.iter().filter(|(name, _)| name.starts_with(ENV_PREFIX)) {
        match from_env(&known, name, raw) {
            Ok(table) => layers.push(Layer { origin: format!("environment variable {name}"), table }),
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() { Ok(layers) } else { Err(ConfigError::Wrong(problems)) }
}

/// Notes every key that the defaults do not have, with its section.
fn unknown_keys(known: &Table, table: &Table, origin: &str, problems: &mut Vec<Problem>) {
    for key in strangers(known, table) {
        problems.push(Problem::new(origin, &key, no_such_key(known, &key)));
    }
}

fn strangers(known: &Table, table: &Table) -> Vec<String> {
    let stranger = |(name, value): (&String, &toml::Value)| match (known.get(name), value) {
        (Some(toml::Value::Table(section)), toml::Value::Table(given)) => {
            strangers(section, given).into_iter().map(|key| format!("{name}.{key}")).collect()
        }
        (Some(toml::Value::Table(_)), _) | (Some(_), toml::Value::Table(_)) | (None, _) => vec![name.clone()],
        (Some(_), _) => Vec::new(),
    };
    table.iter().flat_map(stranger).collect()
}

/// A table with the one key that a variable names. What kind of value it holds follows from the default, so that a
/// key made of digits stays a text.
fn from_env<'a>(known: &'a Table, name: &str, raw: &str) -> Result<Table, Problem> {
    let origin = format!("environment variable {name}");
    let path: Vec<String> = name[ENV_PREFIX.len()..].split("__").map(str::to_ascii_lowercase).collect();
    let key = path.join(".");
    let section = |table: &'a Table, name: &String| table.get(name).and_then(toml::Value::as_table);
    let (last, sections) = path.split_last().expect("a split text has a part");
    let holder = sections.iter().try_fold(known, section);
    let Some(default) = holder.and_then(|table| table.get(last)).filter(|value| !value.is_table()) else {
        return Err(Problem::new(&origin, &key, no_such_key(known, &key)));
    };
    let value =
        if default.is_str() { toml::Value::String(raw.to_owned()) } else { parse(raw, default, &origin, &key)? };
    let table = Table::from_iter([(last.clone(), value)]);
    let wrap = |inner: Table, section: &String| Table::from_iter([(section.clone(), toml::Value::Table(inner))]);
    Ok(sections.iter().rev().fold(table, wrap))
}

fn parse(raw: &str, default: &toml::Value, origin: &str, key: &str) -> Result<toml::Value, Problem> {
    let parsed: Option<Table> = format!("value = {}", raw.trim()).parse().ok();
    let value = parsed.and_then(|mut table| table.remove("value"));
    value.ok_or_else(|| {
        let what = format!("is {raw:?}, must be of the kind {} such as {default}", default.type_str());
        Problem::new(origin, key, what)
    })
}

/// Every key with its sections.
fn every_key(known: &Table) -> Vec<String> {
    let keys = |(name, value): (&String, &toml::Value)| match value {
        toml::Value::Table(section) => every_key(section).into_iter().map(|key| format!("{name}.{key}")).collect(),
        _ => vec![name.clone()],
    };
    known.iter().flat_map(keys).collect()
}

/// "There is no such key", with the nearest one that there is.
fn no_such_key(known: &Table, key: &str) -> String {
    let all = every_key(known).into_iter();
    let last = |path: &str| path.rsplit('.').next().unwrap_or_default().to_owned();
    let likeness = |other: &str| {
        let whole = strsim::jaro_winkler(key, other);
        let ends = strsim::jaro_winkler(&last(key), &last(other));
        // The right key in the wrong section beats a similar one in the right section.
        if last(key) == last(other) { 1.0 } else { whole.max(ends * 0.95) }
    };
    let nearest = all.map(|other| (likeness(&other), other)).max_by(|a, b| a.0.total_cmp(&b.0));
    match nearest {
        Some((likeness, other)) if likeness > 0.8 => format!("there is no such key; did you mean {other}?"),
        _ => "there is no such key; config/default.toml lists every one".to_owned(),
    }
}
