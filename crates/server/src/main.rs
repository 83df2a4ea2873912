//! The binary `cloudlet`: read the configuration, build the cloud, listen.

mod asl;
mod check;
mod cloud;
mod configuration;
mod explain;
mod health;
mod lambda_run;
mod log;
mod mail;
mod oidc_keys;
mod runbook;
mod snapshot;
mod tls;
mod workers;

use cloudlet_admin::Admin;
use cloudlet_engine::within;
use cloudlet_gateway::{Access, Limits, Listener, Parts, serve};
use cloudlet_store::Journal;
use configuration::{AgentOrder, Configuration, Order};
use std::{process::ExitCode, sync::Arc, time::Duration};
use tls::{Acceptors, Authority};
use tokio::sync::watch;

/// How long a server that stops waits for the lines of functions that have answered.
const LINES: Duration = Duration::from_secs(1);

// After a burst it gives memory back as its threads go on, not at once. That it does so at once is an option of its C library, which only the
// environment sets without `unsafe`: see `MIMALLOC_PURGE_DELAY` in the README.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // A worker's first process is this binary too: it must not have begun anything else.
    if std::env::args_os().nth(1).is_some_and(|first| first == cloudlet_worker::ARGUMENT) {
        return cloudlet_worker::run_init();
    }
    match configuration::read() {
        Ok(Order::Serve(configuration)) => run(*configuration),
        Ok(Order::CheckHealth(address)) => health::check(address),
        Ok(Order::Explain(address, request)) => explain::explain(address, &request),
        Ok(Order::Show(address, path)) => explain::show(address, &path),
        Ok(Order::Reach(address, path)) => explain::reach(address, &path),
        Ok(Order::Snapshot(address, verb)) => snapshot::run(address, verb),
        Ok(Order::SmtpPassword(region, secret)) => mail::print_password(&region, secret),
        Ok(Order::Asl(configuration, verb)) => asl::run(&configuration, &verb),
        Ok(Order::Ssm(configuration, verb)) => runbook::run(*configuration, &verb),
        Ok(Order::Lambda(configuration, verb)) => lambda_run::run(*configuration, &verb),
        Ok(Order::Agent(order)) => run_agent(*order),
        Ok(Order::Check(configuration)) => check::check(&configuration),
        Err(refusal) => refusal.tell(),
    }
}

fn run(configuration: Configuration) -> ExitCode {
    log::begin(&configuration.log, configuration.log_format);
    raise_open_files();
    until_its_end(serve_until_stopped(configuration))
}

fn run_agent(order: AgentOrder) -> ExitCode {
    log::begin(&order.log, order.log_format);
    until_its_end(async { cloudlet_agent::run(order.options, stop_signal()?).await })
}

fn until_its_end(work: impl Future<Output = Result<(), String>>) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let outcome = match runtime {
        Ok(runtime) => runtime.block_on(work),
        Err(error) => Err(format!("the async runtime cannot start: {error}")),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            tracing::error!("{why}");
            ExitCode::FAILURE
        }
    }
}

/// Each connection is an open file, and shells allow 1,024 where the machine allows many more.
fn raise_open_files() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // Where that is not allowed, the server has as many as it was given.
    let _ = setrlimit(Resource::Nofile, limit);
}

/// Builds the cloud and serves until it is told to stop.
async fn serve_until_stopped(configuration: Configuration) -> Result<(), String> {
    let host = configuration.addresses.first().map_or(std::net::Ipv4Addr::LOCALHOST.into(), std::net::SocketAddr::ip);
    let (mail_listeners, mail_ports) = mail::bind(&configuration.mail_ports, host).await?;
    let configuration = Arc::new(configuration);
    let (made, certificate) = watch::channel(None);
    let acceptors = if configuration.tls { Some(acceptors(&configuration, &made)?) } else { None };
    let has_certificate = configuration.tls || !mail_listeners.is_empty();
    let machine = workers::machine(&configuration);
    let (cloud::Assembled { cloud, dns, unfinished }, folder) = cloud::build(&configuration, machine.clone())?;
    if let Some(file) = &configuration.load {
        snapshot::load_file(&cloud, file).await.map_err(|error| format!("--load {}: {error}", file.display()))?;
    }
    let admin = Admin {
        cloud: cloud.clone(),
        version: env!("CARGO_PKG_VERSION"),
        certificate: has_certificate.then_some(certificate),
        region: configuration.region.clone(),
        dns,
        mail_listeners: mail_ports,
        workers: machine.clone(),
    };
    let gateway = Parts {
        cloud: cloud.clone(),
        admin: cloudlet_admin::router(admin),
        limits: Limits {
            body: configuration.max_body,
            body_memory: configuration.body_memory,
            shutdown_time: configuration.shutdown_time,
            ..Limits::default()
        },
        names: configuration.names.clone(),
        access: Access { own_names: configuration.own_names.clone(), names: configuration.names.clone(), origins: configuration.origins.clone() },
        region: configuration.region.clone(),
    };
    // Before it says that it listens: a client that reads that may stop it at once.
    let stop = stop_signal()?;
    let mut listeners = Vec::new();
    for address in &configuration.addresses {
        let listener = Listener::bind(*address, acceptors.as_ref().map(|acceptors| acceptors.http.clone()))
            .await
            .map_err(|error| format!("cannot listen on {address}: {error}"))?;
        let bound = listener.address().map_err(|error| format!("cannot listen on {address}: {error}"))?;
        cloud.runtime.set_address(format!("http://localhost:{}", bound.port()));
        let scheme = if configuration.tls { "http and https" } else { "http" };
        tracing::info!(target: "cloudlet", "Cloudlet {} listens on {bound} ({scheme})", env!("CARGO_PKG_VERSION"));
        listeners.push(listener);
    }
    if cloud.mode() != cloudlet_cloud::Mode::Enforce {
        tracing::warn!(target: "cloudlet", mode = ?cloud.mode(), "authorization is not enforced");
    }
    if !mail_listeners.is_empty() {
        let (cloud, configuration) = (cloud.clone(), configuration.clone());
        // Mail is encrypted whether or not HTTP is. The first key of a process takes longer than all else at the start.
        tokio::task::spawn_blocking(move || match acceptors.map_or_else(|| self::acceptors(&configuration, &made), Ok) {
            Ok(acceptors) => {
                let mail = cloudlet_smtp::Mail::new(cloud, acceptors.mail, configuration.region.clone());
                tokio::spawn(cloudlet_smtp::serve(mail, mail_listeners));
            }
            Err(why) => tracing::error!(target: "cloudlet", "mail is not served: {why}"),
        });
    }
    tokio::spawn(cloud.run_scheduler());
    tokio::spawn(async move { machine.probe().await });
    let journal = folder.as_ref().map_or_else(Journal::off, |folder| folder.journal().clone());
    let outcome = tokio::select! {
        () = async {
            serve(gateway, listeners, stop).await;
            within(LINES, unfinished.over()).await;
        } => Ok(()),
        why = journal.failed() => Err(format!("the data folder can no longer be written: {why}. What was acknowledged is there; the server stops")),
    };
    // What is written by now is made durable here.
    tokio::task::block_in_place(|| drop(folder));
    if outcome.is_ok() {
        tracing::info!(target: "cloudlet", "stopped");
    }
    outcome
}

/// What takes connections over TLS; the CA's certificate is told to whoever waits for it.
fn acceptors(configuration: &Configuration, made: &watch::Sender<Option<Arc<str>>>) -> Result<Acceptors, String> {
    let authority = Authority::of(configuration)?;
    made.send_replace(Some(authority.certificate.as_str().into()));
    authority.acceptors()
}

/// Ctrl-C, or SIGTERM from docker and init systems. Both are caught from this call on, not only once the future is awaited.
fn stop_signal() -> Result<impl Future<Output = ()>, String> {
    use tokio::signal::unix::{SignalKind, signal};
    let listen = |kind| signal(kind).map_err(|error| format!("signals cannot be caught: {error}"));
    let (mut interrupt, mut terminate) = (listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}
