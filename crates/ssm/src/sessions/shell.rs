//! Shells and commands.

use super::{
    backend::{Backend, Ending, Input, Output},
    live::LiveSession,
    plan::Kind,
};
use bytes::Bytes;
use cloudlet_engine::{NodeInput, NodeOutput, NodeProcess, NodeProgram, NodeSignal, NodeUser, TerminalSize, WorkerEnd, WorkerValue, within};
use cloudlet_session_channel::{PIECE, PayloadKind, flag};
use std::{sync::Arc, time::Duration};
use tokio::sync::mpsc;

/// Until the client says otherwise.
const SIZE: TerminalSize = TerminalSize { columns: 80, rows: 24 };
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// How long output is waited for once a command has ended and others still have its streams open.
const LAST_OUTPUT: Duration = Duration::from_millis(500);

fn user_of(live: &LiveSession, elevated: bool) -> Result<NodeUser, String> {
    let preferences = &live.plan.preferences;
    if elevated || matches!(live.plan.kind, Kind::Container { .. }) {
        return Ok(NodeUser::Root);
    }
    if !preferences.run_as {
        return Ok(NodeUser::SsmUser);
    }
    // A node has these two.
    match preferences.run_as_user.as_str() {
        "ssm-user" => Ok(NodeUser::SsmUser),
        "root" => Ok(NodeUser::Root),
        "" => Err("Unable to start command: please set the RunAs default user\n".to_owned()),
        other => Err(format!("Unable to start command: failed to start pty since RunAs user {other} does not exist\n")),
    }
}

fn program(live: &LiveSession) -> Result<NodeProgram, String> {
    let (program, arguments, input, elevated) = match &live.plan.kind {
        Kind::Interactive { commands, elevated } if !commands.trim().is_empty() => {
            ("sh".to_owned(), vec!["-c".to_owned(), commands.clone()], NodeInput::Terminal(SIZE), *elevated)
        }
        Kind::Interactive { elevated, .. } => ("sh".to_owned(), vec![], NodeInput::Terminal(SIZE), *elevated),
        Kind::NonInteractive { words, elevated, .. } => {
            let (program, arguments) = words.split_first().ok_or("there is no command")?;
            (program.clone(), arguments.to_vec(), NodeInput::Nothing, *elevated)
        }
        Kind::Container { words, .. } => {
            let (program, arguments) = words.split_first().ok_or("there is no command")?;
            (program.clone(), arguments.to_vec(), NodeInput::Terminal(SIZE), false)
        }
        Kind::StandardStream | Kind::Port { .. } => ("sh".to_owned(), vec![], NodeInput::Terminal(SIZE), false),
    };
    let text = |text: &str| WorkerValue::Text(text.to_owned());
    let region = live.key.0.region.as_str();
    let mut environment = vec![
        ("PATH".to_owned(), text(PATH)),
        ("TERM".to_owned(), text("xterm-256color")),
        ("LANG".to_owned(), text("C.UTF-8")),
        ("AWS_ENDPOINT_URL".to_owned(), WorkerValue::Server),
        ("AWS_REGION".to_owned(), text(region)),
        ("AWS_DEFAULT_REGION".to_owned(), text(region)),
        ("AWS_SSM_SESSION_ID".to_owned(), text(&live.key.1)),
    ];
    if let Kind::Container { environment: own, credentials_path, .. } = &live.plan.kind {
        environment.retain(|(name, _)| !own.contains_key(name));
        environment.extend(own.iter().map(|(name, value)| (name.clone(), text(value))));
        environment.extend(credentials_path.clone().map(|path| ("AWS_CONTAINER_CREDENTIALS_FULL_URI".to_owned(), WorkerValue::HttpPath(path))));
    }
    Ok(NodeProgram { program, arguments, environment, directory: None, user: user_of(live, elevated)?, input })
}

pub async fn start(live: &Arc<LiveSession>) -> Result<Backend, String> {
    let process = live.node()?.start(program(live)?).await.map_err(|why| format!("Unable to start command: {why}\n"))?;
    let (mut backend, inputs, outputs) = Backend::new();
    let (separate, is_terminal) = match &live.plan.kind {
        Kind::NonInteractive { separate, .. } => (Some(separate.clone()), false),
        _ => (None, true),
    };
    if live.plan.kind == Kind::StandardStream && !live.plan.preferences.profile.trim().is_empty() {
        let profile = Bytes::from(format!("{}\n", live.plan.preferences.profile));
        let process = process.clone();
        backend.tasks.spawn(async move {
            let _ = process.write(profile).await;
        });
    }
    backend.tasks.spawn(take_input(process.clone(), inputs, is_terminal, outputs.clone()));
    backend.tasks.spawn(give_output(process, separate, outputs));
    Ok(backend)
}

async fn take_input(process: Arc<dyn NodeProcess>, mut inputs: mpsc::Receiver<Input>, is_terminal: bool, outputs: mpsc::Sender<Output>) {
    while let Some(input) = inputs.recv().await {
        match input {
            Input::Data(bytes) if is_terminal => {
                let _ = process.write(bytes).await;
            }
            // Without a terminal, control characters are signals, and nothing else is taken.
            Input::Data(bytes) => match bytes.as_ref() {
                [0x03] => process.signal(NodeSignal::Interrupt),
                [0x1c] => process.signal(NodeSignal::Quit),
                [0x1a] => process.signal(NodeSignal::Suspend),
                _ => {}
            },
            Input::Size(size) => process.resize(size),
            Input::Flag(flag::TERMINATE_SESSION) => {
                process.kill();
                let _ = outputs.send(Output::Ended(Ending::default())).await;
            }
            Input::Flag(_) => {}
        }
    }
}

/// `separate`: for a command without a terminal, whether its streams are kept apart, and what is put before the pieces of each.
async fn give_output(process: Arc<dyn NodeProcess>, separate: Option<Option<(String, String)>>, outputs: mpsc::Sender<Output>) {
    let mut over = false;
    loop {
        let next = if over {
            match within(LAST_OUTPUT, process.read()).await {
                Some(next) => next,
                None => break,
            }
        } else {
            tokio::select! {
                biased;
                next = process.read() => next,
                _ = process.ended() => {
                    over = true;
                    continue;
                }
            }
        };
        let Some((from, bytes)) = next else { break };
        let (kind, prefix) = match (&separate, from) {
            (Some(Some((_, prefix))), NodeOutput::Error) => (PayloadKind::StandardError, prefix.as_str()),
            (Some(Some((prefix, _))), NodeOutput::Standard) => (PayloadKind::Output, prefix.as_str()),
            _ => (PayloadKind::Output, ""),
        };
        for piece in bytes.chunks(PIECE - prefix.len().min(PIECE / 2)) {
            let piece = if prefix.is_empty() { bytes.slice_ref(piece) } else { Bytes::from([prefix.as_bytes(), piece].concat()) };
            if outputs.send(Output::Data(kind, piece)).await.is_err() {
                return;
            }
        }
    }
    let end = process.ended().await;
    if let Some(Some(_)) = separate {
        let code = match end {
            WorkerEnd::Exited(code) => code,
            // As Go tells it of a program that a signal has ended.
            WorkerEnd::Killed(_) | WorkerEnd::OutOfMemory => -1,
        };
        let _ = outputs.send(Output::Data(PayloadKind::ExitCode, Bytes::from(format!("EXIT_CODE: {code}")))).await;
    }
    let _ = outputs.send(Output::Ended(Ending::default())).await;
}
