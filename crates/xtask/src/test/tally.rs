//! How many tests passed, read off the closing lines of the runners.

use std::fmt;

#[derive(Clone, Copy, Default)]
pub struct Tally {
    pub passed: u32,
    pub failed: u32,
    pub skipped: u32,
}

impl Tally {
    /// `test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s`
    pub fn read_cargo(&mut self, line: &str) {
        if let Some(counts) = line.strip_prefix("test result: ") {
            self.add(counts, [" passed", " failed", " ignored"]);
        }
    }

    /// `==== 2 failed, 10 passed, 1 error in 4.20s ====`
    pub fn read_pytest(&mut self, line: &str) {
        if line.starts_with('=') && line.contains(" in ") && (line.contains(" passed") || line.contains(" failed") || line.contains(" error")) {
            self.add(line, [" passed", " failed", " skipped"]);
            self.failed += before(line, " error");
        }
    }

    /// `ℹ pass 12`
    pub fn read_node(&mut self, line: &str) {
        let Some((name, count)) = line.strip_prefix("ℹ ").and_then(|line| line.split_once(' ')) else { return };
        let Ok(count) = count.parse::<u32>() else { return };
        match name {
            "pass" => self.passed += count,
            "fail" | "cancelled" => self.failed += count,
            "skipped" | "todo" => self.skipped += count,
            _ => {}
        }
    }

    fn add(&mut self, line: &str, [passed, failed, skipped]: [&str; 3]) {
        self.passed += before(line, passed);
        self.failed += before(line, failed);
        self.skipped += before(line, skipped);
    }
}

/// The number that stands before a word.
fn before(line: &str, word: &str) -> u32 {
    let Some(end) = line.find(word) else { return 0 };
    let digits = line.get(..end).and_then(|start| start.rsplit(|c: char| !c.is_ascii_digit()).next());
    digits.and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)?;
        if self.skipped > 0 { write!(f, ", {} skipped", self.skipped) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::Tally;

    fn tally(read: impl Fn(&mut Tally)) -> String {
        let mut tally = Tally::default();
        read(&mut tally);
        tally.to_string()
    }

    #[test]
    fn the_closing_lines_of_all_runners_are_understood() {
        let cargo = "test result: FAILED. 12 passed; 3 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s";
        assert_eq!(tally(|it| it.read_cargo(cargo)), "12 passed, 3 failed, 1 skipped");
        assert_eq!(tally(|it| it.read_pytest("======= 2 failed, 10 passed, 1 error in 4.20s =======")), "10 passed, 3 failed");
        assert_eq!(tally(|it| it.read_pytest("======= 7 passed in 61.20s (0:01:01) =======")), "7 passed, 0 failed");
        assert_eq!(tally(|it| ["ℹ tests 9", "ℹ pass 7", "ℹ fail 2"].iter().for_each(|line| it.read_node(line))), "7 passed, 2 failed");
    }

    #[test]
    fn other_lines_count_nothing() {
        assert_eq!(tally(|it| it.read_cargo("test a_queue_with_3 passed ... ok")), "0 passed, 0 failed");
        assert_eq!(tally(|it| it.read_pytest("test_queues.py ..... 3 passed")), "0 passed, 0 failed");
    }
}
