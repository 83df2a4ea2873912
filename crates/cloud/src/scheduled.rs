//! Scheduled calls are made as they fall due.

use crate::{
    Cloud, EntryPoint,
    scheduler::{Due, DueCall, StoredCall},
};
use cloudlet_aws::{Caller, Scope};
use cloudlet_engine::{Call, Origin};
use futures_util::FutureExt;
use std::{panic::AssertUnwindSafe, pin::pin, sync::Arc};

impl Cloud {
    /// Makes every call that is due by the clock, and those that follow from it, and waits for those that are already being made.
    pub async fn settle(&self) {
        loop {
            let mut finished = pin!(self.scheduler.finished());
            // Registered before the look, so that no end in between is missed.
            finished.as_mut().enable();
            while let Some(due) = self.scheduler.start_due(self.runtime.clock.now()) {
                self.make(due).await;
            }
            if !self.scheduler.is_running() {
                return;
            }
            finished.await;
        }
    }

    /// Makes scheduled calls as they fall due, for as long as the server runs.
    pub async fn run_scheduler(self: Arc<Cloud>) {
        loop {
            let mut changed = pin!(self.scheduler.changed());
            changed.as_mut().enable();
            while let Some(due) = self.scheduler.start_due(self.runtime.clock.now()) {
                let cloud = self.clone();
                tokio::spawn(async move { cloud.make(due).await });
            }
            match self.scheduler.next_due() {
                None => changed.await,
                Some(due) => tokio::select! {
                    () = changed => {}
                    () = self.runtime.clock.sleep_until(due) => {}
                },
            }
        }
    }

    async fn make(&self, mut due: Due) {
        let call = match due.take() {
            Some(DueCall::Live(call)) => *call,
            Some(DueCall::Stored(stored)) => {
                let (caller, scope, stored) = *stored;
                match self.read(caller, scope, &stored) {
                    Some(call) => call,
                    None => return tracing::error!(service = stored.service, operation = stored.operation, "a scheduled call cannot be read"),
                }
            }
            None => return,
        };
        let (service, operation) = (call.operation.service.name, call.operation.name);
        let request_id = self.runtime.ids.uuid().into();
        match AssertUnwindSafe(self.perform(call, request_id, EntryPoint::Scheduler)).catch_unwind().await {
            Ok(performed) => {
                if let Err(fault) = performed.answer {
                    tracing::warn!(service, operation, %fault, "a scheduled call failed");
                }
            }
            Err(_) => tracing::error!(service, operation, "the handler of a scheduled call panicked: this is a bug"),
        }
    }

    /// A call as the journal holds it becomes a call again.
    fn read(&self, caller: Caller, scope: Scope, stored: &StoredCall) -> Option<Call> {
        let handler = self.services.get(stored.service.as_str())?.operation(&stored.operation)?;
        let mut input = None;
        cloudlet_wire::json::read(stored.input.text(), &mut |reader| {
            input = Some(handler.read(reader)?);
            Ok(())
        })
        .ok()?;
        Some(Call { operation: handler.schema(), caller, scope, origin: Origin::default(), input: input? })
    }
}
