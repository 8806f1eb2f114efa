//! From the configured level to a filter.

use tracing_subscriber::EnvFilter;

use super::TelemetryError;
use crate::config::unfit_level;

/// Turns a level or filter into what is let through. A bare level is ours; libraries get `warn`, or less where ours is
/// less. Naming a library's target lifts that. The protocol library logs under free names (`Client/Send`), so that
/// everything which is not ours has to be quiet, not only a list of crates.
///
/// # Errors
/// [`TelemetryError::BadLevel`].
pub fn filter(level: &str) -> Result<EnvFilter, TelemetryError> {
    let bad = || TelemetryError::BadLevel(level.to_owned());
    if unfit_level(level).is_some() {
        return Err(bad());
    }
    let mut directives: Vec<String> = level.split(',').map(|part| ours_and_theirs(part.trim())).collect();
    if level.contains("Client") {
        // The protocol library logs the pairing code itself at `info` here: whoever has it can link the account.
        directives.push("Client/PairCode=warn".to_owned());
    }
    EnvFilter::builder().parse(directives.join(",")).map_err(|_| bad())
}

fn ours_and_theirs(part: &str) -> String {
    let bare = !part.contains(['=', '[', '{', ']', '}']);
    match part.to_ascii_lowercase().as_str() {
        level @ ("off" | "error") if bare => level.to_owned(),
        level if bare => format!("warn,wasup={level}"),
        _ => part.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_level_is_ours_and_libraries_stay_quiet() {
        for (level, expected) in [
            ("info", "wasup=info,warn"),
            ("error", "error"),
            ("debug,wasup_store=trace", "wasup_store=trace,wasup=debug,warn"),
            ("info,Client/Send=debug", "Client/PairCode=warn,Client/Send=debug,wasup=info,warn"),
            ("info,Client/PairCode=info", "Client/PairCode=warn,wasup=info,warn"),
        ] {
            assert_eq!(filter(level).unwrap().to_string(), expected, "{level}");
        }
        assert!(filter("loud").is_err());
    }
}
