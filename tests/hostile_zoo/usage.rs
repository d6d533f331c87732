//! What a server costs: memory, the kernel's memory, descriptors and processor's time, as `/proc` shows them.

use std::{fs, path::Path, time::Duration};

/// The sum over a server's processes, at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Usage {
    /// Resident memory, in bytes.
    pub(crate) rss: u64,
    /// Memory of all TCP sockets of the machine, in bytes: the kernel gives it for no process alone.
    pub(crate) kernel: u64,
    pub(crate) descriptors: usize,
    pub(crate) processor: Duration,
    /// How long its threads had something to do, and no core to do it on: all of them together.
    pub(crate) waited: Duration,
}

impl Usage {
    /// A process and its descendants.
    pub(crate) fn of(root: u32) -> Self {
        let mut usage = Self { kernel: kernel_memory(), ..Self::default() };
        for pid in family(root) {
            let folder = Path::new("/proc").join(pid.to_string());
            // A process may end while it is looked at.
            let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap_or_default();
            usage.rss += kib(&read("status"), "VmRSS:") * 1024;
            usage.descriptors += fs::read_dir(folder.join("fd")).map_or(0, Iterator::count);
            usage.processor += processor_time(&read("stat"));
            usage.waited += waits_of(&folder);
        }
        usage
    }

    /// The larger one of each figure.
    pub(crate) fn most(self, other: Self) -> Self {
        Self {
            rss: self.rss.max(other.rss),
            kernel: self.kernel.max(other.kernel),
            descriptors: self.descriptors.max(other.descriptors),
            processor: self.processor.max(other.processor),
            waited: self.waited.max(other.waited),
        }
    }
}

/// The process and all that descend from it.
pub(crate) fn family(root: u32) -> Vec<u32> {
    let mut all = vec![root];
    let mut next = 0;
    while let Some(&pid) = all.get(next) {
        let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
        for task in tasks {
            let children = fs::read_to_string(task.path().join("children")).unwrap_or_default();
            all.extend(children.split_whitespace().filter_map(|child| child.parse::<u32>().ok()));
        }
        next += 1;
    }
    all
}

fn kib(status: &str, field: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// User and system time of `/proc/PID/stat`, in ticks of a hundredth of a second.
fn processor_time(stat: &str) -> Duration {
    let fields = stat.rsplit(") ").next().unwrap_or_default();
    let ticks: u64 = fields.split(' ').skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

/// The second number of each thread's `schedstat`, in nanoseconds.
fn waits_of(process: &Path) -> Duration {
    let threads = fs::read_dir(process.join("task")).into_iter().flatten().flatten();
    let waited = threads.filter_map(|thread| {
        let numbers = fs::read_to_string(thread.path().join("schedstat")).ok()?;
        numbers.split_whitespace().nth(1)?.parse::<u64>().ok()
    });
    Duration::from_nanos(waited.sum())
}

/// `mem` of the line `TCP:`, in pages.
fn kernel_memory() -> u64 {
    let sockets = fs::read_to_string("/proc/net/sockstat").unwrap_or_default();
    let line = sockets.lines().find(|line| line.starts_with("TCP:")).unwrap_or_default();
    let pages: u64 = line.rsplit(' ').next().and_then(|pages| pages.parse().ok()).unwrap_or(0);
    pages * 4096
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_are_found_behind_a_name_with_spaces() {
        let stat = "7 (a b) c) S 1 7 7 0 -1 4194560 1 2 3 4 150 50 9 9 20 0 1 0 1 1 1";
        assert_eq!(processor_time(stat), Duration::from_secs(2));
        assert_eq!(kib("VmPeak:\t 9 kB\nVmRSS:\t  1234 kB\n", "VmRSS:"), 1234);
    }

    #[test]
    fn this_process_has_memory_and_descriptors() {
        let usage = Usage::of(std::process::id());
        assert!(usage.rss > 100_000 && usage.descriptors >= 3, "{usage:?}");
        assert!(usage.waited > Duration::ZERO, "no thread gets its core at once, each time");
    }
}
