//! The tables of one store, and the macro that names them.

use crate::{AnyTable, Undo};

/// What a store owns. Implemented by [`tables!`](crate::tables) for a plain struct of tables.
pub trait Tables: Default + Send + Sync + 'static {
    /// Shows every table with its name.
    fn tables(&self, each: &mut dyn FnMut(&'static str, &dyn AnyTable));
    /// Hands out every table with its name.
    fn tables_mut(&mut self, each: &mut dyn FnMut(&'static str, &mut dyn AnyTable));
    /// Shows every index with its name.
    fn indexes(&self, each: &mut dyn FnMut(&'static str, &dyn std::fmt::Debug));
    /// Hands out every index.
    fn indexes_mut(&mut self, each: &mut dyn FnMut(&mut dyn Undo));
    /// Fills the empty indexes from the tables, after rows came from the journal.
    fn reindex(&mut self);
}

/// Says which fields of a struct are its tables. A field that is not named is a compile error.
///
/// - Tables are journaled under the names of their fields. Renaming one is a change of the journal's format.
/// - `indexes` are tables that follow from others: undone with them, never journaled, filled again by the function
///   in parentheses (they are empty when it is called).
/// - `transient` are fields that are no state at all (a notifier for waiters); they must be `Default`, and no write changes them.
///
/// ```
/// use cloudlet_store::{Table, tables};
/// use std::sync::Arc;
///
/// #[derive(Default)]
/// struct State {
///     messages: Table<u64, (u32, String)>,
///     by_due: Table<(u32, u64), ()>,
///     arrived: Arc<str>,
/// }
/// tables!(State { messages } indexes(State::reindex) { by_due } transient { arrived });
///
/// impl State {
///     fn reindex(&mut self) {
///         for (id, (due, _)) in &self.messages {
///             self.by_due.insert((*due, *id), ());
///         }
///     }
/// }
/// ```
#[macro_export]
macro_rules! tables {
    ($state:ident { $($table:ident),+ $(,)? }
        $(indexes($reindex:path) { $($index:ident),+ $(,)? })?
        $(transient { $($transient:ident),+ $(,)? })?
    ) => {
        impl $crate::Tables for $state {
            fn tables(&self, each: &mut dyn FnMut(&'static str, &dyn $crate::AnyTable)) {
                let $state { $($table,)+ $($($index: _,)+)? $($($transient: _,)+)? } = self;
                $(each(stringify!($table), $table);)+
            }
            fn tables_mut(&mut self, each: &mut dyn FnMut(&'static str, &mut dyn $crate::AnyTable)) {
                $(each(stringify!($table), &mut self.$table);)+
            }
            fn indexes(&self, each: &mut dyn FnMut(&'static str, &dyn ::std::fmt::Debug)) {
                let _ = each;
                $($(each(stringify!($index), &self.$index);)+)?
            }
            fn indexes_mut(&mut self, each: &mut dyn FnMut(&mut dyn $crate::Undo)) {
                let _ = each;
                $($(each(&mut self.$index);)+)?
            }
            fn reindex(&mut self) {
                $($reindex(self);)?
            }
        }
    };
}
