//! LocalStack's names for settings that Cloudlet has too: a drop-in in existing compose files.
//! <https://docs.localstack.cloud/references/configuration/>

use super::{
    refusal::Refusal,
    settings::{Auth, Settings, SqsUrls},
};
use std::{ffi::OsString, path::PathBuf};

pub fn read(environment: &[(OsString, OsString)]) -> Result<Settings, Refusal> {
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
