//! Scopes: what part of S3 a location, a grant or a request is about. Text without state.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-grants-grant.html>

use cloudlet_aws::Arn;
use serde_json::{Value, json};

/// `s3://`, `s3://bucket`, `s3://bucket/prefix*` or `s3://bucket/key`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scope<'a> {
    pub bucket: &'a str,
    /// With its `*`; none for a bucket that was named alone.
    pub key: Option<&'a str>,
}

impl<'a> Scope<'a> {
    pub fn parse(text: &'a str) -> Option<Scope<'a>> {
        // AWS: its documentation writes `S3://` too.
        let rest = text.strip_prefix("s3://").or_else(|| text.strip_prefix("S3://"))?;
        let (bucket, key) = rest.split_once('/').map_or((rest, None), |(bucket, key)| (bucket, Some(key)));
        let is_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'_');
        let named = bucket.bytes().all(is_name) && bucket.len() <= 63;
        let inner_stars = key.is_some_and(|key| key.strip_suffix('*').unwrap_or(key).contains('*'));
        (named && !inner_stars && (!bucket.is_empty() || key.is_none())).then_some(Scope { bucket, key })
    }

    pub fn is_everything(&self) -> bool {
        self.bucket.is_empty()
    }

    /// The prefix that keys have; a whole bucket is the empty prefix. None: one key alone.
    fn prefix(&self) -> Option<&'a str> {
        match self.key {
            None | Some("") => Some(""),
            Some(key) => key.strip_suffix('*'),
        }
    }

    /// Whether all that the other names is in this one.
    pub fn covers(&self, other: &Scope<'_>) -> bool {
        if self.is_everything() {
            return true;
        }
        if self.bucket != other.bucket {
            return false;
        }
        match (self.prefix(), other.prefix()) {
            (Some(own), Some(others)) => others.starts_with(own),
            (Some(own), None) => other.key.is_some_and(|key| key.starts_with(own)),
            (None, Some(_)) => false,
            (None, None) => self.key == other.key,
        }
    }
}

/// The scope of a grant: the location's with the grant's sub-prefix appended. None: it is no scope, or all of S3.
pub fn of_grant(location: &str, sub_prefix: Option<&str>) -> Option<String> {
    let sub_prefix = sub_prefix.unwrap_or_default();
    let scope = Scope::parse(location)?;
    let text = match (sub_prefix.is_empty(), scope.key) {
        (true, _) => location.to_owned(),
        (false, None) if !scope.is_everything() => format!("{location}/{sub_prefix}"),
        (false, _) => format!("{}{sub_prefix}", location.strip_suffix('*').unwrap_or(location)),
    };
    Scope::parse(&text).filter(|scope| !scope.is_everything())?;
    Some(text)
}

/// READ, WRITE, or READWRITE, which covers all three.
pub fn permission_covers(granted: &str, asked: &str) -> bool {
    granted == "READWRITE" || granted == asked
}

const READ: [&str; 5] = ["s3:GetObject", "s3:GetObjectVersion", "s3:GetObjectAcl", "s3:GetObjectVersionAcl", "s3:ListMultipartUploadParts"];
const WRITE: [&str; 6] =
    ["s3:PutObject", "s3:PutObjectAcl", "s3:PutObjectVersionAcl", "s3:DeleteObject", "s3:DeleteObjectVersion", "s3:AbortMultipartUpload"];

/// The session policy of the credentials for a scope: the actions that AWS's documentation names for the role of a location.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-grants-location-register.html>
pub fn session_policy(partition: &str, scope: &Scope<'_>, permission: &str) -> String {
    let bucket = Arn::build(partition, "s3", "", "", scope.bucket);
    let key = match scope.prefix() {
        Some(prefix) => format!("{prefix}*"),
        None => scope.key.unwrap_or_default().to_owned(),
    };
    let objects = format!("{bucket}/{key}");
    let mut statements: Vec<Value> = Vec::new();
    if permission_covers(permission, "READ") {
        statements.push(json!({ "Effect": "Allow", "Action": READ, "Resource": objects }));
        let list =
            json!({ "Effect": "Allow", "Action": "s3:ListBucket", "Resource": bucket.as_str(), "Condition": { "StringLike": { "s3:prefix": key } } });
        statements.push(list);
        statements.push(json!({ "Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*" }));
    }
    if permission_covers(permission, "WRITE") {
        statements.push(json!({ "Effect": "Allow", "Action": WRITE, "Resource": objects }));
        statements.push(json!({ "Effect": "Allow", "Action": ["kms:Decrypt", "kms:GenerateDataKey"], "Resource": "*" }));
    }
    json!({ "Version": "2012-10-17", "Statement": statements }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn covers(own: &str, other: &str) -> bool {
        Scope::parse(own).unwrap().covers(&Scope::parse(other).unwrap())
    }

    #[test]
    fn a_scope_covers_what_begins_with_it() {
        for (own, other, expected) in [
            ("s3://", "s3://b/k", true),
            ("s3://b", "s3://b/k", true),
            ("s3://b/*", "s3://b", true),
            ("s3://b/p*", "s3://b/p*", true),
            ("s3://b/p*", "s3://b/prefix/k", true),
            ("s3://b/p*", "s3://b/*", false),
            ("s3://b/p*", "s3://c/p*", false),
            ("s3://b/p/", "s3://b/p/", true),
            ("s3://b/p/", "s3://b/p/k", false),
            ("s3://b/p/", "s3://b/p/*", false),
            ("s3://b", "s3://bb/k", false),
        ] {
            assert_eq!(covers(own, other), expected, "{own} {other}");
        }
        for text in ["b/k", "s3://B/k", "s3:///k", "s3://b/a*b", "https://b"] {
            assert_eq!(Scope::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_sub_prefix_is_appended_to_the_location() {
        for (location, sub_prefix, expected) in [
            ("s3://", Some("b/p*"), Some("s3://b/p*")),
            ("s3://", None, None),
            ("s3://b", Some("p*"), Some("s3://b/p*")),
            ("s3://b/*", Some("p*"), Some("s3://b/p*")),
            ("s3://b/p*", None, Some("s3://b/p*")),
            ("s3://b/p/*", Some("q/data.txt"), Some("s3://b/p/q/data.txt")),
            ("s3://b/p*", Some("q*r*"), None),
        ] {
            assert_eq!(of_grant(location, sub_prefix).as_deref(), expected, "{location} {sub_prefix:?}");
        }
    }

    #[test]
    fn a_session_has_what_was_asked_for_and_no_more() {
        let policy = session_policy("aws", &Scope::parse("s3://b/p*").unwrap(), "READ");
        assert!(policy.contains("arn:aws:s3:::b/p*") && policy.contains(r#""s3:prefix":"p*""#) && !policy.contains("PutObject"), "{policy}");
        let policy = session_policy("aws", &Scope::parse("s3://b").unwrap(), "WRITE");
        assert!(policy.contains("arn:aws:s3:::b/*") && !policy.contains("ListBucket"), "{policy}");
    }
}
