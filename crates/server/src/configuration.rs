//! The settings: command line, environment, file, and one precedence. A value that is not understood refuses to start.

use clap::{CommandFactory, Parser, Subcommand, ValueEnum, error::ErrorKind};
use cloudlet_aws::{Account, Region};
use cloudlet_cloud::Mode;
use cloudlet_mailbox::MailboxLimits;
use cloudlet_sns::CertificateHost;
use cloudlet_store::DataFolderOptions;
use serde::Deserialize;
use std::{
    ffi::OsString,
    net::{IpAddr, SocketAddr, ToSocketAddrs},
    path::PathBuf,
    process::ExitCode,
    time::Duration,
};

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Auth {
    /// Every signature is verified and every call is decided
    Enforce,
    /// Everything is decided and reported, and nothing is refused
    Soft,
    /// Any key is taken and no permission is needed
    Off,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    Human,
    Json,
}

/// What the URLs of queues look like.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum SqsUrls {
    /// Begin with the address the client used
    Endpoint,
    /// http://sqs.<region>.localhost.localstack.cloud:4566/<account>/<name>
    Standard,
    /// http://<region>.queue.localhost.localstack.cloud:4566/<account>/<name>
    Domain,
    /// http://localhost:4566/queue/<region>/<account>/<name>
    Path,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum SesSandbox {
    On,
    Off,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum SesAutoVerify {
    Off,
    Domains,
    All,
}

/// Who may use new buckets.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum S3NewBuckets {
    /// As AWS since April 2023: public access is blocked, and ACLs are disabled
    Closed,
    /// As AWS before
    Open,
}

/// Whether new buckets take objects that are encrypted with the client's keys.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum S3SseC {
    /// As AWS since April 2026
    Blocked,
    /// As AWS before
    Allowed,
}

/// The permissions that callers of function URLs need.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum LambdaUrlPermissions {
    /// lambda:InvokeFunctionUrl and lambda:InvokeFunction, as AWS since October 2025
    Both,
    /// lambda:InvokeFunctionUrl alone, as AWS before
    One,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum SnsCertificateHost {
    /// This server
    Own,
    /// sns.<region>.amazonaws.com
    Aws,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Encryption {
    /// With a key that is in a file
    On,
    Off,
}

#[derive(Clone, Debug, Subcommand)]
pub enum SnapshotVerb {
    /// Writes the state of a running server to a file, object bodies included
    Save {
        file: PathBuf,
        /// Address of the server [default: that of --host and --port]
        #[arg(long, value_name = "URL")]
        endpoint: Option<String>,
        /// Only what belongs to this account
        #[arg(long, value_name = "12 DIGITS")]
        account: Option<String>,
    },
    /// Replaces the state of a running server, or that of the snapshot's account
    Load {
        file: PathBuf,
        /// Address of the server [default: that of --host and --port]
        #[arg(long, value_name = "URL")]
        endpoint: Option<String>,
    },
}

/// What a state machine of a definition is to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum MachineType {
    #[default]
    Standard,
    Express,
}

#[derive(Clone, Debug, Subcommand)]
pub enum AslVerb {
    /// Prints what is wrong with a definition, with line and column
    Check {
        file: PathBuf,
        #[arg(long, default_value = "standard")]
        r#type: MachineType,
    },
    /// Runs a definition without a server and prints its history. Waits take no time; Tasks are answered by mocks
    Run {
        file: PathBuf,
        /// Input of the execution
        #[arg(long, value_name = "JSON", default_value = "{}")]
        input: String,
        /// MockConfigFile.json of Step Functions Local
        #[arg(long, value_name = "FILE")]
        mocks: Option<PathBuf>,
        /// Test case of that file: <machine>#<case>, or <case> where one machine has it [default: the only one]
        #[arg(long, value_name = "CASE")]
        case: Option<String>,
        #[arg(long, default_value = "standard")]
        r#type: MachineType,
        /// Print the events as GetExecutionHistory answers them
        #[arg(long)]
        json: bool,
    },
}

#[derive(Clone, Debug, Subcommand)]
pub enum SsmVerb {
    /// Runs an Automation document once, on services of its own that are empty, and prints its steps. Waits take no time
    Run {
        /// Document in JSON or YAML
        file: PathBuf,
        /// Parameters: {"Name": "value", "List": ["a", "b"]}
        #[arg(long, value_name = "JSON", default_value = "{}")]
        parameters: String,
        /// Print the execution as GetAutomationExecution answers it
        #[arg(long)]
        json: bool,
    },
}

#[derive(Clone, Debug, Subcommand)]
pub enum LambdaVerb {
    /// Runs the handler of a folder once and prints what it answers; its lines go to standard error
    Run {
        folder: PathBuf,
        /// File with the event, in JSON; - reads standard input [default: an empty object]
        #[arg(long, value_name = "FILE")]
        event: Option<PathBuf>,
        /// Runtime, as AWS names it [default: by the file of the handler]
        #[arg(long, value_name = "NAME")]
        runtime: Option<String>,
        /// Handler: <file>.<function> [default: by the usual names]
        #[arg(long, value_name = "NAME")]
        handler: Option<String>,
        /// Seconds that it may take
        #[arg(long, value_name = "SECONDS", default_value_t = 900)]
        timeout: i32,
        /// Megabytes that it may use
        #[arg(long, value_name = "MEGABYTES", default_value_t = 1_024)]
        memory: i32,
        /// A variable of its environment, NAME=VALUE; may be repeated
        #[arg(long = "env", value_name = "NAME=VALUE")]
        variables: Vec<String>,
    },
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Runs documents of Systems Manager
    #[command(subcommand)]
    Ssm(SsmVerb),
    /// Runs functions without any setup
    #[command(subcommand)]
    Lambda(LambdaVerb),
    /// Checks and runs definitions of state machines, in the Amazon States Language
    #[command(subcommand)]
    Asl(AslVerb),
    /// Saves and loads the state of a running server
    #[command(subcommand)]
    Snapshot(SnapshotVerb),
    /// Verifies the data folder (--data-dir) of a server that is not running
    Check,
    /// Prints the password for SMTP of an access key, whose secret is read from AWS_SECRET_ACCESS_KEY or else from standard input
    SmtpPassword {
        /// Region in which the password is good [default: us-east-1]
        #[arg(long)]
        region: Option<String>,
    },
    /// Says why a running server (at --host and --port) decided as it did about a request
    Explain {
        /// The request's id: what SDKs show as RequestId
        request: String,
    },
    /// Says whether a packet would pass the network of a running server, and why
    Reach {
        /// eni-…, i-…, an address, internet, or internet:ADDRESS
        from: String,
        to: String,
        /// Of TCP and UDP; for ICMP the type
        #[arg(long = "to-port", value_name = "PORT")]
        to_port: Option<u16>,
        /// tcp, udp, icmp, or a number [default: tcp]
        #[arg(long)]
        protocol: Option<String>,
        #[command(flatten)]
        whose: Whose,
    },
    /// Prints what a running server holds in a form of other tools
    #[command(subcommand)]
    Export(ExportVerb),
}

/// Whose network is meant.
#[derive(Clone, Debug, clap::Args)]
pub struct Whose {
    /// Its account [default: that of the root credentials]
    #[arg(long = "of-account", value_name = "12 DIGITS")]
    of_account: Option<String>,
    /// Its region [default: that of requests that name none]
    #[arg(long = "in-region", value_name = "REGION")]
    in_region: Option<String>,
}

#[derive(Clone, Debug, Subcommand)]
pub enum ExportVerb {
    /// The rules of an interface as an nftables ruleset
    Nftables {
        /// eni-…
        #[arg(long)]
        interface: String,
        #[command(flatten)]
        whose: Whose,
    },
}

/// A local AWS in one binary.
///
/// Point aws-cli, an SDK or Terraform at the address it listens on:
///   AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test aws --endpoint-url http://localhost:4566 s3 mb s3://bucket
///
/// Each setting can be given on the command line, as CLOUDLET_<NAME> in the environment, or as <name> in a TOML file;
/// the first of these that names it counts.
#[derive(Debug, Default, Deserialize, Parser)]
#[command(name = "cloudlet", version, verbatim_doc_comment)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Settings {
    /// Address to listen on [default: 127.0.0.1]
    #[arg(long, env = "CLOUDLET_HOST", value_name = "ADDRESS", global = true)]
    host: Option<String>,
    /// Port to listen on; 0 takes any free one [default: 4566]
    #[arg(long, env = "CLOUDLET_PORT", global = true)]
    port: Option<u16>,
    /// Folder in which everything survives a restart; without it all is in memory
    #[arg(long, env = "CLOUDLET_DATA_DIR", value_name = "FOLDER", global = true)]
    data_dir: Option<PathBuf>,
    /// Whether rows and bodies in the data folder are encrypted [default: on]
    #[arg(long, env = "CLOUDLET_ENCRYPTION", global = true)]
    encryption: Option<Encryption>,
    /// File with the key of the data folder, which is made when the folder is new: 64 hexadecimal digits [default: `key` in the folder]
    #[arg(long, env = "CLOUDLET_KEY_FILE", value_name = "FILE", global = true)]
    key_file: Option<PathBuf>,
    /// Snapshot to load before the first call
    #[arg(long, env = "CLOUDLET_LOAD", value_name = "FILE")]
    load: Option<PathBuf>,
    /// Folder with the keys of OpenID Connect providers, one JWKS each (`accounts.google.com.json`), for AssumeRoleWithWebIdentity
    #[arg(long, env = "CLOUDLET_OIDC_KEYS", value_name = "FOLDER")]
    oidc_keys: Option<PathBuf>,
    /// JSON file of partners whose delegation requests IAM takes: their accounts, policy templates and permissions boundaries
    #[arg(long, env = "CLOUDLET_PARTNERS", value_name = "FILE")]
    partners: Option<PathBuf>,
    /// What becomes of wrong signatures and denied calls [default: enforce]
    #[arg(long, env = "CLOUDLET_AUTH")]
    auth: Option<Auth>,
    /// What to log: error, warn, info, debug, trace, off, or a filter such as info,cloudlet::call=off [default: info]
    #[arg(long, env = "CLOUDLET_LOG", value_name = "FILTER")]
    log: Option<String>,
    /// How the log is written [default: human]
    #[arg(long, env = "CLOUDLET_LOG_FORMAT")]
    log_format: Option<LogFormat>,
    /// Account of the root credentials [default: 000000000000]
    #[arg(long, env = "CLOUDLET_ACCOUNT", value_name = "12 DIGITS")]
    account: Option<String>,
    /// Region of requests that name none [default: us-east-1]
    #[arg(long, env = "CLOUDLET_REGION")]
    region: Option<String>,
    /// Access key id of the account's root [default: test]
    #[arg(long, env = "CLOUDLET_ROOT_ACCESS_KEY", value_name = "ID")]
    root_access_key: Option<String>,
    /// Secret access key of the account's root [default: test]
    #[arg(long, env = "CLOUDLET_ROOT_SECRET_KEY", value_name = "SECRET", hide_env_values = true)]
    root_secret_key: Option<String>,
    /// Answer HTTPS too, on the same port, with a certificate of a generated CA (/_cloudlet/ca.pem) [default: off]
    #[arg(long, env = "CLOUDLET_TLS", num_args = 0..=1, default_missing_value = "true", value_name = "BOOL")]
    tls: Option<bool>,
    /// Further name under which clients reach the server; <bucket>.<name> and <service>.<name> work too
    #[arg(long = "name", env = "CLOUDLET_NAMES", value_name = "HOST NAME", value_delimiter = ',')]
    #[serde(default)]
    names: Vec<String>,
    /// Largest request body that is held in memory, in MiB; object uploads stream and have no such limit [default: 64]
    #[arg(long, env = "CLOUDLET_MAX_BODY", value_name = "MIB")]
    max_body: Option<u32>,
    /// Memory that all request bodies may take together, in MiB; past it requests are throttled [default: 256]
    #[arg(long, env = "CLOUDLET_BODY_MEMORY", value_name = "MIB")]
    body_memory: Option<u32>,
    /// Origin of web pages that may call AWS's services (https://app.example.com), several with commas; `*` allows all. Pages of localhost
    /// and of the server's own names always may
    #[arg(long = "allow-origin", env = "CLOUDLET_ALLOW_ORIGIN", value_name = "ORIGIN", value_delimiter = ',')]
    #[serde(default, rename = "allow-origin")]
    allow_origin: Vec<String>,
    /// Seconds that calls under way may take to end when the server stops [default: 10]
    #[arg(long, env = "CLOUDLET_SHUTDOWN_TIME", value_name = "SECONDS")]
    shutdown_time: Option<u32>,
    /// How many calls the call log remembers [default: 1000]
    #[arg(long, env = "CLOUDLET_CALL_LOG", value_name = "CALLS")]
    call_log: Option<u32>,
    /// Host in the address of the certificate that SNS signs with: this server, or sns.<region>.amazonaws.com, which validators of
    /// the SDKs insist on and which must then be made to lead here [default: own]
    #[arg(long, env = "CLOUDLET_SNS_CERTIFICATE_HOST")]
    sns_certificate_host: Option<SnsCertificateHost>,
    /// Seconds that lines of S3's access logs wait for more before they are delivered [default: 5]
    #[arg(long, env = "CLOUDLET_S3_LOG_DELIVERY", value_name = "SECONDS")]
    s3_log_delivery: Option<u32>,
    /// Make ids, keys and tokens from this number, the same on every run
    #[arg(long, env = "CLOUDLET_SEED", value_name = "NUMBER")]
    seed: Option<u64>,
    /// What the URLs of SQS queues look like [default: endpoint]
    #[arg(long, env = "CLOUDLET_SQS_URLS")]
    sqs_urls: Option<SqsUrls>,
    /// Whether new S3 buckets block public access and have ACLs disabled [default: closed]
    #[arg(long, env = "CLOUDLET_S3_NEW_BUCKETS")]
    s3_new_buckets: Option<S3NewBuckets>,
    /// Whether new S3 buckets take objects that are encrypted with the client's keys (SSE-C) [default: blocked]
    #[arg(long = "s3-sse-c", env = "CLOUDLET_S3_SSE_C")]
    #[serde(rename = "s3-sse-c")]
    s3_sse_c: Option<S3SseC>,
    /// The permissions that callers of function URLs need [default: both]
    #[arg(long, env = "CLOUDLET_LAMBDA_URL_PERMISSIONS")]
    lambda_url_permissions: Option<LambdaUrlPermissions>,
    /// Endpoint that runs a container image of a function, as its Runtime Interface Emulator: `orders=http://orders:8080`, the image's
    /// whole URI or the last part of its repository's name before the `=`; may be repeated [default: http://<repository>:8080]
    #[arg(long = "lambda-image", env = "CLOUDLET_LAMBDA_IMAGE", value_name = "IMAGE=URL", value_delimiter = ',')]
    #[serde(default, rename = "lambda-image")]
    lambda_images: Vec<String>,
    /// Folder below which code of functions may be run where it lies, and is read again when it changes: functions of the bucket
    /// `hot-reload`, whose keys are such folders; may be repeated
    #[arg(long = "lambda-hot-reload", env = "CLOUDLET_LAMBDA_HOT_RELOAD", value_name = "FOLDER", value_delimiter = ',')]
    #[serde(default)]
    lambda_hot_reload: Vec<String>,
    /// Whether accounts of SES begin in the sandbox [default: on]
    #[arg(long, env = "CLOUDLET_SES_SANDBOX")]
    ses_sandbox: Option<SesSandbox>,
    /// Which identities of SES are verified as soon as they are created [default: off]
    #[arg(long, env = "CLOUDLET_SES_AUTO_VERIFY")]
    ses_auto_verify: Option<SesAutoVerify>,
    /// Seconds until SES grants production access that was asked for [default: 86400]
    #[arg(long, env = "CLOUDLET_SES_REVIEW", value_name = "SECONDS")]
    ses_review: Option<u32>,
    /// Mails that are kept, and MB of them: the oldest go first [default: 10000,64]
    #[arg(long, env = "CLOUDLET_MAILBOX", value_name = "MAILS,MB")]
    mailbox: Option<String>,
    /// Recipients of SES in 24 hours and in a second, outside of the sandbox [default: 50000,14]
    #[arg(long, env = "CLOUDLET_SES_QUOTA", value_name = "DAILY,RATE")]
    ses_quota: Option<String>,
    /// Server to which mail is handed on, which else stays in the mailbox: smtp://user:password@host:587?tls=required, smtps://host
    #[arg(long, env = "CLOUDLET_SMTP_RELAY", value_name = "URL", hide_env_values = true)]
    smtp_relay: Option<String>,
    /// Ports on which mail is submitted (SMTP with STARTTLS), several with commas; 0 takes any free one, `off` none [default: 2587]
    #[arg(long, env = "CLOUDLET_SMTP_PORTS", value_name = "PORTS")]
    smtp_ports: Option<String>,
    /// Ports on which mail is submitted over TLS from the first byte [default: 2465]
    #[arg(long, env = "CLOUDLET_SMTPS_PORTS", value_name = "PORTS")]
    smtps_ports: Option<String>,
    /// Ports on which other servers bring mail, for the receipt rules of SES [default: 2525]
    #[arg(long, env = "CLOUDLET_MX_PORTS", value_name = "PORTS")]
    mx_ports: Option<String>,
    /// Zone file whose records SES looks up: those of domains that are verified, sign, send and receive
    #[arg(long, env = "CLOUDLET_DNS_ZONE", value_name = "FILE")]
    dns_zone: Option<PathBuf>,
    /// MockConfigFile.json of Step Functions Local: answers of Tasks, for executions of <machine>#<test case>
    #[arg(long, env = "CLOUDLET_STATES_MOCKS", value_name = "FILE")]
    states_mocks: Option<PathBuf>,
    /// Host that sessions on managed nodes may forward ports to (db, db:5432), several with commas; `*` allows all [default: none]
    #[arg(long = "node-host", env = "CLOUDLET_NODE_HOSTS", value_name = "HOST", value_delimiter = ',')]
    #[serde(default)]
    node_hosts: Vec<String>,
    /// The server's own machine is a managed node of Systems Manager [default: false]
    #[arg(long, env = "CLOUDLET_SSM_LOCAL_NODE", num_args = 0..=1, default_missing_value = "true", value_name = "BOOL")]
    ssm_local_node: Option<bool>,
    /// Settings file (TOML) [default: none]
    #[arg(long, env = "CLOUDLET_CONFIG", value_name = "FILE", global = true)]
    #[serde(skip)]
    config: Option<PathBuf>,
    /// Ask a running server for its health, and exit with 0 if it is well: for container health checks
    #[arg(long)]
    #[serde(skip)]
    check_health: bool,
    #[command(subcommand)]
    #[serde(skip)]
    verb: Option<Verb>,
}

/// What the server was started to do.
pub enum Order {
    Serve(Box<Configuration>),
    CheckHealth(SocketAddr),
    /// Of a server at an address, a request.
    Explain(SocketAddr, String),
    /// Of a server at an address, what is under a path.
    Show(SocketAddr, String),
    Snapshot(SocketAddr, SnapshotVerb),
    Check(Box<Configuration>),
    /// Of a region; the secret may be in the environment.
    SmtpPassword(String, Option<String>),
    Asl(Box<Configuration>, AslVerb),
    Ssm(Box<Configuration>, SsmVerb),
    Lambda(Box<Configuration>, LambdaVerb),
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
    pub dns_zone: Option<PathBuf>,
    pub mail_ports: MailPorts,
    pub smtp_relay: Option<String>,
    pub mailbox: MailboxLimits,
}

/// The ports of mail.
#[derive(Clone, Debug, Default)]
pub struct MailPorts {
    pub smtp: Ports,
    pub smtps: Ports,
    pub mx: Ports,
}

/// Ports that were asked for, or the usual one, without which the server starts all the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ports {
    Asked(Vec<u16>),
    Usual(u16),
}

impl Default for Ports {
    fn default() -> Self {
        Ports::Asked(vec![])
    }
}

/// Two numbers above zero, with a comma.
fn pair(name: &str, text: &str) -> Result<(u64, u64), Refusal> {
    let number = |text: &str| text.trim().parse().ok().filter(|number| *number > 0);
    let read = || {
        let (first, second) = text.split_once(',')?;
        Some((number(first)?, number(second)?))
    };
    read().ok_or_else(|| Refusal::says(format_args!("{name}: '{text}' is not two numbers with a comma, such as 50000,14")))
}

/// `50000,14`: recipients in 24 hours, and in a second.
fn ses_quota(given: Option<&str>) -> Result<(u64, u64), Refusal> {
    let usual = cloudlet_ses::Options::default();
    given.map_or(Ok((usual.daily, usual.rate)), |text| pair("--ses-quota", text))
}

/// `10000,64`: mails, and MB.
fn mailbox(given: Option<&str>) -> Result<MailboxLimits, Refusal> {
    let Some(text) = given else { return Ok(MailboxLimits::default()) };
    let (pieces, megabytes) = pair("--mailbox", text)?;
    let number = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    Ok(MailboxLimits { pieces: number(pieces), bytes: number(megabytes).saturating_mul(1 << 20) })
}

impl Ports {
    fn read(name: &str, given: Option<&str>, usual: u16) -> Result<Ports, Refusal> {
        let Some(given) = given.map(str::trim).filter(|given| !given.is_empty()) else { return Ok(Ports::Usual(usual)) };
        if given == "off" {
            return Ok(Ports::Asked(vec![]));
        }
        let port = |text: &str| text.trim().parse().map_err(|_| Refusal::says(format_args!("{name}: '{text}' is no port, nor is it 'off'")));
        given.split(',').map(port).collect::<Result<_, _>>().map(Ports::Asked)
    }
}

/// Why the server does not start.
pub struct Refusal(clap::Error);

impl Refusal {
    fn says(text: impl std::fmt::Display) -> Refusal {
        Refusal(Settings::command().error(ErrorKind::ValueValidation, text))
    }

    /// Prints the reason (or the help that was asked for).
    pub fn tell(self) -> ExitCode {
        let code = u8::try_from(self.0.exit_code()).unwrap_or(2);
        let _ = self.0.print();
        ExitCode::from(code)
    }
}

/// The names every client may use without configuration.
const NAMES: [&str; 5] = ["localhost", "localhost.localstack.cloud", "amazonaws.com", "amazonaws.com.cn", "host.docker.internal"];

pub fn read() -> Result<Order, Refusal> {
    let environment: Vec<(OsString, OsString)> = std::env::vars_os().collect();
    refuse_unknown(&environment)?;
    let given = Settings::try_parse().map_err(Refusal)?;
    let file = given.config.as_ref().map(read_file).transpose()?.unwrap_or_default();
    let settings = given.or(localstack(&environment)?).or(file);
    match &settings.verb {
        Some(Verb::Explain { request }) => return Ok(Order::Explain(settings.running()?, request.clone())),
        Some(Verb::SmtpPassword { region }) => {
            let secret = environment.iter().find(|(name, _)| name == "AWS_SECRET_ACCESS_KEY").and_then(|(_, value)| value.to_str());
            let secret = secret.filter(|secret| !secret.is_empty()).map(str::to_owned);
            return Ok(Order::SmtpPassword(region.clone().unwrap_or_else(|| "us-east-1".to_owned()), secret));
        }
        Some(Verb::Reach { from, to, to_port, protocol, whose }) => {
            let port = to_port.map(|port| port.to_string());
            let given = [("from", Some(from.as_str())), ("to", Some(to)), ("port", port.as_deref()), ("protocol", protocol.as_deref())];
            let path = ask("/_cloudlet/ec2/reachable", &[&given[..], &whose.parameters(), &[("format", Some("text"))]].concat())?;
            return Ok(Order::Show(settings.running()?, path));
        }
        Some(Verb::Export(ExportVerb::Nftables { interface, whose })) => {
            let path = ask("/_cloudlet/ec2/nftables", &[&[("interface", Some(interface.as_str()))][..], &whose.parameters()].concat())?;
            return Ok(Order::Show(settings.running()?, path));
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
        Some(Verb::Snapshot(verb)) => return Ok(Order::Snapshot(settings.running()?, verb.clone())),
        Some(Verb::Check) if settings.data_dir.is_none() => return Err(Refusal::says("check: --data-dir names the folder to verify")),
        Some(Verb::Check) => return settle(settings).map(|configuration| Order::Check(Box::new(configuration))),
        None if settings.check_health => return Ok(Order::CheckHealth(settings.running()?)),
        None => {}
    }
    settle(settings).map(|configuration| Order::Serve(Box::new(configuration)))
}

impl Whose {
    fn parameters(&self) -> [(&'static str, Option<&str>); 2] {
        [("account", self.of_account.as_deref()), ("region", self.in_region.as_deref())]
    }
}

fn ask(path: &str, parameters: &[(&str, Option<&str>)]) -> Result<String, Refusal> {
    crate::explain::query(parameters).map(|query| format!("{path}{query}")).map_err(Refusal::says)
}

/// A misspelt CLOUDLET_ variable would silently do nothing: so it is refused.
fn refuse_unknown(environment: &[(OsString, OsString)]) -> Result<(), Refusal> {
    let command = Settings::command();
    let known: Vec<&str> = command.get_arguments().filter_map(|argument| argument.get_env()?.to_str()).collect();
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

/// LocalStack's names for settings that Cloudlet has too: a drop-in in existing compose files.
/// <https://docs.localstack.cloud/references/configuration/>
fn localstack(environment: &[(OsString, OsString)]) -> Result<Settings, Refusal> {
    let get =
        |wanted: &str| environment.iter().find(|(name, _)| name == wanted).and_then(|(_, value)| value.to_str()).filter(|value| !value.is_empty());
    let yes = |name: &str| match get(name).map(str::to_ascii_lowercase).as_deref() {
        None => Ok(None),
        Some("1" | "true") => Ok(Some(true)),
        Some("0" | "false") => Ok(Some(false)),
        Some(other) => Err(Refusal::says(format_args!("{name}={other} is neither 1 nor 0"))),
    };
    let mut settings = Settings::default();
    if let Some(listen) = get("GATEWAY_LISTEN") {
        let first = listen.split(',').next().unwrap_or(listen);
        match first.rsplit_once(':') {
            Some((host, port)) => {
                settings.host = Some(host.to_owned()).filter(|host| !host.is_empty());
                settings.port = Some(port.parse().map_err(|_| Refusal::says(format_args!("GATEWAY_LISTEN={listen}: {port} is no port")))?);
            }
            None => settings.host = Some(first.to_owned()),
        }
    }
    if let Some(name) = get("LOCALSTACK_HOST") {
        settings.names.push(name.split(':').next().unwrap_or(name).to_owned());
    }
    // An allowed origin may send any header: EXTRA_CORS_ALLOWED_HEADERS has nothing to add.
    if let Some(origins) = get("EXTRA_CORS_ALLOWED_ORIGINS") {
        settings.allow_origin = origins.split(',').map(|origin| origin.trim().trim_end_matches('/').to_owned()).collect();
    }
    // LocalStack's volume is where its state is.
    if yes("PERSISTENCE")? == Some(true) {
        settings.data_dir = Some(PathBuf::from("/var/lib/localstack/cloudlet"));
    }
    settings.region = get("DEFAULT_REGION").map(str::to_owned);
    if yes("DEBUG")? == Some(true) {
        settings.log = Some("debug".to_owned());
    }
    settings.log = match get("LS_LOG") {
        None => settings.log,
        Some("trace" | "trace-internal") => Some("trace".to_owned()),
        Some("warning") => Some("warn".to_owned()),
        Some(level) => Some(level.to_owned()),
    };
    settings.auth = match (yes("ENFORCE_IAM")?, yes("IAM_SOFT_MODE")?) {
        (_, Some(true)) => Some(Auth::Soft),
        (Some(true), _) => Some(Auth::Enforce),
        (Some(false), _) => Some(Auth::Off),
        (None, _) => None,
    };
    settings.states_mocks = get("SFN_MOCK_CONFIG").map(PathBuf::from);
    settings.sqs_urls = match get("SQS_ENDPOINT_STRATEGY") {
        None => None,
        Some("standard") => Some(SqsUrls::Standard),
        Some("domain") => Some(SqsUrls::Domain),
        Some("path") => Some(SqsUrls::Path),
        Some("dynamic" | "off") => Some(SqsUrls::Endpoint),
        Some(other) => return Err(Refusal::says(format_args!("SQS_ENDPOINT_STRATEGY={other} is none of standard, domain, path, dynamic, off"))),
    };
    Ok(settings)
}

impl Settings {
    /// Where a server with these settings listens.
    fn running(&self) -> Result<SocketAddr, Refusal> {
        let port = self.port.unwrap_or(4566);
        let listens = addresses(self.host.as_deref().unwrap_or("127.0.0.1"), port)?.first().map(SocketAddr::ip);
        Ok(match listens {
            Some(ip) if !ip.is_unspecified() => SocketAddr::new(ip, port),
            _ => SocketAddr::from(([127, 0, 0, 1], port)),
        })
    }

    /// What is not given here is taken from there.
    fn or(self, other: Settings) -> Settings {
        Settings {
            host: self.host.or(other.host),
            port: self.port.or(other.port),
            data_dir: self.data_dir.or(other.data_dir),
            encryption: self.encryption.or(other.encryption),
            key_file: self.key_file.or(other.key_file),
            load: self.load.or(other.load),
            oidc_keys: self.oidc_keys.or(other.oidc_keys),
            partners: self.partners.or(other.partners),
            auth: self.auth.or(other.auth),
            log: self.log.or(other.log),
            log_format: self.log_format.or(other.log_format),
            account: self.account.or(other.account),
            region: self.region.or(other.region),
            root_access_key: self.root_access_key.or(other.root_access_key),
            root_secret_key: self.root_secret_key.or(other.root_secret_key),
            tls: self.tls.or(other.tls),
            names: if self.names.is_empty() { other.names } else { self.names },
            max_body: self.max_body.or(other.max_body),
            body_memory: self.body_memory.or(other.body_memory),
            allow_origin: if self.allow_origin.is_empty() { other.allow_origin } else { self.allow_origin },
            shutdown_time: self.shutdown_time.or(other.shutdown_time),
            call_log: self.call_log.or(other.call_log),
            sns_certificate_host: self.sns_certificate_host.or(other.sns_certificate_host),
            s3_log_delivery: self.s3_log_delivery.or(other.s3_log_delivery),
            seed: self.seed.or(other.seed),
            sqs_urls: self.sqs_urls.or(other.sqs_urls),
            s3_new_buckets: self.s3_new_buckets.or(other.s3_new_buckets),
            s3_sse_c: self.s3_sse_c.or(other.s3_sse_c),
            lambda_url_permissions: self.lambda_url_permissions.or(other.lambda_url_permissions),
            lambda_images: if self.lambda_images.is_empty() { other.lambda_images } else { self.lambda_images },
            lambda_hot_reload: if self.lambda_hot_reload.is_empty() { other.lambda_hot_reload } else { self.lambda_hot_reload },
            ses_sandbox: self.ses_sandbox.or(other.ses_sandbox),
            ses_auto_verify: self.ses_auto_verify.or(other.ses_auto_verify),
            ses_review: self.ses_review.or(other.ses_review),
            mailbox: self.mailbox.or(other.mailbox),
            ses_quota: self.ses_quota.or(other.ses_quota),
            smtp_relay: self.smtp_relay.or(other.smtp_relay),
            smtp_ports: self.smtp_ports.or(other.smtp_ports),
            smtps_ports: self.smtps_ports.or(other.smtps_ports),
            mx_ports: self.mx_ports.or(other.mx_ports),
            dns_zone: self.dns_zone.or(other.dns_zone),
            states_mocks: self.states_mocks.or(other.states_mocks),
            node_hosts: if self.node_hosts.is_empty() { other.node_hosts } else { self.node_hosts },
            ssm_local_node: self.ssm_local_node.or(other.ssm_local_node),
            config: self.config.or(other.config),
            check_health: self.check_health || other.check_health,
            verb: self.verb.or(other.verb),
        }
    }
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

/// The search path, and where version managers put interpreters: theirs on the search path are scripts.
fn interpreters(path: Option<OsString>, home: Option<OsString>) -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = path.map(|path| std::env::split_paths(&path).collect()).unwrap_or_default();
    folders.extend(["/usr/local/bin", "/usr/bin"].map(PathBuf::from));
    let home = home.map(PathBuf::from).unwrap_or_default();
    for kept in [
        ".pyenv/versions",
        ".nvm/versions/node",
        ".asdf/installs/python",
        ".asdf/installs/nodejs",
        ".local/share/mise/installs/python",
        ".local/share/mise/installs/node",
        ".local/share/uv/python",
    ] {
        let versions = std::fs::read_dir(home.join(kept)).into_iter().flatten().flatten();
        folders.extend(versions.map(|version| version.path().join("bin")));
    }
    folders
}

/// An origin as browsers send it: a scheme, a host and perhaps a port.
fn is_origin(origin: &str) -> bool {
    let host = origin.split_once("://").filter(|(scheme, _)| !scheme.is_empty()).map(|(_, host)| host);
    matches!(origin, "*" | "null") || host.is_some_and(|host| !host.is_empty() && !host.contains(['/', '?', '#', ' ', '@']))
}

/// A name as it stands in a Host header, without a port.
fn is_host(name: &str) -> bool {
    let is_label = |label: &str| !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    name.split('.').all(is_label)
}

/// `localhost` means both loopback addresses; an address means itself.
fn addresses(host: &str, port: u16) -> Result<Vec<SocketAddr>, Refusal> {
    if let Ok(ip) = host.trim_matches(['[', ']']).parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(ip, port)]);
    }
    let found = (host, port).to_socket_addrs().map_err(|error| Refusal::says(format_args!("--host {host}: {error}")))?;
    let mut found: Vec<SocketAddr> = found.collect();
    found.sort();
    found.dedup();
    if port == 0 {
        // Each address would get a port of its own.
        found.truncate(1);
    }
    Ok(found)
}

#[cfg(test)]
mod tests;
