//! The first processes of a worker: the server's own binary, run as `cloudlet worker-init`. It puts itself into namespaces of its own,
//! opens the two sockets over which the worker may talk and hands them to the server, and becomes the worker's program.
//!
//! A namespace of process ids begins with the next process, so there are two stages. The first waits for the second, and ends as it does.

use crate::{
    confine::{Confined, PROCESSES, confine},
    filter, inward,
    node::inside,
    order::{ARGUMENT, InitOrder, InitValue, Report, Stage, Surroundings},
    user, view,
};
use nix::sched::{CloneFlags, unshare};
use rustix::{
    event::{PollFd, PollFlags, poll},
    io::{Errno, FdFlags},
    net::{AddressFamily, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketFlags, SocketType, socketpair},
    pipe::{PipeFlags, pipe_with},
    process::{Pid, PidfdFlags, Signal, pidfd_open},
};
use std::{
    fs,
    io::{IoSlice, Read, Write},
    mem::MaybeUninit,
    net::TcpListener,
    os::{
        fd::{AsFd, AsRawFd, BorrowedFd},
        unix::process::{CommandExt, ExitStatusExt},
    },
    process::{Child, Command, ExitCode, Stdio},
};

/// The port of `LocalHttp` in a network of the worker's own.
const HTTP_PORT: u16 = 9001;
/// The user and group that the code sees itself as. AWS: `sbx_user1051`.
const USER: u32 = 993;
const GROUP: u32 = 990;
/// A program that could not be run.
const NOT_RUN: u8 = 126;

/// Runs the rest of the worker's life. Standard input is the socket to the server.
pub fn run() -> ExitCode {
    if std::env::args_os().nth(2).is_some_and(|second| second == inside::THIRD) {
        return inside::become_program();
    }
    let mut text = Vec::new();
    let order = read_order(&mut text);
    match order {
        Some(order) if order.stage == Stage::First => first(order),
        Some(order) => second(&order),
        None => ExitCode::from(NOT_RUN),
    }
}

/// Its length in four bytes, then JSON.
fn read_order(text: &mut Vec<u8>) -> Option<InitOrder> {
    let mut input = std::io::stdin().lock();
    let mut length = [0; 4];
    input.read_exact(&mut length).ok()?;
    input.take(u64::from(u32::from_be_bytes(length))).read_to_end(text).ok()?;
    serde_json::from_slice(text).ok()
}

fn written(order: &InitOrder) -> Vec<u8> {
    let text = serde_json::to_vec(order).unwrap_or_default();
    let mut all = u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes().to_vec();
    all.extend(text);
    all
}

/// What the machine let us have.
#[derive(Clone, Copy, Default)]
struct Had {
    views: bool,
    processes: bool,
    network: bool,
    /// A user of the machine that nobody else is.
    user: Option<u32>,
}

fn first(mut order: InitOrder) -> ExitCode {
    let mut report = Report::default();
    // Programs inherit the end to write to. It comes first: shells know descriptors of one digit.
    let pipe = || {
        let (reading, writing) = pipe_with(PipeFlags::CLOEXEC)?;
        rustix::io::fcntl_setfd(&writing, FdFlags::empty()).map(|()| (reading, writing))
    };
    let aside = match order.aside.is_some().then(pipe).transpose() {
        Ok(aside) => aside,
        Err(error) => return failed(report, &format!("no pipe for the worker: {error}")),
    };
    order.aside = aside.as_ref().map(|(_, writing)| writing.as_raw_fd());
    let itself = order.node.as_ref().is_some_and(|node| node.itself);
    let had = if itself { Had::default() } else { namespaces(&order, &mut report.shortcomings) };
    if had.network
        && let Err(error) = raise_loopback()
    {
        report.failure = Some(format!("the network of the worker cannot be set up: {error}"));
    }
    let bound = |port| TcpListener::bind(("127.0.0.1", port));
    // In the machine's own network the numbers may be taken.
    let (http, server) = if had.network { (bound(HTTP_PORT), bound(order.server_port)) } else { (bound(0), bound(0)) };
    let (http, server) = match (http, server) {
        (Ok(http), Ok(server)) => (http, server),
        (Err(error), _) | (_, Err(error)) => return failed(report, &format!("no socket for the worker: {error}")),
    };
    let port = |listener: &TcpListener| listener.local_addr().map_or(0, |address| address.port());
    let (http_port, server_port) = (port(&http), port(&server));
    report.ports = (http_port, server_port);
    if had.views
        && let Err(error) = view::make(&order, &mut report.shortcomings)
    {
        return failed(report, &format!("the worker's view of the files cannot be made: {error}"));
    }
    if !had.views && !itself {
        // It sees the folders where they are.
        for (from, at) in &mut order.folders {
            at.clone_from(from);
        }
        report.shortcomings.push("its code sees the files of this machine".to_owned());
    }
    if report.failure.is_some() {
        let why = report.failure.take().unwrap_or_default();
        return failed(report, &why);
    }
    let own = if had.views { view::OWN.to_owned() } else { order.own.clone() };
    let mut start = vec![own];
    if let Some(node) = &mut order.node {
        if had.views {
            start = view::start_of_own(node);
        }
        let homes = match (itself, had.views) {
            (true, _) => node.surroundings.homes.clone(),
            (false, true) => view::HOMES.map(str::to_owned),
            (false, false) => view::homes(&node.own),
        };
        let confined = (!itself).then_some(Confined { privileged: had.views, memory: order.memory, file_size: Some(node.file_size), outer: 0 });
        node.surroundings = Surroundings { own: start.clone(), homes, confined };
    }
    let fixed = |order: &InitOrder, value: &InitValue| InitValue::Text(order.value(value, http_port, server_port));
    let second_order = InitOrder {
        program: fixed(&order, &order.program),
        arguments: order.arguments.iter().map(|value| fixed(&order, value)).collect(),
        environment: order.environment.iter().map(|(name, value)| (name.clone(), fixed(&order, value))).collect(),
        stage: Stage::Second { views: had.views, processes: had.processes, user: had.user },
        ..order.clone()
    };
    // A node is told what to run over a socket in the place of its standard output.
    let control = order.node.is_some().then(|| socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)).transpose();
    let (control, standard_output) = match control {
        Ok(Some((ours, theirs))) => (Some(ours), Stdio::from(theirs)),
        Ok(None) => (None, Stdio::inherit()),
        Err(error) => return failed(report, &format!("no socket for the node: {error}")),
    };
    let Some((own, before)) = start.split_first() else { return failed(report, "the worker does not know its own program") };
    let mut command = Command::new(own);
    let child = command.args(before).arg(ARGUMENT).stdin(Stdio::piped()).stdout(standard_output).env_clear().current_dir("/").spawn();
    drop(command);
    let mut child = match child {
        Ok(child) => child,
        Err(error) => return failed(report, &format!("the worker's process cannot be started: {error}")),
    };
    let mut descriptors = vec![http.as_fd(), server.as_fd()];
    descriptors.extend(control.as_ref().map(AsFd::as_fd));
    descriptors.extend(aside.as_ref().map(|(reading, _)| reading.as_fd()));
    if send(&report, &descriptors).is_err() {
        let _ = child.kill();
        return ExitCode::from(NOT_RUN);
    }
    drop((http, server, control, aside));
    if let Some(mut input) = child.stdin.take() {
        let _ = input.write_all(&written(&second_order));
    }
    wait_or_end_with_server(&child);
    match child.wait() {
        Ok(status) => match (status.code(), status.signal()) {
            (Some(code), _) => ExitCode::from(u8::try_from(code).unwrap_or(NOT_RUN)),
            // As shells tell it.
            (None, Some(signal)) => ExitCode::from(u8::try_from(128 + signal).unwrap_or(NOT_RUN)),
            (None, None) => ExitCode::from(NOT_RUN),
        },
        Err(_) => ExitCode::from(NOT_RUN),
    }
}

/// Returns when the second stage is over. Until then the server is connected to the worker's ports as it asks; once its end of the socket is
/// closed it is gone, however that came about, and so is the worker. (A thread cannot be made here: it would belong to two namespaces.)
fn wait_or_end_with_server(child: &Child) {
    let number = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let Some(Ok(over)) = number.map(|number| pidfd_open(number, PidfdFlags::empty())) else { return };
    let server = rustix::stdio::stdin();
    loop {
        let mut waited = [PollFd::new(&server, PollFlags::IN), PollFd::new(&over, PollFlags::IN)];
        match poll(&mut waited, None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(_) => return,
        }
        if waited.iter().skip(1).any(|over| !over.revents().is_empty()) {
            return;
        }
        if waited.iter().take(1).any(|server| !server.revents().is_empty()) && !inward::answer(number) {
            let _ = rustix::process::kill_current_process_group(Signal::KILL);
        }
    }
}

fn failed(report: Report, why: &str) -> ExitCode {
    let _ = send(&Report { failure: Some(why.to_owned()), ..report }, &[]);
    ExitCode::from(NOT_RUN)
}

fn send(report: &Report, descriptors: &[BorrowedFd<'_>]) -> Result<(), Errno> {
    let text = serde_json::to_vec(report).unwrap_or_default();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(3))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !descriptors.is_empty() {
        control.push(SendAncillaryMessage::ScmRights(descriptors));
    }
    rustix::net::sendmsg(rustix::stdio::stdin(), &[IoSlice::new(&text)], &mut control, SendFlags::empty()).map(drop)
}

/// Leaves the namespaces of the machine, as far as that is allowed.
fn namespaces(order: &InitOrder, shortcomings: &mut Vec<String>) -> Had {
    let (user, group) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    let inner = CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWPID | CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWIPC | CloneFlags::CLONE_NEWUTS;
    // Root, to whom limits on processes do not apply, gives itself up for a user that is nobody else's, once all is set up.
    if user == 0
        && order.node.is_none()
        && order.folders.iter().all(|(folder, _)| user::everybody_reads(folder))
        && let Some(user) = user::spare()
        && unshare(inner).is_ok()
    {
        return Had { views: true, processes: true, network: true, user: Some(user) };
    }
    if user == 0 {
        shortcomings.push("the number of its processes is not limited: the server runs as root, and its code with it".to_owned());
    }
    if unshare(CloneFlags::CLONE_NEWUSER | inner).is_ok() {
        let mapped = fs::write("/proc/self/setgroups", "deny")
            .and_then(|()| fs::write("/proc/self/uid_map", format!("0 {user} 1")))
            .and_then(|()| fs::write("/proc/self/gid_map", format!("0 {group} 1")));
        if mapped.is_err() {
            shortcomings.push("its code runs as the user of the server".to_owned());
        }
        return Had { views: true, processes: true, network: true, user: None };
    }
    let users = unshare(CloneFlags::CLONE_NEWUSER).is_ok();
    if users {
        let _ = fs::write("/proc/self/setgroups", "deny");
        let _ = fs::write("/proc/self/uid_map", format!("0 {user} 1"));
        let _ = fs::write("/proc/self/gid_map", format!("0 {group} 1"));
    } else {
        shortcomings.push("its code runs as the user of the server: user namespaces are not allowed".to_owned());
    }
    let mut one = |flag, sentence: &str| {
        let done = unshare(flag).is_ok();
        if !done {
            shortcomings.push(sentence.to_owned());
        }
        done
    };
    let views = one(CloneFlags::CLONE_NEWNS, "mount namespaces are not allowed");
    let processes = one(CloneFlags::CLONE_NEWPID, "its code sees the processes of this machine: process namespaces are not allowed");
    let network = one(CloneFlags::CLONE_NEWNET, "its code reaches the network of this machine: network namespaces are not allowed");
    one(CloneFlags::CLONE_NEWIPC | CloneFlags::CLONE_NEWUTS, "its code shares the machine's queues and names");
    Had { views, processes, network, user: None }
}

/// Sets the one device of a new network up: a message of rtnetlink(7), RTM_NEWLINK with IFF_UP for device 1.
fn raise_loopback() -> Result<(), Errno> {
    let socket = rustix::net::socket(AddressFamily::NETLINK, SocketType::RAW, None)?;
    let mut message = Vec::new();
    // nlmsghdr: length, type, flags (request, acknowledge), sequence, port.
    message.extend(32_u32.to_ne_bytes());
    message.extend(16_u16.to_ne_bytes());
    message.extend(5_u16.to_ne_bytes());
    message.extend(1_u32.to_ne_bytes());
    message.extend(0_u32.to_ne_bytes());
    // ifinfomsg: family, padding, type, index, flags, and which of them change.
    message.extend([0, 0, 0, 0]);
    message.extend(1_u32.to_ne_bytes());
    message.extend(1_u32.to_ne_bytes());
    message.extend(1_u32.to_ne_bytes());
    rustix::net::send(&socket, &message, SendFlags::empty())?;
    let mut answer = [0_u8; 256];
    let (length, _) = rustix::net::recv(&socket, &mut answer, rustix::net::RecvFlags::empty())?;
    let code = answer.get(16..20).filter(|_| length >= 20).and_then(|bytes| bytes.try_into().ok()).map_or(0, i32::from_ne_bytes);
    if code == 0 { Ok(()) } else { Err(Errno::from_raw_os_error(-code)) }
}

/// Whether the kernel is this one or a later one.
fn is_since(major: u32, minor: u32) -> bool {
    let uname = rustix::system::uname();
    let release = uname.release().to_string_lossy();
    let mut numbers = release.split(['.', '-']).map_while(|number| number.parse::<u32>().ok());
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) >= (major, minor)
}

/// The first process inside becomes the program.
fn second(order: &InitOrder) -> ExitCode {
    // The first stage is killed with all that it started.
    let _ = rustix::process::set_parent_process_death_signal(Some(Signal::KILL));
    let mut outer = 0;
    if let Stage::Second { views: true, processes, user } = order.stage {
        // Elsewhere it would show the processes of the machine.
        if processes {
            view::mount_processes();
            // A limit on processes does not bind a user that is root outside. Newer kernels bound the numbers of a namespace; in older ones
            // the number is the machine's.
            if is_since(6, 14) {
                let _ = fs::write("/proc/sys/kernel/pid_max", PROCESSES.to_string());
            }
        }
        if view::guard_settings_of_machine().is_err() || view::hide_processes_of_machine().is_err() {
            return ExitCode::from(NOT_RUN);
        }
        outer = match user.map(|user| (user, user::become_it(user))) {
            Some((user, true)) => user,
            // It must not run as root after all.
            Some((_, false)) => return ExitCode::from(NOT_RUN),
            None => 0,
        };
        // A change of users has undone it.
        let _ = rustix::process::set_parent_process_death_signal(Some(Signal::KILL));
    }
    if let Some(node) = &order.node {
        if !node.itself {
            let _ = rustix::system::sethostname(node.hostname.as_bytes());
        }
        return inside::serve(&node.surroundings);
    }
    let privileged = matches!(order.stage, Stage::Second { views: true, .. });
    confine(&Confined { privileged, memory: order.memory, file_size: None, outer }, (USER, GROUP));
    let text = |value: &InitValue| order.value(value, 0, 0);
    let directory = order.folders.get(order.directory).map_or("/", |(_, at)| at.as_str());
    if let Err(error) = filter::apply() {
        let _ = writeln!(std::io::stderr(), "system calls cannot be filtered: {error}");
        return ExitCode::from(NOT_RUN);
    }
    let error = Command::new(text(&order.program))
        .args(order.arguments.iter().map(text))
        .env_clear()
        .envs(order.environment.iter().map(|(name, value)| (name, text(value))))
        .current_dir(directory)
        .stdin(Stdio::null())
        .exec();
    let _ = writeln!(std::io::stderr(), "{}: {error}", text(&order.program));
    ExitCode::from(NOT_RUN)
}
