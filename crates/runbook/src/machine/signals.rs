//! Signals: approvals, and people who run an automation step by step.
//! <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_SendAutomationSignal.html>

use super::{
    approval::Decision,
    events::{Event, SignalProblem},
    failures::{Stage, doing, failed},
    run::Run,
    state::Doing,
    status::Status,
};
use crate::{approvals::Principal, definition::Action};

impl Run<'_> {
    pub fn signal(&mut self, event: Event) -> Result<(), SignalProblem> {
        match event {
            Event::Approve { by, comment } => self.decide(by, comment, true),
            Event::Reject { by, comment } => self.decide(by, comment, false),
            Event::Revoke { by } => self.revoke(&by),
            Event::Resume { step } => self.resume(step),
            Event::StartStep { step } => self.start_step(step),
            Event::StopStep { number } => self.stop_step(number),
            _ => Ok(()),
        }
    }

    fn decide(&mut self, by: Principal, comment: Option<String>, approves: bool) -> Result<(), SignalProblem> {
        let now = self.now;
        let current = self.machine.current.as_mut().ok_or(SignalProblem::NotWaited)?;
        let Doing::Approving(approval) = &mut current.doing else { return Err(SignalProblem::NotWaited) };
        if !approval.may(&by) {
            return Err(SignalProblem::NotApprover);
        }
        approval.decide(Decision { by: by.clone(), approves, comment, at: now });
        let approved = approval.is_approved();
        let status = if !approves {
            "Rejected"
        } else if approved {
            "Approved"
        } else {
            "Waiting"
        };
        current.record.outputs = approval.outputs(status);
        if approves && !approved {
            let record = current.record.clone();
            self.show(&record);
            return Ok(());
        }
        let Some(current) = self.machine.current.take() else { return Ok(()) };
        if approves {
            let done = super::events::Done { outputs: current.record.outputs.clone(), ..Default::default() };
            self.done(current, done);
        } else {
            // AWS: unverified wording.
            let what = format!("The approval request was rejected by {}", by.arn);
            self.failed(current, failed(doing(Action::Approve), &what, Stage::Invocation, "Action"));
        }
        Ok(())
    }

    fn revoke(&mut self, by: &Principal) -> Result<(), SignalProblem> {
        let current = self.machine.current.as_mut().ok_or(SignalProblem::NotWaited)?;
        let Doing::Approving(approval) = &mut current.doing else { return Err(SignalProblem::NotWaited) };
        if !approval.revoke(by) {
            return Err(SignalProblem::NotApprover);
        }
        current.record.outputs = approval.outputs("Waiting");
        let record = current.record.clone();
        self.show(&record);
        Ok(())
    }

    fn resume(&mut self, step: Option<String>) -> Result<(), SignalProblem> {
        let current = self.machine.current.take_if(|current| matches!(current.doing, Doing::Paused)).ok_or(SignalProblem::NotWaited)?;
        if let Some(step) = step.filter(|step| *step != current.record.step) {
            self.machine.current = Some(current);
            return Err(SignalProblem::Step(step));
        }
        self.done(current, Default::default());
        Ok(())
    }

    /// AWS: only between two steps of an automation that is run step by step.
    fn start_step(&mut self, step: Option<String>) -> Result<(), SignalProblem> {
        if !self.machine.interactive || self.machine.current.is_some() || self.machine.frames.len() != 1 {
            return Err(SignalProblem::NotWaited);
        }
        let at = self.machine.frames.first().and_then(|frame| frame.at.clone());
        let wanted = step.or(at).ok_or(SignalProblem::NotWaited)?;
        if self.find(&wanted).is_none() {
            return Err(SignalProblem::Step(wanted));
        }
        self.next = Some(wanted);
        Ok(())
    }

    fn stop_step(&mut self, number: u64) -> Result<(), SignalProblem> {
        let current = self.machine.current.take_if(|current| current.record.number == number);
        let current = current.ok_or_else(|| SignalProblem::Step(number.to_string()))?;
        self.stop(*current);
        // AWS: unverified: step by step it waits for the next order, otherwise the automation ends.
        if self.machine.interactive && self.machine.frames.len() == 1 {
            self.set_status(Status::Waiting);
        } else {
            self.end_as(Status::Cancelled);
        }
        Ok(())
    }
}
