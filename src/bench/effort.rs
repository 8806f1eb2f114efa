//! What a run costs: processor time and memory, as the kernel counts them.
//!
//! The gateway shares its process with what drives it (callers, webhook receiver). Those run on threads with a name of
//! their own ([`LOAD_THREAD`]) and on the main thread, so both sides can be told apart.

use std::fs;
use std::time::Duration;

use serde::Serialize;

/// Name of the threads that drive a run.
pub const LOAD_THREAD: &str = "bench-load";

/// Time of one tick of `/proc/…/stat`: the kernel shows hundredths of a second to everybody.
const TICK: Duration = Duration::from_millis(10);

/// Processor time so far.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Effort {
    /// Of the gateway: all threads of the process but those that drive the run.
    pub gateway: Duration,
    /// Of what drives the run.
    pub load: Duration,
}

impl Effort {
    /// This process's until now.
    #[must_use]
    pub(super) fn now() -> Self {
        let whole = fs::read_to_string("/proc/self/stat").map_or(Duration::ZERO, |stat| ticks(&stat));
        let load = load_threads();
        Self { gateway: whole.saturating_sub(load), load }
    }

    /// Since an earlier moment.
    #[must_use]
    pub(super) fn since(self, earlier: Self) -> Self {
        Self { gateway: self.gateway.saturating_sub(earlier.gateway), load: self.load.saturating_sub(earlier.load) }
    }
}

/// Memory of a process in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub(super) struct Resident {
    /// All of it in memory.
    pub rss_bytes: u64,
    /// Its own: heap and stacks, without the program's file.
    pub anonymous_bytes: u64,
}

impl Resident {
    /// Of a process; zero when it is gone.
    #[must_use]
    pub(super) fn of(process: u32) -> Self {
        fs::read_to_string(format!("/proc/{process}/status")).map_or_else(|_| Self::default(), |text| Self::read(&text))
    }

    fn read(status: &str) -> Self {
        let bytes = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kib| kib * 1_024)
        };
        Self { rss_bytes: bytes("VmRSS:").unwrap_or(0), anonymous_bytes: bytes("RssAnon:").unwrap_or(0) }
    }
}

/// User and system time of a `stat` file.
fn ticks(stat: &str) -> Duration {
    // The second field is a name in brackets that may hold blanks.
    let after = stat.rsplit_once(')').map_or("", |(_, after)| after);
    let fields: Vec<u32> = after.split_whitespace().skip(11).take(2).filter_map(|field| field.parse().ok()).collect();
    TICK * fields.iter().sum::<u32>()
}

fn load_threads() -> Duration {
    let own = std::process::id().to_string();
    let Ok(threads) = fs::read_dir("/proc/self/task") else { return Duration::ZERO };
    let of_thread = |thread: fs::DirEntry| {
        let path = thread.path();
        let name = fs::read_to_string(path.join("comm")).unwrap_or_default();
        let drives = name.trim_end() == LOAD_THREAD || thread.file_name().to_str() == Some(own.as_str());
        drives.then(|| fs::read_to_string(path.join("stat")).map_or(Duration::ZERO, |stat| ticks(&stat)))
    };
    threads.flatten().filter_map(of_thread).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_blanks_and_brackets_hides_no_ticks() {
        let stat = "42 (a (b) c) R 1 2 3 4 5 6 7 8 9 10 120 30 0 0 20 0";
        assert_eq!(ticks(stat), Duration::from_millis(1_500));
        assert_eq!(ticks(""), Duration::ZERO);
    }

    #[test]
    fn memory_is_read_in_bytes() {
        let status = "Name:\twasup\nVmRSS:\t   2048 kB\nRssAnon:\t 1024 kB\n";
        assert_eq!(Resident::read(status), Resident { rss_bytes: 2 << 20, anonymous_bytes: 1 << 20 });
        assert!(Resident::of(std::process::id()).rss_bytes > 1 << 20);
        assert_eq!(Resident::of(u32::MAX), Resident::default());
    }

    #[test]
    fn work_on_other_threads_is_the_gateways() {
        let before = Effort::now();
        let busy = || {
            let begun = std::time::Instant::now();
            let mut sum = 0_u64;
            while begun.elapsed() < Duration::from_millis(120) {
                sum = std::hint::black_box(sum.wrapping_add(1));
            }
        };
        std::thread::spawn(busy).join().unwrap();
        std::thread::Builder::new().name(LOAD_THREAD.into()).spawn(busy).unwrap().join().unwrap();
        assert!(Effort::now().since(before).gateway >= TICK);
    }
}
