//! An execution as a graph in SVG, its states coloured by what became of them: `/_cloudlet/states/executions/<arn>`.

mod layout;
mod outcomes;

use crate::{States, history::events};
use cloudlet_engine::{AdminPage, Page};
use std::sync::Arc;

impl AdminPage for States {
    fn page(&self, arn: &str) -> Option<Page> {
        let arn: Arc<str> = arn.into();
        let (execution, revision, events) = self.store.read(|state| {
            let execution = state.executions.get(&arn)?.clone();
            let revision = state.revisions.get(&execution.revision)?.clone();
            let rows = state.history.range((arn.clone(), 0)..=(arn.clone(), u64::MAX));
            let events: Vec<_> = rows.flat_map(|(_, row)| events(row)).collect();
            Some((execution, revision, events))
        })?;
        let definition = self.definition(&execution.revision, &revision).ok()?;
        let outcomes = outcomes::of(&events, execution.status);
        let title = format!("{} {}", execution.name, execution.status.name());
        Some(Page { content_type: "image/svg+xml", text: layout::svg(&definition.states, &outcomes, &title) })
    }
}
