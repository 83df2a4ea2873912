//! DHCP options sets.
//! <https://docs.aws.amazon.com/vpc/latest/userguide/DHCPOptionSet.html>

use crate::{
    describing::{describes, shown},
    engine::Ec2,
    faults::{self, invalid_value, refuse},
    permissions,
    region::DHCP_OPTIONS,
    rows::{DhcpOptions, Vpc},
    state::{At, FilterOf, Kind, Resource, in_table},
    tags,
};
use cloudlet_api_ec2::{self as api, AssociateDhcpOptions, CreateDhcpOptions, DeleteDhcpOptions, DescribeDhcpOptions};
use cloudlet_engine::handler;

const KEYS: [&str; 6] =
    ["domain-name", "domain-name-servers", "ntp-servers", "netbios-name-servers", "netbios-node-type", "ipv6-address-preferred-lease-time"];

impl Resource for DhcpOptions {
    const KIND: Kind = DHCP_OPTIONS;
    const FILTERS: &'static [FilterOf<DhcpOptions>] = &[
        ("dhcp-options-id", |_, at| vec![at.id.to_owned()]),
        ("key", |options, _| options.options.iter().map(|(key, _)| key.clone()).collect()),
        ("value", |options, _| options.options.iter().flat_map(|(_, values)| values.clone()).collect()),
        ("owner-id", |_, at| vec![at.scope.account.to_string()]),
    ];
    type Shown = api::DhcpOptions;

    in_table!(dhcp_options, DhcpOptions);

    fn shown(&self, at: &At<'_>) -> api::DhcpOptions {
        let configuration = |(key, values): &(String, Vec<String>)| api::DhcpConfiguration {
            key: Some(key.clone()),
            values: Some(values.iter().map(|value| api::AttributeValue { value: Some(value.clone()) }).collect()),
        };
        api::DhcpOptions {
            dhcp_options_id: Some(at.id.to_owned()),
            owner_id: Some(at.scope.account.to_string()),
            dhcp_configurations: Some(self.options.iter().map(configuration).collect()),
            tags: tags::answered(at.state.tags_of(at.scope, at.id)),
        }
    }
}

handler!(
    Ec2,
    CreateDhcpOptions,
    |ec2, cx, input| Ok(permissions::create::<CreateDhcpOptions>(cx, "dhcp-options", tags::requested(input.tag_specifications.as_ref()))),
    |ec2, cx, input| {
        ec2.begin(cx, input.dry_run)?;
        let tags = tags::of_new(input.tag_specifications.as_ref(), "dhcp-options")?;
        let mut options: Vec<(String, Vec<String>)> = Vec::new();
        for configuration in input.dhcp_configurations {
            let (key, values) = (configuration.key.unwrap_or_default(), configuration.values.unwrap_or_default());
            if !KEYS.contains(&key.as_str()) {
                return Err(invalid_value(format!("Value ({key}) for parameter name is invalid. Unknown DHCP option")));
            }
            if key == "netbios-node-type" && !values.iter().all(|value| matches!(value.as_str(), "1" | "2" | "4" | "8")) {
                return Err(invalid_value(format!("Value ({}) for parameter netbios-node-type is invalid. Must be 1, 2, 4 or 8", values.join(","))));
            }
            if values.is_empty() || options.iter().any(|(known, _)| *known == key) {
                // AWS: unverified wording.
                return Err(invalid_value(format!("Value ({}) for parameter {key} is invalid.", values.join(","))));
            }
            options.push((key, values));
        }
        if options.is_empty() {
            return Err(faults::missing("dhcpConfiguration"));
        }
        ec2.store.write(|state| {
            let id = state.add(&cx.scope, cx.ids(), DhcpOptions { options }, tags);
            Ok(api::CreateDhcpOptionsResult { dhcp_options: shown::<DhcpOptions>(state, cx, &id) })
        })
    }
);

handler!(
    Ec2,
    DeleteDhcpOptions,
    |ec2, cx, input| Ok(ec2.on::<DeleteDhcpOptions, DhcpOptions>(cx, &input.dhcp_options_id).into()),
    |ec2, cx, input| {
        ec2.begin(cx, input.dry_run)?;
        ec2.store.write(|state| {
            let id = &input.dhcp_options_id;
            state.find::<DhcpOptions>(&cx.scope, id)?;
            if state.all::<Vpc>(&cx.scope).any(|(_, vpc)| vpc.dhcp_options == *id) {
                return Err(refuse("DependencyViolation", format!("The dhcpOptions '{id}' has dependencies and cannot be deleted.")));
            }
            state.remove::<DhcpOptions>(&cx.scope, id);
            Ok(Default::default())
        })
    }
);

describes!(DescribeDhcpOptions, DhcpOptions, dhcp_options_ids, filters, DescribeDhcpOptionsResult { dhcp_options });

handler!(
    Ec2,
    AssociateDhcpOptions,
    |ec2, cx, input| {
        let vpc = ec2.on::<AssociateDhcpOptions, Vpc>(cx, &input.vpc_id);
        Ok([ec2.on::<AssociateDhcpOptions, DhcpOptions>(cx, &input.dhcp_options_id), vpc].into_iter().collect())
    },
    |ec2, cx, input| {
        ec2.begin(cx, input.dry_run)?;
        ec2.store.write(|state| {
            // "default": the options that AWS gives.
            if input.dhcp_options_id != "default" {
                state.find::<DhcpOptions>(&cx.scope, &input.dhcp_options_id)?;
            }
            state.find_mut::<Vpc>(&cx.scope, &input.vpc_id)?.dhcp_options = input.dhcp_options_id;
            Ok(Default::default())
        })
    }
);
