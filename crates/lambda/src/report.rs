//! The lines that Lambda itself writes around those of a function, as text or as JSON.
//! <https://docs.aws.amazon.com/lambda/latest/dg/monitoring-logs.html>

use crate::{
    Lambda, limits,
    outcomes::End,
    progress::millis as rounded,
    runtime_api::RuntimeApi,
    runtimes,
    state::{FunctionKey, Version},
};
use bytes::Bytes;
use cloudlet_engine::{Cx, WorkerEnd};
use serde_json::{Value, json};
use std::{fmt::Write, time::Duration};

/// What the lines about an event say.
#[derive(Default)]
pub struct Report {
    pub request_id: String,
    pub memory_size: i32,
    pub init: Option<Duration>,
    pub duration: Duration,
    pub memory: u64,
    /// Whether the environment can take another event.
    pub survives: bool,
    /// A line of the platform's own between those of the code and the last.
    failure: Option<String>,
    status: Status,
    form: Form,
}

/// How an event ended, as its report tells it.
#[derive(Default)]
enum Status {
    #[default]
    Success,
    Timeout,
    Error(&'static str),
}

impl Status {
    /// What a report in text ends with.
    fn text(&self) -> String {
        match self {
            Status::Success => String::new(),
            Status::Timeout => "\tStatus: timeout".to_owned(),
            Status::Error(kind) => format!("\tStatus: error\tError Type: {kind}"),
        }
    }

    fn record(&self) -> Value {
        match self {
            Status::Success => json!({ "status": "success" }),
            Status::Timeout => json!({ "status": "timeout" }),
            Status::Error(kind) => json!({ "status": "error", "errorType": kind }),
        }
    }
}

/// How the lines are written.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Form {
    #[default]
    Text,
    Json,
    /// JSON, and of the platform's own lines none: the function wants warnings alone.
    Quiet,
}

/// A runtime as the first line of an environment tells it.
pub struct RuntimeShown {
    version: String,
    arn: String,
    note: String,
}

impl Lambda {
    pub fn runtime_shown(&self, key: &FunctionKey, version: &Version) -> RuntimeShown {
        let runtime = version.text(|configuration| configuration.runtime.as_ref());
        let note = match runtimes::program(self.workers.as_ref(), runtime) {
            Ok(runtimes::Program::Interpreted(_, interpreter)) if !runtimes::is(runtime, &interpreter) => {
                format!(" (here: {}, as this one is not installed)", interpreter.version)
            }
            _ => String::new(),
        };
        RuntimeShown { version: format!("{}.v1", runtimes::shown(runtime)), arn: runtimes::version_arn(&key.region, runtime), note }
    }
}

fn millis(of: Duration) -> f64 {
    of.as_secs_f64() * 1_000.0
}

impl RuntimeShown {
    /// Tells those who subscribe to it that an environment begins.
    pub fn begin(&self, api: &RuntimeApi, memory: u64) {
        api.begin(memory, &format!("{}{}", self.version, self.note), &self.arn);
    }
}

/// What an event comes to.
pub struct Answer {
    pub payload: Bytes,
    pub failed: bool,
}

impl Report {
    pub fn of(version: &Version, request_id: &str) -> Report {
        let logging = version.configuration.logging_config.as_ref();
        let is_json = logging.and_then(|logging| logging.log_format.as_deref()) == Some("JSON");
        let level = logging.and_then(|logging| logging.system_log_level.as_deref());
        let form = match (is_json, level) {
            (false, _) => Form::Text,
            (true, Some("WARN")) => Form::Quiet,
            (true, _) => Form::Json,
        };
        let memory_size = version.configuration.memory_size.unwrap_or(128);
        Report { request_id: request_id.to_owned(), memory_size, form, ..Report::default() }
    }

    /// A line of the platform's own in JSON.
    fn say(&self, cx: &Cx, log: &mut String, kind: &str, record: &Value) {
        if self.form == Form::Json {
            let _ = writeln!(log, "{}", json!({ "time": cx.clock().now().with_millis(), "type": kind, "record": record }));
        }
    }

    /// The first line of a new environment.
    pub fn begin_start(&self, cx: &Cx, log: &mut String, runtime: &RuntimeShown) {
        let RuntimeShown { version, arn, note } = runtime;
        if self.form == Form::Text {
            let _ = writeln!(log, "INIT_START Runtime Version: {version}{note}\tRuntime Version ARN: {arn}");
            return;
        }
        let record = json!({
            "initializationType": "on-demand",
            "phase": "init",
            "runtimeVersion": format!("{version}{note}"),
            "runtimeVersionArn": arn,
        });
        self.say(cx, log, "platform.initStart", &record);
    }

    pub fn begin(&self, cx: &Cx, log: &mut String, version: &str) {
        if self.form == Form::Text {
            let _ = writeln!(log, "START RequestId: {} Version: {version}", self.request_id);
        }
        self.say(cx, log, "platform.start", &json!({ "requestId": self.request_id, "version": version }));
    }

    /// The answer.
    pub fn settle(&mut self, cx: &Cx, end: End, timeout: Duration) -> Answer {
        let id = &self.request_id;
        let failure = |kind: &str, message: String| Answer {
            payload: Bytes::from(json!({ "errorType": kind, "errorMessage": message }).to_string()),
            failed: true,
        };
        self.survives = matches!(end, End::Response(_) | End::Error(_) | End::TooLarge(_));
        match end {
            End::Response(payload) => Answer { payload, failed: false },
            // AWS: `Status: error` is for failures of the runtime, not for errors of the code.
            End::Error(payload) => Answer { payload, failed: true },
            End::TooLarge(_) => {
                let text = format!("Response payload size exceeded maximum allowed payload size ({} bytes).", limits::SYNCHRONOUS_BYTES);
                failure("Function.ResponseSizeTooLarge", text)
            }
            End::TimedOut => {
                let text = format!("Task timed out after {:.2} seconds", timeout.as_secs_f64());
                self.failure = Some(format!("{} {id} {text}\n", cx.clock().now().with_millis()));
                self.status = Status::Timeout;
                failure("Sandbox.Timedout", format!("RequestId: {id} Error: {text}"))
            }
            End::Exited(end) => {
                let why = match end {
                    WorkerEnd::Exited(0) => "Runtime exited without providing a reason".to_owned(),
                    end => format!("Runtime exited with error: {end}"),
                };
                let text = format!("RequestId: {id} Error: {why}");
                let kind = if end == WorkerEnd::OutOfMemory { "Runtime.OutOfMemory" } else { "Runtime.ExitError" };
                self.failure = Some(format!("{text}\n{kind}"));
                self.status = Status::Error(kind);
                failure(kind, text)
            }
        }
    }

    /// The last lines of the log. The report as a document.
    pub fn close(&self, cx: &Cx, log: &mut String) -> Value {
        let id = &self.request_id;
        let is_text = self.form == Form::Text;
        if let Some(failure) = self.failure.as_ref().filter(|_| is_text) {
            let _ = writeln!(log, "{failure}");
        }
        let used = self.memory.div_ceil(1 << 20).min(u64::try_from(self.memory_size).unwrap_or(u64::MAX));
        let billed = self.duration.as_millis() + 1;
        if is_text {
            let _ = writeln!(log, "END RequestId: {id}");
            let _ = write!(log, "REPORT RequestId: {id}\tDuration: {:.2} ms\tBilled Duration: {billed} ms", millis(self.duration));
            let _ = write!(log, "\tMemory Size: {} MB\tMax Memory Used: {used} MB", self.memory_size);
            if let Some(init) = self.init {
                let _ = write!(log, "\tInit Duration: {:.2} ms", millis(init));
            }
            let _ = writeln!(log, "{}\t", self.status.text());
        }
        let mut metrics = json!({
            "durationMs": rounded(self.duration),
            "billedDurationMs": u64::try_from(billed).unwrap_or(u64::MAX),
            "memorySizeMB": self.memory_size,
            "maxMemoryUsedMB": used,
        });
        if let (Some(init), Value::Object(members)) = (self.init, &mut metrics) {
            members.insert("initDurationMs".into(), json!(rounded(init)));
        }
        let mut record = json!({ "requestId": id, "metrics": metrics });
        if let (Value::Object(record), Value::Object(told)) = (&mut record, self.status.record()) {
            record.extend(told);
        }
        self.say(cx, log, "platform.report", &record);
        record
    }
}
