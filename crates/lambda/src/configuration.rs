//! What a function is: the rules of its settings, and how answers show them.

use crate::{
    Lambda, faults, limits, names, runtimes,
    state::{FunctionKey, State, Version},
};
use cloudlet_api_lambda::*;
use cloudlet_aws::{Arn, Fault, Timestamp};
use cloudlet_engine::StoredShape;
use cloudlet_shape::Map;
use std::collections::BTreeMap;

/// AWS: `2026-11-29T12:00:00.000+0000`.
pub fn modified(at: Timestamp) -> String {
    at.with_millis().replace('Z', "+0000")
}

/// Names of the environment that AWS sets itself.
/// <https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime>
const RESERVED: [&str; 18] = [
    "_HANDLER",
    "_X_AMZN_TRACE_ID",
    "AWS_DEFAULT_REGION",
    "AWS_REGION",
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_ACCESS_KEY",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_LAMBDA_RUNTIME_API",
    "LAMBDA_TASK_ROOT",
    "LAMBDA_RUNTIME_DIR",
];

/// The settings of a request, of whichever operation. What is absent stays as it is.
#[derive(Default)]
pub struct Settings {
    pub runtime: Option<String>,
    pub role: Option<String>,
    pub handler: Option<String>,
    pub description: Option<String>,
    pub timeout: Option<i32>,
    pub memory: Option<i32>,
    pub dead_letters: Option<DeadLetterConfig>,
    pub environment: Option<Environment>,
    /// The key of the environment. An empty one is none.
    pub key: Option<String>,
    pub tracing: Option<TracingConfig>,
    pub layers: Option<Vec<String>>,
    pub architectures: Option<Vec<String>>,
    pub storage: Option<EphemeralStorage>,
    pub snap_start: Option<SnapStart>,
    pub logging: Option<LoggingConfig>,
    pub vpc: Option<VpcConfigResponse>,
    pub image: Option<ImageConfig>,
    /// What is asked for and not built.
    pub unbuilt: Vec<&'static str>,
}

/// The name of a setting that is not built, if a request has it.
pub fn unbuilt(settings: &[(&'static str, bool)]) -> Vec<&'static str> {
    settings.iter().filter(|(_, given)| *given).map(|(name, _)| *name).collect()
}

fn at_most(value: Option<i32>, most: i32, member: &str) -> Result<(), Fault> {
    match value.filter(|value| *value > most) {
        Some(value) => Err(faults::validation(value, member, format_args!("Member must have value less than or equal to {most}"))),
        None => Ok(()),
    }
}

fn check_environment(environment: &Environment) -> Result<(), Fault> {
    let Some(variables) = &environment.variables else { return Ok(()) };
    let reserved: Vec<&str> = variables.keys().map(String::as_str).filter(|name| RESERVED.contains(name)).collect();
    if !reserved.is_empty() {
        let text =
            "Lambda was unable to configure your environment variables because the environment variables you have provided contains reserved keys";
        let keys = reserved.join(", ");
        return Err(faults::invalid(format!("{text} that are currently not supported for modification. Reserved keys used in this request: {keys}")));
    }
    // AWS: measured, and shown, as JSON.
    let shown = in_order_of_hashes(variables);
    if shown.len() > limits::ENVIRONMENT_BYTES {
        let text =
            "Lambda was unable to configure your environment variables because the environment variables you have provided exceeded the 4KB limit.";
        return Err(faults::invalid(format!("{text} String measured: {shown}")));
    }
    Ok(())
}

/// As JSON, in the order of a hash table of Java's. AWS: recorded.
fn in_order_of_hashes(variables: &Map<String>) -> String {
    let table = u32::try_from(variables.len()).unwrap_or(u32::MAX / 4).saturating_mul(4).div_ceil(3).next_power_of_two().max(16);
    let place = |name: &str| {
        let hash = name.encode_utf16().fold(0_u32, |hash, unit| hash.wrapping_mul(31).wrapping_add(u32::from(unit)));
        (hash ^ (hash >> 16)) & (table - 1)
    };
    let mut pairs: Vec<_> = variables.iter().collect();
    pairs.sort_by_key(|(name, _)| place(name));
    let shown: serde_json::Map<String, serde_json::Value> = pairs.into_iter().map(|(name, value)| (name.clone(), value.clone().into())).collect();
    serde_json::Value::Object(shown).to_string()
}

fn check_dead_letters(config: &DeadLetterConfig) -> Result<(), Fault> {
    let Some(target) = config.target_arn.as_deref().filter(|target| !target.is_empty()) else { return Ok(()) };
    match Arn::parse(target) {
        Some(arn) if matches!(arn.service(), "sqs" | "sns") => Ok(()),
        // AWS: unverified wording.
        _ => Err(faults::invalid(format!("The provided target ARN {target} is not a queue of Amazon SQS or a topic of Amazon SNS."))),
    }
}

impl Settings {
    pub fn dead_letter_target(&self) -> Option<&str> {
        self.dead_letters.as_ref()?.target_arn.as_deref().filter(|target| !target.is_empty())
    }

    /// What can be said of them. `log_format`: as it is before.
    pub fn check(&self, lambda: &Lambda, log_format: Option<&str>) -> Result<(), Fault> {
        at_most(self.timeout, limits::MOST_TIMEOUT, "timeout")?;
        at_most(self.memory, limits::MOST_MEMORY, "memorySize")?;
        at_most(self.storage.as_ref().map(|storage| storage.size), limits::MOST_STORAGE, "ephemeralStorage.size")?;
        if let Some(what) = self.unbuilt.first() {
            return Err(faults::not_built(&format!("{what} of functions")));
        }
        if let Some(logging) = &self.logging {
            let has_level = logging.application_log_level.is_some() || logging.system_log_level.is_some();
            if has_level && logging.log_format.as_deref().or(log_format) != Some("JSON") {
                // AWS: unverified wording.
                return Err(faults::invalid("To use ApplicationLogLevel or SystemLogLevel, LogFormat must be JSON."));
            }
        }
        self.environment.as_ref().map_or(Ok(()), check_environment)?;
        self.dead_letters.as_ref().map_or(Ok(()), check_dead_letters)?;
        self.runtime.as_deref().map_or(Ok(()), |runtime| runtimes::check(lambda.workers.as_ref(), runtime))
    }

    /// Whether a runtime has what is asked for. That of an image is not known.
    pub fn check_snap_start(&self, runtime: &str) -> Result<(), Fault> {
        let is_wanted = self.snap_start.as_ref().is_some_and(|snap_start| snap_start.apply_on.as_deref() == Some("PublishedVersions"));
        if is_wanted && !runtime.is_empty() && !runtimes::has_snap_start(runtime) {
            // AWS: so reported in localstack/localstack#12458.
            return Err(faults::invalid(format!("{runtime} is not supported for SnapStart enabled functions.")));
        }
        Ok(())
    }

    /// Changes a configuration. The environment is kept apart.
    pub fn apply(self, configuration: &mut FunctionConfiguration, layers: Option<Vec<Layer>>) {
        fn set<T>(to: &mut Option<T>, from: Option<T>) {
            if from.is_some() {
                *to = from;
            }
        }
        set(&mut configuration.runtime, self.runtime);
        set(&mut configuration.role, self.role);
        set(&mut configuration.handler, self.handler);
        set(&mut configuration.description, self.description);
        set(&mut configuration.timeout, self.timeout);
        set(&mut configuration.memory_size, self.memory);
        set(&mut configuration.architectures, self.architectures);
        set(&mut configuration.ephemeral_storage, self.storage);
        set(&mut configuration.vpc_config, self.vpc);
        if let Some(image) = self.image {
            // AWS: recorded: an empty one is none.
            let is_empty = image.entry_point.is_none() && image.command.is_none() && image.working_directory.is_none();
            let shown = ImageConfigResponse { image_config: Some(image), error: None };
            configuration.image_config_response = Some(shown).filter(|_| !is_empty);
        }
        if let Some(config) = self.dead_letters {
            configuration.dead_letter_config = Some(config).filter(|config| config.target_arn.as_ref().is_some_and(|target| !target.is_empty()));
        }
        if let Some(tracing) = self.tracing {
            configuration.tracing_config = Some(TracingConfigResponse { mode: tracing.mode.or_else(|| Some("PassThrough".into())) });
        }
        if let Some(snap_start) = self.snap_start {
            let apply_on = snap_start.apply_on.or_else(|| Some("None".into()));
            configuration.snap_start = Some(SnapStartResponse { apply_on, optimization_status: Some("Off".into()) });
        }
        if let Some(given) = self.logging {
            let kept = configuration.logging_config.get_or_insert_default();
            set(&mut kept.log_format, given.log_format);
            set(&mut kept.log_group, given.log_group);
            set(&mut kept.application_log_level, given.application_log_level);
            set(&mut kept.system_log_level, given.system_log_level);
            if kept.log_format.as_deref() == Some("JSON") {
                kept.application_log_level.get_or_insert_with(|| "INFO".into());
                kept.system_log_level.get_or_insert_with(|| "INFO".into());
            } else {
                (kept.application_log_level, kept.system_log_level) = (None, None);
            }
        }
        if let Some(layers) = layers {
            configuration.layers = Some(layers).filter(|layers| !layers.is_empty());
        }
        if let Some(key) = self.key {
            configuration.kms_key_arn = Some(key).filter(|key| !key.is_empty());
        }
    }
}

/// The layers of a function, as answers show them.
pub fn layers(state: &State, arns: &[String]) -> Result<Vec<Layer>, Fault> {
    if arns.len() > limits::LAYERS {
        return Err(faults::invalid(format!("Cannot reference more than {} layers.", limits::LAYERS)));
    }
    let mut seen: BTreeMap<FunctionKey, &str> = BTreeMap::new();
    let mut layers = Vec::new();
    for arn in arns {
        let absent = || faults::invalid(format!("Layer version {arn} does not exist."));
        let (key, version) = names::layer_version(arn).ok_or_else(absent)?;
        if let Some(other) = seen.insert(key.clone(), arn) {
            let text = "Two different versions of the same layer are not allowed to be referenced in the same function.";
            return Err(faults::invalid(format!("{text} {other} and {arn} are versions of the same layer.")));
        }
        let found = state.layers.get(&(key, version)).ok_or_else(absent)?;
        layers.push(Layer { arn: Some(arn.clone()), code_size: i64::try_from(found.code.length()).ok(), ..Layer::default() });
    }
    Ok(layers)
}

/// A new function, before its settings.
pub fn fresh(name: &str) -> FunctionConfiguration {
    FunctionConfiguration {
        description: Some(String::new()),
        timeout: Some(3),
        memory_size: Some(128),
        package_type: Some("Zip".into()),
        architectures: Some(vec!["x86_64".into()]),
        ephemeral_storage: Some(EphemeralStorage { size: 512 }),
        tracing_config: Some(TracingConfigResponse { mode: Some("PassThrough".into()) }),
        snap_start: Some(SnapStartResponse { apply_on: Some("None".into()), optimization_status: Some("Off".into()) }),
        logging_config: Some(LoggingConfig {
            log_format: Some("Text".into()),
            log_group: Some(format!("/aws/lambda/{name}")),
            ..LoggingConfig::default()
        }),
        ..FunctionConfiguration::default()
    }
}

/// How an answer shows a function.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// Alone, with its state.
    Alone,
    /// In a list, without it.
    Listed,
}

impl Version {
    /// As answers show it, under an ARN.
    pub fn shown(&self, key: &FunctionKey, number: u64, arn: &Arn, shown: Shown) -> FunctionConfiguration {
        let environment = self.environment.clone().map(|variables| EnvironmentResponse { variables: Some(variables), error: None });
        let mut configuration = FunctionConfiguration {
            function_name: Some(key.name.to_string()),
            function_arn: Some(arn.to_string()),
            version: Some(if number == 0 { names::LATEST.to_owned() } else { number.to_string() }),
            environment,
            ..self.configuration.shape()
        };
        if shown == Shown::Alone {
            configuration.state = Some("Active".into());
            configuration.last_update_status = Some("Successful".into());
            let arn = configuration.runtime.as_deref().map(|runtime| runtimes::version_arn(&key.region, runtime));
            configuration.runtime_version_config = arn.map(|arn| RuntimeVersionConfig { runtime_version_arn: Some(arn), error: None });
        }
        configuration
    }

    pub fn text<'v>(&'v self, of: impl Fn(&'v FunctionConfiguration) -> Option<&'v String>) -> &'v str {
        of(&self.configuration).map_or("", String::as_str)
    }

    pub fn role(&self) -> &str {
        self.text(|configuration| configuration.role.as_ref())
    }

    pub fn sha256(&self) -> &str {
        self.text(|configuration| configuration.code_sha256.as_ref())
    }

    pub fn revision(&self) -> &str {
        self.text(|configuration| configuration.revision_id.as_ref())
    }

    /// The same under another revision.
    pub fn revised(&self, revision: String) -> Version {
        let configuration = FunctionConfiguration { revision_id: Some(revision), ..self.configuration.shape() };
        Version { configuration: StoredShape::new(configuration), ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_shown_as_aws_shows_them() {
        let variables = Map::from([("LARGE_VAR".to_owned(), "x".to_owned()), ("SMALL_VAR".to_owned(), "ok".to_owned())]);
        assert_eq!(in_order_of_hashes(&variables), r#"{"SMALL_VAR":"ok","LARGE_VAR":"x"}"#);
    }
}
