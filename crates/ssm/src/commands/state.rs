//! The tables of commands.

use super::rows::{Command, Invocation, RowKey};
use cloudlet_aws::{Scope, Timestamp};
use cloudlet_store::{Table, tables};
use std::{ops::Bound, sync::Arc};

#[derive(Default)]
pub struct CommandState {
    pub commands: Table<RowKey, Arc<Command>>,
    /// By command and node.
    pub invocations: Table<(Scope, Arc<str>, Arc<str>), Arc<Invocation>>,
    /// When each was requested.
    pub by_time: Table<(Timestamp, Scope, Arc<str>), ()>,
}

tables!(CommandState { commands, invocations } indexes(CommandState::reindex) { by_time });

impl CommandState {
    fn reindex(&mut self) {
        for ((scope, id), command) in &self.commands {
            self.by_time.insert((command.requested, scope.clone(), id.clone()), ());
        }
    }

    pub fn put(&mut self, place: RowKey, command: Command) {
        self.by_time.insert((command.requested, place.0.clone(), place.1.clone()), ());
        self.commands.insert(place, Arc::new(command));
    }

    /// The invocations of a command, by node.
    pub fn of_command<'s>(&'s self, place: &'s RowKey) -> impl Iterator<Item = (&'s Arc<str>, &'s Arc<Invocation>)> {
        let from = (Bound::Included((place.0.clone(), place.1.clone(), Arc::from(""))), Bound::Unbounded);
        let rows = self.invocations.range::<(Scope, Arc<str>, Arc<str>), _>(from);
        rows.take_while(move |((scope, id, _), _)| *scope == place.0 && *id == place.1).map(|((_, _, node), row)| (node, row))
    }

    /// The commands of an account in a region, the newest first.
    pub fn newest<'s>(&'s self, scope: &'s Scope) -> impl Iterator<Item = (&'s Arc<str>, &'s Arc<Command>)> {
        let times = self.by_time.iter().rev().filter(move |((_, of, _), ())| of == scope);
        times.filter_map(|((_, scope, id), ())| self.commands.get_key_value(&(scope.clone(), id.clone())).map(|((_, id), command)| (id, command)))
    }

    /// Removes what AWS remembers no longer.
    pub fn forget_before(&mut self, time: Timestamp) {
        let old: Vec<(Timestamp, Scope, Arc<str>)> = self.by_time.keys().take_while(|(requested, _, _)| *requested < time).cloned().collect();
        for (requested, scope, id) in old {
            let place = (scope.clone(), id.clone());
            if self.commands.get(&place).is_some_and(|command| !command.progress.is_over()) {
                continue;
            }
            let nodes: Vec<Arc<str>> = self.of_command(&place).map(|(node, _)| node.clone()).collect();
            for node in nodes {
                self.invocations.remove(&(scope.clone(), id.clone(), node));
            }
            self.commands.remove(&place);
            self.by_time.remove(&(requested, scope, id));
        }
    }
}
