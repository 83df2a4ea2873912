//! Nodes of the tests: they run the scripts that Run Command writes, in this process, word by word.

use bytes::Bytes;
use cloudlet_engine::{
    Boxed, ConnectError, Interpreter, Language, NoWorkers, Node, NodeAddress, NodeInput, NodeOrder, NodeOutput, NodeProcess, NodeProgram, NodeSignal,
    TerminalSize, Worker, WorkerEnd, WorkerFile, WorkerOrder, WorkerValue, Workers,
};
use parking_lot::Mutex;
use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::Arc,
};
use tokio::sync::watch;

type Files = Arc<Mutex<BTreeMap<String, Vec<u8>>>>;

#[derive(Default)]
pub struct Machine {
    pub files: Mutex<HashMap<String, Files>>,
}

impl Workers for Machine {
    fn interpreter(&self, _: Language, _: &str) -> Option<Interpreter> {
        None
    }
    fn shortcomings(&self) -> Vec<String> {
        vec![]
    }
    fn has_folder(&self, _: &str) -> bool {
        false
    }
    fn put_folder<'a>(&'a self, name: &'a str, files: Vec<WorkerFile>) -> Boxed<'a, Result<(), String>> {
        NoWorkers.put_folder(name, files)
    }
    fn start(&self, _: WorkerOrder) -> Boxed<'_, Result<Arc<dyn Worker>, String>> {
        Box::pin(async { Err("none".into()) })
    }
    fn node(&self, name: &str, _: NodeOrder) -> Arc<dyn Node> {
        Arc::new(Fake { files: self.files.lock().entry(name.to_owned()).or_default().clone() })
    }
    fn find_node(&self, name: &str) -> Option<Arc<dyn Node>> {
        Some(Arc::new(Fake { files: self.files.lock().get(name)?.clone() }))
    }
}

struct Fake {
    files: Files,
}

/// What a program does: `echo`, `err`, `exit`, `env NAME`, and `sleep`, which has no end.
struct Process {
    output: Mutex<VecDeque<(NodeOutput, Bytes)>>,
    end: watch::Sender<Option<WorkerEnd>>,
    /// Where its input goes.
    writes: Option<(String, Files)>,
    /// It becomes what it has written, in this environment.
    becomes: Option<Vec<(String, WorkerValue)>>,
}

impl Node for Fake {
    fn start(&self, program: NodeProgram) -> Boxed<'_, Result<Arc<dyn NodeProcess>, String>> {
        let text = |at: usize| program.arguments.get(at).cloned().unwrap_or_default();
        let script = text(1);
        let (end, _) = watch::channel(None);
        let mut process = Process { output: Mutex::default(), end, writes: None, becomes: None };
        if let NodeInput::File(path) = &program.input {
            process.writes = Some((path.clone(), self.files.clone()));
            process.becomes = script.contains("exec ").then_some(program.environment);
        } else if script.contains("cat -- \"$0\"") {
            let folder = text(3);
            let files = self.files.lock();
            let found = files.iter().find(|(path, _)| path.starts_with(&folder) && path.ends_with(&text(2)));
            if let Some((_, bytes)) = found {
                process.output.lock().push_back((NodeOutput::Standard, bytes.clone().into()));
            }
            process.end.send_replace(Some(WorkerEnd::Exited(0)));
        } else {
            let lines = self.files.lock().get(&text(2)).map(|bytes| String::from_utf8_lossy(bytes).into_owned()).unwrap_or(script);
            process.interpret(&lines, &program.environment);
        }
        Box::pin(async move { Ok(Arc::new(process) as Arc<dyn NodeProcess>) })
    }
    fn connect(&self, _: NodeAddress) -> Boxed<'_, Result<Box<dyn cloudlet_engine::ByteStream>, ConnectError>> {
        Box::pin(async { Err(ConnectError::NotAllowed) })
    }
    fn is_running(&self) -> bool {
        true
    }
    fn stop(&self) -> Boxed<'_, ()> {
        Box::pin(async {})
    }
    fn erase(&self) -> Boxed<'_, ()> {
        self.files.lock().clear();
        Box::pin(async {})
    }
}

impl Process {
    fn interpret(&self, lines: &str, environment: &[(String, WorkerValue)]) {
        let says = |from: NodeOutput, text: &str| self.output.lock().push_back((from, format!("{text}\n").into()));
        for line in lines.lines() {
            match line.split_once(' ').unwrap_or((line, "")) {
                ("echo", text) => says(NodeOutput::Standard, text),
                ("err", text) => says(NodeOutput::Error, text),
                ("env", name) => {
                    let value = environment.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
                    says(NodeOutput::Standard, &if let Some(WorkerValue::Text(value)) = value { value } else { String::new() });
                }
                ("many", count) => says(NodeOutput::Standard, &"x".repeat(count.parse().unwrap())),
                ("sleep", _) => return,
                ("exit", code) => {
                    self.end.send_replace(Some(WorkerEnd::Exited(code.parse().unwrap())));
                    return;
                }
                _ => {}
            }
        }
        self.end.send_replace(Some(WorkerEnd::Exited(0)));
    }
}

impl NodeProcess for Process {
    fn read(&self) -> Boxed<'_, Option<(NodeOutput, Bytes)>> {
        Box::pin(async move {
            let next = self.output.lock().pop_front();
            if next.is_none() {
                let mut ended = self.end.subscribe();
                let _ = ended.wait_for(Option::is_some).await;
            }
            next
        })
    }
    fn write(&self, bytes: Bytes) -> Boxed<'_, bool> {
        if let Some((path, files)) = &self.writes {
            files.lock().insert(path.clone(), bytes.to_vec());
        }
        Box::pin(async { true })
    }
    fn close_input(&self) {
        match (&self.writes, &self.becomes) {
            (Some((path, files)), Some(environment)) => {
                let lines = files.lock().get(path).map(|bytes| String::from_utf8_lossy(bytes).into_owned());
                self.interpret(&lines.unwrap_or_default(), environment);
            }
            _ => drop(self.end.send_replace(Some(WorkerEnd::Exited(0)))),
        }
    }
    fn resize(&self, _: TerminalSize) {}
    fn signal(&self, _: NodeSignal) {}
    fn kill(&self) {
        self.end.send_replace(Some(WorkerEnd::Killed(9)));
    }
    fn ended(&self) -> Boxed<'_, WorkerEnd> {
        Box::pin(async move {
            let mut ended = self.end.subscribe();
            let end = ended.wait_for(Option::is_some).await.map(|end| *end);
            end.ok().flatten().unwrap_or(WorkerEnd::Killed(9))
        })
    }
}
