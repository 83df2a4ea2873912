//! The documents that AWS owns: they are there in every account and region, and cannot be changed. Their text is ours.
//! <https://docs.aws.amazon.com/systems-manager/latest/userguide/documents-command-ssm-plugin-reference.html>

use super::rows::{Document, DocumentKey, Version, hash_of};
use cloudlet_aws::{Arn, Timestamp};
use cloudlet_shape::Map;
use cloudlet_ssm_document::{DocumentType, Format, validate};
use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock},
};

pub struct Owned {
    pub document: Arc<Document>,
    pub version: Arc<Version>,
}

/// When they were published.
const PUBLISHED: Timestamp = Timestamp::from_secs(1_761_955_200);

macro_rules! owned {
    ($($kind:ident $name:literal),+ $(,)?) => {
        [$((DocumentType::$kind, $name, include_str!(concat!("owned/", $name, ".yaml")))),+]
    };
}

const SOURCES: [(DocumentType, &str, &str); 22] = owned![
    Command "AWS-ConfigureAWSPackage",
    Command "AWS-GatherSoftwareInventory",
    Command "AWS-RunDocument",
    Command "AWS-RunPowerShellScript",
    Command "AWS-RunRemoteScript",
    Command "AWS-RunShellScript",
    Command "AWS-UpdateSSMAgent",
    Session "AWS-PasswordReset",
    Session "AWS-StartInteractiveCommand",
    Session "AWS-StartNonInteractiveCommand",
    Session "AWS-StartPortForwardingSession",
    Session "AWS-StartPortForwardingSessionToRemoteHost",
    Session "AWS-StartPortForwardingSessionToSocket",
    Session "AWS-StartSSHSession",
    Automation "AWS-CreateImage",
    Automation "AWS-HelloWorld",
    Automation "AWS-PublishSNSNotification",
    Automation "AWS-RestartEC2Instance",
    Automation "AWS-StartEC2Instance",
    Automation "AWS-StopEC2Instance",
    Automation "AWS-TerminateEC2Instance",
    ChangeTemplate "AWS-HelloWorldChangeTemplate",
];

static OWNED: LazyLock<BTreeMap<&'static str, Owned>> =
    LazyLock::new(|| SOURCES.into_iter().map(|(kind, name, text)| (name, owned(kind, text))).collect());

fn owned(kind: DocumentType, text: &str) -> Owned {
    let document =
        Document { kind, created: PUBLISHED, tags: Map::new(), default: 1, latest: 1, shares: BTreeMap::new(), approved: None, pending: None };
    let value = cloudlet_ssm_document::read(Format::Yaml, text).unwrap_or_default();
    let content = cloudlet_ssm_document::write(Format::Json, &value);
    let mut version = Version {
        number: 1,
        name: None,
        display_name: None,
        target_type: None,
        format: Format::Json,
        hash: hash_of(content.as_bytes()),
        content: content.as_str().into(),
        created: PUBLISHED,
        schema_version: None,
        description: None,
        platforms: vec![],
        requires: vec![],
        attachments: Arc::default(),
        author: "Amazon".into(),
        review: None,
    };
    if let Ok(validated) = validate(kind, Format::Json, &content, &|_, _, _| Ok(())) {
        version.take_facts(&validated);
    }
    Owned { document: Arc::new(document), version: Arc::new(version) }
}

pub fn find(name: &str) -> Option<&'static Owned> {
    OWNED.get(name)
}

pub fn all() -> impl Iterator<Item = (&'static str, &'static Owned)> {
    OWNED.iter().map(|(name, owned)| (*name, owned))
}

/// Such a document belongs to no account.
pub fn arn(key: &DocumentKey) -> Arn {
    Arn::build(key.scope.partition(), "ssm", key.scope.region.as_str(), "", &format!("document/{}", key.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_are_documents_of_their_type() {
        for (kind, name, text) in SOURCES {
            let validated = validate(kind, Format::Yaml, text, &|_, _, _| Ok(())).unwrap_or_else(|refused| panic!("{name}: {refused}"));
            assert!(validated.description.is_some(), "{name}");
            assert!(find(name).unwrap().version.schema_version.is_some());
        }
    }
}
