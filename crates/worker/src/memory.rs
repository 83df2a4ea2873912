//! How much memory a worker uses: the sum over its processes, read from /proc.

use cloudlet_engine::Stopwatch;
use std::{fs, io, time::Duration};

/// The most processes that are looked at.
const MOST: usize = 2_048;
/// How long a look may take. Where processes are made faster than they are looked at, each read waits for the kernel.
const LONGEST: Duration = Duration::from_millis(100);

/// Bytes in use by a process and all that came from it. Nothing more is looked at once they are more than `limit`.
pub fn in_use(process: u32, limit: u64) -> u64 {
    let watch = Stopwatch::start();
    let mut left = vec![process];
    let (mut seen, mut total) = (0, 0);
    while let Some(process) = left.pop() {
        seen += 1;
        total += resident(process).unwrap_or(0);
        if total > limit || watch.elapsed() > LONGEST {
            break;
        }
        if seen < MOST {
            left.extend(children(process).unwrap_or_default());
        }
    }
    total
}

/// Without what it shares with others: the interpreter's file, which all workers share.
fn resident(process: u32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{process}/statm")).ok()?;
    let mut pages = text.split(' ').skip(1).map(|number| number.parse::<u64>().unwrap_or(0));
    let (resident, shared) = (pages.next()?, pages.next()?);
    Some(resident.saturating_sub(shared) * rustix::param::page_size() as u64)
}

fn children(process: u32) -> io::Result<Vec<u32>> {
    let mut all = Vec::new();
    for task in fs::read_dir(format!("/proc/{process}/task"))?.flatten() {
        let text = fs::read_to_string(task.path().join("children"))?;
        all.extend(text.split_whitespace().filter_map(|child| child.parse::<u32>().ok()));
    }
    Ok(all)
}
