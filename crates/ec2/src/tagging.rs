//! CreateTags, DeleteTags and DescribeTags, on resources of every kind.
//! <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html>

use crate::{
    describing,
    engine::Ec2,
    faults::{self, invalid_value, refuse},
    filters::ShownFilters,
    instances::volumes::{VOLUME, has_volume},
    limits, permissions,
    rows::{
        Acl, Address, DhcpOptions, EgressOnlyInternetGateway, Endpoint, FlowLog, Group, InsightsAnalysis, InsightsPath, Instance, Interface,
        InternetGateway, LaunchTemplate, NatGateway, Peering, PrefixList, RouteTable, Subnet, Vpc,
    },
    state::{Kind, Resource, State, key},
    tags::{self, Tags},
};
use cloudlet_api_ec2::{self as api, CreateTags, DeleteTags, DescribeTags};
use cloudlet_aws::{Fault, Scope};
use cloudlet_engine::{Permission, handler, paging::Paging};
use std::sync::Arc;

type Exists = fn(&State, &Scope, &str) -> bool;

fn has<R: Resource>(state: &State, scope: &Scope, id: &str) -> bool {
    state.get::<R>(scope, id).is_some()
}

const fn of<R: Resource>() -> (Kind, Exists) {
    (R::KIND, has::<R>)
}

const RULE: Kind = Kind {
    prefix: "sgr",
    name: "security-group-rule",
    missing: "InvalidSecurityGroupRuleId.NotFound",
    says: ("The security group rule ID '", "' does not exist"),
    malformed: "InvalidSecurityGroupRuleId.Malformed",
};

/// Every kind that has tags.
static KINDS: [(Kind, Exists); 19] = [
    of::<Vpc>(),
    of::<Subnet>(),
    of::<RouteTable>(),
    of::<InternetGateway>(),
    of::<EgressOnlyInternetGateway>(),
    of::<NatGateway>(),
    of::<Acl>(),
    of::<PrefixList>(),
    of::<DhcpOptions>(),
    of::<Interface>(),
    of::<Address>(),
    of::<Peering>(),
    of::<Endpoint>(),
    of::<Arc<Group>>(),
    of::<Instance>(),
    of::<FlowLog>(),
    of::<LaunchTemplate>(),
    of::<InsightsPath>(),
    of::<InsightsAnalysis>(),
];

fn prefix_of(id: &str) -> &str {
    id.rsplit_once('-').map_or("", |(prefix, _)| prefix)
}

fn kind_of(id: &str) -> Option<&'static Kind> {
    let prefix = prefix_of(id);
    KINDS.iter().map(|(kind, _)| kind).chain([&RULE, &VOLUME]).find(|kind| kind.prefix == prefix)
}

fn check(state: &State, scope: &Scope, id: &str) -> Result<(), Fault> {
    // AWS: unverified for ids of no kind.
    let kind = kind_of(id).ok_or_else(|| refuse("InvalidID", format!("The ID '{id}' is not valid")))?;
    kind.check(id)?;
    let exists = match kind.prefix {
        "sgr" => state.rule(scope, id).is_some(),
        "vol" => has_volume(state, scope, id),
        prefix => KINDS.iter().find(|(kind, _)| kind.prefix == prefix).is_some_and(|(_, exists)| exists(state, scope, id)),
    };
    if exists { Ok(()) } else { Err(kind.is_missing(id)) }
}

fn on(ec2: &Ec2, cx: &cloudlet_engine::Cx, action: &'static str, id: &str) -> Permission {
    let kind = kind_of(id).map_or("*", |kind| kind.name);
    let permission = Permission::action(action, permissions::arn(&cx.scope, kind, id)).with_key("ec2:Region", cx.scope.region.as_str());
    ec2.store.read(|state| permissions::with_tags(permission, state.tags_of(&cx.scope, id)))
}

handler!(
    Ec2,
    CreateTags,
    |ec2, cx, input| {
        let tags: Vec<(String, String)> =
            input.tags.iter().map(|tag| (tag.key.clone().unwrap_or_default(), tag.value.clone().unwrap_or_default())).collect();
        let all = input.resources.iter().map(|id| on(ec2, cx, "ec2:CreateTags", id).with_request_tags(tags.clone()));
        let all: cloudlet_engine::Permissions = all.collect();
        Ok(if all.is_empty() { permissions::describe::<CreateTags>(cx) } else { all })
    },
    |ec2, cx, input| {
        ec2.begin(cx, input.dry_run)?;
        if input.resources.is_empty() {
            return Err(faults::missing("resourceIdSet"));
        }
        if input.tags.is_empty() {
            return Err(faults::missing("tagSet"));
        }
        if input.tags.iter().any(|tag| tag.value.is_none()) {
            return Err(invalid_value("Tag value cannot be null. Use empty string instead."));
        }
        let pairs = input.tags.iter().map(|tag| (tag.key.clone().unwrap_or_default(), tag.value.clone().unwrap_or_default()));
        let new = tags::checked(pairs.collect())?;
        ec2.store.write(|state| {
            for id in &input.resources {
                check(state, &cx.scope, id)?;
                let mut all = state.tags_of(&cx.scope, id).cloned().unwrap_or_default();
                all.extend(new.clone());
                if all.len() > limits::TAGS {
                    return Err(tags::too_many());
                }
                state.set_tags(&cx.scope, id, all);
            }
            Ok(Default::default())
        })
    }
);

handler!(
    Ec2,
    DeleteTags,
    |ec2, cx, input| {
        let names: Vec<String> = input.tags.iter().flatten().filter_map(|tag| tag.key.clone()).collect();
        let all = input.resources.iter().map(|id| on(ec2, cx, "ec2:DeleteTags", id).with_tag_keys(names.clone()));
        let all: cloudlet_engine::Permissions = all.collect();
        Ok(if all.is_empty() { permissions::describe::<DeleteTags>(cx) } else { all })
    },
    |ec2, cx, input| {
        ec2.begin(cx, input.dry_run)?;
        if input.resources.is_empty() {
            return Err(faults::missing("resourceIdSet"));
        }
        let given = input.tags.iter().flatten().filter_map(|tag| tag.key.as_deref());
        if let Some(key) = given.clone().find(|key| tags::is_reserved(key)) {
            return Err(tags::reserved(key));
        }
        ec2.store.write(|state| {
            for id in &input.resources {
                check(state, &cx.scope, id)?;
                let mut all = state.tags_of(&cx.scope, id).cloned().unwrap_or_default();
                match &input.tags {
                    // AWS: without tags, all go but those of `aws:`.
                    None => all.retain(|key, _| key.starts_with("aws:")),
                    // With a value only where it is the value.
                    Some(given) => given.iter().for_each(|tag| {
                        let key = tag.key.as_deref().unwrap_or_default();
                        if tag.value.is_none() || all.get(key) == tag.value.as_ref() {
                            all.remove(key);
                        }
                    }),
                }
                state.set_tags(&cx.scope, id, all);
            }
            Ok(Default::default())
        })
    }
);

handler!(Ec2, DescribeTags, |ec2, cx, input| Ok(permissions::describe::<DescribeTags>(cx)), |ec2, cx, input| {
    ec2.begin(cx, input.dry_run)?;
    describing::check_page(input.max_results, 5, 1_000)?;
    let list = Paging::of::<DescribeTags>(cx, &input);
    let filters = ShownFilters::read(input.filters, values)?;
    let page = ec2.store.read(|state| {
        let from = key(&cx.scope, "");
        let of_scope = state.tags.range(from..).take_while(|((scope, _), _)| *scope == cx.scope);
        let all = of_scope.flat_map(|((_, id), tags): (_, &Tags)| tags.iter().map(move |(name, value)| (id, name, value)));
        let rows = all.map(|(id, name, value)| {
            let shown = api::TagDescription {
                key: Some(name.clone()),
                resource_id: Some(id.clone()),
                resource_type: kind_of(id).map(|kind| kind.name.to_owned()),
                value: Some(value.clone()),
            };
            ((id.clone(), name.clone()), shown)
        });
        describing::page(&list, rows.filter(|(_, shown)| filters.pass(shown)))
    })?;
    Ok(api::DescribeTagsResult { tags: Some(page.items), next_token: page.next_token })
});

fn values(of: &api::TagDescription, filter: &str) -> Option<Vec<String>> {
    let value = match filter {
        "key" => &of.key,
        "resource-id" => &of.resource_id,
        "resource-type" => &of.resource_type,
        "value" => &of.value,
        other => match other.strip_prefix("tag:") {
            Some(key) if of.key.as_deref() == Some(key) => &of.value,
            Some(_) => &None,
            None => return None,
        },
    };
    Some(value.iter().cloned().collect())
}
