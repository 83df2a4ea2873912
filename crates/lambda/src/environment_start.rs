//! A new environment: the process that a function's code runs in, and what it finds there.

use crate::{
    Lambda,
    code::PRINCIPAL,
    code_keys, encryption,
    environment::{Environment, Lines, TRAIL},
    environments::{EnvironmentRequest, FailedStart, HOLDS_UP, NotReady},
    extensions::{Described, Extensions},
    faults,
    names::LATEST,
    outcomes::End,
    runtime_api::{ApiSettings, RuntimeApi},
    runtimes::{self, Program},
    state::Version,
    subscriptions::Category,
};
use cloudlet_aws::{Arn, Fault};
use cloudlet_engine::{
    Cx, Interpreter, Language, Stopwatch, WorkerOrder, WorkerValue, python_sdk,
    roles::{self, Credentials},
    within,
};
use cloudlet_shape::Map;
use parking_lot::Mutex;
use std::{sync::Arc, time::Duration};
use tokio::sync::mpsc;

/// AWS: the time for an environment to become ready, before an event counts.
const INIT: Duration = Duration::from_secs(10);
/// Seconds of an environment's credentials.
const SESSION: i32 = 3_600;

/// AWS: `2026/11/29/[$LATEST]0123456789abcdef0123456789abcdef`.
pub fn stream(cx: &Cx, number: u64) -> String {
    let day = cx.clock().now().with_millis();
    let day = day.get(..10).unwrap_or_default().replace('-', "/");
    format!("{day}/[{}]{}", shown(number), cx.ids().hex(32))
}

fn shown(number: u64) -> String {
    if number == 0 { LATEST.to_owned() } else { number.to_string() }
}

fn text(text: &str) -> WorkerValue {
    WorkerValue::Text(text.to_owned())
}

/// The places of these in the list of an environment's folders.
const CODE: usize = 0;
const BOOTSTRAP: usize = 1;
const LAYERS: usize = 2;

/// A program and its arguments.
type Command = (WorkerValue, Vec<WorkerValue>);

fn in_front(command: Command, program: WorkerValue, arguments: Vec<WorkerValue>) -> Command {
    let (inner, rest) = command;
    (program, arguments.into_iter().chain([inner]).chain(rest).collect())
}

/// What Java may use of a function's memory for its objects.
fn heap(memory: i32) -> i32 {
    if memory < 512 { memory / 2 } else { memory / 20 * 17 }
}

fn interpreted(language: Language, interpreter: &Interpreter, memory: i32) -> Command {
    let arguments = match language {
        Language::Python => vec![text("-u"), WorkerValue::Within(BOOTSTRAP, "bootstrap.py")],
        Language::Node => vec![WorkerValue::Within(BOOTSTRAP, "index.mjs")],
        Language::Ruby => vec![WorkerValue::Within(BOOTSTRAP, "bootstrap.rb")],
        // <https://docs.aws.amazon.com/lambda/latest/dg/java-customization.html>
        Language::Java => vec![
            text("-XX:+UseSerialGC"),
            text("-XX:TieredStopAtLevel=1"),
            text("-Xshare:auto"),
            text(&format!("-Xmx{}m", heap(memory))),
            text("-cp"),
            WorkerValue::Within(BOOTSTRAP, ""),
            text("Bootstrap"),
        ],
    };
    (text(&interpreter.program), arguments)
}

fn command(program: &Program, own: &Map<String>, memory: i32, has_extensions: bool) -> Command {
    let command = match program {
        Program::Own => (WorkerValue::Within(CODE, "bootstrap"), vec![]),
        Program::Interpreted(language, interpreter) => interpreted(*language, interpreter, memory),
    };
    // <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-modify.html#runtime-wrapper>
    let wrapper = own.get("AWS_LAMBDA_EXEC_WRAPPER");
    let command = match wrapper.filter(|_| *program != Program::Own) {
        Some(wrapper) => in_front(command, text(wrapper), vec![]),
        None => command,
    };
    // The one place that starts several processes.
    if has_extensions { in_front(command, text("/bin/sh"), vec![WorkerValue::Within(BOOTSTRAP, "start.sh")]) } else { command }
}

/// What the code reads in its environment.
fn variables(
    wanted: &EnvironmentRequest<'_>,
    given: &Map<String>,
    keys: &Credentials,
    stream: &str,
    over: Option<&str>,
) -> Vec<(String, WorkerValue)> {
    let (version, key) = (wanted.version, &wanted.fit.key);
    let configuration = &version.configuration;
    let own = [
        ("_HANDLER", text(version.text(|configuration| configuration.handler.as_ref()))),
        ("LAMBDA_TASK_ROOT", WorkerValue::Within(CODE, "")),
        ("LAMBDA_RUNTIME_DIR", WorkerValue::Within(BOOTSTRAP, "")),
        ("_CLOUDLET_LAYERS", WorkerValue::Within(LAYERS, "")),
        ("AWS_LAMBDA_RUNTIME_API", WorkerValue::Http),
        ("AWS_LAMBDA_FUNCTION_NAME", text(&key.name)),
        ("AWS_LAMBDA_FUNCTION_VERSION", text(&shown(wanted.fit.number))),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", text(&configuration.memory_size.unwrap_or(128).to_string())),
        ("AWS_LAMBDA_LOG_GROUP_NAME", text(version.log_group())),
        ("AWS_LAMBDA_LOG_STREAM_NAME", text(stream)),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", text(wanted.fit.initialization.name())),
        ("AWS_EXECUTION_ENV", text(&format!("AWS_Lambda_{}", version.text(|configuration| configuration.runtime.as_ref())))),
        ("AWS_REGION", text(key.region.as_str())),
        ("AWS_DEFAULT_REGION", text(key.region.as_str())),
        ("AWS_ACCESS_KEY_ID", text(&keys.access_key_id)),
        ("AWS_SECRET_ACCESS_KEY", text(&keys.secret_access_key)),
        ("AWS_SESSION_TOKEN", text(&keys.session_token)),
    ];
    let libraries = [text("/lib64"), text("/usr/lib64")];
    let libraries = libraries.into_iter().chain(
        [(BOOTSTRAP, ""), (BOOTSTRAP, "lib"), (CODE, ""), (CODE, "lib"), (LAYERS, "lib")].map(|(folder, below)| WorkerValue::Within(folder, below)),
    );
    // What a function may set otherwise.
    // <https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime>
    let usual = [
        ("AWS_ENDPOINT_URL", WorkerValue::Server),
        ("PATH", text("/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin")),
        ("LD_LIBRARY_PATH", WorkerValue::Paths(libraries.collect())),
        ("LANG", text("en_US.UTF-8")),
        ("TZ", text(":UTC")),
        ("PYTHONDONTWRITEBYTECODE", text("1")),
        // Nobody takes traces: what the SDK of X-Ray sends is lost, without an error.
        ("AWS_XRAY_CONTEXT_MISSING", text("LOG_ERROR")),
        ("AWS_XRAY_DAEMON_ADDRESS", text("127.0.0.1:2000")),
    ];
    let mut all: Vec<(String, WorkerValue)> = given.iter().map(|(name, value)| (name.clone(), text(value))).collect();
    for (name, value) in usual {
        if !all.iter().any(|(known, _)| known == name) {
            all.push((name.to_owned(), value));
        }
    }
    all.extend(own.map(|(name, value)| (name.to_owned(), value)));
    if let Some(logging) = configuration.logging_config.as_ref().filter(|logging| logging.log_format.as_deref() == Some("JSON")) {
        all.push(("AWS_LAMBDA_LOG_FORMAT".to_owned(), text("JSON")));
        all.push(("AWS_LAMBDA_LOG_LEVEL".to_owned(), text(logging.application_log_level.as_deref().unwrap_or("INFO"))));
    }
    if let Some(over) = over {
        all.push(("_CLOUDLET_LINES".to_owned(), WorkerValue::Aside));
        all.push(("_CLOUDLET_OVER".to_owned(), text(over)));
    }
    all
}

impl Lambda {
    /// A warm environment, or a new one and the time that it took to get ready.
    pub async fn environment(&self, cx: &Cx, wanted: &EnvironmentRequest<'_>) -> Result<(Environment, Option<Duration>, Vec<String>), NotReady> {
        if let Some(environment) = self.environments.take(&wanted.fit, cx.clock().now()).await {
            return Ok((environment, None, Vec::new()));
        }
        self.fresh_environment(cx, wanted).await.map(|(environment, took, lines)| (environment, Some(took), lines))
    }

    /// A new environment that is ready.
    pub async fn fresh_environment(&self, cx: &Cx, wanted: &EnvironmentRequest<'_>) -> Result<(Environment, Duration, Vec<String>), NotReady> {
        let turn = self.environments.starting().await?;
        let watch = Stopwatch::start();
        let mut environment = self.start(cx, wanted).await?;
        let mut end = within(HOLDS_UP, environment.ready()).await;
        drop(turn);
        if end.is_none() {
            end = within(INIT + wanted.timeout, environment.ready()).await;
        }
        let end = match end {
            Some(None) => {
                let lines = environment.lines.lock().take();
                return Ok((environment, watch.elapsed(), lines));
            }
            Some(Some(end)) => {
                // What it wrote before it ended is still on its way.
                within(TRAIL, environment.worker.ended()).await;
                end
            }
            None => End::TimedOut,
        };
        let lines = environment.lines.lock().take();
        let (session, stream) = (environment.session.clone(), environment.stream.clone());
        Err(NotReady::Failed(Box::new(FailedStart { end, lines, session, stream })))
    }

    async fn start(&self, cx: &Cx, wanted: &EnvironmentRequest<'_>) -> Result<Environment, Fault> {
        let (version, key) = (wanted.version, &wanted.fit.key);
        let runtime = version.text(|configuration| configuration.runtime.as_ref());
        let program = runtimes::program(self.workers.as_ref(), runtime)?;
        let role = Arn::parse(version.role()).ok_or_else(|| Fault::internal("a function without a role"))?;
        let session = roles::assume_role_with_keys(cx, &role, &key.name, PRINCIPAL, &key.arn(), SESSION).await;
        let (session, keys) = session.map_err(|_| faults::invalid("The role defined for the function cannot be assumed by Lambda."))?;
        let given = encryption::open_under(cx, &session.caller, version, key).await?.unwrap_or_default();
        code_keys::check(cx, version, key).await?;
        let code = self.code_folder(version).await?;
        let (layers, extensions) = self.layers_folder(version).await?;
        let bootstrap = self.bootstrap_folder(&program).await?;
        let has_extensions = !extensions.is_empty();
        let memory = version.configuration.memory_size.unwrap_or(128);
        let (program, arguments) = command(&program, &given, memory, has_extensions);
        let stream = stream(cx, wanted.fit.number);
        // The word by which the end of the code is told where extensions go on.
        let over = has_extensions.then(|| cx.ids().hex(32));
        let environment = variables(wanted, &given, &keys, &stream, over.as_deref());
        let folders = vec![(code, "/var/task"), (bootstrap, "/var/runtime"), (layers, "/opt")];
        let (said, heard) = mpsc::unbounded_channel();
        let described = Described {
            name: key.name.to_string(),
            version: shown(wanted.fit.number),
            handler: version.text(|configuration| configuration.handler.as_ref()).to_owned(),
            account: key.account.to_string(),
        };
        let api = RuntimeApi::new(ApiSettings {
            said,
            extensions: Extensions::new(extensions, described),
            runtime: cx.runtime().clone(),
            initialization: wanted.fit.initialization.name(),
            has_json_lines: version.configuration.logging_config.as_ref().is_some_and(|logging| logging.log_format.as_deref() == Some("JSON")),
        });
        let megabytes = |number: i32| u64::try_from(number).unwrap_or(0) << 20;
        self.runtime_shown(key, version).begin(&api, megabytes(memory));
        let lines = Arc::new(Mutex::new(Lines::default()));
        let tells = |category| {
            let (lines, api) = (lines.clone(), Arc::downgrade(&api));
            let over = over.clone().filter(|_| category == Category::Extension);
            move |line: &str| {
                let api = api.upgrade();
                let (line, status) = match over.as_deref().and_then(|over| line.split_once(over)) {
                    Some((before, status)) => (before, Some(status)),
                    None => (line, None),
                };
                if let (Some(api), Some(status)) = (&api, status) {
                    api.exited(status.trim().parse().unwrap_or(0));
                }
                if status.is_some() && line.is_empty() {
                    return;
                }
                lines.lock().add(line);
                if let Some(api) = api {
                    api.tell_line(category, line);
                }
            }
        };
        let configuration = &version.configuration;
        let mut order = WorkerOrder {
            program,
            arguments,
            environment,
            folders,
            directory: CODE,
            memory: megabytes(memory),
            temporary: megabytes(configuration.ephemeral_storage.as_ref().map_or(512, |storage| storage.size)),
            http: api.clone(),
            server: cx.own_address().to_owned(),
            output: Arc::new(tells(Category::Function)),
            aside: if has_extensions { Some(Arc::new(tells(Category::Extension))) } else { None },
        };
        if runtime.starts_with("python") {
            python_sdk::show(&*self.workers, &mut order);
        }
        let worker = self.workers.start(order).await.map_err(Fault::internal)?;
        api.set_worker(&worker);
        Ok(Environment {
            fit: wanted.fit.clone(),
            api,
            said: heard,
            worker,
            runtime: cx.runtime().clone(),
            lines,
            writes: Arc::default(),
            session,
            log_group: version.log_group().to_owned(),
            stream,
            idle_looks: 0,
        })
    }
}

impl Version {
    pub fn log_group(&self) -> &str {
        self.configuration.logging_config.as_ref().and_then(|logging| logging.log_group.as_deref()).unwrap_or_default()
    }
}
