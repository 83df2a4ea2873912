//! The log: one line a call, for people or as JSON.

use crate::configuration::LogFormat;
use std::io::IsTerminal;
use tracing_subscriber::{EnvFilter, filter::LevelFilter};

/// What to log, as `--log` says it. A word alone is a level: a mistyped one would otherwise be the name of a module.
pub fn filter(text: &str) -> Result<EnvFilter, String> {
    let mistyped = text.split(',').map(str::trim).find(|part| !part.contains(['=', '[']) && part.parse::<LevelFilter>().is_err());
    match mistyped {
        Some(part) => Err(format!("'{part}' is no level: say error, warn, info, debug, trace or off, or a filter such as info,cloudlet::call=off")),
        None => EnvFilter::builder().parse(text).map_err(|error| error.to_string()),
    }
}

pub fn begin(text: &str, format: LogFormat) {
    // The configuration has been read: its filter parses.
    let filter = filter(text).unwrap_or_default();
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stdout).with_ansi(std::io::stdout().is_terminal());
    match format {
        LogFormat::Human => subscriber.with_target(false).compact().init(),
        LogFormat::Json => subscriber.json().flatten_event(true).init(),
    }
}
