//! Whether an event may run now: the concurrency of functions, reserved, provisioned and of the account.

use crate::{
    Lambda,
    environment::Initialization,
    faults, limits,
    state::{Function, FunctionKey},
};
use cloudlet_aws::{Fault, Scope};
use parking_lot::Mutex;
use std::collections::BTreeMap;

/// How many events of each function are being handled: by environments that are started on demand, and by those of a version that are kept
/// for it.
#[derive(Default)]
pub struct Running(Mutex<BTreeMap<(FunctionKey, Option<u64>), i32>>);

pub struct RunningEvent<'r> {
    running: &'r Running,
    of: (FunctionKey, Option<u64>),
}

impl RunningEvent<'_> {
    pub fn initialization(&self) -> Initialization {
        if self.of.1.is_some() { Initialization::Provisioned } else { Initialization::OnDemand }
    }
}

impl Drop for RunningEvent<'_> {
    fn drop(&mut self) {
        let mut running = self.running.0.lock();
        if let Some(count) = running.get_mut(&self.of) {
            *count -= 1;
            if *count <= 0 {
                running.remove(&self.of);
            }
        }
    }
}

impl Lambda {
    /// Counts one more event of a function, if its concurrency allows it.
    pub fn admit(&self, key: &FunctionKey, number: u64, function: &Function) -> Result<RunningEvent<'_>, Fault> {
        let (provisioned, total) = self.store.read(|state| (state.provisioned_for(key, number), state.provisioned_total(key)));
        let mut running = self.running.0.lock();
        let of_version = (key.clone(), Some(number));
        if running.get(&of_version).copied().unwrap_or(0) < provisioned {
            *running.entry(of_version.clone()).or_insert(0) += 1;
            return Ok(RunningEvent { running: &self.running, of: of_version });
        }
        let of = (key.clone(), None);
        let own = running.get(&of).copied().unwrap_or(0);
        match function.reserved {
            Some(most) if own >= most - total => return Err(faults::rate_exceeded("ReservedFunctionConcurrentInvocationLimitExceeded")),
            // So much is left to functions that have nothing for themselves: below it, those that do need not be counted.
            None if running.values().sum::<i32>() >= limits::UNRESERVED && self.is_used_up(&key.scope(), &running) => {
                return Err(faults::rate_exceeded("ConcurrentInvocationLimitExceeded"));
            }
            _ => {}
        }
        *running.entry(of.clone()).or_insert(0) += 1;
        Ok(RunningEvent { running: &self.running, of })
    }

    /// Whether the functions of an account and region that share its concurrency have all of it.
    fn is_used_up(&self, scope: &Scope, running: &BTreeMap<(FunctionKey, Option<u64>), i32>) -> bool {
        self.store.read(|state| {
            let shares = |key: &FunctionKey| key.is_in(scope) && state.functions.get(key).is_none_or(|function| function.reserved.is_none());
            let on_demand = running.iter().filter(|((key, version), _)| version.is_none() && shares(key));
            on_demand.map(|(_, count)| count).sum::<i32>() >= state.unreserved(scope)
        })
    }
}
