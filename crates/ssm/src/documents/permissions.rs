//! What calls on documents need to be allowed.
//! <https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssystemsmanager.html>

use super::{
    Documents, Owner, Resolved,
    names::{Name, no_document_of},
    resolve::shared_with,
};
use crate::parameters::permissions::set_resource_tags;
use cloudlet_aws::{Arn, Fault};
use cloudlet_engine::{Cx, Grant, Permission, Reach};
use cloudlet_shape::Operation;

impl Documents {
    /// The operation's own action on a document, which need not exist.
    pub fn permission<O: Operation>(&self, cx: &Cx, name: &str) -> Result<Permission, Fault> {
        self.permission_of(cx, name, O::SCHEMA.access.first().map_or("", |access| access.action))
    }

    /// Another action: `ssm:SendCommand` needs the document too.
    pub fn permission_of(&self, cx: &Cx, name: &str, action: &'static str) -> Result<Permission, Fault> {
        let parsed = Name::parse(&cx.scope, name).ok_or_else(|| no_document_of(name))?;
        if let Some(found) = self.find(cx, name) {
            return Ok(permission_on(cx, &found, action));
        }
        // One that is shared, but not in this version, or that is not there.
        Ok(Permission::action(action, if parsed.of_amazon { super::owned::arn(&parsed.key) } else { parsed.key.arn() }))
    }
}

pub fn permission_on(cx: &Cx, found: &Resolved, action: &'static str) -> Permission {
    let mut permission = Permission::action(action, found.arn()).with_key("ssm:DocumentType", found.kind().as_str());
    set_resource_tags(&mut permission, &found.document.tags);
    if let Owner::Account(owner) = found.owner
        && owner != cx.scope.account
        && shared_with(&found.document, cx.scope.account).is_some()
    {
        permission.grant = Some(Grant { name: "sharing of the document", reach: Reach::Account });
    }
    permission
}

/// A document that is still to be made.
pub fn on_new<O: Operation>(cx: &Cx, name: &str, kind: &str) -> Permission {
    Permission::of::<O>(Arn::new("ssm", &cx.scope, &format!("document/{name}"))).with_key("ssm:DocumentType", kind)
}
