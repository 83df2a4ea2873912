//! What the binary does besides serving.

use clap::{Subcommand, ValueEnum};
use std::path::PathBuf;

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

#[derive(Clone, Debug, clap::Args)]
pub struct AgentVerb {
    /// Activation with which the machine is registered, unless it is: its id and its code
    #[arg(long, value_name = "ID:CODE", env = "CLOUDLET_ACTIVATION", hide_env_values = true)]
    pub activation: Option<String>,
    /// Address of the server [default: that of --host and --port]
    #[arg(long, value_name = "URL", env = "CLOUDLET_ENDPOINT")]
    pub endpoint: Option<String>,
    /// Region of the node [default: that of --region before the verb, or us-east-1]
    #[arg(long, value_name = "REGION")]
    pub region: Option<String>,
    /// Where the machine's identity is kept, so that it is the same node when it starts again
    #[arg(long, value_name = "FOLDER", env = "CLOUDLET_AGENT_DIR", default_value = "/var/lib/cloudlet-agent")]
    pub agent_dir: PathBuf,
}

#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Makes this machine a managed node of a running server, and runs there what Systems Manager sends
    Agent(AgentVerb),
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

impl Whose {
    pub fn parameters(&self) -> [(&'static str, Option<&str>); 2] {
        [("account", self.of_account.as_deref()), ("region", self.in_region.as_deref())]
    }
}
