//! Wait states.

use super::{
    problem::Problem,
    run::{Run, Work},
    state::Doing,
};
use crate::{
    definition::{Language, State, WaitFor},
    jsonpath::Path,
    text::{java_text, to_text},
    time,
};
use serde_json::Value;

const LONGEST_SECONDS: i64 = 99_999_999;

impl Run<'_> {
    pub(super) fn wait(&mut self, thread: u64, state: &State, wait: &WaitFor) -> Result<Work, Problem> {
        let due = match wait {
            WaitFor::Seconds(value) => {
                let seconds = self.filled(thread, state, value, "Seconds")?;
                let number = seconds.as_i64().filter(|number| (0..=LONGEST_SECONDS).contains(number));
                match (number, state.language) {
                    (Some(number), _) => self.after(number),
                    (None, Language::Jsonata) if !seconds.is_number() => {
                        return Err(Problem::unexpected(value.expression(), "Seconds", "number", &seconds));
                    }
                    // AWS: unverified wording.
                    (None, _) => {
                        return Err(Problem::Query {
                            detail: format!("The Seconds field must be a non-negative integer: {}", to_text(&seconds)),
                            location: "Seconds".to_owned(),
                        });
                    }
                }
            }
            WaitFor::Timestamp(template) => {
                let value = self.filled(thread, state, template, "Timestamp")?;
                let Some(text) = value.as_str() else {
                    return Err(Problem::unexpected(template.expression(), "Timestamp", "string", &value));
                };
                let detail = || format!("The Timestamp field cannot be parsed as an ISO-8601 extended offset date-time format string: {text}");
                time::parse(text).ok_or_else(|| Problem::Query { detail: detail(), location: "Timestamp".to_owned() })?
            }
            WaitFor::SecondsPath(path) => {
                let value = self.pointed(thread, state, path, "SecondsPath")?;
                let shown = || format!("{} == {}", path.text(), java_text(&value));
                let Some(seconds) = value.as_i64() else {
                    return Err(Problem::Runtime(format!("The SecondsPath parameter cannot be parsed as a long value: {}", shown())));
                };
                if seconds < 0 {
                    return Err(Problem::Runtime(format!("The SecondsPath parameter references a negative value: {}", shown())));
                }
                self.after(seconds.min(LONGEST_SECONDS))
            }
            WaitFor::TimestampPath(path) => {
                let value = self.pointed(thread, state, path, "TimestampPath")?;
                let due = value.as_str().and_then(time::parse);
                due.ok_or_else(|| {
                    let shown = java_text(&value);
                    Problem::Runtime(format!(
                        "The TimestampPath parameter does not reference a valid ISO-8601 extended offset date-time format string: {} == {shown}",
                        path.text()
                    ))
                })?
            }
        };
        if due <= self.now {
            return self.raw_input(thread, state).map(Work::Done);
        }
        let timer = self.timer(due.saturating_sub(self.now));
        self.set_doing(thread, Doing::Waiting { timer });
        Ok(Work::Later)
    }

    fn after(&self, seconds: i64) -> i64 {
        self.now.saturating_add(seconds.saturating_mul(1000))
    }

    fn pointed(&mut self, thread: u64, state: &State, path: &Path, field: &str) -> Result<Value, Problem> {
        let input = self.raw_input(thread, state)?;
        let context = self.context(thread, state, None);
        let value = self.with_scope(thread, &input, &context, |scope| scope.value(path));
        value.map_err(|_| Problem::Runtime(format!("The {field} parameter does not reference an input value: {}", path.text())))
    }

    pub(super) fn waited(&mut self, thread: u64) {
        let Some(state) = self.state(thread) else { return };
        match self.raw_input(thread, state) {
            Ok(input) => self.finish(thread, input),
            Err(problem) => self.problem(thread, problem),
        }
    }
}
