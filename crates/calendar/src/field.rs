//! One field of a cron expression that is a set of numbers.

use crate::{Invalid, invalid};

/// The numbers that a field may have, and their names.
pub(crate) struct Range {
    pub name: &'static str,
    pub first: u16,
    pub last: u16,
    pub names: &'static [&'static str],
}

/// A set of numbers of a range.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(crate) struct Field {
    first: u16,
    bits: [u64; 4],
}

impl Range {
    pub fn number(&self, text: &str) -> Result<u16, Invalid> {
        let named = self.names.iter().position(|name| name.eq_ignore_ascii_case(text)).and_then(|at| u16::try_from(at).ok());
        let number = match named {
            Some(at) => self.first + at,
            None if !text.is_empty() && text.len() <= 4 && text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().unwrap_or(u16::MAX),
            None => return invalid(format!("{text:?} is no value of {}", self.name)),
        };
        if (self.first..=self.last).contains(&number) { Ok(number) } else { invalid(format!("{number} is no value of {}", self.name)) }
    }

    /// `*`, `5`, `1-5`, `0/15`, `*/15`, `10-50/5`.
    pub fn part(&self, text: &str, into: &mut Field) -> Result<(), Invalid> {
        let (span, step) = match text.split_once('/') {
            None => (text, None),
            Some((span, step)) => {
                let step: u16 = match step.parse::<u16>() {
                    Ok(number) if number > 0 && number <= self.last && step.bytes().all(|byte| byte.is_ascii_digit()) => number,
                    _ => return invalid(format!("{step:?} is no increment of {}", self.name)),
                };
                (span, Some(step))
            }
        };
        let (from, to) = match span.split_once('-') {
            _ if span == "*" => (self.first, self.last),
            Some((from, to)) => (self.number(from)?, self.number(to)?),
            None if step.is_some() => (self.number(span)?, self.last),
            None => {
                let number = self.number(span)?;
                (number, number)
            }
        };
        let step = usize::from(step.unwrap_or(1));
        if from <= to {
            (from..=to).step_by(step).for_each(|number| into.add(number));
        } else {
            // Over the end of the field: 22-2, FRI-MON.
            (from..=self.last).chain(self.first..=to).step_by(step).for_each(|number| into.add(number));
        }
        Ok(())
    }

    pub fn field(&self, text: &str) -> Result<Field, Invalid> {
        let mut field = self.none();
        for part in text.split(',') {
            self.part(part, &mut field)?;
        }
        Ok(field)
    }

    pub fn none(&self) -> Field {
        Field { first: self.first, bits: [0; 4] }
    }
}

impl Field {
    fn place(&self, number: u16) -> Option<(usize, u32)> {
        let at = number.checked_sub(self.first)?;
        Some((usize::from(at / 64), u32::from(at % 64)))
    }

    pub fn add(&mut self, number: u16) {
        if let Some((word, bit)) = self.place(number)
            && let Some(word) = self.bits.get_mut(word)
        {
            *word |= 1 << bit;
        }
    }

    pub fn has(&self, number: u16) -> bool {
        self.place(number).and_then(|(word, bit)| self.bits.get(word).map(|word| word >> bit & 1 == 1)).unwrap_or_default()
    }

    /// The least number of the set that is not below another.
    pub fn from(&self, number: u16) -> Option<u16> {
        let last = self.first.saturating_add(255);
        (number.max(self.first)..=last).find(|number| self.has(*number))
    }
}
