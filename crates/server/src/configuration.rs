//! The settings: command line, environment, file, and one precedence. A value that is not understood refuses to start.

mod addresses;
mod localstack;
mod mail;
mod refusal;
mod settings;
mod verbs;

pub use mail::{MailPorts, Ports};
pub use refusal::Refusal;
pub use settings::LogFormat;
pub use verbs::{AslVerb, LambdaVerb, MachineType, SnapshotVerb, SsmVerb};

use addresses::{addresses, interpreters, is_host, is_origin};
use clap::{CommandFactory, Parser};
use cloudlet_aws::{Account, Region};
use cloudlet_cloud::Mode;
use cloudlet_mailbox::MailboxLimits;
use cloudlet_sns::CertificateHost;
use cloudlet_store::DataFolderOptions;
use mail::{mailbox, ses_quota};
use settings::{Auth, Encryption, LambdaUrlPermissions, S3NewBuckets, S3SseC, SesAutoVerify, SesSandbox, Settings, SnsCertificateHost, SqsUrls};
use std::{ffi::OsString, net::SocketAddr, path::PathBuf, time::Duration};
use verbs::{AgentVerb, ExportVerb, Verb};

/// What the server was started to do.
pub enum Order {
    Serve(Box<Configuration>),
    CheckHealth(SocketAddr),
    /// Of a server at an address, a request.
    Explain(SocketAddr, String),
    /// Of a server at an address, what is under a path.
    Show(SocketAddr, String),
    Reach(SocketAddr, String),
    Snapshot(SocketAddr, SnapshotVerb),
    Check(Box<Configuration>),
    /// Of a region; the secret may be in the environment.
    SmtpPassword(String, Option<String>),
    Asl(Box<Configuration>, AslVerb),
    Ssm(Box<Configuration>, SsmVerb),
    Lambda(Box<Configuration>, LambdaVerb),
    Agent(Box<AgentOrder>),
}

/// What `cloudlet agent` is started with.
pub struct AgentOrder {
    pub options: cloudlet_agent::Options,
    pub log: String,
    pub log_format: LogFormat,
}

/// All settings, settled.
pub struct Configuration {
    pub addresses: Vec<SocketAddr>,
    pub data_dir: Option<PathBuf>,
    pub data_options: DataFolderOptions,
    pub load: Option<PathBuf>,
    pub oidc_keys: Option<PathBuf>,
    pub partners: Option<PathBuf>,
    pub mode: Mode,
    pub log: String,
    pub log_format: LogFormat,
    pub account: Account,
    pub region: Region,
    pub root_access_key: String,
    pub root_secret_key: String,
    pub tls: bool,
    pub names: Vec<String>,
    /// Those of them that were given with `--name`.
    pub own_names: Vec<String>,
    pub max_body: usize,
    pub body_memory: usize,
    /// Origins of web pages that may call AWS's services.
    pub origins: Vec<String>,
    pub shutdown_time: Duration,
    pub call_log: usize,
    pub sns_certificate_host: CertificateHost,
    pub s3: cloudlet_s3::Options,
    pub seed: Option<u64>,
    pub sqs_urls: cloudlet_sqs::Urls,
    pub ses: cloudlet_ses::Options,
    pub lambda: cloudlet_lambda::Options,
    /// Folders in which interpreters for the code of functions are looked for.
    pub interpreters: Vec<PathBuf>,
    pub states_mocks: Option<PathBuf>,
    /// Whether the server's own machine is a managed node.
    pub ssm_local_node: bool,
    /// Hosts that nodes may connect to.
    pub node_hosts: Vec<String>,
    /// What nodes see in place of this machine's programs.
    pub node_root: Option<String>,
    pub dns_zone: Option<PathBuf>,
    pub mail_ports: MailPorts,
    pub smtp_relay: Option<String>,
    pub mailbox: MailboxLimits,
}

/// The names every client may use without configuration.
const NAMES: [&str; 5] = ["localhost", "localhost.localstack.cloud", "amazonaws.com", "amazonaws.com.cn", "host.docker.internal"];

pub fn read() -> Result<Order, Refusal> {
    order().map_err(|refusal| refusal.with_usage(&mut Settings::command()))
}

fn order() -> Result<Order, Refusal> {
    let environment: Vec<(OsString, OsString)> = std::env::vars_os().collect();
    refuse_unknown(&environment)?;
    let given = Settings::try_parse().map_err(Refusal)?;
    let file = given.config.as_ref().map(read_file).transpose()?.unwrap_or_default();
    let settings = given.or(localstack::read(&environment)?).or(file);
    match &settings.verb {
        Some(Verb::Agent(verb)) => return agent(&settings, verb).map(|options| Order::Agent(Box::new(options))),
        Some(Verb::Explain { request }) => return Ok(Order::Explain(running(&settings)?, request.clone())),
        Some(Verb::SmtpPassword { region }) => {
            let secret = environment.iter().find(|(name, _)| name == "AWS_SECRET_ACCESS_KEY").and_then(|(_, value)| value.to_str());
            let secret = secret.filter(|secret| !secret.is_empty()).map(str::to_owned);
            return Ok(Order::SmtpPassword(region.clone().unwrap_or_else(|| "us-east-1".to_owned()), secret));
        }
        Some(Verb::Reach { from, to, to_port, protocol, whose }) => {
            let port = to_port.map(|port| port.to_string());
            let given = [("from", Some(from.as_str())), ("to", Some(to)), ("port", port.as_deref()), ("protocol", protocol.as_deref())];
            let path = ask("/_cloudlet/ec2/reachable", &[&given[..], &whose.parameters(), &[("format", Some("text"))]].concat())?;
            return Ok(Order::Reach(running(&settings)?, path));
        }
        Some(Verb::Export(ExportVerb::Nftables { interface, whose })) => {
            let path = ask("/_cloudlet/ec2/nftables", &[&[("interface", Some(interface.as_str()))][..], &whose.parameters()].concat())?;
            return Ok(Order::Show(running(&settings)?, path));
        }
        Some(Verb::Asl(verb)) => {
            let verb = verb.clone();
            return settle(settings).map(|configuration| Order::Asl(Box::new(configuration), verb));
        }
        Some(Verb::Ssm(verb)) => {
            let verb = verb.clone();
            return settle(settings).map(|configuration| Order::Ssm(Box::new(configuration), verb));
        }
        Some(Verb::Lambda(verb)) => {
            let verb = verb.clone();
            return settle(settings).map(|configuration| Order::Lambda(Box::new(configuration), verb));
        }
        Some(Verb::Snapshot(verb)) => return Ok(Order::Snapshot(running(&settings)?, verb.clone())),
        Some(Verb::Check) if settings.data_dir.is_none() => return Err(Refusal::says("check: --data-dir names the folder to verify")),
        Some(Verb::Check) => return settle(settings).map(|configuration| Order::Check(Box::new(configuration))),
        None if settings.check_health => return Ok(Order::CheckHealth(running(&settings)?)),
        None => {}
    }
    settle(settings).map(|configuration| Order::Serve(Box::new(configuration)))
}

/// What `cloudlet agent` is told.
fn agent(settings: &Settings, verb: &AgentVerb) -> Result<AgentOrder, Refusal> {
    let activation = match &verb.activation {
        Some(text) => {
            let parts = text.split_once(':').filter(|(id, code)| !id.is_empty() && !code.is_empty());
            Some(
                parts
                    .map(|(id, code)| (id.to_owned(), code.to_owned()))
                    .ok_or_else(|| Refusal::says("--activation is ID:CODE, as CreateActivation gives them"))?,
            )
        }
        None => None,
    };
    let endpoint = match &verb.endpoint {
        Some(url) if url.starts_with("http://") || url.starts_with("https://") => url.clone(),
        Some(url) => return Err(Refusal::says(format_args!("--endpoint {url}: expected http://… or https://…"))),
        None => format!("http://{}", running(settings)?),
    };
    let region = Region::new(verb.region.as_deref().or(settings.region.as_deref()).unwrap_or("us-east-1"));
    let log = settings.log.clone().unwrap_or_else(|| "info".to_owned());
    let log_format = settings.log_format.unwrap_or(LogFormat::Human);
    Ok(AgentOrder { options: cloudlet_agent::Options { endpoint, region, activation, folder: verb.agent_dir.clone() }, log, log_format })
}

fn ask(path: &str, parameters: &[(&str, Option<&str>)]) -> Result<String, Refusal> {
    crate::explain::query(parameters).map(|query| format!("{path}{query}")).map_err(Refusal::says)
}

/// A misspelt CLOUDLET_ variable would silently do nothing: so it is refused.
fn refuse_unknown(environment: &[(OsString, OsString)]) -> Result<(), Refusal> {
    let command = Settings::command();
    let all = std::iter::once(&command).chain(command.get_subcommands()).flat_map(clap::Command::get_arguments);
    let known: Vec<&str> = all.filter_map(|argument| argument.get_env()?.to_str()).collect();
    for (name, _) in environment {
        let Some(name) = name.to_str().filter(|name| name.starts_with("CLOUDLET_")) else { continue };
        if !known.contains(&name) {
            return Err(Refusal::says(format_args!("{name} is no setting of Cloudlet. There are: {}", known.join(", "))));
        }
    }
    Ok(())
}

fn read_file(path: &PathBuf) -> Result<Settings, Refusal> {
    let text = std::fs::read_to_string(path).map_err(|error| Refusal::says(format_args!("cannot read {}: {error}", path.display())))?;
    toml::from_str(&text).map_err(|error| Refusal::says(format_args!("in {}: {error}", path.display())))
}

/// Where a server with these settings listens.
fn running(settings: &Settings) -> Result<SocketAddr, Refusal> {
    let port = settings.port.unwrap_or(4566);
    let listens = addresses(settings.host.as_deref().unwrap_or("127.0.0.1"), port)?.first().map(SocketAddr::ip);
    Ok(match listens {
        Some(ip) if !ip.is_unspecified() => SocketAddr::new(ip, port),
        _ => SocketAddr::from(([127, 0, 0, 1], port)),
    })
}

/// The settings of a server that is given none.
#[cfg(test)]
pub fn defaults() -> Configuration {
    settle(Settings::default()).ok().unwrap()
}

fn settle(settings: Settings) -> Result<Configuration, Refusal> {
    let host = settings.host.unwrap_or_else(|| "127.0.0.1".to_owned());
    let port = settings.port.unwrap_or(4566);
    let account = settings.account.as_deref().unwrap_or("000000000000");
    let root_access_key = settings.root_access_key.unwrap_or_else(|| "test".to_owned());
    if root_access_key.is_empty() || root_access_key.contains(['/', ',', ' ', '=']) {
        return Err(Refusal::says("--root-access-key cannot be empty or hold '/', ',', '=' or a blank: signatures could not name it"));
    }
    let region = settings.region.unwrap_or_else(|| "us-east-1".to_owned());
    if region.is_empty() || !region.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-') {
        return Err(Refusal::says(format_args!("'{region}' is no region: say, for example, eu-central-1")));
    }
    // An environment that names none says so with an empty variable.
    let further: Vec<String> = settings.names.into_iter().filter(|name| !name.is_empty()).collect();
    if let Some(name) = further.iter().find(|name| !is_host(name)) {
        return Err(Refusal::says(format_args!("--name: '{name}' is no host name")));
    }
    let own_names: Vec<String> = further.into_iter().map(|name| name.to_ascii_lowercase()).collect();
    let names = NAMES.iter().map(|name| (*name).to_owned()).chain(own_names.iter().cloned());
    let log = settings.log.unwrap_or_else(|| "info".to_owned());
    if let Err(error) = crate::log::filter(&log) {
        return Err(Refusal::says(format_args!("--log {log}: {error}")));
    }
    let root_secret_key = settings.root_secret_key.unwrap_or_else(|| "test".to_owned());
    if root_secret_key.is_empty() {
        return Err(Refusal::says("--root-secret-key cannot be empty"));
    }
    let max_body = settings.max_body.unwrap_or(64);
    if max_body == 0 {
        return Err(Refusal::says("--max-body 0: no request could have a body; it is the largest in MiB"));
    }
    // Three quarters of the memory are for long bodies.
    let body_memory = settings.body_memory.unwrap_or(256.max(max_body.saturating_mul(2)));
    if body_memory / 4 * 3 < max_body {
        return Err(Refusal::says(format_args!(
            "--body-memory {body_memory}: a body of --max-body {max_body} MiB must fit into three quarters of it"
        )));
    }
    let origins: Vec<String> = settings.allow_origin.iter().map(|origin| origin.trim().to_owned()).filter(|origin| !origin.is_empty()).collect();
    if let Some(origin) = origins.iter().find(|origin| !is_origin(origin)) {
        return Err(Refusal::says(format_args!(
            "--allow-origin: '{origin}' is no origin: it looks like https://app.example.com or http://host:3000"
        )));
    }
    if let Some(folder) = settings.oidc_keys.as_ref().filter(|folder| !folder.is_dir()) {
        return Err(Refusal::says(format_args!("--oidc-keys {}: there is no such folder", folder.display())));
    }
    if let Some(root) = settings.node_root.as_ref().filter(|root| !cloudlet_worker::is_root(root)) {
        return Err(Refusal::says(format_args!("--node-root {root}: there is no such folder, and no OCI layout")));
    }
    let (daily, rate) = ses_quota(settings.ses_quota.as_deref())?;
    Ok(Configuration {
        addresses: addresses(&host, port)?,
        data_options: DataFolderOptions {
            encryption: match settings.encryption {
                None | Some(Encryption::On) => cloudlet_store::Encryption::On,
                Some(Encryption::Off) => cloudlet_store::Encryption::Off,
            },
            key_file: settings.key_file,
        },
        data_dir: settings.data_dir,
        load: settings.load,
        oidc_keys: settings.oidc_keys,
        partners: settings.partners,
        states_mocks: settings.states_mocks,
        node_hosts: settings.node_hosts,
        node_root: settings.node_root,
        ssm_local_node: settings.ssm_local_node.unwrap_or(false),
        mode: match settings.auth.unwrap_or(Auth::Enforce) {
            Auth::Enforce => Mode::Enforce,
            Auth::Soft => Mode::Soft,
            Auth::Off => Mode::Off,
        },
        log,
        log_format: settings.log_format.unwrap_or(LogFormat::Human),
        account: account.parse().map_err(|error: String| Refusal::says(format_args!("--account: {error}")))?,
        region: Region::new(region),
        root_access_key,
        root_secret_key,
        tls: settings.tls.unwrap_or(false),
        names: names.collect(),
        own_names,
        max_body: usize::try_from(max_body).unwrap_or(64).saturating_mul(1 << 20),
        body_memory: usize::try_from(body_memory).unwrap_or(256).saturating_mul(1 << 20),
        origins,
        shutdown_time: Duration::from_secs(u64::from(settings.shutdown_time.unwrap_or(10))),
        call_log: usize::try_from(settings.call_log.unwrap_or(1_000)).unwrap_or(1_000),
        sns_certificate_host: match settings.sns_certificate_host {
            None | Some(SnsCertificateHost::Own) => CertificateHost::Own,
            Some(SnsCertificateHost::Aws) => CertificateHost::Aws,
        },
        s3: cloudlet_s3::Options {
            log_delivery_seconds: settings.s3_log_delivery.unwrap_or(5).into(),
            new_buckets: match settings.s3_new_buckets {
                None | Some(S3NewBuckets::Closed) => cloudlet_s3::NewBuckets::Closed,
                Some(S3NewBuckets::Open) => cloudlet_s3::NewBuckets::Open,
            },
            sse_c_of_new_buckets: match settings.s3_sse_c {
                None | Some(S3SseC::Blocked) => cloudlet_s3::SseC::Blocked,
                Some(S3SseC::Allowed) => cloudlet_s3::SseC::Unset,
            },
        },
        seed: settings.seed,
        dns_zone: settings.dns_zone,
        smtp_relay: settings.smtp_relay,
        mailbox: mailbox(settings.mailbox.as_deref())?,
        mail_ports: MailPorts {
            smtp: Ports::read("--smtp-ports", settings.smtp_ports.as_deref(), 2587)?,
            smtps: Ports::read("--smtps-ports", settings.smtps_ports.as_deref(), 2465)?,
            mx: Ports::read("--mx-ports", settings.mx_ports.as_deref(), 2525)?,
        },
        lambda: cloudlet_lambda::Options {
            url_permissions: match settings.lambda_url_permissions {
                None | Some(LambdaUrlPermissions::Both) => cloudlet_lambda::UrlPermissions::Both,
                Some(LambdaUrlPermissions::One) => cloudlet_lambda::UrlPermissions::One,
            },
            hot_reload: settings.lambda_hot_reload,
            images: settings.lambda_images.iter().map(|image| lambda_image(image)).collect::<Result<_, Refusal>>()?,
        },
        interpreters: interpreters(std::env::var_os("PATH"), std::env::var_os("HOME")),
        ses: cloudlet_ses::Options {
            sandbox: match settings.ses_sandbox {
                None | Some(SesSandbox::On) => cloudlet_ses::Sandbox::On,
                Some(SesSandbox::Off) => cloudlet_ses::Sandbox::Off,
            },
            auto_verify: match settings.ses_auto_verify {
                None | Some(SesAutoVerify::Off) => cloudlet_ses::AutoVerify::Off,
                Some(SesAutoVerify::Domains) => cloudlet_ses::AutoVerify::Domains,
                Some(SesAutoVerify::All) => cloudlet_ses::AutoVerify::All,
            },
            review_seconds: settings.ses_review.map_or(cloudlet_ses::Options::default().review_seconds, i64::from),
            daily,
            rate,
        },
        sqs_urls: match settings.sqs_urls {
            None | Some(SqsUrls::Endpoint) => cloudlet_sqs::Urls::Endpoint,
            Some(SqsUrls::Standard) => cloudlet_sqs::Urls::Standard,
            Some(SqsUrls::Domain) => cloudlet_sqs::Urls::Domain,
            Some(SqsUrls::Path) => cloudlet_sqs::Urls::Path,
        },
    })
}

/// An image of functions, and the endpoint that runs it.
fn lambda_image(text: &str) -> Result<(String, String), Refusal> {
    let parts = text.split_once('=').filter(|(image, url)| !image.is_empty() && url.starts_with("http"));
    let (image, url) = parts.ok_or_else(|| Refusal::says(format_args!("--lambda-image {text}: expected IMAGE=http://…")))?;
    Ok((image.to_owned(), url.trim_end_matches('/').to_owned()))
}

#[cfg(test)]
mod tests;
