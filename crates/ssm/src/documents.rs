//! Documents: what nodes, runbooks, sessions and changes are described by, with versions, sharing, attachments and reviews.
//! <https://docs.aws.amazon.com/systems-manager/latest/userguide/documents.html>
//!
//! Other areas take a document with `Documents::resolve`.

mod attachments;
pub mod check;
mod create;
mod delete;
mod describe;
mod filters;
mod get;
pub mod handlers;
mod list;
mod names;
mod owned;
mod permissions;
mod resolve;
pub mod reviews;
pub mod rows;
mod sharing;
pub mod state;
mod tagging;
mod update;
mod versions;

pub use attachments::drain;
pub use names::{Owner, VersionSelector};
pub use resolve::Resolved;
pub use state::DocumentState;

use cloudlet_store::{Journal, Store};
use std::sync::Arc;

/// The documents of all accounts, and those that AWS owns.
#[derive(Clone)]
pub struct Documents {
    pub store: Arc<Store<DocumentState>>,
}

impl Documents {
    pub fn new(journal: &Journal) -> Documents {
        Documents { store: Arc::new(Store::new("ssm/documents", journal, DocumentState::default())) }
    }
}
