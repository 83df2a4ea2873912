//! Processes that run somebody's code, apart from the server and from each other.
//!
//! A worker is the server's own binary once more (`init`), which leaves the machine's namespaces for new ones of users, files, processes and
//! network, takes limits on itself and becomes the program that was ordered. It sees the machine's programs and its own folders, read-only, a
//! `/tmp` of its own, no other process, and no network but two sockets of this server (`local`). It may be killed at any time, with all that
//! it started. Where the machine does not allow a part of it (containers often do not), the worker runs without that part, and the report
//! says so: `Workers::shortcomings`. System calls that no function needs are refused (`filter`).
//!
//! Nothing here knows AWS.
//!
//! A node (`node`) is a worker that stays, and on which programs are started one after the other.

mod confine;
mod disk;
mod filter;
mod folders;
mod init;
mod interpreters;
mod inward;
mod local;
mod memory;
mod node;
mod oci;
mod order;
mod process;
mod shared;
mod user;
mod view;

pub use init::run as run_init;
pub use node::roots::is_root;
pub use order::ARGUMENT;

use cloudlet_engine::{
    Boxed, Interpreter, Language, LocalHttp, LocalRequest, LocalResponse, Node, NodeOrder, Worker, WorkerFile, WorkerOrder, WorkerValue, Workers,
};
use folders::is_plain;
use node::Nodes;
use order::{InitOrder, InitValue};
use parking_lot::Mutex;
use process::Start;
use shared::Shared;
use std::{
    fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};
use tokio::sync::Semaphore;

/// Workers that are set up at the same time. Many more together would all take too long.
const STARTING: usize = 8;

/// This machine.
pub struct Machine {
    shared: Arc<Shared>,
    starting: Semaphore,
    nodes: Arc<Nodes>,
    /// Where interpreters are looked for.
    search: Vec<PathBuf>,
    interpreters: OnceLock<Vec<(Language, interpreters::Found)>>,
    /// Where an interpreter of Python has AWS's SDK.
    sdk: OnceLock<Option<String>>,
}

impl Machine {
    /// `folder` must not be there yet. It is removed in the end. `hosts` are those that nodes may connect to.
    pub fn new(own: PathBuf, folder: PathBuf, search: Vec<PathBuf>, hosts: Vec<String>) -> Machine {
        let shared = Arc::new(Shared { own, folder, shortcomings: Mutex::default(), made: OnceLock::new() });
        let nodes = Arc::new(Nodes::new(shared.clone(), hosts));
        Machine { shared, starting: Semaphore::new(STARTING), nodes, search, interpreters: OnceLock::new(), sdk: OnceLock::new() }
    }

    /// Starts a program that does nothing, to learn what this machine cannot keep apart before anybody needs to know.
    pub async fn probe(&self) {
        let order = WorkerOrder {
            program: WorkerValue::Text("/bin/true".into()),
            arguments: vec![],
            environment: vec![],
            folders: vec![("empty".into(), "/var/task")],
            directory: 0,
            memory: 64 << 20,
            temporary: 1 << 20,
            http: Arc::new(Silent),
            server: "http://127.0.0.1:9".into(),
            output: Arc::new(|_| {}),
            aside: None,
        };
        let outcome = match self.put_folder("empty", vec![]).await {
            Ok(()) => self.start(order).await,
            Err(why) => Err(why),
        };
        match outcome {
            Ok(worker) => drop(worker.ended().await),
            Err(why) => {
                tracing::warn!(target: "cloudlet", "code cannot be run on this machine: {why}");
                self.shared.shortcomings.lock().insert(format!("code cannot be run on this machine: {why}"));
            }
        }
    }
}

/// Answers nothing.
struct Silent;

impl LocalHttp for Silent {
    fn answer(&self, _: LocalRequest) -> Boxed<'_, LocalResponse> {
        Box::pin(async { LocalResponse { status: 404, ..LocalResponse::default() } })
    }
}

/// Writes a folder, whole or not at all.
fn write_folder(to: &Path, files: &[WorkerFile]) -> io::Result<()> {
    let new = to.with_extension(format!("new-{:p}", files.as_ptr()));
    let _ = fs::remove_dir_all(&new);
    fs::create_dir_all(&new)?;
    for file in files.iter().filter(|file| is_plain(&file.path)) {
        let path = new.join(&file.path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(&path, &file.content)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(if file.executable { 0o755 } else { 0o644 }))?;
    }
    match fs::rename(&new, to) {
        // Somebody else was faster.
        Err(_) if to.is_dir() => fs::remove_dir_all(&new),
        outcome => outcome,
    }
}

fn value(of: WorkerValue) -> InitValue {
    match of {
        WorkerValue::Text(text) => InitValue::Text(text),
        WorkerValue::Http => InitValue::Http,
        WorkerValue::HttpPath(_) => InitValue::Text(String::new()),
        WorkerValue::Server => InitValue::Server,
        WorkerValue::Within(index, below) => InitValue::Within(index, below.to_owned()),
        WorkerValue::Paths(paths) => InitValue::Paths(paths.into_iter().map(value).collect()),
        WorkerValue::Aside => InitValue::Aside,
    }
}

impl Workers for Machine {
    fn interpreter(&self, language: Language, version: &str) -> Option<Interpreter> {
        let found = self.interpreters.get_or_init(|| interpreters::find(&self.search));
        interpreters::nearest(found, language, version)
    }

    fn folder_of_machine(&self, path: &str) -> Option<String> {
        folders::real(path)
    }

    fn fingerprint(&self, path: &str) -> String {
        folders::fingerprint(Path::new(path))
    }

    fn sdk(&self, language: Language) -> Option<String> {
        self.sdk.get_or_init(|| interpreters::sdk(&self.search)).clone().filter(|_| language == Language::Python)
    }

    fn compiled<'a>(&'a self, java: &'a Interpreter, sources: Vec<WorkerFile>) -> Boxed<'a, Result<Vec<WorkerFile>, String>> {
        Box::pin(async move {
            self.shared.prepare().map_err(|error| format!("no folder for workers: {error}"))?;
            let (program, folder) = (java.program.clone(), self.shared.place("java-classes"));
            let compiled = tokio::task::spawn_blocking(move || interpreters::compile(&program, &folder, &sources)).await;
            compiled.map_err(|error| error.to_string())?
        })
    }

    fn shortcomings(&self) -> Vec<String> {
        self.shared.shortcomings.lock().iter().cloned().collect()
    }

    fn has_folder(&self, name: &str) -> bool {
        self.shared.place(name).is_dir()
    }

    fn put_folder<'a>(&'a self, name: &'a str, files: Vec<WorkerFile>) -> Boxed<'a, Result<(), String>> {
        Box::pin(async move {
            if !is_plain(name) {
                return Err("a folder's name is a plain one".to_owned());
            }
            self.shared.prepare().map_err(|error| format!("no folder for workers: {error}"))?;
            let to = self.shared.place(name);
            let written = tokio::task::spawn_blocking(move || write_folder(&to, &files)).await;
            written.map_err(|error| error.to_string())?.map_err(|error| format!("the code cannot be unpacked: {error}"))
        })
    }

    fn start(&self, order: WorkerOrder) -> Boxed<'_, Result<Arc<dyn Worker>, String>> {
        Box::pin(async move {
            let root = self.shared.root().map_err(|error| format!("no folder for workers: {error}"))?;
            let text = |path: &Path| path.to_str().map(str::to_owned).ok_or_else(|| format!("{} is no text", path.display()));
            let program = value(order.program);
            let address = order.server.trim_start_matches("http://").trim_end_matches('/').to_owned();
            let folders = order.folders.iter().map(|(name, at)| Ok((text(&self.shared.place(name))?, (*at).to_owned())));
            let arguments: Vec<InitValue> = order.arguments.into_iter().map(value).collect();
            // The interpreter, which a program of the order's own may be put in front of.
            let is_interpreter = |text: &str| self.interpreters.get().is_some_and(|all| all.iter().any(|(_, (known, _))| known.program == text));
            let prefix = std::iter::once(&program).chain(&arguments).find_map(|value| match value {
                InitValue::Text(text) if is_interpreter(text) => interpreters::prefix(text),
                _ => None,
            });
            let init = InitOrder {
                prefix,
                program,
                arguments,
                environment: order.environment.into_iter().map(|(name, of)| (name, value(of))).collect(),
                folders: folders.collect::<Result<_, String>>()?,
                directory: order.directory,
                root: text(&root)?,
                memory: order.memory,
                temporary: order.temporary,
                server_port: address.rsplit_once(':').and_then(|(_, port)| port.parse().ok()).unwrap_or(4566),
                own: text(&self.shared.own)?,
                ..InitOrder::default()
            };
            let _turn = self.starting.acquire().await.map_err(|error| error.to_string())?;
            let started =
                process::start(Start { order: init, http: order.http, server: address, output: order.output, aside: order.aside, disk: None })
                    .await?;
            self.shared.note(started.report.shortcomings);
            Ok(started.process as Arc<dyn Worker>)
        })
    }

    fn node(&self, name: &str, order: NodeOrder) -> Arc<dyn Node> {
        self.nodes.node(name, order)
    }

    fn find_node(&self, name: &str) -> Option<Arc<dyn Node>> {
        self.nodes.find(name)
    }
}
