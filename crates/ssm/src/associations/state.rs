//! The tables of associations.

use super::rows::{Association, Execution, RowKey, Version};
use cloudlet_aws::Scope;
use cloudlet_store::{Table, tables};
use std::{ops::Bound, sync::Arc};

#[derive(Default)]
pub struct AssociationState {
    pub associations: Table<RowKey, Arc<Association>>,
    pub versions: Table<(RowKey, u32), Arc<Version>>,
    /// In their order.
    pub executions: Table<(RowKey, u64), Execution>,
}

tables!(AssociationState { associations, versions, executions });

/// Executions that are remembered of each association.
const MOST_EXECUTIONS: usize = 100;

impl AssociationState {
    pub fn of_scope<'s>(&'s self, scope: &'s Scope) -> impl Iterator<Item = (&'s RowKey, &'s Arc<Association>)> {
        let from = (Bound::Included((scope.clone(), Arc::from(""))), Bound::Unbounded);
        self.associations.range::<RowKey, _>(from).take_while(move |(place, _)| place.0 == *scope)
    }

    pub fn versions_of<'s>(&'s self, place: &'s RowKey) -> impl Iterator<Item = (u32, &'s Arc<Version>)> {
        let from = (Bound::Included((place.clone(), 0)), Bound::Unbounded);
        self.versions.range::<(RowKey, u32), _>(from).take_while(move |((of, _), _)| of == place).map(|((_, number), row)| (*number, row))
    }

    /// The oldest first.
    pub fn executions_of<'s>(&'s self, place: &'s RowKey) -> impl Iterator<Item = &'s Execution> {
        self.numbered_executions(place).map(|(_, row)| row)
    }

    fn numbered_executions<'s>(&'s self, place: &'s RowKey) -> impl Iterator<Item = (u64, &'s Execution)> {
        let from = (Bound::Included((place.clone(), 0)), Bound::Unbounded);
        self.executions.range::<(RowKey, u64), _>(from).take_while(move |((of, _), _)| of == place).map(|((_, number), row)| (*number, row))
    }

    /// Writes an association down, with a version.
    pub fn put(&mut self, place: RowKey, association: Association) {
        let version = Version { created: association.updated, wanted: association.wanted.clone() };
        self.versions.insert((place.clone(), association.version), Arc::new(version));
        self.associations.insert(place, Arc::new(association));
    }

    pub fn put_execution(&mut self, place: &RowKey, execution: Execution) {
        let known: Vec<u64> = self.numbered_executions(place).map(|(number, _)| number).collect();
        let number = known.last().map_or(0, |last| last + 1);
        self.executions.insert((place.clone(), number), execution);
        for number in known.iter().take((known.len() + 1).saturating_sub(MOST_EXECUTIONS)) {
            self.executions.remove(&(place.clone(), *number));
        }
    }

    pub fn remove(&mut self, place: &RowKey) {
        let versions: Vec<u32> = self.versions_of(place).map(|(number, _)| number).collect();
        for number in versions {
            self.versions.remove(&(place.clone(), number));
        }
        let executions: Vec<u64> = self.numbered_executions(place).map(|(number, _)| number).collect();
        for number in executions {
            self.executions.remove(&(place.clone(), number));
        }
        self.associations.remove(place);
    }
}
