//! Execution environments: started with a function's code, used again while they are warm, and bounded in number.

use crate::{
    Lambda, archive,
    code::PRINCIPAL,
    extensions::{Described, Extensions},
    faults,
    functions::Resolved,
    limits,
    names::LATEST,
    outcomes::End,
    pieces::Sink,
    runtime_api::{AnswerPiece, Answering, Job, RuntimeApi, Said},
    runtimes::{self, Program},
    state::{Function, FunctionKey, LayerVersion, Version},
};
use bytes::BytesMut;
use cloudlet_aws::{Arn, Fault, Timestamp};
use cloudlet_engine::{
    Cx, Language, Runtime, Stopwatch, Worker, WorkerFile, WorkerOrder, WorkerValue,
    roles::{self, RoleSession},
    within,
};
use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};
use tokio::sync::{Semaphore, SemaphorePermit, mpsc};

const PYTHON: &str = include_str!("bootstraps/bootstrap.py");
const NODE: &str = include_str!("bootstraps/bootstrap.mjs");
const RUBY: &str = include_str!("bootstraps/bootstrap.rb");
/// Starts the extensions of layers, and becomes the program.
const START: &str = include_str!("bootstraps/start.sh");
/// Environments of all functions that work at the same time; more wait for their turn.
const WORKING: usize = 256;
/// Environments that wait for events, of all functions; the one that has waited longest goes first.
const WARM: usize = 128;
/// AWS: the time for an environment to become ready, before an event counts.
const INIT: Duration = Duration::from_secs(10);
/// Seconds of an environment's credentials.
const SESSION: i32 = 3_600;
/// Bytes of lines that one event may write: more are not reused.
const LOG_BYTES: usize = 4 << 20;
/// AWS: the time for extensions, once an environment is given up.
const SHUTDOWN: Duration = Duration::from_secs(2);
/// How long extensions may take after an answer, before the environment is used again all the same.
const AFTER: Duration = Duration::from_secs(5);
/// How long the lines and the next question of code that has answered are waited for.
const TRAIL: Duration = Duration::from_millis(100);

/// Which environments may take an event.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EnvironmentKey {
    pub key: FunctionKey,
    pub number: u64,
    pub revision: String,
    pub initialization: Initialization,
}

/// Why an environment is started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Initialization {
    OnDemand,
    Provisioned,
}

impl Initialization {
    /// What the code reads in `AWS_LAMBDA_INITIALIZATION_TYPE`.
    fn name(self) -> &'static str {
        match self {
            Initialization::OnDemand => "on-demand",
            Initialization::Provisioned => "provisioned-concurrency",
        }
    }
}

impl EnvironmentKey {
    pub fn of(lambda: &Lambda, function: &Function, key: &FunctionKey, resolved: &Resolved, initialization: Initialization) -> EnvironmentKey {
        let changed = resolved.version.mounted.as_deref().map(|folder| lambda.workers.fingerprint(folder)).unwrap_or_default();
        let revision = format!("{}/{}/{changed}", function.id, resolved.version.revision());
        EnvironmentKey { key: key.clone(), number: resolved.number, revision, initialization }
    }
}

pub struct Environment {
    fit: EnvironmentKey,
    api: Arc<RuntimeApi>,
    said: mpsc::UnboundedReceiver<Said>,
    worker: Arc<dyn Worker>,
    runtime: Arc<Runtime>,
    lines: Arc<Mutex<Lines>>,
    pub session: RoleSession,
    /// The name of its log stream.
    pub stream: String,
}

impl Drop for Environment {
    fn drop(&mut self) {
        let deadline = self.runtime.clock.of_machine().millis() + i64::try_from(SHUTDOWN.as_millis()).unwrap_or(0);
        if let (true, Ok(runtime)) = (self.api.shut_down(deadline), tokio::runtime::Handle::try_current()) {
            // Extensions have a moment to send what they have.
            let worker = self.worker.clone();
            runtime.spawn(async move {
                within(SHUTDOWN, worker.ended()).await;
                worker.kill();
            });
            return;
        }
        self.worker.kill();
    }
}

/// What the code has written since it was last looked at.
#[derive(Default)]
pub struct Lines {
    lines: Vec<String>,
    bytes: usize,
}

impl Lines {
    fn add(&mut self, line: &str) {
        self.bytes += line.len() + 1;
        if self.bytes <= LOG_BYTES {
            // A message of several lines comes as one, its line feeds as carriage returns.
            self.lines.push(line.replace('\r', "\n"));
        }
    }

    fn take(&mut self) -> Vec<String> {
        self.bytes = 0;
        std::mem::take(&mut self.lines)
    }
}

pub struct Environments {
    working: Semaphore,
    warm: Mutex<VecDeque<Environment>>,
    /// The extensions in each folder of layers.
    extensions: Mutex<BTreeMap<String, Vec<String>>>,
}

impl Default for Environments {
    fn default() -> Self {
        Environments { working: Semaphore::new(WORKING), warm: Mutex::default(), extensions: Mutex::default() }
    }
}

/// An environment that could not be made ready.
pub enum NotReady {
    /// The code failed as it was loaded.
    Failed(Box<FailedStart>),
    Fault(Fault),
}

pub struct FailedStart {
    pub end: End,
    pub lines: Vec<String>,
    pub session: RoleSession,
    pub stream: String,
}

impl From<Fault> for NotReady {
    fn from(fault: Fault) -> Self {
        NotReady::Fault(fault)
    }
}

impl Environments {
    pub async fn turn(&self) -> Result<SemaphorePermit<'_>, Fault> {
        self.working.acquire().await.map_err(Fault::internal)
    }

    fn take(&self, fit: &EnvironmentKey, now: Timestamp) -> Option<Environment> {
        let mut warm = self.warm.lock();
        // What the version was before is of no use any more.
        let is_old = |of: &EnvironmentKey| of.key == fit.key && of.number == fit.number && of.revision != fit.revision;
        warm.retain(|environment| environment.session.usable_until > now && !is_old(&environment.fit));
        // The one that was used last.
        let at = warm.iter().rposition(|environment| environment.fit == *fit)?;
        warm.remove(at)
    }

    pub fn put_back(&self, environment: Environment) {
        let mut warm = self.warm.lock();
        warm.push_back(environment);
        if warm.len() > WARM {
            warm.pop_front();
        }
    }

    pub fn forget_provisioned(&self, key: &FunctionKey) {
        self.warm.lock().retain(|environment| environment.fit.key != *key || environment.fit.initialization == Initialization::OnDemand);
    }

    /// A function is gone, or what it was.
    pub fn forget(&self, key: &FunctionKey) {
        self.warm.lock().retain(|environment| environment.fit.key != *key);
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The name of the folder with what a digest was made of.
fn folder(kind: &str, of: &[&str]) -> String {
    let mut digest = Sha256::new();
    for text in of {
        digest.update(text.as_bytes());
        digest.update([0]);
    }
    let digest = digest.finalize();
    format!("{kind}-{}", hex(digest.get(..16).unwrap_or_default()))
}

/// AWS: `2026/11/29/[$LATEST]0123456789abcdef0123456789abcdef`.
pub fn stream(cx: &Cx, number: u64) -> String {
    let version = if number == 0 { LATEST.to_owned() } else { number.to_string() };
    let day = cx.clock().now().with_millis();
    let day = day.get(..10).unwrap_or_default().replace('-', "/");
    format!("{day}/[{version}]{}", cx.ids().hex(32))
}

impl Environment {
    /// Gives an event to the code, and waits for its answer. The lines that it wrote are in order before the answer is given.
    pub async fn run(&mut self, job: Job, longest: Duration, sink: Option<&Sink>) -> (End, Vec<String>) {
        self.api.give(job);
        let worker = self.worker.clone();
        let said = &mut self.said;
        let answered = async {
            loop {
                tokio::select! {
                    biased;
                    word = said.recv() => match word {
                        Some(Said::Response(body)) => {
                            if let Some(sink) = sink {
                                sink.head(None).await;
                                sink.bytes(body.clone()).await;
                            }
                            return End::Response(body);
                        }
                        Some(Said::Stream(answering)) => return streamed(answering, sink).await,
                        Some(Said::Error(body) | Said::InitError(body)) => return End::Error(body),
                        Some(Said::TooLarge(bytes)) => return End::TooLarge(bytes),
                        Some(Said::Ready) => {}
                        None => return End::Exited(worker.ended().await),
                    },
                    end = worker.ended() => return End::Exited(end),
                }
            }
        };
        let end = within(longest, answered).await.unwrap_or(End::TimedOut);
        match &end {
            End::TimedOut => self.worker.kill(),
            End::Exited(_) => {}
            // It asks for the next event once it has written all.
            _ => {
                let trail = if self.api.extensions.are_any() { AFTER } else { TRAIL };
                drop(within(trail, self.ready()).await);
            }
        }
        for _ in 0..8 {
            tokio::task::yield_now().await;
        }
        (end, self.lines.lock().take())
    }

    /// Waits until the code asks for an event.
    async fn ready(&mut self) -> Option<End> {
        let worker = self.worker.clone();
        loop {
            tokio::select! {
                biased;
                word = self.said.recv() => match word {
                    Some(Said::Ready) => return None,
                    Some(Said::InitError(body)) => return Some(End::Error(body)),
                    Some(_) => {}
                    None => return Some(End::Exited(worker.ended().await)),
                },
                end = worker.ended() => return Some(End::Exited(end)),
            }
        }
    }

    pub fn memory(&self) -> u64 {
        self.worker.memory()
    }
}

/// An answer that comes bit by bit: passed on, or put together for a caller who wants it whole.
async fn streamed(mut answering: Answering, sink: Option<&Sink>) -> End {
    if let Some(sink) = sink {
        sink.head(answering.kind.take()).await;
    }
    let (mut whole, mut total) = (BytesMut::new(), 0);
    let most = if sink.is_some() { limits::STREAMED_BYTES } else { limits::SYNCHRONOUS_BYTES };
    loop {
        match answering.pieces.recv().await {
            Some(AnswerPiece::Bytes(bytes)) => {
                total += bytes.len();
                if total > most {
                    return End::TooLarge(total);
                }
                match sink {
                    Some(sink) => sink.bytes(bytes).await,
                    None => whole.extend_from_slice(&bytes),
                }
            }
            Some(AnswerPiece::Failed(document)) => return End::Error(document),
            Some(AnswerPiece::End) => return End::Response(whole.freeze()),
            None => {
                let document = r#"{"errorType":"Runtime.TruncatedResponse","errorMessage":"Response was truncated"}"#;
                return End::Error(bytes::Bytes::from_static(document.as_bytes()));
            }
        }
    }
}

/// What an environment is started for.
pub struct EnvironmentRequest<'v> {
    pub fit: EnvironmentKey,
    pub version: &'v Version,
    pub timeout: Duration,
}

impl Lambda {
    /// A warm environment, or a new one and the time that it took to get ready.
    pub async fn environment(&self, cx: &Cx, wanted: &EnvironmentRequest<'_>) -> Result<(Environment, Option<Duration>, Vec<String>), NotReady> {
        if let Some(environment) = self.environments.take(&wanted.fit, cx.clock().now()) {
            return Ok((environment, None, Vec::new()));
        }
        self.fresh_environment(cx, wanted).await.map(|(environment, took, lines)| (environment, Some(took), lines))
    }

    /// A new environment that is ready.
    pub async fn fresh_environment(&self, cx: &Cx, wanted: &EnvironmentRequest<'_>) -> Result<(Environment, Duration, Vec<String>), NotReady> {
        let watch = Stopwatch::start();
        let mut environment = self.start(cx, wanted).await?;
        let end = match within(INIT + wanted.timeout, environment.ready()).await {
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
        let code = self.code_folder(version).await?;
        let (layers, extensions) = self.layers_folder(version).await?;
        let bootstrap = folder("bootstrap", &[PYTHON, NODE, RUBY, START]);
        if !self.workers.has_folder(&bootstrap) {
            let file = |path: &str, text: &'static str| WorkerFile { path: path.into(), content: text.into(), executable: false };
            let files = vec![file("bootstrap.py", PYTHON), file("index.mjs", NODE), file("bootstrap.rb", RUBY), file("start.sh", START)];
            self.workers.put_folder(&bootstrap, files).await.map_err(Fault::internal)?;
        }
        let (program, arguments) = match &program {
            Program::Own => (WorkerValue::Within(0, "bootstrap"), vec![]),
            Program::Interpreted(Language::Python, interpreter) => {
                let arguments = vec![WorkerValue::Text("-u".into()), WorkerValue::Within(1, "bootstrap.py")];
                (WorkerValue::Text(interpreter.program.clone()), arguments)
            }
            Program::Interpreted(Language::Node, interpreter) => {
                (WorkerValue::Text(interpreter.program.clone()), vec![WorkerValue::Within(1, "index.mjs")])
            }
            Program::Interpreted(Language::Ruby, interpreter) => {
                (WorkerValue::Text(interpreter.program.clone()), vec![WorkerValue::Within(1, "bootstrap.rb")])
            }
            Program::Interpreted(Language::Java, _) => return Err(faults::not_built("the Java runtimes")),
        };
        // <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-modify.html#runtime-wrapper>
        let wrapper = version.environment.as_ref().and_then(|variables| variables.get("AWS_LAMBDA_EXEC_WRAPPER"));
        let (program, arguments) = match wrapper.filter(|_| !matches!(program, WorkerValue::Within(..))) {
            Some(wrapper) => (WorkerValue::Text(wrapper.clone()), std::iter::once(program).chain(arguments).collect()),
            None => (program, arguments),
        };
        // The one place that starts several processes.
        let (program, arguments) = match extensions.is_empty() {
            true => (program, arguments),
            false => {
                let start = [WorkerValue::Within(1, "start.sh"), program];
                (WorkerValue::Text("/bin/sh".into()), start.into_iter().chain(arguments).collect())
            }
        };
        let stream = stream(cx, wanted.fit.number);
        let number = wanted.fit.number;
        let lines = Arc::new(Mutex::new(Lines::default()));
        let written = lines.clone();
        let (said, heard) = mpsc::unbounded_channel();
        let described = Described {
            name: key.name.to_string(),
            version: if number == 0 { LATEST.to_owned() } else { number.to_string() },
            handler: version.text(|configuration| configuration.handler.as_ref()).to_owned(),
            account: key.account.to_string(),
        };
        let runtime_of_server = cx.runtime().clone();
        let api = Arc::new(RuntimeApi::new(said, Extensions::new(extensions, described), move || runtime_of_server.ids.uuid()));
        let text = |text: &str| WorkerValue::Text(text.to_owned());
        let configuration = &version.configuration;
        let memory = configuration.memory_size.unwrap_or(128);
        let mut environment: Vec<(String, WorkerValue)> =
            version.environment.iter().flatten().map(|(name, value)| (name.clone(), text(value))).collect();
        let own = [
            ("_HANDLER", text(version.text(|configuration| configuration.handler.as_ref()))),
            ("LAMBDA_TASK_ROOT", WorkerValue::Within(0, "")),
            ("LAMBDA_RUNTIME_DIR", WorkerValue::Within(1, "")),
            ("_CLOUDLET_LAYERS", WorkerValue::Within(2, "")),
            ("AWS_LAMBDA_RUNTIME_API", WorkerValue::Http),
            ("AWS_LAMBDA_FUNCTION_NAME", text(&key.name)),
            ("AWS_LAMBDA_FUNCTION_VERSION", text(&if number == 0 { LATEST.to_owned() } else { number.to_string() })),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", text(&memory.to_string())),
            ("AWS_LAMBDA_LOG_GROUP_NAME", text(version.log_group())),
            ("AWS_LAMBDA_LOG_STREAM_NAME", text(&stream)),
            ("AWS_LAMBDA_INITIALIZATION_TYPE", text(wanted.fit.initialization.name())),
            ("AWS_EXECUTION_ENV", text(&format!("AWS_Lambda_{runtime}"))),
            ("AWS_REGION", text(key.region.as_str())),
            ("AWS_DEFAULT_REGION", text(key.region.as_str())),
            ("AWS_ACCESS_KEY_ID", text(&keys.access_key_id)),
            ("AWS_SECRET_ACCESS_KEY", text(&keys.secret_access_key)),
            ("AWS_SESSION_TOKEN", text(&keys.session_token)),
        ];
        // What a function may set otherwise.
        let usual = [
            ("AWS_ENDPOINT_URL", WorkerValue::Server),
            ("PATH", text("/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin")),
            ("LANG", text("en_US.UTF-8")),
            ("TZ", text(":UTC")),
            ("PYTHONDONTWRITEBYTECODE", text("1")),
        ];
        for (name, value) in usual {
            if !environment.iter().any(|(known, _)| known == name) {
                environment.push((name.to_owned(), value));
            }
        }
        environment.extend(own.map(|(name, value)| (name.to_owned(), value)));
        if let Some(logging) = configuration.logging_config.as_ref().filter(|logging| logging.log_format.as_deref() == Some("JSON")) {
            environment.push(("AWS_LAMBDA_LOG_FORMAT".to_owned(), text("JSON")));
            let level = logging.application_log_level.as_deref().unwrap_or("INFO");
            environment.push(("AWS_LAMBDA_LOG_LEVEL".to_owned(), text(level)));
        }
        let mut folders = vec![(code, "/var/task"), (bootstrap, "/var/runtime"), (layers, "/opt")];
        if let Some(sdk) = self.workers.sdk(Language::Python).filter(|_| runtime.starts_with("python")) {
            environment.push(("_CLOUDLET_SDK".to_owned(), WorkerValue::Within(folders.len(), "")));
            folders.push((sdk, "/var/lang/sdk"));
        }
        let storage = configuration.ephemeral_storage.as_ref().map_or(512, |storage| storage.size);
        let megabytes = |number: i32| u64::try_from(number).unwrap_or(0) << 20;
        let order = WorkerOrder {
            program,
            arguments,
            environment,
            folders,
            directory: 0,
            memory: megabytes(memory),
            temporary: megabytes(storage),
            http: api.clone(),
            server: cx.own_address().to_owned(),
            output: Arc::new(move |line| written.lock().add(line)),
        };
        let worker = self.workers.start(order).await.map_err(Fault::internal)?;
        api.set_worker(&worker);
        Ok(Environment { fit: wanted.fit.clone(), api, said: heard, worker, runtime: cx.runtime().clone(), lines, session, stream })
    }

    /// The folder with a version's code.
    async fn code_folder(&self, version: &Version) -> Result<String, Fault> {
        if let Some(folder) = &version.mounted {
            return Ok(folder.clone());
        }
        let name = folder("code", &[version.sha256()]);
        if !self.workers.has_folder(&name) {
            let bytes = self.read_code(&version.code).await?;
            let files = tokio::task::spawn_blocking(move || archive::unpack(&bytes)).await.map_err(Fault::internal)?;
            self.workers.put_folder(&name, files.map_err(|_| Fault::internal("a damaged archive"))?).await.map_err(Fault::internal)?;
        }
        Ok(name)
    }

    /// The folder with all layers of a version, a later one replacing files of an earlier; and the extensions in it.
    async fn layers_folder(&self, version: &Version) -> Result<(String, Vec<String>), Fault> {
        let arns = version.configuration.layers.iter().flatten().filter_map(|layer| layer.arn.as_deref());
        let keys: Vec<_> = arns.filter_map(crate::names::layer_version).collect();
        let layers: Vec<Arc<LayerVersion>> =
            self.store.read(|state| keys.iter().filter_map(|key| state.layers.get(key).or_else(|| state.deleted_layers.get(key)).cloned()).collect());
        let name = folder("layers", &layers.iter().map(|layer| layer.sha256.as_str()).collect::<Vec<_>>());
        if let Some(extensions) = self.environments.extensions.lock().get(&name).cloned().filter(|_| self.workers.has_folder(&name)) {
            return Ok((name, extensions));
        }
        let mut files: BTreeMap<String, WorkerFile> = BTreeMap::new();
        for layer in &layers {
            let bytes = self.read_code(&layer.code).await?;
            let unpacked = tokio::task::spawn_blocking(move || archive::unpack(&bytes)).await.map_err(Fault::internal)?;
            let unpacked = unpacked.map_err(|_| Fault::internal("a damaged archive"))?;
            files.extend(unpacked.into_iter().map(|file| (file.path.clone(), file)));
        }
        let of_extension =
            |file: &WorkerFile| file.path.strip_prefix("extensions/").filter(|name| file.executable && !name.contains('/')).map(str::to_owned);
        let extensions: Vec<String> = files.values().filter_map(of_extension).collect();
        self.workers.put_folder(&name, files.into_values().collect()).await.map_err(Fault::internal)?;
        self.environments.extensions.lock().insert(name.clone(), extensions.clone());
        Ok((name, extensions))
    }
}

impl Version {
    pub fn log_group(&self) -> &str {
        self.configuration.logging_config.as_ref().and_then(|logging| logging.log_group.as_deref()).unwrap_or_default()
    }
}
