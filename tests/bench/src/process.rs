//! Processes that are measured: what they are told of their surroundings, and what they took.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};
use credwarden_sandbox::clock::Clock;
use serde_json::Value;
use tokio::process::Command;

/// Where every process is.
pub(crate) const REGION: &str = "us-east-1";

/// Ticks of the kernel's accounting in a second, on every Linux of today (`proc_pid_stat(5)`, `sysconf(_SC_CLK_TCK)`).
const TICKS_PER_SECOND: u64 = 100;

/// What one invocation took.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Measured {
    /// From the start of the process to its answer.
    pub(crate) wall: Duration,
    /// User and system time of the process.
    pub(crate) cpu: Duration,
    /// The peak of its resident memory.
    pub(crate) peak_kib: u64,
    /// What it answered.
    pub(crate) answer: Value,
}

/// What a process meets.
#[derive(Clone, Debug)]
pub(crate) struct Surroundings {
    /// Value of `AWS_ENDPOINT_URL`.
    pub(crate) endpoint: String,
    /// The time it sees.
    pub(crate) clock: Clock,
    /// The library that shows it that time.
    pub(crate) libfaketime: PathBuf,
}

impl Surroundings {
    /// Tells a process where AWS is, who it is, and what time it is.
    pub(crate) fn describe(&self, command: &mut Command) {
        describe_account(command, &self.endpoint);
        // Without `DONT_FAKE_MONOTONIC` a waiting runtime hangs.
        command
            .env("LD_PRELOAD", &self.libfaketime)
            .env("FAKETIME_TIMESTAMP_FILE", self.clock.file())
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    }
}

/// Tells a process where AWS is, and who it is; nothing else of this program's environment reaches it.
pub(crate) fn describe_account(command: &mut Command, endpoint: &str) {
    command
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("AWS_REGION", REGION)
        .env("AWS_DEFAULT_REGION", REGION)
        .env("AWS_ACCESS_KEY_ID", "ASIABENCH")
        .env("AWS_SECRET_ACCESS_KEY", "bench")
        .env("AWS_SESSION_TOKEN", "bench")
        .env("AWS_ENDPOINT_URL", endpoint)
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .kill_on_drop(true);
}

/// What a running process has taken so far: its CPU time, and the peak of its resident memory in KiB.
pub(crate) fn usage(process: u32) -> Result<(Duration, u64)> {
    let folder = Path::new("/proc").join(process.to_string());
    let read = |name: &str| {
        let path = folder.join(name);
        fs::read_to_string(&path).with_context(|| format!("failed to read `{}`", path.display()))
    };
    let cpu = cpu_time(&read("stat")?).context("the kernel's account of the process has another form")?;
    let peak_kib = peak_kib(&read("status")?).context("the kernel does not tell the peak of the process's memory")?;
    Ok((cpu, peak_kib))
}

/// The fields `utime` and `stime`, 14th and 15th, counted behind the name, which may hold anything.
fn cpu_time(stat: &str) -> Option<Duration> {
    let (_, behind_name) = stat.rsplit_once(')')?;
    let mut fields = behind_name.split_whitespace().skip(11);
    let ticks = fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?;
    Some(Duration::from_millis(ticks * 1_000 / TICKS_PER_SECOND))
}

/// `VmHWM`, the high-water mark of resident memory.
fn peak_kib(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_and_system_time_are_added_whatever_the_process_is_called() {
        let stat = "42 (a) b) S 1 42 42 0 -1 4194560 900 0 0 0 150 25 0 0 20 0 1 0 100 1000 200";
        assert_eq!(cpu_time(stat), Some(Duration::from_millis(1_750)));
        assert_eq!(cpu_time("42 (a) S 1"), None);
    }

    #[test]
    fn the_peak_is_the_high_water_mark() {
        assert_eq!(peak_kib("VmPeak:\t  90000 kB\nVmHWM:\t   31744 kB\nVmRSS:\t   100 kB\n"), Some(31_744));
        assert_eq!(peak_kib("VmRSS:\t   100 kB\n"), None);
    }

    #[test]
    fn a_running_process_has_taken_memory() {
        let (_, peak_kib) = usage(std::process::id()).unwrap();
        assert!(peak_kib > 100);
    }
}
