//! The services of the server.

use crate::{configuration::Configuration, oidc_keys};
use cloudlet_aws::Scope;
use cloudlet_cloud::{Cloud, Settings};
use cloudlet_dns::Dns;
use cloudlet_engine::{Clock, Ids, MailRelay, NodeRoot, Runtime, Service, Workers};
use cloudlet_http_client::{Bounds, Client};
use cloudlet_identity::{Identity, Partners, Root, Secret};
use cloudlet_lambda::Unfinished;
use cloudlet_mail::Record;
use cloudlet_mailbox::Mailbox;
use cloudlet_s3_access::AccessSettings;
use cloudlet_store::{Blobs, DataFolder, Journal};
use cloudlet_sts::ProviderKeys;
use std::{path::Path, sync::Arc};

/// The services, and what the admin API shows beside them.
pub struct Assembled {
    pub cloud: Arc<Cloud>,
    pub dns: Arc<Dns>,
    /// What functions still do after their answers.
    pub unfinished: Arc<Unfinished>,
}

/// Builds the services, and brings back what the data folder holds.
pub fn build(configuration: &Configuration, workers: Arc<dyn Workers>) -> Result<(Assembled, Option<DataFolder>), String> {
    let Some(path) = &configuration.data_dir else { return Ok((assemble(configuration, None, workers)?, None)) };
    let told = |error: std::io::Error| format!("the data folder {}: {error}", path.display());
    let folder = DataFolder::open(path, &configuration.data_options, || Ids::random().secret_bytes()).map_err(told)?;
    let assembled = assemble(configuration, Some(&folder), workers)?;
    let known = assembled.cloud.recover(&folder).map_err(told)?;
    let swept = folder.sweep(&known).map_err(told)?;
    if let Some(missing) = swept.missing.first() {
        let count = swept.missing.len();
        return Err(told(std::io::Error::other(format!("it is damaged: {count} bodies are missing, {missing} among them"))));
    }
    Ok((assembled, Some(folder)))
}

/// The services, with empty tables.
pub fn assemble(configuration: &Configuration, folder: Option<&DataFolder>, workers: Arc<dyn Workers>) -> Result<Assembled, String> {
    let ids = match (configuration.seed, folder) {
        (None, _) => Ids::random(),
        (Some(seed), None) => Ids::seeded(seed),
        (Some(seed), Some(folder)) => Ids::seeded_at_start(seed, folder.starts()),
    };
    let root = Root {
        account: configuration.account,
        partition: configuration.region.partition(),
        access_key: configuration.root_access_key.as_str().into(),
        secret: Secret::new(configuration.root_secret_key.clone()),
    };
    let journal = folder.map_or_else(Journal::off, |folder| folder.journal().clone());
    let blobs = folder.map_or_else(Blobs::memory, |folder| folder.blobs().clone());
    let settings = Settings { mode: configuration.mode, call_log: configuration.call_log, journal, blobs: blobs.clone(), ..Settings::default() };
    let identity = Identity::with_partners(root, &settings.journal, partners(configuration.partners.as_deref())?);
    let mailbox = Arc::new(Mailbox::new(&settings.journal, blobs.clone(), configuration.mailbox));
    let journal = &settings.journal;
    let ses_blobs = blobs.clone();
    let provider_keys = configuration.oidc_keys.clone().map_or_else(ProviderKeys::none, |folder| ProviderKeys::found_by(oidc_keys::finder(folder)));
    let access_settings = AccessSettings::new(journal);
    let unfinished = Arc::<Unfinished>::default();
    let mut services = vec![
        cloudlet_ec2::service(journal),
        cloudlet_ecs::service(journal, workers.clone()),
        cloudlet_iam::service(identity.clone()),
        cloudlet_kms::service(journal),
        cloudlet_lambda::service(journal, blobs.clone(), workers.clone(), configuration.lambda.clone(), unfinished.clone()),
        cloudlet_logs::service(journal),
        cloudlet_organizations::service(identity.clone()),
        cloudlet_s3::S3::new(journal, blobs, identity.clone(), access_settings.clone(), configuration.s3).service(),
        cloudlet_s3control::S3Control::new(journal, identity.clone(), access_settings.clone()).service(),
        cloudlet_sns::service(journal, mailbox.clone(), cloudlet_sns::Options { certificate_host: configuration.sns_certificate_host }),
        cloudlet_sqs::service(journal, configuration.sqs_urls),
        cloudlet_ssm::service(journal, workers, ssm_options(configuration)),
        cloudlet_states::service(journal, states_options(configuration)?),
        cloudlet_sts::service(identity.clone(), provider_keys, journal),
    ];
    let dns = Arc::new(Dns::new(journal, zone(configuration.dns_zone.as_deref())?));
    services.extend(cloudlet_ses::services(journal, mailbox.clone(), ses_blobs, dns.clone(), relay(configuration)?, configuration.ses));
    services.extend(unbuilt());
    let runtime = Runtime::new(Clock::ticking(), ids);
    runtime.set_http_client(Arc::new(Client::new(Bounds::default())));
    Ok(Assembled { cloud: Cloud::new(runtime, identity, services, Settings { mailbox, ..settings }), dns, unfinished })
}

/// The server that takes mail, if it is to leave.
fn relay(configuration: &Configuration) -> Result<Option<Arc<dyn MailRelay>>, String> {
    let Some(url) = &configuration.smtp_relay else { return Ok(None) };
    let relay = cloudlet_smtp::Relay::to(url).map_err(|error| format!("--smtp-relay: {error}"))?;
    Ok(Some(Arc::new(relay)))
}

/// The records of a zone file.
fn zone(file: Option<&Path>) -> Result<Vec<Record>, String> {
    let Some(file) = file else { return Ok(vec![]) };
    let text = std::fs::read_to_string(file).map_err(|error| error.to_string());
    let records = text.and_then(|text| cloudlet_mail::zone::parse(&text).map_err(|malformed| malformed.to_string()));
    records.map_err(|error| format!("--dns-zone {}: {error}", file.display()))
}

/// What Systems Manager is told of this machine.
fn ssm_options(configuration: &Configuration) -> cloudlet_ssm::Options {
    let system =
        configuration.node_root.as_ref().map_or_else(cloudlet_agent::System::of_machine, |root| cloudlet_agent::System::of_root(Path::new(root)));
    let local = configuration.ssm_local_node.then(|| Scope::new(configuration.account, configuration.region.clone()));
    let architecture = if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" };
    let root = configuration.node_root.clone().map_or(NodeRoot::Machine, NodeRoot::Folder);
    let nodes = cloudlet_ssm::NodeOptions {
        local,
        root,
        platform_name: system.name,
        platform_version: system.version,
        architecture: Some(architecture.to_owned()),
    };
    cloudlet_ssm::Options { nodes }
}

/// `MockConfigFile.json` of Step Functions Local, if one is named.
fn states_options(configuration: &Configuration) -> Result<cloudlet_states::Options, String> {
    let Some(file) = &configuration.states_mocks else { return Ok(cloudlet_states::Options::default()) };
    let told = |error: String| format!("the mocks in {}: {error}", file.display());
    let text = std::fs::read_to_string(file).map_err(|error| told(error.to_string()))?;
    Ok(cloudlet_states::Options { mocks: Some(cloudlet_states::MockConfig::read(&text).map_err(told)?) })
}

/// What AWS takes up by hand when a partner registers.
fn partners(file: Option<&Path>) -> Result<Partners, String> {
    let Some(file) = file else { return Ok(Partners::default()) };
    let text = std::fs::read_to_string(file).map_err(|error| error.to_string());
    text.and_then(|text| Partners::parse(&text)).map_err(|error| format!("the partners in {}: {error}", file.display()))
}

/// The services of the model that honestly say that they have no engine yet.
fn unbuilt() -> Vec<Service> {
    vec![Service::unbuilt(&cloudlet_api_firehose::SERVICE)]
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod walk_tests;
