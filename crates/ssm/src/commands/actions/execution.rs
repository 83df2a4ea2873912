//! An invocation that runs: what its steps need of the node, and how they end. It calls AWS as the node, wherever that is: in the server, or in an agent.

use crate::commands::{log_streams::LogStreams, rows::Progress, running::Run};
use bytes::Bytes;
use cloudlet_api_ssm::{GetParameters, GetParametersRequest};
use cloudlet_api_sts::Credentials;
use cloudlet_aws::{Caller, Fault};
use cloudlet_engine::{Cx, Node, NodeInput, NodeOutput, NodeProcess, NodeProgram, NodeUser, Stopwatch, WorkerEnd, WorkerValue};
use cloudlet_ssm_document::{Parameters, Values, parameters_in};
use serde_json::Value;
use std::{collections::BTreeMap, sync::Arc, time::Duration};

/// What is kept of each stream of a program. AWS takes outputs of any length into S3.
const MOST_OUTPUT: usize = 2 << 20;
/// How long the programs may take that prepare a step.
pub const PREPARATION: i64 = 60;

/// A file that a program finds when it begins.
pub struct NewFile<'f> {
    pub path: &'f str,
    pub content: Bytes,
}

/// How often the output of a program goes to Logs.
const LOGGED_EVERY: Duration = Duration::from_millis(500);

/// Whose output a program writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutputOf {
    Step,
    /// It prepares something.
    Nobody,
}

/// How a step has ended.
#[derive(Clone, Debug)]
pub struct Ended {
    pub progress: Progress,
    pub code: i32,
    pub output: Bytes,
    pub error: Bytes,
    /// The following steps are not taken.
    pub ends: bool,
}

impl Ended {
    pub fn success(output: impl Into<Bytes>) -> Ended {
        Ended { progress: Progress::Success, code: 0, output: output.into(), error: Bytes::new(), ends: false }
    }

    pub fn failed(error: impl Into<String>) -> Ended {
        Ended { progress: Progress::Failed, code: 1, output: Bytes::new(), error: error.into().into(), ends: false }
    }
}

/// What a program has said, and how it ended.
pub struct Ran {
    pub end: ProgramEnd,
    pub output: Vec<u8>,
    pub error: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProgramEnd {
    Ended(WorkerEnd),
    TimedOut,
    Stopped,
}

/// What scripts are told of the node's system.
#[derive(Clone, Debug, Default)]
pub struct System {
    pub name: Option<String>,
    pub version: Option<String>,
}

/// An invocation that runs, with all that its steps need.
pub struct Execution<'e> {
    pub cx: &'e Cx,
    /// The id of the node.
    pub node: String,
    pub system: System,
    pub command: String,
    pub run: &'e Run,
    pub machine: Arc<dyn Node>,
    /// Who the node is, or why it is nobody.
    pub session: Result<(Caller, Option<Credentials>), Fault>,
    /// Where the output of the current step goes while it runs.
    pub logs: Option<LogStreams>,
}

impl Execution<'_> {
    pub fn caller(&self) -> Result<Caller, String> {
        self.session.as_ref().map(|(caller, _)| caller.clone()).map_err(|fault| format!("the node has no session of its role: {}", fault.message()))
    }

    /// The values of a document's parameters, with those of Parameter Store that it or they name. AWS: the node reads them.
    pub async fn with_parameter_store(&self, document: &Value, values: Values) -> Result<Values, String> {
        let mut names = parameters_in(document);
        names.extend(parameters_in(&Value::Object(values.clone())));
        names.sort();
        names.dedup();
        if names.is_empty() {
            return Ok(values);
        }
        let caller = self.caller()?;
        let mut stored: BTreeMap<String, Value> = BTreeMap::new();
        for some in names.chunks(10) {
            let input = GetParametersRequest { names: some.to_vec(), ..GetParametersRequest::default() };
            let answer = Box::pin(self.cx.call::<GetParameters>(caller.clone(), self.cx.scope.clone(), input)).await;
            let answer = answer.map_err(|fault| format!("Failed to resolve parameters: {}", fault.message()))?;
            if let Some(invalid) = answer.invalid_parameters.filter(|invalid| !invalid.is_empty()) {
                return Err(format!("Failed to resolve parameters: {} not found", invalid.join(", ")));
            }
            for parameter in answer.parameters.unwrap_or_default() {
                let name = format!("{}{}", parameter.name.unwrap_or_default(), parameter.selector.unwrap_or_default());
                let value = parameter.value.unwrap_or_default();
                let is_list = parameter.r#type.as_deref() == Some("StringList");
                if parameter.r#type.as_deref() == Some("SecureString") {
                    // AWS: "{{ssm:…}}" is for String and StringList.
                    return Err(format!("Parameters [{name}] of type SecureString are not supported"));
                }
                let value = if is_list { Value::from(value.split(',').map(str::to_owned).collect::<Vec<_>>()) } else { Value::String(value) };
                stored.insert(name, value);
            }
        }
        let lookup = |name: &str| name.strip_prefix("ssm:").and_then(|name| stored.get(name).cloned());
        let mut resolved: Values = values.into_iter().map(|(name, value)| (name, cloudlet_ssm_document::substitute(&value, &lookup))).collect();
        resolved.extend(stored.iter().map(|(name, value)| (format!("ssm:{name}"), value.clone())));
        Ok(resolved)
    }

    fn environment(&self, more: &[(String, String)]) -> Vec<(String, WorkerValue)> {
        let text = |name: &str, value: &str| (name.to_owned(), WorkerValue::Text(value.to_owned()));
        let region = self.cx.scope.region.as_str();
        let mut environment = vec![
            text("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
            text("LANG", "C.UTF-8"),
            text("AWS_SSM_INSTANCE_ID", &self.node),
            text("AWS_SSM_REGION_NAME", region),
            text("AWS_SSM_PLATFORM_NAME", self.system.name.as_deref().unwrap_or("Linux")),
            text("AWS_SSM_PLATFORM_VERSION", self.system.version.as_deref().unwrap_or_default()),
            text("AWS_DEFAULT_REGION", region),
            text("AWS_REGION", region),
            ("AWS_ENDPOINT_URL".to_owned(), WorkerValue::Server),
        ];
        if let Ok((_, Some(keys))) = &self.session {
            environment.push(text("AWS_ACCESS_KEY_ID", &keys.access_key_id));
            environment.push(text("AWS_SECRET_ACCESS_KEY", &keys.secret_access_key));
            environment.push(text("AWS_SESSION_TOKEN", &keys.session_token));
        }
        environment.extend(more.iter().map(|(name, value)| text(name, value)));
        environment
    }

    /// The folder of the invocation on the node. AWS: below `/var/lib`, which is read-only here.
    pub fn folder(&self) -> String {
        format!("/tmp/amazon/ssm/{}/document/orchestration/{}", self.node, self.command)
    }

    /// Writes what there is of a step's output to its streams of Logs.
    pub async fn write_logs(&self, is_over: bool) {
        if let (Some(logs), Ok(caller)) = (&self.logs, self.caller()) {
            logs.write(self.cx, &caller, &self.cx.scope, is_over).await;
        }
    }

    /// The next output of a program, which goes to Logs every now and then. `None`: it has no more.
    async fn next_output(&self, process: &dyn NodeProcess, is_followed: bool, since: &mut Stopwatch) -> Option<(NodeOutput, Bytes)> {
        let Some(logs) = self.logs.as_ref().filter(|_| is_followed) else { return process.read().await };
        loop {
            if since.elapsed() >= LOGGED_EVERY {
                self.write_logs(false).await;
                *since = Stopwatch::start();
            }
            if let Some(next) = cloudlet_engine::within(LOGGED_EVERY, process.read()).await {
                if let Some((from, bytes)) = &next {
                    logs.add(*from, bytes);
                }
                return next;
            }
        }
    }

    /// Runs a program, for so many seconds of the clock at most.
    pub async fn program(
        &self,
        output_of: OutputOf,
        program: &str,
        arguments: &[&str],
        file: Option<NewFile<'_>>,
        more: &[(String, String)],
        seconds: i64,
    ) -> Result<Ran, String> {
        let order = NodeProgram {
            program: program.to_owned(),
            arguments: arguments.iter().map(|argument| (*argument).to_owned()).collect(),
            environment: self.environment(more),
            directory: None,
            user: NodeUser::Root,
            input: file.as_ref().map_or(NodeInput::Nothing, |file| NodeInput::File(file.path.to_owned())),
        };
        let is_followed = output_of == OutputOf::Step;
        let until = self.cx.clock().now().plus_secs(seconds);
        let process = self.machine.start(order).await?;
        if let Some(file) = file {
            process.write(file.content).await;
            process.close_input();
        }
        if let Some(logs) = self.logs.as_ref().filter(|_| is_followed) {
            logs.restart();
        }
        let (mut output, mut error) = (Vec::new(), Vec::new());
        let mut take = |from: NodeOutput, bytes: &[u8]| {
            let kept = if from == NodeOutput::Standard { &mut output } else { &mut error };
            let room = MOST_OUTPUT.saturating_sub(kept.len());
            kept.extend_from_slice(bytes.get(..room.min(bytes.len())).unwrap_or_default());
        };
        let ended = async {
            let mut since = Stopwatch::start();
            while let Some((from, bytes)) = self.next_output(&*process, is_followed, &mut since).await {
                take(from, &bytes);
            }
            process.ended().await
        };
        let end = tokio::select! {
            end = ended => ProgramEnd::Ended(end),
            () = self.run.stopped() => ProgramEnd::Stopped,
            () = self.cx.clock().sleep_until(until) => ProgramEnd::TimedOut,
        };
        if !matches!(end, ProgramEnd::Ended(_)) {
            process.kill();
            // What it has still said.
            let rest = async {
                while let Some((from, bytes)) = process.read().await {
                    take(from, &bytes);
                }
            };
            cloudlet_engine::within(Duration::from_secs(2), rest).await;
        }
        Ok(Ran { end, output, error })
    }

    /// Writes a file below the folder of the invocation.
    pub async fn write_file(&self, path: &str, content: Bytes) -> Result<(), String> {
        let ran = self.program(OutputOf::Nobody, "sh", &["-c", ":"], Some(NewFile { path, content }), &[], PREPARATION).await?;
        match ran.end {
            ProgramEnd::Ended(WorkerEnd::Exited(0)) => Ok(()),
            _ => Err(format!("{path} cannot be written: {}", String::from_utf8_lossy(&ran.error))),
        }
    }
}

/// Takes the parameters that are handed over in the environment: their variables become the shell's.
pub fn environment_of(parameters: &Parameters, values: &mut Values) -> Vec<(String, String)> {
    let mut environment = Vec::new();
    for (name, parameter) in &parameters.0 {
        if !parameter.in_environment {
            continue;
        }
        if let Some(value) = values.get_mut(name) {
            let variable = format!("SSM_{name}");
            environment.push((variable.clone(), value.as_str().map_or_else(|| value.to_string(), str::to_owned)));
            // AWS: unverified form.
            *value = Value::String(format!("${{{variable}}}"));
        }
    }
    environment
}

/// All of what steps of another document have said.
pub fn joined(steps: Vec<Ended>) -> Ended {
    let progress = steps.iter().fold(Progress::Success, |outcome, step| outcome.worse(step.progress));
    let code = steps.iter().find(|step| step.progress != Progress::Success).map_or(0, |step| step.code);
    let all = |of: fn(&Ended) -> &Bytes| -> Bytes { steps.iter().flat_map(|step| of(step).iter().copied()).collect::<Vec<u8>>().into() };
    Ended { progress, code, output: all(|step| &step.output), error: all(|step| &step.error), ends: false }
}
