//! AWS managed keys: `alias/aws/sqs`. A key is made when its alias is used first.
//! <https://docs.aws.amazon.com/kms/latest/developerguide/concepts.html#aws-managed-key>

use crate::{
    Kms, key_policy,
    new_keys::{new_key_arn, new_symmetric_material},
    specs::{KeyOrigin, KeySpec, KeyUsage},
    state::{Alias, Key, ManagedBy, Rotation, Switch, USUAL_ROTATION_PERIOD},
};
use cloudlet_aws::{Arn, Scope};
use cloudlet_engine::Cx;
use cloudlet_shape::Map;
use std::sync::Arc;

/// The services that have an AWS managed key.
pub const SERVICES: [&str; 18] = [
    "acm",
    "backup",
    "dynamodb",
    "ebs",
    "elasticfilesystem",
    "es",
    "glue",
    "kinesis",
    "kinesisvideo",
    "lambda",
    "rds",
    "redshift",
    "s3",
    "secretsmanager",
    "sns",
    "sqs",
    "ssm",
    "xray",
];

/// The service whose key an alias names.
pub fn service_of(alias: &str) -> Option<&'static str> {
    let name = alias.strip_prefix("alias/aws/")?;
    SERVICES.into_iter().find(|service| *service == name)
}

/// Whether the alias is one that AWS has to itself.
pub fn is_reserved(alias: &str) -> bool {
    alias.starts_with("alias/aws/")
}

/// AWS: "Default key that protects my SQS messages when no other key is defined".
fn description(service: &str) -> String {
    let what = match service {
        "acm" => "ACM private keys",
        "ebs" => "EBS volumes",
        "lambda" => "Lambda functions",
        "s3" => "S3 objects",
        "sns" => "SNS data",
        "sqs" => "SQS messages",
        "ssm" => "SSM parameters",
        "secretsmanager" => "Secrets Manager data",
        other => return format!("Default key that protects my {other} data when no other key is defined"),
    };
    format!("Default key that protects my {what} when no other key is defined")
}

impl Kms {
    /// The AWS managed key of a service in an account, made now if it is not there yet.
    pub fn managed_key(&self, cx: &Cx, scope: &Scope, service: &'static str) -> Arc<Key> {
        let alias_arn = Arn::new("kms", scope, &format!("alias/aws/{service}"));
        let arn = new_key_arn(cx, scope, false);
        let key = Key {
            arn: arn.clone(),
            created: cx.now,
            description: description(service),
            spec: KeySpec::SymmetricDefault,
            usage: KeyUsage::EncryptDecrypt,
            origin: KeyOrigin::AwsKms,
            manager: ManagedBy::Aws,
            switch: Switch::Enabled,
            deletion: None,
            policy: key_policy::of_service(service, scope),
            tags: Map::new(),
            multi_region: None,
            rotation: Some(Rotation::every(USUAL_ROTATION_PERIOD, cx.now)),
            materials: vec![Arc::new(new_symmetric_material(cx))],
        };
        let made = self.store.update(|state| {
            // Somebody else may have been faster.
            if let Some(known) = state.aliases.get(&alias_arn).and_then(|alias| state.keys.get(&alias.target)) {
                return known.clone();
            }
            state.insert_alias(alias_arn, Alias { target: arn.clone(), created: cx.now, updated: cx.now });
            state.insert_key(key)
        });
        if made.arn == arn {
            self.schedule_rotation(cx, &made);
        }
        made
    }
}
