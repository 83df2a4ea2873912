//! A key policy: the root of all authority over its key.
//! <https://docs.aws.amazon.com/kms/latest/developerguide/key-policies.html>

use crate::{faults, limits};
use cloudlet_aws::{Fault, Scope};
use cloudlet_engine::StoredPolicy;
use cloudlet_policy::{Document, Kind};

/// The name of the only policy that a key has.
pub const DEFAULT_NAME: &str = "default";

pub fn parse(text: &str) -> Result<StoredPolicy, Fault> {
    if text.len() > limits::POLICY_BYTES {
        // AWS: unverified message.
        return Err(faults::LIMIT_EXCEEDED.says("The key policy exceeds the maximum size of 32768 bytes."));
    }
    StoredPolicy::parse(text, Kind::Key).map_err(|malformed| faults::MALFORMED_POLICY_DOCUMENT.says(malformed.message))
}

/// Of a key that is created without one: the account may do all, and its IAM policies count. AWS's own text.
/// <https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html>
pub fn of_account(scope: &Scope) -> StoredPolicy {
    own(format!(
        r#"{{
  "Version" : "2012-10-17",
  "Id" : "key-default-1",
  "Statement" : [ {{
    "Sid" : "Enable IAM User Permissions",
    "Effect" : "Allow",
    "Principal" : {{
      "AWS" : "{}"
    }},
    "Action" : "kms:*",
    "Resource" : "*"
  }} ]
}}"#,
        root(scope)
    ))
}

/// Of an AWS managed key: all who may use the service may use the key, through the service alone.
/// <https://docs.aws.amazon.com/kms/latest/developerguide/concepts.html#aws-managed-key>
pub fn of_service(service: &str, scope: &Scope) -> StoredPolicy {
    let (upper, account, region) = (service.to_ascii_uppercase(), scope.account, &scope.region);
    own(format!(
        r#"{{
  "Version" : "2012-10-17",
  "Id" : "auto-{service}-1",
  "Statement" : [ {{
    "Sid" : "Allow access through {upper} for all principals in the account that are authorized to use {upper}",
    "Effect" : "Allow",
    "Principal" : {{
      "AWS" : "*"
    }},
    "Action" : [ "kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:CreateGrant", "kms:DescribeKey" ],
    "Resource" : "*",
    "Condition" : {{
      "StringEquals" : {{
        "kms:CallerAccount" : "{account}",
        "kms:ViaService" : "{service}.{region}.amazonaws.com"
      }}
    }}
  }}, {{
    "Sid" : "Allow direct access to key metadata to the account",
    "Effect" : "Allow",
    "Principal" : {{
      "AWS" : "{}"
    }},
    "Action" : [ "kms:Describe*", "kms:Get*", "kms:List*", "kms:RevokeGrant" ],
    "Resource" : "*"
  }} ]
}}"#,
        root(scope)
    ))
}

fn own(text: String) -> StoredPolicy {
    StoredPolicy { document: Document::stored(&text, Kind::Key), text: text.into() }
}

fn root(scope: &Scope) -> String {
    format!("arn:{}:iam::{}:root", scope.partition(), scope.account)
}

#[cfg(test)]
mod tests {
    use super::*;
    use cloudlet_aws::{Account, Region};

    #[test]
    fn the_policies_that_aws_gives_are_policies() {
        let scope = Scope::new(Account::parse("123456789012").unwrap(), Region::new("us-east-1"));
        for policy in [of_account(&scope), of_service("sqs", &scope)] {
            assert_eq!(parse(&policy.text).unwrap().document, policy.document);
        }
    }

    #[test]
    fn what_is_no_policy_is_refused() {
        for text in ["", "{}", "nonsense", r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"kms:*","Resource":"*"}]}"#] {
            assert!(parse(text).unwrap_err().is(&faults::MALFORMED_POLICY_DOCUMENT), "{text}");
        }
    }
}
