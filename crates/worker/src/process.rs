//! One worker: its processes, its sockets, its output.

use crate::{
    disk::Disk,
    inward::Inward,
    local, memory,
    order::{ARGUMENT, InitOrder, Report},
};
use cloudlet_engine::{Boxed, ByteStream, LocalHttp, ProgramSignal, Stopwatch, TakesLine, Worker, WorkerEnd, WorkerPost, within};
use parking_lot::Mutex;
use rustix::{
    net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags},
    process::{Pid, Signal, kill_process_group},
};
use std::{
    io::{IoSliceMut, Write},
    mem::MaybeUninit,
    net::TcpListener,
    os::{fd::OwnedFd, unix::net::UnixStream, unix::process::ExitStatusExt},
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, BufReader},
    net::unix::pipe,
    process::Command,
    sync::{Notify, watch},
    task::JoinHandle,
};

/// How long the first process may take to set everything up.
const SETUP: Duration = Duration::from_secs(30);
/// How often the memory of a worker is looked at.
const LOOK: Duration = Duration::from_millis(50);
/// How many looks the memory of code that was ended alone may take to be free.
const LOOKS_TO_END: u32 = 4;
/// The longest line that is told as one.
const LONGEST_LINE: u64 = 256 << 10;

/// Whether the memory of a worker is not looked at: it gets no processor, or nothing runs on it.
#[derive(Default)]
struct Resting {
    is: AtomicBool,
    over: Notify,
}

impl Resting {
    /// Whether it rested.
    fn end(&self) -> bool {
        let rested = self.is.swap(false, Ordering::AcqRel);
        if rested {
            self.over.notify_one();
        }
        rested
    }
}

pub struct Process {
    group: Pid,
    ended: watch::Receiver<Option<WorkerEnd>>,
    /// Bytes of memory.
    limit: u64,
    most: Arc<AtomicU64>,
    /// Since `memory` was asked for and looked.
    asked: Mutex<Option<Stopwatch>>,
    resting: Arc<Resting>,
    process: u32,
    tasks: Mutex<Vec<JoinHandle<()>>>,
    inward: Arc<Inward>,
    over: Arc<AtomicBool>,
}

/// What is told every line.
type Lines = Arc<TakesLine>;

/// What is to be run and whom it may talk to.
pub struct Start {
    pub order: InitOrder,
    pub http: Arc<dyn LocalHttp>,
    /// `127.0.0.1:4566`
    pub server: String,
    pub output: Lines,
    pub aside: Option<Lines>,
    /// What it may have of the disk, if it has a folder that stays.
    pub disk: Option<Disk>,
}

/// A worker that runs.
pub struct Started {
    pub process: Arc<Process>,
    pub report: Report,
    /// The socket of a node's first process.
    pub control: Option<OwnedFd>,
}

pub async fn start(mut start: Start) -> Result<Started, String> {
    // The first stage puts the number in its place.
    start.order.aside = start.aside.as_ref().map(|_| 0);
    let told_io = |error: std::io::Error| format!("the worker's process cannot be started: {error}");
    let (ours, theirs) = UnixStream::pair().map_err(told_io)?;
    let mut child = Command::new(&start.order.own)
        .arg(ARGUMENT)
        .env_clear()
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(told_io)?;
    let process = child.id().ok_or("the worker's process is gone")?;
    let group = i32::try_from(process).ok().and_then(Pid::from_raw).ok_or("the worker's process has no number")?;
    let memory_limit = start.order.memory;
    let setup = tokio::task::spawn_blocking(move || talk(ours, &start.order));
    let outcome = within(SETUP, setup).await;
    let (report, descriptors, socket) = match outcome {
        Some(Ok(Ok(answer))) => answer,
        Some(Ok(Err(why))) => {
            let _ = kill_process_group(group, Signal::KILL);
            return Err(why);
        }
        Some(Err(_)) | None => {
            let _ = kill_process_group(group, Signal::KILL);
            return Err("the worker's process does not answer".to_owned());
        }
    };
    if let Some(why) = report.failure {
        let _ = kill_process_group(group, Signal::KILL);
        return Err(why);
    }
    let mut descriptors = descriptors.into_iter();
    let mut listener = || {
        let listener = TcpListener::from(descriptors.next()?);
        listener.set_nonblocking(true).and_then(|()| tokio::net::TcpListener::from_std(listener)).ok()
    };
    let (Some(http), Some(server)) = (listener(), listener()) else {
        let _ = kill_process_group(group, Signal::KILL);
        return Err("the worker's process gave no sockets".to_owned());
    };
    let inward = Arc::new(Inward::new(socket).map_err(told_io)?);
    let (told, ended) = watch::channel(None);
    let (most, resting, over) = (Arc::new(AtomicU64::new(0)), Arc::<Resting>::default(), Arc::new(AtomicBool::new(false)));
    let looked_at = LookedAt {
        process,
        group,
        limit: memory_limit,
        most: most.clone(),
        resting: resting.clone(),
        over: over.clone(),
        inward: start.aside.is_some().then(|| inward.clone()),
    };
    let tasks = vec![
        tokio::spawn(local::serve(http, start.http)),
        tokio::spawn(local::pass_on(server, start.server)),
        tokio::spawn(look(looked_at, start.disk)),
    ];
    let mut lines: Vec<_> = [
        child.stdout.take().map(|out| tokio::spawn(read(out, start.output.clone()))),
        child.stderr.take().map(|out| tokio::spawn(read(out, start.output.clone()))),
    ]
    .into_iter()
    .flatten()
    .collect();
    if let Some(aside) = start.aside {
        let pipe = descriptors.next().ok_or("the worker's process gave no pipe")?;
        lines.push(tokio::spawn(read(pipe::Receiver::from_owned_fd(pipe).map_err(told_io)?, aside)));
    }
    let is_over = over.clone();
    tokio::spawn(async move {
        let status = child.wait().await;
        // What others of the group still hold open is not waited for long.
        for lines in lines {
            within(Duration::from_millis(200), lines).await;
        }
        let _ = kill_process_group(group, Signal::KILL);
        let end = match status {
            _ if is_over.load(Ordering::Acquire) => WorkerEnd::OutOfMemory,
            Ok(status) => match (status.code(), status.signal()) {
                (Some(code), _) => WorkerEnd::of_status(code),
                (None, signal) => WorkerEnd::Killed(signal.unwrap_or(9)),
            },
            Err(_) => WorkerEnd::Killed(9),
        };
        let _ = told.send(Some(end));
    });
    let asked = Mutex::default();
    let worker = Process { group, ended, limit: memory_limit, most, asked, resting, process, tasks: Mutex::new(tasks), inward, over };
    Ok(Started { process: Arc::new(worker), report: Report { failure: None, ..report }, control: descriptors.next() })
}

/// Gives the order, and takes the report and the sockets.
fn talk(mut socket: UnixStream, order: &InitOrder) -> Result<(Report, Vec<OwnedFd>, UnixStream), String> {
    let told = |error: std::io::Error| format!("the worker's process does not answer: {error}");
    socket.set_read_timeout(Some(SETUP)).map_err(told)?;
    let text = serde_json::to_vec(order).map_err(|error| error.to_string())?;
    let length = u32::try_from(text.len()).map_err(|error| error.to_string())?;
    socket.write_all(&length.to_be_bytes()).and_then(|()| socket.write_all(&text)).map_err(told)?;
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(3))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut answer = vec![0; 64 << 10];
    let received = rustix::net::recvmsg(&socket, &mut [IoSliceMut::new(&mut answer)], &mut control, RecvFlags::CMSG_CLOEXEC);
    let received = received.map_err(|error| told(error.into()))?;
    let report = serde_json::from_slice(answer.get(..received.bytes).unwrap_or_default()).map_err(|_| "the worker's process failed".to_owned())?;
    let mut descriptors = Vec::new();
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(some) = message {
            descriptors.extend(some);
        }
    }
    Ok((report, descriptors, socket))
}

/// Tells every line.
async fn read(from: impl AsyncRead + Unpin, output: Lines) {
    use tokio::io::AsyncReadExt;
    let mut from = BufReader::new(from);
    loop {
        let mut line = Vec::new();
        match (&mut from).take(LONGEST_LINE).read_until(b'\n', &mut line).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {
                let text = String::from_utf8_lossy(&line);
                output(text.strip_suffix('\n').unwrap_or(&text));
            }
        }
    }
}

/// A worker whose memory is looked at.
struct LookedAt {
    process: u32,
    group: Pid,
    limit: u64,
    most: Arc<AtomicU64>,
    resting: Arc<Resting>,
    over: Arc<AtomicBool>,
    /// Where something runs beside the code.
    inward: Option<Arc<Inward>>,
}

/// Looks at the memory of a worker, and at its part of the disk, and kills one that has too much; of one that runs something beside its code and has
/// too much memory, the code first.
async fn look(at: LookedAt, mut disk: Option<Disk>) {
    let mut left = if at.inward.is_some() { LOOKS_TO_END } else { 0 };
    loop {
        within(LOOK, std::future::pending::<()>()).await;
        while at.resting.is.load(Ordering::Acquire) {
            at.resting.over.notified().await;
        }
        let used = memory::in_use(at.process, at.limit);
        at.most.fetch_max(used, Ordering::AcqRel);
        let has_too_much = used > at.limit;
        if has_too_much {
            let is_first = !at.over.swap(true, Ordering::AcqRel);
            match &at.inward {
                Some(inward) if is_first && within(LOOK, inward.signal(ProgramSignal::EndCode)).await.is_some_and(|sent| sent.is_ok()) => continue,
                Some(_) if left > 0 => {
                    left -= 1;
                    continue;
                }
                _ => {}
            }
        }
        if has_too_much || fills_disk(disk.as_mut()).await {
            let _ = kill_process_group(at.group, Signal::KILL);
            return;
        }
    }
}

async fn fills_disk(disk: Option<&mut Disk>) -> bool {
    let Some(disk) = disk else { return false };
    if !disk.is_fuller() {
        return false;
    }
    let counted = disk.clone();
    let is_over = tokio::task::spawn_blocking(move || counted.is_over()).await.unwrap_or(false);
    if is_over {
        tracing::warn!(target: "cloudlet", folder = %disk.folder().display(), "a node has more than its part of the disk, and is ended");
    }
    is_over
}

impl Process {
    /// Whether something runs on it. Where nothing does, its memory does not grow, and a thousand idle nodes would be looked at twenty times a second.
    pub fn rest(&self, rests: bool) {
        if rests {
            self.resting.is.store(true, Ordering::Release);
        } else {
            self.resting.end();
        }
    }
}

impl Worker for Process {
    fn kill(&self) {
        let _ = kill_process_group(self.group, Signal::KILL);
    }

    fn signal(&self, signal: ProgramSignal) -> Boxed<'_, ()> {
        Box::pin(async move { drop(self.inward.signal(signal).await) })
    }

    fn is_over_memory(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }

    fn ended(&self) -> Boxed<'_, WorkerEnd> {
        let mut ended = self.ended.clone();
        Box::pin(async move { ended.wait_for(Option::is_some).await.ok().and_then(|end| *end).unwrap_or(WorkerEnd::Killed(9)) })
    }

    fn memory(&self) -> u64 {
        let mut asked = self.asked.lock();
        // What was seen a moment ago is good enough: a look costs more than a short event.
        if asked.as_ref().is_none_or(|watch| watch.elapsed() >= LOOK) {
            self.most.fetch_max(memory::in_use(self.process, self.limit), Ordering::AcqRel);
            *asked = Some(Stopwatch::start());
        }
        self.most.load(Ordering::Acquire)
    }

    fn freeze(&self) {
        if self.ended.borrow().is_none() && !self.resting.is.swap(true, Ordering::AcqRel) {
            let _ = kill_process_group(self.group, Signal::STOP);
        }
    }

    fn thaw(&self) {
        if self.resting.end() && self.ended.borrow().is_none() {
            let _ = kill_process_group(self.group, Signal::CONT);
        }
    }

    fn connect(&self, port: u16) -> Boxed<'_, Result<Box<dyn ByteStream>, String>> {
        Box::pin(async move {
            let connection = self.inward.connect(port).await.map_err(|error| error.to_string())?;
            Ok(Box::new(connection) as Box<dyn ByteStream>)
        })
    }

    fn post(&self, post: WorkerPost) -> Boxed<'_, Result<u16, String>> {
        Box::pin(self.inward.post(post))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.ended.borrow().is_none() {
            let _ = kill_process_group(self.group, Signal::KILL);
        }
        self.tasks.lock().iter().for_each(JoinHandle::abort);
    }
}
