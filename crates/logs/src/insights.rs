//! The query language of Logs Insights: fields, display, filter, stats, sort, limit, parse, dedup. A text becomes commands; commands are run over
//! events that somebody hands in. Deliberately no I/O and no clock.
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax.html>

mod aggregates;
mod commands;
mod expressions;
mod functions;
mod lambda_fields;
mod lexer;
mod record;
mod run;
#[cfg(test)]
mod tests;
mod values;

pub use commands::Query;
pub use record::{Record, json_fields};
pub use run::Run;

/// Why a text is no query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QueryError {
    /// What was not expected, and where it begins and ends.
    Malformed { message: String, start: usize, end: usize },
    /// A part of the language that is not built.
    NotImplemented(String),
}
