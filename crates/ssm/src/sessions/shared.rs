//! What all of Session Manager shares.

use super::{live::Live, state::SessionState};
use cloudlet_engine::Workers;
use cloudlet_store::{Journal, Store};
use std::sync::Arc;

#[derive(Clone)]
pub struct Sessions {
    pub store: Arc<Store<SessionState>>,
    pub live: Arc<Live>,
    pub workers: Arc<dyn Workers>,
}

impl Sessions {
    pub fn new(journal: &Journal, workers: Arc<dyn Workers>) -> Sessions {
        Sessions { store: Arc::new(Store::new("ssm/sessions", journal, SessionState::default())), live: Arc::default(), workers }
    }
}
