//! The log: one line a call, for people or as JSON.

use crate::configuration::{Configuration, LogFormat};
use std::io::IsTerminal;
use tracing_subscriber::{EnvFilter, filter::ParseError};

/// What to log, as `--log` says it.
pub fn filter(text: &str) -> Result<EnvFilter, ParseError> {
    EnvFilter::builder().parse(text)
}

pub fn begin(configuration: &Configuration) {
    // The configuration has been read: its filter parses.
    let filter = filter(&configuration.log).unwrap_or_default();
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stdout).with_ansi(std::io::stdout().is_terminal());
    match configuration.log_format {
        LogFormat::Human => subscriber.with_target(false).compact().init(),
        LogFormat::Json => subscriber.json().flatten_event(true).init(),
    }
}
