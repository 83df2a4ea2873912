//! Why the server does not start.

use clap::{Command, error::ErrorKind};
use std::process::ExitCode;

pub struct Refusal(pub clap::Error);

impl Refusal {
    pub fn says(text: impl std::fmt::Display) -> Refusal {
        Refusal(clap::Error::raw(ErrorKind::ValueValidation, text))
    }

    /// With the usage of the command, as clap's own refusals have it.
    pub fn with_usage(self, command: &mut Command) -> Refusal {
        Refusal(self.0.format(command))
    }

    /// Prints the reason (or the help that was asked for).
    pub fn tell(self) -> ExitCode {
        let code = u8::try_from(self.0.exit_code()).unwrap_or(2);
        let _ = self.0.print();
        ExitCode::from(code)
    }
}
