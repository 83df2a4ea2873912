//! What the server tells the first process of a worker, and what that answers. Both are JSON, over a socket that nobody else has.

use crate::confine::Confined;
use serde::{Deserialize, Serialize};

/// The argument after which the binary is a worker's first process.
pub const ARGUMENT: &str = "worker-init";

/// How much is asked for; what cannot be had is in the report.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct InitOrder {
    pub program: InitValue,
    pub arguments: Vec<InitValue>,
    pub environment: Vec<(String, InitValue)>,
    /// Folders of the machine, and where they are in the worker's view.
    pub folders: Vec<(String, String)>,
    pub directory: usize,
    /// A folder of the machine with the interpreter, if it is not below `/usr`.
    pub prefix: Option<String>,
    /// An empty folder, over which the worker's view is mounted.
    pub root: String,
    pub memory: u64,
    pub temporary: u64,
    /// The port of the server, which the worker reaches under the same number.
    pub server_port: u16,
    /// The binary itself.
    pub own: String,
    /// It has a third descriptor to write to. The first stage tells the second its number.
    #[serde(default)]
    pub aside: Option<i32>,
    /// It is a node: its first process starts programs instead of becoming one.
    #[serde(default)]
    pub node: Option<NodeInit>,
    #[serde(default)]
    pub stage: Stage,
}

/// What is asked for of a node's surroundings beside those of a worker.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct NodeInit {
    pub hostname: String,
    /// It is the machine itself: no namespaces, no limits.
    #[serde(default)]
    pub itself: bool,
    /// A folder of the machine whose files it sees in place of the machine's programs.
    pub root: Option<String>,
    /// Its own folder of the machine, which it may write to: the homes of its users, and `/tmp`.
    pub own: String,
    pub file_size: u64,
    /// What the binary needs in order to run among other libraries: its loader first.
    pub loaded: Vec<String>,
    /// Told by the first stage to the second.
    pub surroundings: Surroundings,
}

/// What the first process of a node knows of itself.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Surroundings {
    /// How the binary is started once more.
    pub own: Vec<String>,
    /// The folders of root and of `ssm-user`.
    pub homes: [String; 2],
    /// `None`: programs are not limited.
    pub confined: Option<Confined>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stage {
    /// Outside: it makes the namespaces.
    #[default]
    First,
    /// The first process inside: it becomes the program.
    Second { views: bool, processes: bool, user: Option<u32> },
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum InitValue {
    Text(String),
    Http,
    Server,
    Within(usize, String),
    Paths(Vec<InitValue>),
    Aside,
}

impl Default for InitValue {
    fn default() -> Self {
        InitValue::Text(String::new())
    }
}

impl InitOrder {
    pub fn value(&self, value: &InitValue, http: u16, server: u16) -> String {
        match value {
            InitValue::Text(text) => text.clone(),
            InitValue::Http => format!("127.0.0.1:{http}"),
            InitValue::Server => format!("http://127.0.0.1:{server}"),
            InitValue::Aside => self.aside.unwrap_or(2).to_string(),
            InitValue::Paths(paths) => paths.iter().map(|path| self.value(path, http, server)).collect::<Vec<_>>().join(":"),
            InitValue::Within(index, below) => {
                let folder = self.folders.get(*index).map_or("", |(_, at)| at.as_str());
                if below.is_empty() { folder.to_owned() } else { format!("{folder}/{below}") }
            }
        }
    }
}

/// What the first process could not do, a sentence each.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    pub shortcomings: Vec<String>,
    /// The worker cannot be started.
    pub failure: Option<String>,
    /// Ports under which the worker reaches its `LocalHttp` and the server.
    pub ports: (u16, u16),
}
