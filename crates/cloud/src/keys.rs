//! The global condition keys of a call.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html>

use cloudlet_aws::{Identity, TimestampFormat};
use cloudlet_engine::{Ask, Cx, Keys};

/// What the house knows of a call, added to what the engine said of its ask.
pub fn of(cx: &Cx, ask: &Ask) -> Keys {
    let mut keys = ask.keys.clone();
    keys.set("aws:CurrentTime", cx.now.text(TimestampFormat::DateTime));
    keys.set("aws:EpochTime", cx.now.secs().to_string());
    keys.set("aws:RequestedRegion", cx.scope.region.as_str().to_owned());
    if let Some(owner) = ask.owner {
        keys.set("aws:ResourceAccount", owner.as_str().to_owned());
    }
    let origin = &cx.origin;
    let via = !origin.via.is_empty();
    keys.set("aws:ViaAWSService", text(via));
    if let (Some(first), Some(last)) = (origin.via.first(), origin.via.last()) {
        keys.set_many("aws:CalledVia", origin.via.iter().map(|service| service.to_string()));
        keys.set("aws:CalledViaFirst", first.to_string());
        keys.set("aws:CalledViaLast", last.to_string());
    } else if let Some(ip) = origin.source_ip {
        keys.set("aws:SourceIp", ip.to_string());
    }
    // Policies that refuse plain HTTP are everywhere, and a local endpoint speaks it: the way here is as safe as TLS makes the real one.
    keys.set("aws:SecureTransport", text(true));
    if let Some(agent) = &origin.user_agent {
        keys.set("aws:UserAgent", agent.to_string());
    }
    if let Some(referer) = &origin.referer {
        keys.set("aws:Referer", referer.to_string());
    }
    principal(cx, &mut keys);
    keys
}

fn principal(cx: &Cx, keys: &mut Keys) {
    let caller = &cx.caller;
    keys.set("aws:PrincipalIsAWSService", text(matches!(caller.identity, Identity::Service { .. })));
    let kind = match &caller.identity {
        Identity::Root => "Account",
        Identity::User { name } => {
            keys.set("aws:username", name.to_string());
            "User"
        }
        Identity::AssumedRole { .. } => "AssumedRole",
        Identity::FederatedUser { .. } => "FederatedUser",
        Identity::Anonymous => {
            keys.set("aws:PrincipalType", "Anonymous".to_owned());
            return;
        }
        Identity::Service { principal, source } => {
            keys.set("aws:PrincipalServiceName", principal.to_string());
            keys.set_many("aws:PrincipalServiceNamesList", [principal.to_string()]);
            if let Some(source) = source {
                keys.set("aws:SourceArn", source.to_string());
            }
            if let Some(account) = caller.account {
                keys.set("aws:SourceAccount", account.as_str().to_owned());
            }
            return;
        }
    };
    keys.set("aws:PrincipalType", kind.to_owned());
    let arn = match &caller.identity {
        Identity::AssumedRole { role, .. } => role.as_str(),
        _ => &caller.arn,
    };
    keys.set("aws:PrincipalArn", arn.to_owned());
    keys.set("aws:userid", caller.unique_id.to_string());
    if let Some(account) = caller.account {
        keys.set("aws:PrincipalAccount", account.as_str().to_owned());
    }
}

fn text(truth: bool) -> String {
    if truth { "true".to_owned() } else { "false".to_owned() }
}
