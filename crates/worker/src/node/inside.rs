//! The first process of a node: it starts programs as it is told, and hands over their terminals, their ends, and connections. Whatever is left
//! behind by them becomes its child; once it has no child it says so.

use super::messages::{Failure, FromNode, LARGEST, Program, Signal as Told, Streams, ToNode, User, Within, receive, send, text};
use crate::{
    confine::{Confined, confine},
    order::{ARGUMENT, Surroundings},
};
use parking_lot::{Condvar, Mutex, MutexGuard};
use rustix::{
    io::Errno,
    net::{AddressFamily, SocketFlags, SocketType, socketpair},
    process::{Pid, Signal, WaitOptions, WaitStatus, kill_process, kill_process_group},
    pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt},
    termios::{Winsize, tcsetwinsize},
};
use serde::{Deserialize, Serialize};
use std::{
    collections::HashMap,
    fs,
    io::{self, Write},
    net::TcpStream,
    os::{
        fd::{AsFd, OwnedFd},
        unix::{fs::OpenOptionsExt, net::UnixStream, process::CommandExt},
    },
    path::Path,
    process::{Command, ExitCode, Stdio},
    sync::Arc,
    time::Duration,
};

/// How long a connection to a port of the node may take.
const CONNECT: Duration = Duration::from_secs(10);
/// How long the next process that was killed may take to be gone.
const REAPED: Duration = Duration::from_secs(1);
/// A program that could not be run.
const NOT_RUN: u8 = 126;
const NOT_FOUND: u8 = 127;

/// What is told to a program's own first process, over its standard input, together with what becomes that.
#[derive(Serialize, Deserialize)]
struct Third {
    program: Program,
    terminal: bool,
    homes: [String; 2],
    confined: Option<Confined>,
}

#[derive(Default)]
struct Children {
    by_id: HashMap<u64, Pid>,
    starts: u64,
    told_idle: u64,
}

#[derive(Default)]
struct NodePrograms {
    children: Mutex<Children>,
    started: Condvar,
    reaped: Condvar,
}

/// Serves until the server closes the socket, which is standard output.
pub fn serve(surroundings: &Surroundings) -> ExitCode {
    let inside = Arc::new(NodePrograms::default());
    let reaper = inside.clone();
    let _ = std::thread::Builder::new().stack_size(64 << 10).spawn(move || reaper.reap());
    let mut buffer = vec![0; LARGEST];
    loop {
        match receive(rustix::stdio::stdout(), &mut buffer) {
            Ok(Some((message, descriptors))) => inside.clone().take(message, descriptors, surroundings),
            Err(Errno::INTR) => {}
            Ok(None) | Err(_) => break,
        }
    }
    // In a namespace of processes all die with this one.
    for child in inside.children.lock().by_id.values() {
        kill_session(*child);
    }
    ExitCode::SUCCESS
}

fn tell(message: &FromNode, descriptors: &[&OwnedFd]) {
    let descriptors: Vec<_> = descriptors.iter().map(|descriptor| descriptor.as_fd()).collect();
    let _ = send(rustix::stdio::stdout(), &text(message), &descriptors);
}

impl NodePrograms {
    fn take(self: Arc<Self>, message: ToNode, descriptors: Vec<OwnedFd>, surroundings: &Surroundings) {
        match message {
            ToNode::Start { id, program, streams } => {
                let mut children = self.children.lock();
                children.starts += 1;
                let spawned = prepare(program, streams, descriptors, surroundings)
                    .and_then(|(mut command, terminal)| Ok((self.spawn(&mut command, &mut children)?, terminal)));
                match spawned {
                    Ok((child, terminal)) => {
                        children.by_id.insert(id, child);
                        tell(&FromNode::Started { id }, &terminal.iter().collect::<Vec<_>>());
                    }
                    Err(why) => tell(&FromNode::Failed { id, why }, &[]),
                }
                self.started.notify_one();
            }
            ToNode::Signal { id, signal } => {
                // Under the lock, so that the number is not somebody else's by now.
                let children = self.children.lock();
                if let Some(child) = children.by_id.get(&id) {
                    signal_to(*child, signal);
                }
            }
            ToNode::Connect { id, to } => {
                let connect = move || match connect(&to) {
                    Ok(connection) => tell(&FromNode::Connected { id }, &[&connection]),
                    Err(error) => tell(&FromNode::Failed { id, why: Failure::Other(error.to_string()) }, &[]),
                };
                if std::thread::Builder::new().stack_size(64 << 10).spawn(connect).is_err() {
                    tell(&FromNode::Failed { id, why: Failure::Other("the node has too many threads".to_owned()) }, &[]);
                }
            }
        }
    }

    /// Where there are too many processes, those that were killed and are still counted are waited for.
    fn spawn(&self, command: &mut Command, children: &mut MutexGuard<'_, Children>) -> Result<Pid, Failure> {
        loop {
            match command.spawn() {
                Ok(child) => return i32::try_from(child.id()).ok().and_then(Pid::from_raw).ok_or_else(|| not_started(&"it has no number")),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock && !self.reaped.wait_for(children, REAPED).timed_out() => {}
                Err(error) => return Err(not_started(&error)),
            }
        }
    }

    fn reap(&self) {
        loop {
            let mut children = self.children.lock();
            while children.starts == children.told_idle {
                self.started.wait(&mut children);
            }
            drop(children);
            loop {
                match rustix::process::wait(WaitOptions::empty()) {
                    Ok(Some((process, status))) => {
                        self.ended(process, status);
                        self.reaped.notify_one();
                    }
                    Ok(None) | Err(Errno::INTR) => {}
                    Err(_) => {
                        let mut children = self.children.lock();
                        // Something may have been started since.
                        if let Ok(None) = rustix::process::wait(WaitOptions::NOHANG) {
                            continue;
                        }
                        if children.by_id.is_empty() {
                            children.told_idle = children.starts;
                            tell(&FromNode::Idle { starts: children.starts }, &[]);
                            break;
                        }
                    }
                }
            }
        }
    }

    fn ended(&self, process: Pid, status: WaitStatus) {
        let mut children = self.children.lock();
        let Some(id) = children.by_id.iter().find(|(_, child)| **child == process).map(|(id, _)| *id) else { return };
        children.by_id.remove(&id);
        tell(&FromNode::Ended { id, code: status.exit_status(), signal: status.terminating_signal() }, &[]);
    }
}

pub fn connect(to: &Within) -> std::io::Result<OwnedFd> {
    match to {
        Within::Port(port) => {
            let both = [(std::net::Ipv4Addr::LOCALHOST, *port).into(), (std::net::Ipv6Addr::LOCALHOST, *port).into()];
            let [first, second] = both;
            TcpStream::connect_timeout(&first, CONNECT).or_else(|why| TcpStream::connect_timeout(&second, CONNECT).map_err(|_| why)).map(Into::into)
        }
        Within::Socket(path) => UnixStream::connect(path).map(Into::into),
    }
}

fn signal_to(child: Pid, signal: Told) {
    let signal = match signal {
        Told::Interrupt => Signal::INT,
        Told::Quit => Signal::QUIT,
        Told::Suspend => Signal::TSTP,
        Told::Terminate => Signal::TERM,
        Told::HangUp => Signal::HUP,
        Told::Kill => Signal::KILL,
        Told::KillAll => return kill_session(child),
    };
    // Before it leads a group it is alone.
    if kill_process_group(child, signal).is_err() {
        let _ = kill_process(child, signal);
    }
}

/// Kills a session's leader and all that say that they are of its session.
fn kill_session(leader: Pid) {
    if kill_process_group(leader, Signal::KILL).is_err() {
        let _ = kill_process(leader, Signal::KILL);
    }
    let wanted = leader.as_raw_nonzero().to_string();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let process = entry.file_name().to_str().and_then(|name| name.parse().ok()).and_then(Pid::from_raw);
        let Some(process) = process.filter(|process| !process.is_init()) else { continue };
        let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        // After the name, which may have anything in it: state, parent, group, session.
        let session = stat.rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().nth(3));
        if session == Some(&wanted) {
            let _ = kill_process(process, Signal::KILL);
        }
    }
}

fn not_started(why: &dyn std::fmt::Display) -> Failure {
    Failure::Other(format!("the program cannot be started: {why}"))
}

/// A program's own first process, and the server's end of its terminal.
fn prepare(
    program: Program,
    streams: Streams,
    descriptors: Vec<OwnedFd>,
    surroundings: &Surroundings,
) -> Result<(Command, Option<OwnedFd>), Failure> {
    let other = not_started;
    let mut descriptors = descriptors.into_iter();
    let mut next = || descriptors.next().ok_or_else(|| other(&"a descriptor is missing"));
    let again = |one: &OwnedFd| one.try_clone().map_err(|error| other(&error));
    let (terminal, input, output, error) = match streams {
        Streams::Pipes => (None, next()?, next()?, next()?),
        Streams::GivenTerminal => {
            let one = next()?;
            (None, again(&one)?, again(&one)?, one)
        }
        Streams::Terminal(columns, rows) => {
            let (ours, theirs) = terminal(columns, rows).map_err(|_| Failure::NoTerminal)?;
            (Some(ours), again(&theirs)?, again(&theirs)?, theirs)
        }
    };
    let third = Third { program, terminal: streams != Streams::Pipes, homes: surroundings.homes.clone(), confined: surroundings.confined.clone() };
    let (ours, theirs) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None).map_err(|error| other(&error))?;
    send(&ours, &text(&third), &[input.as_fd()]).map_err(|error| other(&error))?;
    let Some((own, before)) = surroundings.own.split_first() else { return Err(other(&"the node does not know its own program")) };
    let mut command = Command::new(own);
    command
        .args(before)
        .arg(ARGUMENT)
        .arg(THIRD)
        .stdin(Stdio::from(theirs))
        .stdout(Stdio::from(output))
        .stderr(Stdio::from(error))
        .env_clear()
        .current_dir("/");
    Ok((command, terminal))
}

fn terminal(columns: u16, rows: u16) -> Result<(OwnedFd, OwnedFd), Errno> {
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
    grantpt(&ours)?;
    unlockpt(&ours)?;
    let theirs = ioctl_tiocgptpeer(&ours, OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
    tcsetwinsize(&theirs, Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 })?;
    Ok((ours, theirs))
}

/// Writes the input to a file that can be run. There is no more of it then.
fn write_input(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), fs::create_dir_all)?;
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o700).open(path)?;
    io::copy(&mut io::stdin().lock(), &mut file)?;
    Ok(rustix::stdio::dup2_stdin(fs::File::open("/dev/null")?)?)
}

/// The second argument of a program's own first process.
pub const THIRD: &str = "program";

/// A program's own first process: it leads a session, and becomes the program.
pub fn become_program() -> ExitCode {
    let mut buffer = vec![0; LARGEST];
    let Ok(Some((third, descriptors))) = receive::<Third>(rustix::stdio::stdin(), &mut buffer) else { return ExitCode::from(NOT_RUN) };
    let Some(input) = descriptors.first() else { return ExitCode::from(NOT_RUN) };
    if rustix::stdio::dup2_stdin(input).is_err() || rustix::process::setsid().is_err() {
        return ExitCode::from(NOT_RUN);
    }
    drop(descriptors);
    // Where the node has no namespace of processes, its programs end with it all the same.
    let _ = rustix::process::set_parent_process_death_signal(Some(Signal::KILL));
    if third.terminal {
        let _ = rustix::process::ioctl_tiocsctty(rustix::stdio::stdin());
    }
    let Third { program, homes: [root, ssm_user], confined, .. } = third;
    let (numbers, name, home) = match program.user {
        User::Root => ((0, 0), "root", root),
        User::SsmUser => ((1_001, 1_001), "ssm-user", ssm_user),
    };
    let is_given = |wanted: &str| program.environment.iter().any(|(name, _)| name == wanted);
    let own = [("HOME", home.as_str()), ("USER", name), ("LOGNAME", name)].into_iter().filter(|(name, _)| !is_given(name));
    let environment: Vec<(&str, &str)> = own.chain(program.environment.iter().map(|(name, value)| (name.as_str(), value.as_str()))).collect();
    if let Some(confined) = confined {
        confine(&confined, numbers);
    }
    if let Some(path) = &program.file
        && let Err(error) = write_input(Path::new(path))
    {
        let _ = writeln!(std::io::stderr(), "{path}: {error}");
        return ExitCode::from(NOT_RUN);
    }
    let directory = program.directory.as_deref().unwrap_or(&home);
    if !fs::metadata(directory).is_ok_and(|folder| folder.is_dir()) {
        let _ = writeln!(std::io::stderr(), "{directory}: there is no such folder");
        return ExitCode::from(NOT_RUN);
    }
    let error = Command::new(&program.program).args(&program.arguments).env_clear().envs(environment).current_dir(directory).exec();
    let _ = writeln!(std::io::stderr(), "{}: {error}", program.program);
    ExitCode::from(if error.kind() == std::io::ErrorKind::NotFound { NOT_FOUND } else { NOT_RUN })
}
