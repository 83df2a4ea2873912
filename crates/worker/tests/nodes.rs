//! Programs on nodes of this machine. The test's own binary is the one that is started again as a worker.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, clippy::indexing_slicing, reason = "a test without the harness")]

use bytes::Bytes;
use cloudlet_engine::{
    Boxed, ConnectError, LocalHttp, LocalRequest, LocalResponse, Node, NodeAddress, NodeInput, NodeOrder, NodeOutput, NodeProcess, NodeProgram,
    NodeRoot, NodeSignal, NodeUser, TerminalSize, WorkerEnd, WorkerValue, Workers,
};
use cloudlet_worker::Machine;
use std::{process::ExitCode, sync::Arc};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

struct Silent;

impl LocalHttp for Silent {
    fn answer(&self, _: LocalRequest) -> Boxed<'_, LocalResponse> {
        Box::pin(async { LocalResponse { status: 200, body: "local".into(), ..LocalResponse::default() } })
    }
}

fn order(root: NodeRoot) -> NodeOrder {
    NodeOrder {
        root,
        hostname: "node-1".into(),
        memory: 512 << 20,
        file_size: 64 << 20,
        disk: 1 << 30,
        http: Arc::new(Silent),
        server: "http://127.0.0.1:9".into(),
    }
}

fn shell(script: &str, input: NodeInput) -> NodeProgram {
    NodeProgram {
        program: "sh".into(),
        arguments: vec!["-c".into(), script.into()],
        environment: vec![("PATH".into(), WorkerValue::Text("/usr/bin:/bin".into())), ("TERM".into(), WorkerValue::Text("xterm".into()))],
        directory: None,
        user: NodeUser::Root,
        input,
    }
}

async fn all(process: &dyn NodeProcess) -> (String, String) {
    let (mut standard, mut error) = (Vec::new(), Vec::new());
    while let Some((from, bytes)) = process.read().await {
        match from {
            NodeOutput::Standard => standard.extend(bytes),
            NodeOutput::Error => error.extend(bytes),
        }
    }
    (String::from_utf8_lossy(&standard).into_owned(), String::from_utf8_lossy(&error).into_owned())
}

async fn run(node: &dyn Node, script: &str) -> (String, String, WorkerEnd) {
    let process = node.start(shell(script, NodeInput::Pipes)).await.unwrap();
    process.close_input();
    let (standard, error) = all(&*process).await;
    (standard, error, process.ended().await)
}

async fn streams_and_ends(node: Arc<dyn Node>) {
    assert!(!node.is_running());
    let (out, error, end) = run(&*node, "echo out; echo error >&2; exit 7").await;
    assert_eq!((out.as_str(), error.as_str(), end), ("out\n", "error\n", WorkerEnd::Exited(7)));
    assert!(node.is_running());
    let (out, _, end) = run(&*node, "kill -TERM $$").await;
    assert_eq!((out.as_str(), end), ("", WorkerEnd::Killed(15)));
    let mut absent = shell("", NodeInput::Nothing);
    absent.program = "no-such-program".into();
    let process = node.start(absent).await.unwrap();
    assert!(all(&*process).await.1.contains("no-such-program"));
    assert_eq!(process.ended().await, WorkerEnd::Exited(127));
    let process = node.start(shell("cat | tr a-z A-Z", NodeInput::Pipes)).await.unwrap();
    assert!(process.write(Bytes::from_static(b"typed ")).await && process.write(Bytes::from_static(b"twice")).await);
    process.close_input();
    assert_eq!(all(&*process).await.0, "TYPED TWICE");
    // What is typed is a file before the program begins.
    let process = node
        .start(shell("cat; ls -l /tmp/deep/script | cut -c1-10; exec /tmp/deep/script", NodeInput::File("/tmp/deep/script".into())))
        .await
        .unwrap();
    assert!(process.write(Bytes::from_static(b"echo \"$0 runs\"\n")).await);
    process.close_input();
    assert_eq!(all(&*process).await.0, "-rwx------\n/tmp/deep/script runs\n");
    let process = node.start(shell("echo runs", NodeInput::File("/usr/script".into()))).await.unwrap();
    process.close_input();
    assert!(all(&*process).await.1.contains("/usr/script: "));
    assert_eq!(process.ended().await, WorkerEnd::Exited(126));
}

async fn files_stay(node: Arc<dyn Node>) {
    let (_, error, end) = run(&*node, "echo kept > /tmp/kept; echo home > ~/kept; cd; pwd > /tmp/home").await;
    assert_eq!((error.as_str(), end), ("", WorkerEnd::Exited(0)));
    node.stop().await;
    assert!(!node.is_running());
    assert_eq!(run(&*node, "cat /tmp/kept /tmp/home").await.0, "kept\n/root\n");
    let mut of_user = shell("pwd; id -un; id -u; ls -ld . | cut -d' ' -f3; hostname", NodeInput::Nothing);
    of_user.user = NodeUser::SsmUser;
    let process = node.start(of_user).await.unwrap();
    assert_eq!(all(&*process).await.0, "/home/ssm-user\nssm-user\n1001\nssm-user\nnode-1\n");
    node.erase().await;
    assert!(run(&*node, "cat /tmp/kept").await.1.contains("No such file"));
}

async fn terminals(node: Arc<dyn Node>) {
    let terminal = NodeInput::Terminal(TerminalSize { columns: 100, rows: 30 });
    let process = node
        .start(shell("tty; stty size; read line; echo \"<$line>\"; stty size; trap 'echo caught' INT; echo ready; sleep 60; echo after", terminal))
        .await
        .unwrap();
    let mut seen = String::new();
    let mut until = async |what: &str| {
        while !seen.contains(what) {
            let (_, bytes) = process.read().await.unwrap_or_else(|| panic!("{seen:?} ends before {what:?}"));
            seen.push_str(&String::from_utf8_lossy(&bytes));
        }
        seen.clone()
    };
    assert!(until("30 100").await.contains("/dev/pts/0"));
    process.resize(TerminalSize { columns: 80, rows: 24 });
    assert!(process.write(Bytes::from_static(b"hello\r")).await);
    until("<hello>").await;
    until("24 80").await;
    until("ready").await;
    process.write(Bytes::from_static(b"\x03")).await;
    until("caught").await;
    until("after").await;
    assert_eq!(process.ended().await, WorkerEnd::Exited(0));
}

async fn whole_sessions_are_killed(node: Arc<dyn Node>) {
    let process = node.start(shell("sh -c 'trap \"\" TERM; sleep 1000' & sleep 1000 & echo both; wait", NodeInput::Nothing)).await.unwrap();
    assert_eq!(process.read().await.unwrap().1, "both\n");
    process.kill();
    assert_eq!(process.ended().await, WorkerEnd::Killed(9));
    // Whatever had the pipe open is gone.
    assert!(process.read().await.is_none());
    let process = node.start(shell("trap 'echo told; exit 3' INT; echo ready; while :; do sleep 0.1; done", NodeInput::Nothing)).await.unwrap();
    assert_eq!(process.read().await.unwrap().1, "ready\n");
    process.signal(NodeSignal::Interrupt);
    assert_eq!(process.read().await.unwrap().1, "told\n");
    assert_eq!(process.ended().await, WorkerEnd::Exited(3));
}

const LISTENER: &str = "import socket,sys
s=socket.create_server(('127.0.0.1',8080)); print('up',flush=True)
c,_=s.accept(); c.sendall(c.recv(100).upper()); c.close()";

async fn ports(node: Arc<dyn Node>) {
    let refused = |outcome: Result<_, ConnectError>| matches!(outcome, Err(ConnectError::Failed(_)));
    assert!(refused(node.connect(NodeAddress::Port(8080)).await.map(drop)));
    let process = node.start(shell(&format!("exec python3 -c \"{LISTENER}\""), NodeInput::Nothing)).await.unwrap();
    assert_eq!(process.read().await.unwrap().1, "up\n");
    assert!(refused(node.connect(NodeAddress::Port(8081)).await.map(drop)));
    let mut connection = node.connect(NodeAddress::Port(8080)).await.unwrap();
    connection.write_all(b"through").await.unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.unwrap();
    assert_eq!(answer, "THROUGH");
    // Not by default.
    assert!(matches!(node.connect(NodeAddress::Host("127.0.0.1".into(), 9)).await, Err(ConnectError::NotAllowed)));
}

/// What is left in the background keeps the node, and is reached.
async fn background(node: Arc<dyn Node>) {
    let script = format!("(setsid python3 -c \"{LISTENER}\" >/tmp/log 2>&1 &) ; while ! grep -q up /tmp/log 2>/dev/null; do sleep 0.05; done");
    assert_eq!(run(&*node, &script).await.2, WorkerEnd::Exited(0));
    let mut connection = node.connect(NodeAddress::Port(8080)).await.unwrap();
    connection.write_all(b"still").await.unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.unwrap();
    assert_eq!(answer, "STILL");
}

async fn apart(node: Arc<dyn Node>, shortcomings: Vec<String>) {
    if !shortcomings.is_empty() {
        println!("not kept apart here: {shortcomings:?}");
        return;
    }
    let (out, _, _) = run(&*node, "ls / | sort | tr '\\n' ' '; ls /home; ls /proc | grep -c '^[0-9]'; cat /proc/net/dev | grep -c eth").await;
    assert!(!out.contains("work") && out.contains("ssm-user"), "{out}");
    let (_, error, _) = run(&*node, "touch /usr/x; mount -t tmpfs x /mnt; head -c 100000000 /dev/zero > /tmp/large").await;
    assert!(error.contains("Read-only") && !std::path::Path::new("/usr/x").exists(), "{error}");
    assert!(error.to_lowercase().contains("file size") || error.contains("large"), "{error}");
}

/// What has rested is looked at again once something runs.
async fn memory_is_limited(node: Arc<dyn Node>) {
    assert_eq!(run(&*node, "true").await.2, WorkerEnd::Exited(0));
    let (out, _, end) = run(&*node, "x=$(head -c 200000000 /dev/zero | tr '\\0' x); echo all").await;
    assert_eq!((out.as_str(), end), ("", WorkerEnd::Killed(9)));
}

/// However many files it is written to.
async fn disk_is_limited(node: Arc<dyn Node>) {
    let (_, _, end) = run(&*node, "i=0; while :; do i=$((i + 1)); head -c 4000000 /dev/zero > /tmp/$i; done").await;
    assert_eq!(end, WorkerEnd::Killed(9));
    // What there is too much of can be removed.
    assert_eq!(run(&*node, "rm -f /tmp/*; echo well").await.0, "well\n");
}

/// Of many nodes that have run something a few wait for more.
async fn most_end_at_once(machine: &Machine) {
    let nodes: Vec<_> = (0..40).map(|number| machine.node(&format!("many-{number}"), order(NodeRoot::Machine))).collect();
    for node in &nodes {
        assert_eq!(run(&**node, "true").await.2, WorkerEnd::Exited(0));
    }
    let few = async {
        while nodes.iter().filter(|node| node.is_running()).count() > 32 {
            tokio::task::yield_now().await;
        }
    };
    cloudlet_engine::within(std::time::Duration::from_secs(60), few).await.unwrap();
}

/// The machine itself is the node: its files, its name and its network.
async fn nothing_apart(node: Arc<dyn Node>) {
    let path = std::env::temp_dir().join(format!("cloudlet-node-itself-{}", std::process::id()));
    let (out, error, end) = run(&*node, &format!("echo seen > {}; cat /proc/sys/kernel/hostname", path.display())).await;
    assert_eq!((error.as_str(), end), ("", WorkerEnd::Exited(0)));
    assert_eq!((std::fs::read_to_string(&path).unwrap().as_str(), out), ("seen\n", std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap()));
    std::fs::remove_file(&path).unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut connection = node.connect(NodeAddress::Port(listener.local_addr().unwrap().port())).await.unwrap();
    listener.accept().await.unwrap().0.write_all(b"here").await.unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.unwrap();
    assert_eq!(answer, "here");
    whole_sessions_are_killed(node).await;
}

fn main() -> ExitCode {
    if std::env::args_os().nth(1).is_some_and(|first| first == cloudlet_worker::ARGUMENT) {
        return cloudlet_worker::run_init();
    }
    let folder = std::env::temp_dir().join(format!("cloudlet-node-test-{}", std::process::id()));
    let machine = Machine::new(std::env::current_exe().unwrap(), folder, vec![], vec![]);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let node = |name: &str| machine.node(name, order(NodeRoot::Machine));
        if let Err(why) = node("first").start(shell("true", NodeInput::Nothing)).await {
            println!("nodes cannot be made on this machine: {why}");
            return;
        }
        streams_and_ends(node("streams")).await;
        files_stay(node("files")).await;
        terminals(node("terminals")).await;
        whole_sessions_are_killed(node("kills")).await;
        ports(node("ports")).await;
        background(node("background")).await;
        memory_is_limited(machine.node("memory", NodeOrder { memory: 64 << 20, ..order(NodeRoot::Machine) })).await;
        disk_is_limited(machine.node("disk", NodeOrder { disk: 64 << 20, ..order(NodeRoot::Machine) })).await;
        most_end_at_once(&machine).await;
        apart(node("apart"), machine.shortcomings()).await;
        nothing_apart(machine.node("itself", order(NodeRoot::Itself))).await;
        // Another file system, here this machine's own, with the binary's libraries beside it.
        let other = machine.node("other", order(NodeRoot::Folder("/".into())));
        assert_eq!(run(&*other, "echo here; cat /etc/hostname >/dev/null; touch /tmp/x && echo there").await.0, "here\nthere\n");
        println!("all is well");
    });
    ExitCode::SUCCESS
}
