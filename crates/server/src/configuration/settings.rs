//! What can be given on the command line, in the environment and in the file.

use super::verbs::Verb;
use clap::{Parser, ValueEnum};
use serde::Deserialize;
use std::path::PathBuf;

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
pub struct Settings {
    /// Address to listen on [default: 127.0.0.1]
    #[arg(long, env = "CLOUDLET_HOST", value_name = "ADDRESS", global = true)]
    pub host: Option<String>,
    /// Port to listen on; 0 takes any free one [default: 4566]
    #[arg(long, env = "CLOUDLET_PORT", global = true)]
    pub port: Option<u16>,
    /// Folder in which everything survives a restart; without it all is in memory
    #[arg(long, env = "CLOUDLET_DATA_DIR", value_name = "FOLDER", global = true)]
    pub data_dir: Option<PathBuf>,
    /// Whether rows and bodies in the data folder are encrypted [default: on]
    #[arg(long, env = "CLOUDLET_ENCRYPTION", global = true)]
    pub encryption: Option<Encryption>,
    /// File with the key of the data folder, which is made when the folder is new: 64 hexadecimal digits [default: `key` in the folder]
    #[arg(long, env = "CLOUDLET_KEY_FILE", value_name = "FILE", global = true)]
    pub key_file: Option<PathBuf>,
    /// Snapshot to load before the first call
    #[arg(long, env = "CLOUDLET_LOAD", value_name = "FILE")]
    pub load: Option<PathBuf>,
    /// Folder with the keys of OpenID Connect providers, one JWKS each (`accounts.google.com.json`), for AssumeRoleWithWebIdentity
    #[arg(long, env = "CLOUDLET_OIDC_KEYS", value_name = "FOLDER")]
    pub oidc_keys: Option<PathBuf>,
    /// JSON file of partners whose delegation requests IAM takes: their accounts, policy templates and permissions boundaries
    #[arg(long, env = "CLOUDLET_PARTNERS", value_name = "FILE")]
    pub partners: Option<PathBuf>,
    /// What becomes of wrong signatures and denied calls [default: enforce]
    #[arg(long, env = "CLOUDLET_AUTH")]
    pub auth: Option<Auth>,
    /// What to log: error, warn, info, debug, trace, off, or a filter such as info,cloudlet::call=off [default: info]
    #[arg(long, env = "CLOUDLET_LOG", value_name = "FILTER")]
    pub log: Option<String>,
    /// How the log is written [default: human]
    #[arg(long, env = "CLOUDLET_LOG_FORMAT")]
    pub log_format: Option<LogFormat>,
    /// Account of the root credentials [default: 000000000000]
    #[arg(long, env = "CLOUDLET_ACCOUNT", value_name = "12 DIGITS")]
    pub account: Option<String>,
    /// Region of requests that name none [default: us-east-1]
    #[arg(long, env = "CLOUDLET_REGION")]
    pub region: Option<String>,
    /// Access key id of the account's root [default: test]
    #[arg(long, env = "CLOUDLET_ROOT_ACCESS_KEY", value_name = "ID")]
    pub root_access_key: Option<String>,
    /// Secret access key of the account's root [default: test]
    #[arg(long, env = "CLOUDLET_ROOT_SECRET_KEY", value_name = "SECRET", hide_env_values = true)]
    pub root_secret_key: Option<String>,
    /// Answer HTTPS too, on the same port, with a certificate of a generated CA (/_cloudlet/ca.pem) [default: off]
    #[arg(long, env = "CLOUDLET_TLS", num_args = 0..=1, default_missing_value = "true", value_name = "BOOL")]
    pub tls: Option<bool>,
    /// Further name under which clients reach the server; <bucket>.<name> and <service>.<name> work too
    #[arg(long = "name", env = "CLOUDLET_NAMES", value_name = "HOST NAME", value_delimiter = ',')]
    #[serde(default)]
    pub names: Vec<String>,
    /// Largest request body that is held in memory, in MiB; object uploads stream and have no such limit [default: 64]
    #[arg(long, env = "CLOUDLET_MAX_BODY", value_name = "MIB")]
    pub max_body: Option<u32>,
    /// Memory that all request bodies may take together, in MiB; past it requests are throttled [default: 256]
    #[arg(long, env = "CLOUDLET_BODY_MEMORY", value_name = "MIB")]
    pub body_memory: Option<u32>,
    /// Origin of web pages that may call AWS's services (https://app.example.com), several with commas; `*` allows all. Pages of localhost
    /// and of the server's own names always may
    #[arg(long = "allow-origin", env = "CLOUDLET_ALLOW_ORIGIN", value_name = "ORIGIN", value_delimiter = ',')]
    #[serde(default, rename = "allow-origin")]
    pub allow_origin: Vec<String>,
    /// Seconds that calls under way may take to end when the server stops [default: 10]
    #[arg(long, env = "CLOUDLET_SHUTDOWN_TIME", value_name = "SECONDS")]
    pub shutdown_time: Option<u32>,
    /// How many calls the call log remembers [default: 1000]
    #[arg(long, env = "CLOUDLET_CALL_LOG", value_name = "CALLS")]
    pub call_log: Option<u32>,
    /// Host in the address of the certificate that SNS signs with: this server, or sns.<region>.amazonaws.com, which validators of
    /// the SDKs insist on and which must then be made to lead here [default: own]
    #[arg(long, env = "CLOUDLET_SNS_CERTIFICATE_HOST")]
    pub sns_certificate_host: Option<SnsCertificateHost>,
    /// Seconds that lines of S3's access logs wait for more before they are delivered [default: 5]
    #[arg(long, env = "CLOUDLET_S3_LOG_DELIVERY", value_name = "SECONDS")]
    pub s3_log_delivery: Option<u32>,
    /// Make ids, keys and tokens from this number, the same on every run
    #[arg(long, env = "CLOUDLET_SEED", value_name = "NUMBER")]
    pub seed: Option<u64>,
    /// What the URLs of SQS queues look like [default: endpoint]
    #[arg(long, env = "CLOUDLET_SQS_URLS")]
    pub sqs_urls: Option<SqsUrls>,
    /// Whether new S3 buckets block public access and have ACLs disabled [default: closed]
    #[arg(long, env = "CLOUDLET_S3_NEW_BUCKETS")]
    pub s3_new_buckets: Option<S3NewBuckets>,
    /// Whether new S3 buckets take objects that are encrypted with the client's keys (SSE-C) [default: blocked]
    #[arg(long = "s3-sse-c", env = "CLOUDLET_S3_SSE_C")]
    #[serde(rename = "s3-sse-c")]
    pub s3_sse_c: Option<S3SseC>,
    /// The permissions that callers of function URLs need [default: both]
    #[arg(long, env = "CLOUDLET_LAMBDA_URL_PERMISSIONS")]
    pub lambda_url_permissions: Option<LambdaUrlPermissions>,
    /// Endpoint that runs a container image of a function, as its Runtime Interface Emulator: `orders=http://orders:8080`, the image's
    /// whole URI or the last part of its repository's name before the `=`; may be repeated [default: http://<repository>:8080]
    #[arg(long = "lambda-image", env = "CLOUDLET_LAMBDA_IMAGE", value_name = "IMAGE=URL", value_delimiter = ',')]
    #[serde(default, rename = "lambda-image")]
    pub lambda_images: Vec<String>,
    /// Folder below which code of functions may be run where it lies, and is read again when it changes: functions of the bucket
    /// `hot-reload`, whose keys are such folders; may be repeated
    #[arg(long = "lambda-hot-reload", env = "CLOUDLET_LAMBDA_HOT_RELOAD", value_name = "FOLDER", value_delimiter = ',')]
    #[serde(default)]
    pub lambda_hot_reload: Vec<String>,
    /// Whether accounts of SES begin in the sandbox [default: on]
    #[arg(long, env = "CLOUDLET_SES_SANDBOX")]
    pub ses_sandbox: Option<SesSandbox>,
    /// Which identities of SES are verified as soon as they are created [default: off]
    #[arg(long, env = "CLOUDLET_SES_AUTO_VERIFY")]
    pub ses_auto_verify: Option<SesAutoVerify>,
    /// Seconds until SES grants production access that was asked for [default: 86400]
    #[arg(long, env = "CLOUDLET_SES_REVIEW", value_name = "SECONDS")]
    pub ses_review: Option<u32>,
    /// Mails that are kept, and MB of them: the oldest go first [default: 10000,64]
    #[arg(long, env = "CLOUDLET_MAILBOX", value_name = "MAILS,MB")]
    pub mailbox: Option<String>,
    /// Recipients of SES in 24 hours and in a second, outside of the sandbox [default: 50000,14]
    #[arg(long, env = "CLOUDLET_SES_QUOTA", value_name = "DAILY,RATE")]
    pub ses_quota: Option<String>,
    /// Server to which mail is handed on, which else stays in the mailbox: smtp://user:password@host:587?tls=required, smtps://host
    #[arg(long, env = "CLOUDLET_SMTP_RELAY", value_name = "URL", hide_env_values = true)]
    pub smtp_relay: Option<String>,
    /// Ports on which mail is submitted (SMTP with STARTTLS), several with commas; 0 takes any free one, `off` none [default: 2587]
    #[arg(long, env = "CLOUDLET_SMTP_PORTS", value_name = "PORTS")]
    pub smtp_ports: Option<String>,
    /// Ports on which mail is submitted over TLS from the first byte [default: 2465]
    #[arg(long, env = "CLOUDLET_SMTPS_PORTS", value_name = "PORTS")]
    pub smtps_ports: Option<String>,
    /// Ports on which other servers bring mail, for the receipt rules of SES [default: 2525]
    #[arg(long, env = "CLOUDLET_MX_PORTS", value_name = "PORTS")]
    pub mx_ports: Option<String>,
    /// Zone file whose records SES looks up: those of domains that are verified, sign, send and receive
    #[arg(long, env = "CLOUDLET_DNS_ZONE", value_name = "FILE")]
    pub dns_zone: Option<PathBuf>,
    /// MockConfigFile.json of Step Functions Local: answers of Tasks, for executions of <machine>#<test case>
    #[arg(long, env = "CLOUDLET_STATES_MOCKS", value_name = "FILE")]
    pub states_mocks: Option<PathBuf>,
    /// Host that sessions on managed nodes may forward ports to (db, db:5432), several with commas; `*` allows all [default: none]
    #[arg(long = "node-host", env = "CLOUDLET_NODE_HOSTS", value_name = "HOST", value_delimiter = ',')]
    #[serde(default)]
    pub node_hosts: Vec<String>,
    /// The server's own machine is a managed node of Systems Manager [default: false]
    #[arg(long, env = "CLOUDLET_SSM_LOCAL_NODE", num_args = 0..=1, default_missing_value = "true", value_name = "BOOL")]
    pub ssm_local_node: Option<bool>,
    /// Root folder of managed nodes: a folder with a file system, or an OCI layout (layout, layout:tag) [default: this machine's programs]
    #[arg(long, env = "CLOUDLET_NODE_ROOT", value_name = "FOLDER")]
    pub node_root: Option<String>,
    /// Settings file (TOML) [default: none]
    #[arg(long, env = "CLOUDLET_CONFIG", value_name = "FILE", global = true)]
    #[serde(skip)]
    pub config: Option<PathBuf>,
    /// Ask a running server for its health, and exit with 0 if it is well: for container health checks
    #[arg(long)]
    #[serde(skip)]
    pub check_health: bool,
    #[command(subcommand)]
    #[serde(skip)]
    pub verb: Option<Verb>,
}

impl Settings {
    /// What is not given here is taken from there.
    pub fn or(self, other: Settings) -> Settings {
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
            node_root: self.node_root.or(other.node_root),
            config: self.config.or(other.config),
            check_health: self.check_health || other.check_health,
            verb: self.verb.or(other.verb),
        }
    }
}
