//! Whether an event may run now: the concurrency of functions, reserved, provisioned and of the account.

use crate::{
    Lambda,
    environment::Initialization,
    faults,
    state::{Function, FunctionKey},
};
use cloudlet_aws::Fault;
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

/// What the tables say of a function's concurrency.
struct FreeConcurrency {
    /// Environments that are kept for the version.
    provisioned: i32,
    /// Those that are kept for all versions of the function.
    total: i32,
    unreserved: i32,
    reserved: Vec<FunctionKey>,
}

impl Lambda {
    fn free(&self, key: &FunctionKey, number: u64) -> FreeConcurrency {
        let scope = key.scope();
        self.store.read(|state| FreeConcurrency {
            provisioned: state.provisioned_for(key, number),
            total: state.provisioned_total(key),
            unreserved: state.unreserved(&scope),
            reserved: state.functions_of(&scope).filter(|(_, function)| function.reserved.is_some()).map(|(key, _)| key.clone()).collect(),
        })
    }

    /// Counts one more event of a function, if its concurrency allows it.
    pub fn admit(&self, key: &FunctionKey, number: u64, function: &Function) -> Result<RunningEvent<'_>, Fault> {
        let free = self.free(key, number);
        let mut running = self.running.0.lock();
        let kept = (key.clone(), Some(number));
        if running.get(&kept).copied().unwrap_or(0) < free.provisioned {
            *running.entry(kept.clone()).or_insert(0) += 1;
            return Ok(RunningEvent { running: &self.running, of: kept });
        }
        let of = (key.clone(), None);
        let own = running.get(&of).copied().unwrap_or(0);
        match function.reserved {
            Some(most) if own >= most - free.total => {
                return Err(faults::rate_exceeded("ReservedFunctionConcurrentInvocationLimitExceeded"));
            }
            Some(_) => {}
            None => {
                let on_demand = running.iter().filter(|((key, kept), _)| kept.is_none() && key.is_in(&of.0.scope()) && !free.reserved.contains(key));
                if on_demand.map(|(_, count)| count).sum::<i32>() >= free.unreserved {
                    return Err(faults::rate_exceeded("ConcurrentInvocationLimitExceeded"));
                }
            }
        }
        *running.entry(of.clone()).or_insert(0) += 1;
        Ok(RunningEvent { running: &self.running, of })
    }
}
