//! The parameters that AWS publishes below `/aws/service`, which everybody may read: a chosen set of them.
//! <https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-public-parameters.html>
//!
//! Ids of images follow from their names and the region: they have AWS's form, are the same on every start, and name nothing in AWS.

use super::{
    lists::{self, Span},
    lookup::Found,
    names::{ParameterKey, Reference, Selector},
    parameter::{DataType, Parameter, ParameterType, Tier, Value, Version},
};
use crate::faults;
use cloudlet_aws::{Account, Fault, Region, Scope, Timestamp};
use cloudlet_engine::{
    Cx,
    paging::{Page, Paging},
    public_images::{self, ARCHITECTURES, EKS_VERSIONS, image_id},
};
use cloudlet_shape::Map;
use serde_json::json;
use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
    sync::{Arc, LazyLock},
};

/// When they were published.
const PUBLISHED: Timestamp = Timestamp::from_secs(1_761_955_200);

/// What one holds.
enum Content {
    Text(String),
    /// The id of an image, by its key.
    Image(String),
    /// The facts of an image, as JSON.
    Facts(Box<ImageFacts>),
}

struct ImageFacts {
    image_name: String,
    /// `image_id` is added for the region.
    others: serde_json::Map<String, serde_json::Value>,
}

type Published = BTreeMap<ParameterKey, Content>;

static PUBLISHED_PARAMETERS: LazyLock<Published> = LazyLock::new(|| {
    let mut published = Published::new();
    let mut add = |name: &str, content| published.insert(ParameterKey::of(everywhere(), &format!("{}/{name}", super::names::PUBLIC)), content);
    amazon_linux(&mut add);
    for image in public_images::windows() {
        add(&format!("ami-windows-latest/{}", image.key), Content::Image(image.key));
    }
    ecs(&mut add);
    eks(&mut add);
    global_infrastructure(&mut add);
    published
});

/// The set is the same for all accounts and regions.
fn everywhere() -> Scope {
    Scope::new(Account::default(), Region::new(""))
}

type Add<'a> = dyn FnMut(&str, Content) -> Option<Content> + 'a;

fn amazon_linux(add: &mut Add<'_>) {
    let mut image = |name: &str, key: &str| drop(add(&format!("ami-amazon-linux-latest/{name}"), Content::Image(key.to_owned())));
    for architecture in ARCHITECTURES {
        // The default kernel is the first.
        for (named, kernel) in [("default", "6.1"), ("6.1", "6.1"), ("6.12", "6.12")] {
            image(&format!("al2023-ami-kernel-{named}-{architecture}"), &format!("al2023-ami-kernel-{kernel}-{architecture}"));
            image(&format!("al2023-ami-minimal-kernel-{named}-{architecture}"), &format!("al2023-ami-minimal-kernel-{kernel}-{architecture}"));
        }
        for name in ["amzn2-ami-hvm-ARCH-gp2", "amzn2-ami-kernel-5.10-hvm-ARCH-gp2", "amzn2-ami-minimal-hvm-ARCH-ebs"] {
            let name = name.replace("ARCH", architecture);
            image(&name, &name);
        }
    }
    image("amzn2-ami-hvm-x86_64-ebs", "amzn2-ami-hvm-x86_64-ebs");
}

fn ecs(add: &mut Add<'_>) {
    const AGENT: &str = "1.100.0";
    const RUNTIME: &str = "Docker version 25.0.13";
    for (path, image, os) in [
        ("amazon-linux-2023", "al2023-ami-ecs-hvm-2023.0.20251023-kernel-6.1-x86_64", "Amazon Linux 2023"),
        ("amazon-linux-2023/arm64", "al2023-ami-ecs-hvm-2023.0.20251023-kernel-6.1-arm64", "Amazon Linux 2023"),
        ("amazon-linux-2", "amzn2-ami-ecs-hvm-2.0.20251023-x86_64-ebs", "Amazon Linux 2"),
        ("amazon-linux-2/arm64", "amzn2-ami-ecs-hvm-2.0.20251023-arm64-ebs", "Amazon Linux 2"),
    ] {
        let others = json!({
            "ecs_agent_version": AGENT, "ecs_runtime_version": RUNTIME, "image_name": image, "image_version": "20251023", "os": os, "schema_version": 1,
        });
        recommended(add, &format!("ecs/optimized-ami/{path}/recommended"), image, others);
        add(&format!("ecs/optimized-ami/{path}/recommended/ecs_agent_version"), Content::Text(AGENT.to_owned()));
        add(&format!("ecs/optimized-ami/{path}/recommended/ecs_runtime_version"), Content::Text(RUNTIME.to_owned()));
    }
}

fn eks(add: &mut Add<'_>) {
    for version in EKS_VERSIONS {
        for architecture in ARCHITECTURES {
            let image = format!("amazon-eks-node-al2023-{architecture}-standard-{version}-v20251023");
            let path = format!("eks/optimized-ami/{version}/amazon-linux-2023/{architecture}/standard/recommended");
            let release = format!("{version}.0-20251023");
            let others = json!({ "image_name": image, "release_version": release, "schema_version": "2" });
            recommended(add, &path, &image, others);
            add(&format!("{path}/release_version"), Content::Text(release));
        }
    }
}

/// An image with its facts: all of them as JSON, and its id and name each in a parameter of its own.
fn recommended(add: &mut Add<'_>, path: &str, image: &str, others: serde_json::Value) {
    let others = others.as_object().cloned().unwrap_or_default();
    add(path, Content::Facts(Box::new(ImageFacts { image_name: image.to_owned(), others })));
    add(&format!("{path}/image_id"), Content::Image(image.to_owned()));
    add(&format!("{path}/image_name"), Content::Text(image.to_owned()));
}

/// Code, long name, country and part of the country.
/// <https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-public-parameters-global-infrastructure.html>
const REGIONS: [(&str, &str, &str, &str); 33] = [
    ("af-south-1", "Africa (Cape Town)", "ZA", "ZA-WC"),
    ("ap-east-1", "Asia Pacific (Hong Kong)", "HK", "HK"),
    ("ap-east-2", "Asia Pacific (Taipei)", "TW", "TW-TPE"),
    ("ap-northeast-1", "Asia Pacific (Tokyo)", "JP", "JP-13"),
    ("ap-northeast-2", "Asia Pacific (Seoul)", "KR", "KR-11"),
    ("ap-northeast-3", "Asia Pacific (Osaka)", "JP", "JP-27"),
    ("ap-south-1", "Asia Pacific (Mumbai)", "IN", "IN-MH"),
    ("ap-south-2", "Asia Pacific (Hyderabad)", "IN", "IN-TG"),
    ("ap-southeast-1", "Asia Pacific (Singapore)", "SG", "SG"),
    ("ap-southeast-2", "Asia Pacific (Sydney)", "AU", "AU-NSW"),
    ("ap-southeast-3", "Asia Pacific (Jakarta)", "ID", "ID-JK"),
    ("ap-southeast-4", "Asia Pacific (Melbourne)", "AU", "AU-VIC"),
    ("ap-southeast-5", "Asia Pacific (Malaysia)", "MY", "MY-14"),
    ("ap-southeast-7", "Asia Pacific (Thailand)", "TH", "TH-10"),
    ("ca-central-1", "Canada (Central)", "CA", "CA-QC"),
    ("ca-west-1", "Canada West (Calgary)", "CA", "CA-AB"),
    ("eu-central-1", "Europe (Frankfurt)", "DE", "DE-HE"),
    ("eu-central-2", "Europe (Zurich)", "CH", "CH-ZH"),
    ("eu-north-1", "Europe (Stockholm)", "SE", "SE-AB"),
    ("eu-south-1", "Europe (Milan)", "IT", "IT-25"),
    ("eu-south-2", "Europe (Spain)", "ES", "ES-AR"),
    ("eu-west-1", "Europe (Ireland)", "IE", "IE-L"),
    ("eu-west-2", "Europe (London)", "GB", "GB-LND"),
    ("eu-west-3", "Europe (Paris)", "FR", "FR-IDF"),
    ("il-central-1", "Israel (Tel Aviv)", "IL", "IL-TA"),
    ("me-central-1", "Middle East (UAE)", "AE", "AE-DU"),
    ("me-south-1", "Middle East (Bahrain)", "BH", "BH-14"),
    ("mx-central-1", "Mexico (Central)", "MX", "MX-QUE"),
    ("sa-east-1", "South America (Sao Paulo)", "BR", "BR-SP"),
    ("us-east-1", "US East (N. Virginia)", "US", "US-VA"),
    ("us-east-2", "US East (Ohio)", "US", "US-OH"),
    ("us-west-1", "US West (N. California)", "US", "US-CA"),
    ("us-west-2", "US West (Oregon)", "US", "US-OR"),
];

/// Services with an API in every region.
const SERVICES: [(&str, &str); 18] = [
    ("apigateway", "Amazon API Gateway"),
    ("dynamodb", "Amazon DynamoDB"),
    ("ec2", "Amazon Elastic Compute Cloud (EC2)"),
    ("ecs", "Amazon Elastic Container Service (ECS)"),
    ("eks", "Amazon Elastic Kubernetes Service (EKS)"),
    ("events", "Amazon EventBridge"),
    ("firehose", "Amazon Data Firehose"),
    ("iam", "AWS Identity and Access Management (IAM)"),
    ("kms", "AWS Key Management Service (KMS)"),
    ("lambda", "AWS Lambda"),
    ("logs", "Amazon CloudWatch Logs"),
    ("organizations", "AWS Organizations"),
    ("s3", "Amazon Simple Storage Service (S3)"),
    ("sns", "Amazon Simple Notification Service (SNS)"),
    ("sqs", "Amazon Simple Queue Service (SQS)"),
    ("ssm", "AWS Systems Manager"),
    ("stepfunctions", "AWS Step Functions"),
    ("sts", "AWS Security Token Service (STS)"),
];

fn global_infrastructure(add: &mut Add<'_>) {
    let mut text = |path: &str, value: &str| drop(add(&format!("global-infrastructure/{path}"), Content::Text(value.to_owned())));
    for (region, long_name, country, part) in REGIONS {
        text(&format!("regions/{region}"), region);
        for (name, value) in [("longName", long_name), ("geolocationCountry", country), ("geolocationRegion", part), ("domain", "amazonaws.com")] {
            text(&format!("regions/{region}/{name}"), value);
        }
        text(&format!("regions/{region}/partition"), "aws");
        for (service, _) in SERVICES {
            text(&format!("regions/{region}/services/{service}"), service);
            text(&format!("services/{service}/regions/{region}"), region);
            text(&format!("services/{service}/regions/{region}/endpoint"), &format!("{service}.{region}.amazonaws.com"));
        }
    }
    for (service, long_name) in SERVICES {
        text(&format!("services/{service}"), service);
        text(&format!("services/{service}/longName"), long_name);
    }
    text("partitions/aws", "aws");
}

impl Content {
    fn value(&self, region: &Region) -> (String, DataType) {
        match self {
            Content::Text(text) => (text.clone(), DataType::Text),
            Content::Image(name) => (image_id(region, name), DataType::Image),
            Content::Facts(facts) => {
                let mut all = facts.others.clone();
                all.insert("image_id".to_owned(), json!(image_id(region, &facts.image_name)));
                (serde_json::Value::Object(all).to_string(), DataType::Text)
            }
        }
    }

    /// As a parameter, in a region.
    fn parameter(&self, key: &ParameterKey, region: &Region) -> Parameter {
        let (value, data_type) = self.value(region);
        let version = Version {
            number: 1,
            kind: ParameterType::String,
            value: Value::Plain(value.into()),
            tier: Tier::Standard,
            modified: PUBLISHED,
            user: "".into(),
            description: None,
            allowed_pattern: None,
            key_id: None,
            data_type,
            policies: vec![],
            labels: BTreeSet::new(),
        };
        Parameter { name: format!("/{}", key.bare()).into(), tags: Map::new(), current: Arc::new(version) }
    }
}

pub fn find(cx: &Cx, reference: &Reference) -> Result<Found, Fault> {
    let key = ParameterKey { scope: everywhere(), ..reference.key.clone() };
    let parameter = PUBLISHED_PARAMETERS.get(&key).ok_or_else(faults::no_such_parameter)?.parameter(&key, &cx.scope.region);
    match &reference.selector {
        None | Some(Selector::Version(1)) => Ok(Found { name: parameter.name, version: parameter.current }),
        Some(Selector::Version(number)) => Err(faults::no_such_version(*number, &reference.name)),
        Some(Selector::Label(label)) => Err(faults::no_such_label(label, &reference.name)),
    }
}

/// A page of those in a span.
pub fn page<T>(
    cx: &Cx,
    list: &Paging,
    length: usize,
    span: &Span,
    mut pick: impl FnMut(&ParameterKey, Parameter) -> Option<T>,
) -> Result<Page<T>, Fault> {
    let scope = everywhere();
    let after = lists::after(list, &scope)?;
    let published: &'static Published = &PUBLISHED_PARAMETERS;
    let rows = lists::rows(&scope, span, after.as_ref(), |from| published.range((from, Bound::Unbounded)));
    Ok(lists::page(list, length, rows, |key, content| pick(key, content.parameter(key, &cx.scope.region))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_published_name_is_one_and_has_a_value() {
        assert!(PUBLISHED_PARAMETERS.len() > 1_000);
        let region = Region::new("eu-west-1");
        for (key, content) in &*PUBLISHED_PARAMETERS {
            let (value, data_type) = content.value(&region);
            assert!(key.is_public() && !value.is_empty(), "{}", key.bare());
            assert_eq!(data_type == DataType::Image, value.starts_with("ami-"), "{}", key.bare());
        }
    }

    #[test]
    fn every_image_is_one_that_can_be_described() {
        let images = cloudlet_engine::public_images::all();
        let described = |key: &str| assert!(images.iter().any(|image| image.key == key), "{key}");
        for content in PUBLISHED_PARAMETERS.values() {
            match content {
                Content::Image(key) => described(key),
                Content::Facts(facts) => described(&facts.image_name),
                Content::Text(_) => {}
            }
        }
    }
}
