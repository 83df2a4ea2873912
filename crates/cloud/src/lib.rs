//! The services together: authorize, perform, the agenda, the call log.
