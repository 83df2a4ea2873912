//! What the server itself remembers.

use cloudlet_engine::ClockSetting;
use cloudlet_store::{Table, tables};

#[derive(Default)]
pub(crate) struct ServerState {
    /// One row, once the clock was moved.
    pub clock: Table<(), ClockSetting>,
}

tables!(ServerState { clock });
