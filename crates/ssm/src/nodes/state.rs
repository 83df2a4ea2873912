//! The tables of nodes.

use super::rows::{Activation, Inventory, Registered, RowKey};
use cloudlet_aws::Scope;
use cloudlet_shape::Map;
use cloudlet_store::{Table, tables};
use std::{ops::Bound, sync::Arc};

#[derive(Default)]
pub struct NodeState {
    pub activations: Table<RowKey, Arc<Activation>>,
    pub registered: Table<RowKey, Arc<Registered>>,
    /// By node and type.
    pub inventory: Table<(Scope, Arc<str>, Arc<str>), Inventory>,
    /// Tags of the server's own node.
    pub local_tags: Table<Scope, Map<String>>,
}

tables!(NodeState { activations, registered, inventory, local_tags });

fn of_scope<'t, R>(table: &'t Table<RowKey, R>, scope: &'t Scope) -> impl Iterator<Item = (&'t Arc<str>, &'t R)>
where
    R: Clone + serde::Serialize + serde::de::DeserializeOwned + Send + Sync + 'static,
{
    let from = (Bound::Included((scope.clone(), Arc::from(""))), Bound::Unbounded);
    table.range::<RowKey, _>(from).take_while(move |((of, _), _)| of == scope).map(|((_, id), row)| (id, row))
}

impl NodeState {
    pub fn activations_of<'s>(&'s self, scope: &'s Scope) -> impl Iterator<Item = (&'s Arc<str>, &'s Arc<Activation>)> {
        of_scope(&self.activations, scope)
    }

    pub fn registered_of<'s>(&'s self, scope: &'s Scope) -> impl Iterator<Item = (&'s Arc<str>, &'s Arc<Registered>)> {
        of_scope(&self.registered, scope)
    }

    /// The types of inventory that a node has.
    pub fn inventory_of<'s>(&'s self, scope: &'s Scope, node: &'s str) -> impl Iterator<Item = (&'s Arc<str>, &'s Inventory)> {
        let from = (Bound::Included((scope.clone(), Arc::from(node), Arc::from(""))), Bound::Unbounded);
        let rows = self.inventory.range::<(Scope, Arc<str>, Arc<str>), _>(from);
        rows.take_while(move |((of, id, _), _)| of == scope && &**id == node).map(|((_, _, kind), row)| (kind, row))
    }
}
