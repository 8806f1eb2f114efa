//! Where a figure comes from: without machine, versions and seed it can't be compared.

use serde::Serialize;

/// The machine.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Machine {
    /// The processor's model.
    pub cpu: String,
    /// Cores this process may use.
    pub cores: usize,
    /// Memory in bytes.
    pub memory_bytes: u64,
    /// The kernel's release.
    pub kernel: String,
    /// Processes that ran or waited to, mean of the minute before: a busy machine gives other figures.
    pub load_before: f64,
}

/// What was measured.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Versions {
    /// This program.
    pub wasup: &'static str,
    /// `release` or `dev`; figures of the latter say nothing.
    pub profile: &'static str,
    /// The compiler.
    pub rustc: &'static str,
    /// The protocol library.
    pub whatsapp_rust: &'static str,
    /// The store's engine.
    pub sled: &'static str,
}

/// The lock file, compiled in: the only place that names exact versions of dependencies.
const LOCK: &str = include_str!("../../Cargo.lock");

fn read(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

/// The value after the first line that starts with a word and a colon.
fn field(text: &str, name: &str) -> Option<String> {
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

impl Machine {
    /// This machine, as far as `/proc` tells.
    #[must_use]
    pub(super) fn here() -> Self {
        let memory = field(&read("/proc/meminfo"), "MemTotal");
        let kib = memory.and_then(|text| text.strip_suffix("kB")?.trim().parse::<u64>().ok()).unwrap_or(0);
        let load = read("/proc/loadavg").split(' ').next().and_then(|load| load.parse().ok());
        Self {
            cpu: field(&read("/proc/cpuinfo"), "model name").unwrap_or_else(|| std::env::consts::ARCH.to_owned()),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            memory_bytes: kib * 1_024,
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            load_before: load.unwrap_or(0.0),
        }
    }
}

impl Versions {
    /// What this binary was built from.
    #[must_use]
    pub(super) fn built() -> Self {
        Self {
            wasup: env!("CARGO_PKG_VERSION"),
            profile: if cfg!(debug_assertions) { "dev" } else { "release" },
            rustc: env!("WASUP_RUSTC"),
            whatsapp_rust: locked(LOCK, "whatsapp-rust"),
            sled: locked(LOCK, "sled"),
        }
    }
}

/// The version of a package in a lock file; `unknown` where it has none.
fn locked<'a>(lock: &'a str, name: &str) -> &'a str {
    let head = format!("name = \"{name}\"\nversion = \"");
    let after = lock.split_once(&head).map(|(_, after)| after);
    after.and_then(|after| after.split('"').next()).unwrap_or("unknown")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_come_from_the_lock_file() {
        let lock = "name = \"sled-x\"\nversion = \"9\"\n\n[[package]]\nname = \"sled\"\nversion = \"0.34.7\"\nsource";
        assert_eq!(locked(lock, "sled"), "0.34.7");
        assert_eq!(locked(lock, "nothing"), "unknown");
        let built = Versions::built();
        assert!(!built.rustc.is_empty() && built.whatsapp_rust != "unknown" && built.sled != "unknown", "{built:?}");
    }

    #[test]
    fn the_system_tells_the_machine() {
        let here = Machine::here();
        assert!(here.cores > 0 && here.memory_bytes > 1 << 20 && !here.cpu.is_empty() && !here.kernel.is_empty());
    }
}
