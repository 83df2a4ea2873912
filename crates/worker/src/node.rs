//! Nodes: workers that stay. A node's worker starts with the first program and ends when nothing has run on it for a while; its own folder stays.

pub mod inside;
mod messages;
mod program;
pub mod roots;
mod running;

use crate::{
    disk::Disk,
    order::{InitOrder, NodeInit, Surroundings},
    process::{self, Start},
    shared::Shared,
    view,
};
use cloudlet_engine::{Boxed, ByteStream, ConnectError, Node, NodeAddress, NodeOrder, NodeProcess, NodeProgram, NodeRoot};
use messages::Within;
use parking_lot::Mutex;
use roots::Roots;
use running::Running;
use std::{
    collections::HashMap,
    fs, io,
    net::{IpAddr, Ipv6Addr},
    path::PathBuf,
    sync::{Arc, OnceLock, Weak},
    time::Duration,
};
use tokio::{
    net::{TcpStream, UnixStream, lookup_host},
    sync::Semaphore,
};

/// How long a node waits for its next program.
const IDLE: Duration = Duration::from_secs(20);
/// Nodes that wait so long at the same time. Each has processes and namespaces, so of a thousand that were told something most end at once.
const IDLE_NODES: usize = 32;
/// How long the others wait: from one program of a step to the next.
const BETWEEN: Duration = Duration::from_millis(500);
/// How long a connection to another host may take.
const CONNECT: Duration = Duration::from_secs(10);

/// All nodes of the machine.
pub struct Nodes {
    shared: Arc<Shared>,
    /// Hosts that nodes may connect to: names, `name:port`, or `*`.
    hosts: Vec<String>,
    by_name: Mutex<HashMap<String, Arc<MachineNode>>>,
    loaded: OnceLock<Vec<String>>,
    roots: Roots,
    /// Turns of those that start, as many as processors: more at once take longer together.
    starting: Semaphore,
    /// Of those that wait for their next program.
    idle: Arc<Semaphore>,
}

impl Nodes {
    pub fn new(shared: Arc<Shared>, hosts: Vec<String>) -> Nodes {
        let processors = std::thread::available_parallelism().map_or(2, usize::from).max(2);
        Nodes {
            shared,
            hosts,
            by_name: Mutex::default(),
            loaded: OnceLock::new(),
            roots: Roots::default(),
            starting: Semaphore::new(processors),
            idle: Arc::new(Semaphore::new(IDLE_NODES)),
        }
    }

    pub fn node(self: &Arc<Self>, name: &str, order: NodeOrder) -> Arc<dyn Node> {
        let make = || {
            let running = tokio::sync::Mutex::new(None);
            Arc::new_cyclic(|own| MachineNode { own: own.clone(), name: name.to_owned(), order, nodes: Arc::downgrade(self), running })
        };
        self.by_name.lock().entry(name.to_owned()).or_insert_with(make).clone()
    }

    pub fn find(&self, name: &str) -> Option<Arc<dyn Node>> {
        self.by_name.lock().get(name).map(|node| node.clone() as Arc<dyn Node>)
    }

    fn may_connect(&self, host: &str, port: u16) -> bool {
        let with_port = format!("{host}:{port}");
        self.hosts.iter().any(|allowed| allowed == "*" || allowed.eq_ignore_ascii_case(host) || allowed.eq_ignore_ascii_case(&with_port))
    }

    /// The files that the binary is loaded from: the loader, then the libraries.
    fn loaded(&self) -> &[String] {
        self.loaded.get_or_init(|| {
            let maps = fs::read_to_string("/proc/self/maps").unwrap_or_default();
            let paths = maps.lines().filter_map(|line| line.find('/').and_then(|at| line.get(at..)));
            let mut libraries: Vec<String> = paths.filter(|path| path.contains(".so")).map(str::to_owned).collect();
            libraries.sort();
            libraries.dedup();
            let (mut loader, others): (Vec<_>, Vec<_>) =
                libraries.into_iter().partition(|path| path.rsplit('/').next().is_some_and(|name| name.starts_with("ld-")));
            loader.truncate(1);
            if loader.is_empty() { Vec::new() } else { loader.into_iter().chain(others).collect() }
        })
    }
}

pub struct MachineNode {
    own: Weak<MachineNode>,
    name: String,
    order: NodeOrder,
    nodes: Weak<Nodes>,
    running: tokio::sync::Mutex<Option<Arc<Running>>>,
}

impl MachineNode {
    fn nodes(&self) -> Result<Arc<Nodes>, String> {
        self.nodes.upgrade().ok_or_else(|| "the machine is gone".to_owned())
    }

    fn folder(&self, nodes: &Nodes) -> PathBuf {
        nodes.shared.place("nodes").join(&self.name)
    }

    /// Its worker, and the number of a start on it that is to come.
    async fn running(&self) -> Result<Arc<Running>, String> {
        let mut running = self.running.lock().await;
        let current = match running.as_ref().filter(|running| !running.is_gone()) {
            Some(current) => current.clone(),
            None => {
                let started = self.start_worker().await?;
                tokio::spawn(end_when_idle(self.own.clone(), started.clone()));
                running.insert(started).clone()
            }
        };
        current.begin_start();
        Ok(current)
    }

    async fn start_worker(&self) -> Result<Arc<Running>, String> {
        let nodes = self.nodes()?;
        let told = |error: io::Error| format!("no folder for the node: {error}");
        let root = nodes.shared.root().map_err(told)?;
        let folder = self.folder(&nodes);
        if !crate::folders::is_plain(&self.name) {
            return Err("a node's name is a plain one".to_owned());
        }
        view::make_own(&folder).map_err(told)?;
        let text = |path: &std::path::Path| path.to_str().map(str::to_owned).ok_or_else(|| format!("{} is no text", path.display()));
        let itself = self.is_itself();
        let other = match &self.order.root {
            NodeRoot::Machine | NodeRoot::Itself => None,
            NodeRoot::Folder(path) => Some(nodes.roots.folder(&nodes.shared, path).await?),
        };
        let address = self.order.server.trim_start_matches("http://").trim_end_matches('/').to_owned();
        let node = NodeInit {
            hostname: self.order.hostname.clone(),
            itself,
            loaded: if other.is_some() { nodes.loaded().to_vec() } else { Vec::new() },
            root: other,
            own: text(&folder)?,
            file_size: self.order.file_size,
            surroundings: Surroundings { homes: if itself { homes_of_machine() } else { <[String; 2]>::default() }, ..Surroundings::default() },
        };
        let order = InitOrder {
            root: text(&root)?,
            memory: self.order.memory,
            server_port: address.rsplit_once(':').and_then(|(_, port)| port.parse().ok()).unwrap_or(4566),
            own: text(&nodes.shared.own)?,
            node: Some(node),
            ..InitOrder::default()
        };
        let name = self.name.clone();
        let output = Arc::new(move |line: &str| tracing::debug!(target: "cloudlet", node = %name, "{line}"));
        let disk = (!itself).then(|| Disk::of(folder, self.order.disk));
        let _turn = nodes.starting.acquire().await.map_err(|error| error.to_string())?;
        let started = process::start(Start { order, http: self.order.http.clone(), server: address, output, aside: None, disk }).await?;
        nodes.shared.note(started.report.shortcomings.clone());
        Running::of(started, itself.then(|| self.order.server.clone()))
    }

    fn is_itself(&self) -> bool {
        self.order.root == NodeRoot::Itself
    }

    async fn connect_to(&self, to: NodeAddress) -> Result<Box<dyn ByteStream>, ConnectError> {
        let failed = |error: io::Error| ConnectError::Failed(error.to_string());
        match to {
            NodeAddress::Port(port) => {
                let stream = std::net::TcpStream::from(self.connect_within(Within::Port(port)).await?);
                stream.set_nonblocking(true).map_err(failed)?;
                let stream = TcpStream::from_std(stream).map_err(failed)?;
                let _ = stream.set_nodelay(true);
                Ok(Box::new(stream))
            }
            NodeAddress::Socket(path) => {
                let stream = std::os::unix::net::UnixStream::from(self.connect_within(Within::Socket(path)).await?);
                stream.set_nonblocking(true).map_err(failed)?;
                Ok(Box::new(UnixStream::from_std(stream).map_err(failed)?))
            }
            NodeAddress::Host(host, port) => {
                let nodes = self.nodes().map_err(ConnectError::Failed)?;
                if !nodes.may_connect(&host, port) {
                    return Err(ConnectError::NotAllowed);
                }
                let connect = async {
                    let addresses: Vec<_> = lookup_host((host.as_str(), port)).await?.filter(|address| !is_link_local(address.ip())).collect();
                    TcpStream::connect(addresses.as_slice()).await
                };
                let stream =
                    cloudlet_engine::within(CONNECT, connect).await.unwrap_or_else(|| Err(io::ErrorKind::TimedOut.into())).map_err(failed)?;
                let _ = stream.set_nodelay(true);
                Ok(Box::new(stream))
            }
        }
    }

    async fn connect_within(&self, to: Within) -> Result<std::os::fd::OwnedFd, ConnectError> {
        if self.is_itself() {
            let connected = tokio::task::spawn_blocking(move || inside::connect(&to)).await;
            return connected.map_err(io::Error::other).flatten().map_err(|error| ConnectError::Failed(error.to_string()));
        }
        let running = self.running.lock().await.as_ref().filter(|running| !running.is_gone()).cloned();
        // Where nothing runs, nothing listens.
        let Some(running) = running else { return Err(ConnectError::Failed("Connection refused".to_owned())) };
        running.connect(to).await.map_err(ConnectError::Failed)
    }
}

/// The folders of root and of `ssm-user` where the machine itself is the node: that of whoever runs the agent, if there is no `ssm-user`.
fn homes_of_machine() -> [String; 2] {
    let home =
        std::env::home_dir().and_then(|home| home.to_str().map(str::to_owned)).filter(|home| is_folder(home)).unwrap_or_else(|| "/".to_owned());
    let ssm_user = Some("/home/ssm-user".to_owned()).filter(|folder| is_folder(folder)).unwrap_or_else(|| home.clone());
    [home, ssm_user]
}

fn is_folder(path: &str) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.is_dir())
}

/// Machines find their metadata there, which is nobody else's.
fn is_link_local(address: IpAddr) -> bool {
    let is_local6 = |address: Ipv6Addr| address.is_unicast_link_local() || address.to_ipv4_mapped().is_some_and(|address| address.is_link_local());
    match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => is_local6(address) || address == Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254),
    }
}

async fn end_when_idle(node: Weak<MachineNode>, running: Arc<Running>) {
    while let Some(starts) = running.idle_after().await {
        let still_idle = || running.starts() == starts;
        if !still_idle() {
            continue;
        }
        let Some(turns) = node.upgrade().and_then(|node| node.nodes.upgrade()).map(|nodes| nodes.idle.clone()) else { return };
        let turn = turns.try_acquire_owned();
        if running.started_within(if turn.is_ok() { IDLE } else { BETWEEN }, starts).await {
            continue;
        }
        let Some(node) = node.upgrade() else { return };
        let mut current = node.running.lock().await;
        if still_idle() {
            if current.as_ref().is_some_and(|current| Arc::ptr_eq(current, &running)) {
                *current = None;
            }
            running.kill();
            return;
        }
    }
}

impl Node for MachineNode {
    fn start(&self, program: NodeProgram) -> Boxed<'_, Result<Arc<dyn NodeProcess>, String>> {
        Box::pin(async move {
            let running = self.running().await?;
            program::start(running, program).await
        })
    }

    fn connect(&self, to: NodeAddress) -> Boxed<'_, Result<Box<dyn ByteStream>, ConnectError>> {
        Box::pin(self.connect_to(to))
    }

    fn is_running(&self) -> bool {
        self.running.try_lock().map_or(true, |running| running.as_ref().is_some_and(|running| !running.is_gone()))
    }

    fn stop(&self) -> Boxed<'_, ()> {
        Box::pin(async {
            if let Some(running) = self.running.lock().await.take() {
                running.end().await;
            }
        })
    }

    fn erase(&self) -> Boxed<'_, ()> {
        Box::pin(async {
            self.stop().await;
            if let Ok(nodes) = self.nodes() {
                let folder = self.folder(&nodes);
                let _ = tokio::task::spawn_blocking(move || fs::remove_dir_all(folder)).await;
                nodes.by_name.lock().remove(&self.name);
            }
        })
    }
}
