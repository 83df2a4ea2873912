//! Execution environments: started with a function's code, used again while they are warm, and bounded in number.

use crate::{
    Lambda, archive,
    code::PRINCIPAL,
    faults,
    names::LATEST,
    runtime_api::{Job, RuntimeApi, Said},
    runtimes::{self, Program},
    state::{FunctionKey, LayerVersion, Version},
};
use cloudlet_aws::{Arn, Fault, Timestamp};
use cloudlet_engine::{
    Cx, Language, Stopwatch, Worker, WorkerEnd, WorkerFile, WorkerOrder, WorkerValue,
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
/// How long the lines and the next question of code that has answered are waited for.
const TRAIL: Duration = Duration::from_millis(100);

/// Which environments may take an event.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EnvironmentKey {
    pub key: FunctionKey,
    pub number: u64,
    pub revision: String,
}

pub struct Environment {
    fit: EnvironmentKey,
    api: Arc<RuntimeApi>,
    said: mpsc::UnboundedReceiver<Said>,
    worker: Arc<dyn Worker>,
    lines: Arc<Mutex<Lines>>,
    pub session: RoleSession,
    /// The name of its log stream.
    pub stream: String,
}

impl Drop for Environment {
    fn drop(&mut self) {
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
}

impl Default for Environments {
    fn default() -> Self {
        Environments { working: Semaphore::new(WORKING), warm: Mutex::default() }
    }
}

/// How an event ended.
pub enum End {
    Response(bytes::Bytes),
    Error(bytes::Bytes),
    TooLarge(usize),
    TimedOut,
    Exited(WorkerEnd),
}

/// An environment that could not be made ready.
pub enum NotReady {
    /// The code failed as it was loaded; these are its lines.
    Failed(End, Vec<String>),
    Fault(Fault),
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
        warm.retain(|environment| environment.session.usable_until > now);
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
fn stream(cx: &Cx, number: u64) -> String {
    let version = if number == 0 { LATEST.to_owned() } else { number.to_string() };
    let day = cx.clock().now().with_millis();
    let day = day.get(..10).unwrap_or_default().replace('-', "/");
    format!("{day}/[{version}]{}", cx.ids().hex(32))
}

impl Environment {
    /// Gives an event to the code, and waits for its answer. The lines that it wrote are in order before the answer is given.
    pub async fn run(&mut self, job: Job, longest: Duration) -> (End, Vec<String>) {
        self.api.give(job);
        let worker = self.worker.clone();
        let said = &mut self.said;
        let answered = async {
            loop {
                tokio::select! {
                    biased;
                    word = said.recv() => match word {
                        Some(Said::Response(body)) => return End::Response(body),
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
            _ => drop(within(TRAIL, self.ready()).await),
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
        let watch = Stopwatch::start();
        let mut environment = self.start(cx, wanted).await?;
        match within(INIT + wanted.timeout, environment.ready()).await {
            Some(None) => {}
            Some(Some(end)) => {
                // What it wrote before it ended is still on its way.
                within(TRAIL, environment.worker.ended()).await;
                let lines = environment.lines.lock().take();
                return Err(NotReady::Failed(end, lines));
            }
            None => {
                let lines = environment.lines.lock().take();
                return Err(NotReady::Failed(End::TimedOut, lines));
            }
        }
        let lines = environment.lines.lock().take();
        Ok((environment, Some(watch.elapsed()), lines))
    }

    async fn start(&self, cx: &Cx, wanted: &EnvironmentRequest<'_>) -> Result<Environment, Fault> {
        let (version, key) = (wanted.version, &wanted.fit.key);
        let runtime = version.text(|configuration| configuration.runtime.as_ref());
        let program = runtimes::program(self.workers.as_ref(), runtime)?;
        let role = Arn::parse(version.role()).ok_or_else(|| Fault::internal("a function without a role"))?;
        let session = roles::assume_role_with_keys(cx, &role, &key.name, PRINCIPAL, &key.arn(), SESSION).await;
        let (session, keys) = session.map_err(|_| faults::invalid("The role defined for the function cannot be assumed by Lambda."))?;
        let code = self.code_folder(version).await?;
        let layers = self.layers_folder(version).await?;
        let bootstrap = folder("bootstrap", &[PYTHON, NODE]);
        if !self.workers.has_folder(&bootstrap) {
            let file = |path: &str, text: &'static str| WorkerFile { path: path.into(), content: text.into(), executable: false };
            let files = vec![file("bootstrap.py", PYTHON), file("index.mjs", NODE)];
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
        };
        // <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-modify.html#runtime-wrapper>
        let wrapper = version.environment.as_ref().and_then(|variables| variables.get("AWS_LAMBDA_EXEC_WRAPPER"));
        let (program, arguments) = match wrapper.filter(|_| !matches!(program, WorkerValue::Within(..))) {
            Some(wrapper) => (WorkerValue::Text(wrapper.clone()), std::iter::once(program).chain(arguments).collect()),
            None => (program, arguments),
        };
        let stream = stream(cx, wanted.fit.number);
        let number = wanted.fit.number;
        let lines = Arc::new(Mutex::new(Lines::default()));
        let written = lines.clone();
        let (said, heard) = mpsc::unbounded_channel();
        let api = Arc::new(RuntimeApi::new(said));
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
            ("AWS_LAMBDA_INITIALIZATION_TYPE", text("on-demand")),
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
        let storage = configuration.ephemeral_storage.as_ref().map_or(512, |storage| storage.size);
        let megabytes = |number: i32| u64::try_from(number).unwrap_or(0) << 20;
        let order = WorkerOrder {
            program,
            arguments,
            environment,
            folders: vec![(code, "/var/task"), (bootstrap, "/var/runtime"), (layers, "/opt")],
            directory: 0,
            memory: megabytes(memory),
            temporary: megabytes(storage),
            http: api.clone(),
            server: cx.own_address().to_owned(),
            output: Arc::new(move |line| written.lock().add(line)),
        };
        let worker = self.workers.start(order).await.map_err(Fault::internal)?;
        api.set_worker(&worker);
        Ok(Environment { fit: wanted.fit.clone(), api, said: heard, worker, lines, session, stream })
    }

    /// The folder with a version's code.
    async fn code_folder(&self, version: &Version) -> Result<String, Fault> {
        let name = folder("code", &[version.sha256()]);
        if !self.workers.has_folder(&name) {
            let bytes = self.read_code(&version.code).await?;
            let files = tokio::task::spawn_blocking(move || archive::unpack(&bytes)).await.map_err(Fault::internal)?;
            self.workers.put_folder(&name, files.map_err(|_| Fault::internal("a damaged archive"))?).await.map_err(Fault::internal)?;
        }
        Ok(name)
    }

    /// The folder with all layers of a version; a later one replaces files of an earlier.
    async fn layers_folder(&self, version: &Version) -> Result<String, Fault> {
        let arns = version.configuration.layers.iter().flatten().filter_map(|layer| layer.arn.as_deref());
        let keys: Vec<_> = arns.filter_map(crate::names::layer_version).collect();
        let layers: Vec<Arc<LayerVersion>> =
            self.store.read(|state| keys.iter().filter_map(|key| state.layers.get(key).or_else(|| state.deleted_layers.get(key)).cloned()).collect());
        let name = folder("layers", &layers.iter().map(|layer| layer.sha256.as_str()).collect::<Vec<_>>());
        if !self.workers.has_folder(&name) {
            let mut files: BTreeMap<String, WorkerFile> = BTreeMap::new();
            for layer in &layers {
                let bytes = self.read_code(&layer.code).await?;
                let unpacked = tokio::task::spawn_blocking(move || archive::unpack(&bytes)).await.map_err(Fault::internal)?;
                let unpacked = unpacked.map_err(|_| Fault::internal("a damaged archive"))?;
                files.extend(unpacked.into_iter().map(|file| (file.path.clone(), file)));
            }
            self.workers.put_folder(&name, files.into_values().collect()).await.map_err(Fault::internal)?;
        }
        Ok(name)
    }
}

impl Version {
    pub fn log_group(&self) -> &str {
        self.configuration.logging_config.as_ref().and_then(|logging| logging.log_group.as_deref()).unwrap_or_default()
    }
}
