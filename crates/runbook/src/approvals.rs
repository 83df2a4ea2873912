//! Who may approve: whether a principal is one of the approvers that a step names.

use serde::{Deserialize, Serialize};

/// A principal as approvers are compared with it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Principal {
    /// Of the call: `arn:aws:iam::123456789012:user/approver`, `arn:aws:sts::123456789012:assumed-role/ops/approver`.
    pub arn: String,
    /// The name of a user.
    pub user: Option<String>,
    /// The ARN of the role behind a session.
    pub role: Option<String>,
    /// The names and ARNs of a user's groups.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
}

/// Whether `approver` names this principal: a user's name or ARN, a role's ARN, or that of an assumed role.
/// <https://docs.aws.amazon.com/systems-manager/latest/userguide/automation-action-approve.html>
pub fn names(approver: &str, principal: &Principal) -> bool {
    let approver = approver.trim();
    if approver == principal.arn
        || principal.user.as_deref() == Some(approver)
        || principal.role.as_deref() == Some(approver)
        || principal.groups.iter().any(|group| group == approver)
    {
        return true;
    }
    // `arn:aws:sts::123456789012:assumed-role/ops` names all sessions of the role, and so does one with an asterisk.
    let session_of = |role: &str| principal.arn.strip_prefix(role).is_some_and(|rest| rest.starts_with('/') && rest.len() > 1);
    approver.contains(":assumed-role/") && session_of(approver.strip_suffix("/*").unwrap_or(approver))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn approvers_are_users_and_roles() {
        let user = Principal { arn: "arn:aws:iam::1:user/approver".into(), user: Some("approver".into()), role: None, groups: vec!["admins".into()] };
        assert!(names("approver", &user) && names("arn:aws:iam::1:user/approver", &user) && names("admins", &user) && !names("somebody", &user));
        let session = Principal {
            arn: "arn:aws:sts::1:assumed-role/ops/approver".into(),
            user: None,
            role: Some("arn:aws:iam::1:role/ops".into()),
            groups: vec![],
        };
        for approver in [
            "arn:aws:iam::1:role/ops",
            "arn:aws:sts::1:assumed-role/ops/approver",
            "arn:aws:sts::1:assumed-role/ops",
            "arn:aws:sts::1:assumed-role/ops/*",
        ] {
            assert!(names(approver, &session), "{approver}");
        }
        assert!(!names("arn:aws:sts::1:assumed-role/op", &session) && !names("approver", &session));
    }
}
