//! Runs of functions: an event goes to an environment, its answer comes back, and what follows the answer is written down.

use crate::{
    Lambda,
    code::PRINCIPAL,
    environment::{Environment, EnvironmentKey},
    environment_start::stream,
    environments::{EnvironmentRequest, FailedStart, Finishing, NotReady},
    faults,
    functions::Resolved,
    jobs::Job,
    logs,
    names::{LATEST, Named},
    outcomes::{End, Event, Outcome},
    pieces::Sink,
    report::{Answer, Report},
    state::{Function, FunctionKey, Recursion, Version},
    traces,
    unfinished::UnfinishedRun,
};
use cloudlet_aws::{Arn, Fault};
use cloudlet_engine::{Cx, Origin, Stopwatch, roles};
use std::{fmt::Write, time::Duration};

/// What a caller waits for.
#[derive(Clone, Copy)]
pub enum Completion<'s> {
    /// The answer. What follows it goes on without the caller.
    Answer,
    /// The answer and its log, once all is over: the lines are in CloudWatch Logs, and the environment may have its next event.
    Log,
    /// The same, and the answer as it is written.
    Stream(&'s Sink),
}

impl<'s> Completion<'s> {
    fn sink(self) -> Option<&'s Sink> {
        match self {
            Completion::Stream(sink) => Some(sink),
            Completion::Answer | Completion::Log => None,
        }
    }
}

/// A run whose answer is there.
struct AnsweredRun {
    environment: Environment,
    report: Report,
    watch: Stopwatch,
    timeout: Duration,
    /// The lines of a new environment, which no answer shows, and those of the event.
    head: String,
    log: String,
    group: String,
    finishing: Finishing,
    _unfinished: UnfinishedRun,
}

fn shown(resolved: &Resolved) -> String {
    if resolved.number == 0 { LATEST.to_owned() } else { resolved.number.to_string() }
}

impl Lambda {
    /// Runs a function with an event.
    pub async fn run(
        &self,
        cx: &Cx,
        named: &Named,
        resolved: &Resolved,
        function: &Function,
        event: Event,
        completion: Completion<'_>,
    ) -> Result<Outcome, Fault> {
        let trace = traces::next(cx, event.trace.as_deref(), &named.key);
        if trace.turns > traces::MOST_TURNS && function.recursion == Recursion::Terminate {
            return Err(faults::recursive());
        }
        let running = self.admit(&named.key, resolved.number, function)?;
        let _turn = self.environments.turn().await?;
        let version = &resolved.version;
        let timeout = Duration::from_secs(u64::try_from(version.configuration.timeout.unwrap_or(3)).unwrap_or(3));
        let fit = EnvironmentKey::of(self, function, &named.key, resolved, running.initialization());
        let request = EnvironmentRequest { fit, version, timeout };
        let mut report = Report::of(version, &event.request_id);
        let executed = shown(resolved);
        if let Some(image) = &version.image {
            return self.run_container(cx, named, resolved, report, (image, event, timeout, completion.sink())).await;
        }
        let started = self.environment(cx, &request).await;
        let (mut head, mut log) = (String::new(), String::new());
        if !matches!(started, Ok((_, None, _))) {
            // AWS: recorded: the log that an answer shows begins after this line.
            report.begin_start(cx, &mut head, &self.runtime_shown(&named.key, version));
        }
        let (mut environment, init, lines) = match started {
            Err(NotReady::Fault(fault)) => return Err(fault),
            Err(NotReady::Failed(failed)) => {
                let FailedStart { end, lines, session, stream } = *failed;
                append(&mut log, &lines);
                report.begin(cx, &mut log, &executed);
                let Answer { payload, failed } = report.settle(cx, end, timeout);
                report.close(cx, &mut log);
                logs::write(cx, &session, &named.key, version.log_group(), &stream, &format!("{head}{log}")).await;
                return Ok(Outcome { payload, failed, log, executed });
            }
            Ok(started) => started,
        };
        append(&mut log, &lines);
        report.init = init;
        report.begin(cx, &mut log, &executed);
        let watch = Stopwatch::start();
        let job = Job {
            request_id: event.request_id,
            function_arn: named.arn().to_string(),
            version: executed.clone(),
            payload: event.payload,
            deadline: cx.clock().of_machine().millis() + i64::try_from(timeout.as_millis()).unwrap_or(0),
            trace: Some(trace.header),
            client_context: event.client_context,
        };
        let end = environment.answer(job, timeout, completion.sink()).await;
        let Answer { payload, failed } = report.settle(cx, end, timeout);
        let goes_on = report.survives && matches!(completion, Completion::Answer);
        let (finishing, _unfinished) = (self.environments.finishes(&environment.fit), self.environments.begin_unfinished());
        let group = version.log_group().to_owned();
        let run = AnsweredRun { environment, report, watch, timeout, head, log, group, finishing, _unfinished };
        match self.this.upgrade().filter(|_| goes_on) {
            Some(lambda) => {
                let cx = Cx::new(cx.runtime().clone(), cx.scope.clone(), cx.caller.clone(), cx.request_id.clone(), Origin::default());
                tokio::spawn(async move { lambda.finish(&cx, run).await });
                Ok(Outcome { payload, failed, log: String::new(), executed })
            }
            None => Ok(Outcome { payload, failed, log: self.finish(cx, run).await, executed }),
        }
    }

    /// What follows an answer: the last lines, which go to CloudWatch Logs, and the environment may have another event. The log of the event.
    async fn finish(&self, cx: &Cx, run: AnsweredRun) -> String {
        let AnsweredRun { mut environment, mut report, watch, timeout, head, mut log, group, finishing, _unfinished } = run;
        append(&mut log, &environment.trail(report.survives).await);
        report.duration = watch.elapsed().min(timeout);
        report.memory = environment.memory();
        environment.report(report.close(cx, &mut log));
        // It takes its next event while the lines of this one are written, but not before it is the turn of these lines.
        let _turn = environment.writes.clone().lock_owned().await;
        let (key, session, stream) = (environment.fit.key.clone(), environment.session.clone(), environment.stream.clone());
        if report.survives && self.is_wanted(&environment.fit) {
            self.environments.put_back(environment);
        } else {
            drop(environment);
        }
        drop(finishing);
        logs::write(cx, &session, &key, &group, &stream, &format!("{head}{log}")).await;
        log
    }

    /// Whether the function of an environment is still there.
    fn is_wanted(&self, fit: &EnvironmentKey) -> bool {
        self.store.read(|state| state.functions.get(&fit.key).is_some_and(|function| fit.is_of(function)))
    }

    /// The same for a function whose code is a container that runs elsewhere.
    async fn run_container(
        &self,
        cx: &Cx,
        named: &Named,
        resolved: &Resolved,
        mut report: Report,
        (image, event, timeout, sink): (&str, Event, Duration, Option<&Sink>),
    ) -> Result<Outcome, Fault> {
        let version = &resolved.version;
        let executed = shown(resolved);
        let mut log = String::new();
        report.begin(cx, &mut log, &executed);
        let watch = Stopwatch::start();
        let (end, lines) = self.run_image(cx, image, event.payload, timeout).await;
        report.duration = watch.elapsed().min(timeout);
        append(&mut log, &lines);
        if let (Some(sink), End::Response(body)) = (sink, &end) {
            sink.head(None).await;
            sink.bytes(body.clone()).await;
        }
        let Answer { payload, failed } = report.settle(cx, end, timeout);
        report.close(cx, &mut log);
        let role = Arn::parse(version.role()).ok_or_else(|| Fault::internal("a function without a role"))?;
        let session = roles::assume_role(cx, &role, &named.key.name, PRINCIPAL, &named.key.arn()).await.ok();
        if let Some(session) = &session {
            let stream = stream(cx, resolved.number);
            logs::write(cx, session, &named.key, version.log_group(), &stream, &log).await;
        }
        Ok(Outcome { payload, failed, log, executed })
    }

    /// The lines of an environment that was to be kept ready, and did not get so far.
    pub async fn write_failed_start(&self, cx: &Cx, key: &FunctionKey, version: &Version, failed: FailedStart) {
        let mut log = String::new();
        Report::of(version, "").begin_start(cx, &mut log, &self.runtime_shown(key, version));
        append(&mut log, &failed.lines);
        logs::write(cx, &failed.session, key, version.log_group(), &failed.stream, &log).await;
    }
}

fn append(log: &mut String, lines: &[String]) {
    for line in lines {
        let _ = writeln!(log, "{line}");
    }
}
