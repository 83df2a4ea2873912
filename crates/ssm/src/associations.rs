//! State Manager: documents that run on nodes again and again.
//! <https://docs.aws.amazon.com/systems-manager/latest/userguide/systems-manager-state.html>
//!
//! An association has versions, which are requests as they were made, and executions, each of which is a command (or an automation). How an
//! execution stands is not written down: it follows from its command.

mod create;
mod delete;
mod describe;
mod executions;
pub mod handlers;
mod instances;
mod list;
mod rows;
mod scheduled;
mod standing;
mod start;
mod state;
mod tagging;
mod update;

pub use instances::targets_of;
pub use rows::{Association, RowKey, Work};
pub use state::AssociationState;

use cloudlet_store::{Journal, Store};
use std::sync::Arc;

#[derive(Clone)]
pub struct Associations {
    pub store: Arc<Store<AssociationState>>,
}

impl Associations {
    pub fn new(journal: &Journal) -> Associations {
        Associations { store: Arc::new(Store::new("ssm/associations", journal, AssociationState::default())) }
    }
}
