//! The few constraints that SNS's model has, in the words of the model. Deliberately not for what SNS says in words of its own.

use crate::faults;
use cloudlet_aws::Fault;
use std::{fmt::Display, ops::RangeInclusive};

/// Phone numbers are sensitive: AWS does not repeat them.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shown {
    Yes,
    No,
}

/// What an input breaks, all of it told at once.
#[derive(Default)]
pub struct Constraints {
    broken: Vec<String>,
}

impl Constraints {
    fn refuse(&mut self, shown: Shown, value: impl Display, path: &str, constraint: &str) {
        let value = if shown == Shown::Yes { format!(" '{value}'") } else { String::new() };
        self.broken.push(format!("Value{value} at '{path}' failed to satisfy constraint: {constraint}"));
    }

    fn length(&mut self, shown: Shown, value: &str, path: &str, range: RangeInclusive<usize>) {
        let length = value.chars().count();
        if length > *range.end() {
            self.refuse(shown, value, path, &format!("Member must have length less than or equal to {}", range.end()));
        }
        if length < *range.start() {
            self.refuse(shown, value, path, &format!("Member must have length greater than or equal to {}", range.start()));
        }
    }

    pub fn text(mut self, path: &str, value: &str, lengths: RangeInclusive<usize>) -> Constraints {
        self.length(Shown::Yes, value, path, lengths);
        self
    }

    pub fn number(mut self, path: &str, value: Option<i32>, range: RangeInclusive<i32>) -> Constraints {
        match value {
            Some(value) if value > *range.end() => {
                self.refuse(Shown::Yes, value, path, &format!("Member must have value less than or equal to {}", range.end()));
            }
            Some(value) if value < *range.start() => {
                self.refuse(Shown::Yes, value, path, &format!("Member must have value greater than or equal to {}", range.start()));
            }
            _ => {}
        }
        self
    }

    pub fn one_of(mut self, path: &str, value: Option<&str>, values: &[&str]) -> Constraints {
        if let Some(value) = value.filter(|value| !values.contains(value)) {
            self.refuse(Shown::Yes, value, path, &format!("Member must satisfy enum value set: [{}]", values.join(", ")));
        }
        self
    }

    /// The code that a phone was sent.
    pub fn password(mut self, value: &str) -> Constraints {
        self.length(Shown::Yes, value, "oneTimePassword", 5..=8);
        if value.is_empty() || !value.bytes().all(|byte| byte.is_ascii_digit()) {
            self.refuse(Shown::Yes, value, "oneTimePassword", "Member must satisfy regular expression pattern: ^[0-9]+$");
        }
        self
    }

    /// The number of a phone in the sandbox.
    pub fn phone(mut self, value: &str) -> Constraints {
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let long = value.strip_prefix('+').is_some_and(|rest| rest.len() >= 8 && digits(rest));
        let short = value.len() <= 9 && digits(value);
        self.length(Shown::No, value, "phoneNumber", 0..=20);
        if !long && !short {
            let constraint = r"Member must satisfy regular expression pattern: ^(\+[0-9]{8,}|[0-9]{0,9})$";
            self.refuse(Shown::No, value, "phoneNumber", constraint);
        }
        self
    }

    pub fn check(self) -> Result<(), Fault> {
        let errors = match self.broken.len() {
            0 => return Ok(()),
            1 => "error",
            _ => "errors",
        };
        Err(faults::VALIDATION_ERROR.says(format!("{} validation {errors} detected: {}", self.broken.len(), self.broken.join("; "))))
    }
}
