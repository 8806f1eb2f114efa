//! What the system says about this process, under the names that Prometheus has for it.

use std::fs::{read_dir, read_to_string};

use super::catalogue::{CPU, MAX_FDS, OPEN_FDS, RESIDENT, START_TIME, THREADS};
use super::text::Text;

/// Ticks of the system's clock in a second, as `/proc` counts them: 100 on every architecture that Linux shows to
/// programs (`USER_HZ`).
const TICKS: f64 = 100.0;

/// Bytes of this process in memory.
pub(crate) fn resident_bytes() -> Option<u64> {
    let status = read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1_024)
}

/// Shows the process. Where the system does not tell, zeroes stand.
pub(super) fn show(text: &mut Text) {
    let stat = Stat::read().unwrap_or_default();
    text.one(&RESIDENT, resident_bytes().unwrap_or(0));
    text.one(&CPU, stat.cpu_seconds);
    text.one(&THREADS, stat.threads);
    text.one(&START_TIME, stat.started_seconds);
    text.one(&OPEN_FDS, read_dir("/proc/self/fd").map_or(0, Iterator::count));
    text.one(&MAX_FDS, max_fds().unwrap_or(0));
}

fn max_fds() -> Option<u64> {
    let limits = read_to_string("/proc/self/limits").ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[derive(Debug, Default)]
struct Stat {
    cpu_seconds: f64,
    threads: u64,
    started_seconds: f64,
}

impl Stat {
    fn read() -> Option<Self> {
        let stat = read_to_string("/proc/self/stat").ok()?;
        let system = read_to_string("/proc/stat").ok()?;
        let booted: f64 = system.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()?;
        Self::parse(&stat, booted)
    }

    /// From the line of proc(5); the name in it may hold spaces and brackets.
    fn parse(stat: &str, booted: f64) -> Option<Self> {
        let (_, rest) = stat.rsplit_once(')')?;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        // The first field after the name is the third of the manual.
        let field = |number: usize| fields.get(number - 3)?.parse::<f64>().ok();
        Some(Self {
            cpu_seconds: (field(14)? + field(15)?) / TICKS,
            threads: fields.get(20 - 3)?.parse().ok()?,
            started_seconds: booted + field(22)? / TICKS,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_tells_our_memory() {
        assert!(resident_bytes().is_some_and(|bytes| bytes > 1 << 20));
    }

    #[test]
    fn a_line_of_the_manual_is_read_whatever_the_name() {
        let line =
            "17 (odd ) name) S 1 17 17 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 9 0 123400 1000 300 18446744073709551615";
        let stat = Stat::parse(line, 1_000_000.0).unwrap();
        assert_eq!((stat.cpu_seconds, stat.threads, stat.started_seconds), (3.0, 9, 1_001_234.0));
    }

    #[test]
    fn we_started_before_now_and_have_files_open() {
        let stat = Stat::read().unwrap();
        let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs_f64();
        assert!(stat.started_seconds <= now + 1.0 && stat.started_seconds > now - 86_400.0, "{stat:?}");
        assert!(stat.threads > 0 && max_fds().is_some_and(|most| most > 3));
    }
}
