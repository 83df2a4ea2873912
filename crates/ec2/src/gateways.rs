//! Internet gateways, and those of IPv6 that let out only.
//! <https://docs.aws.amazon.com/vpc/latest/userguide/VPC_Internet_Gateway.html>

use crate::{
    client_tokens::ClientToken,
    describing::{describes, shown},
    engine::Ec2,
    faults::refuse,
    limits, lookups, permissions,
    rows::{EgressOnlyInternetGateway, Interface, InternetGateway, Vpc},
    state::{At, FilterOf, Kind, Resource, State, in_table},
    tags,
};
use cloudlet_api_ec2::{
    self as api, AttachInternetGateway, CreateEgressOnlyInternetGateway, CreateInternetGateway, DeleteEgressOnlyInternetGateway,
    DeleteInternetGateway, DescribeEgressOnlyInternetGateways, DescribeInternetGateways, DetachInternetGateway,
};
use cloudlet_aws::Scope;
use cloudlet_engine::handler;

impl Resource for InternetGateway {
    const KIND: Kind = Kind {
        prefix: "igw",
        name: "internet-gateway",
        missing: "InvalidInternetGatewayID.NotFound",
        says: ("The internetGateway ID '", "' does not exist"),
        malformed: "InvalidInternetGatewayId.Malformed",
    };
    const FILTERS: &'static [FilterOf<InternetGateway>] = &[
        ("attachment.state", |gateway, _| gateway.vpc.iter().map(|_| "available".to_owned()).collect()),
        ("attachment.vpc-id", |gateway, _| gateway.vpc.iter().cloned().collect()),
        ("internet-gateway-id", |_, at| vec![at.id.to_owned()]),
        ("owner-id", |_, at| vec![at.scope.account.to_string()]),
    ];
    type Shown = api::InternetGateway;

    in_table!(internet_gateways, InternetGateway);

    fn vpc(&self) -> Option<&str> {
        self.vpc.as_deref()
    }

    fn shown(&self, at: &At<'_>) -> api::InternetGateway {
        api::InternetGateway {
            internet_gateway_id: Some(at.id.to_owned()),
            owner_id: Some(at.scope.account.to_string()),
            // AWS: "available", where its reference has "attached".
            attachments: Some(self.vpc.iter().map(|vpc| attachment("available", vpc)).collect()),
            tags: tags::answered(at.state.tags_of(at.scope, at.id)),
        }
    }
}

fn attachment(state: &str, vpc: &str) -> api::InternetGatewayAttachment {
    api::InternetGatewayAttachment { state: Some(state.to_owned()), vpc_id: Some(vpc.to_owned()) }
}

handler!(
    Ec2,
    CreateInternetGateway,
    |ec2, cx, input| Ok(permissions::create::<CreateInternetGateway>(cx, "internet-gateway", tags::requested(input.tag_specifications.as_ref()))),
    |ec2, cx, input| {
        ec2.begin(cx, input.dry_run)?;
        let tags = tags::of_new(input.tag_specifications.as_ref(), "internet-gateway")?;
        ec2.store.write(|state| {
            if state.count::<InternetGateway>(&cx.scope) >= limits::VPCS {
                // AWS: unverified wording.
                return Err(refuse("InternetGatewayLimitExceeded", "The maximum number of internet gateways has been reached."));
            }
            let id = state.add(&cx.scope, cx.ids(), InternetGateway { vpc: None }, tags);
            Ok(api::CreateInternetGatewayResult { internet_gateway: shown::<InternetGateway>(state, cx, &id) })
        })
    }
);

handler!(
    Ec2,
    DeleteInternetGateway,
    |ec2, cx, input| Ok(ec2.on::<DeleteInternetGateway, InternetGateway>(cx, &input.internet_gateway_id).into()),
    |ec2, cx, input| {
        ec2.begin(cx, input.dry_run)?;
        ec2.store.write(|state| {
            let id = &input.internet_gateway_id;
            if state.find::<InternetGateway>(&cx.scope, id)?.vpc.is_some() {
                return Err(refuse("DependencyViolation", format!("The internetGateway '{id}' has dependencies and cannot be deleted.")));
            }
            state.remove::<InternetGateway>(&cx.scope, id);
            Ok(Default::default())
        })
    }
);

describes!(DescribeInternetGateways, InternetGateway, internet_gateway_ids, filters, DescribeInternetGatewaysResult { internet_gateways });

handler!(
    Ec2,
    AttachInternetGateway,
    |ec2, cx, input| {
        let gateway = ec2.on::<AttachInternetGateway, InternetGateway>(cx, &input.internet_gateway_id);
        Ok([gateway, ec2.on::<AttachInternetGateway, Vpc>(cx, &input.vpc_id)].into_iter().collect())
    },
    |ec2, cx, input| {
        ec2.begin(cx, input.dry_run)?;
        ec2.store.write(|state| {
            let (id, vpc) = (&input.internet_gateway_id, &input.vpc_id);
            let row = state.find::<InternetGateway>(&cx.scope, id)?;
            state.find::<Vpc>(&cx.scope, vpc)?;
            if let Some(other) = &row.vpc {
                let message = match other == vpc {
                    true => format!("resource {id} is already attached to network {vpc}"),
                    // AWS: unverified wording.
                    false => format!("resource {id} is already attached to network {other}"),
                };
                return Err(refuse("Resource.AlreadyAssociated", message));
            }
            if state.all::<InternetGateway>(&cx.scope).any(|(_, gateway)| gateway.vpc.as_deref() == Some(vpc)) {
                return Err(refuse("InvalidParameterValue", format!("Network {vpc} already has an internet gateway attached")));
            }
            state.find_mut::<InternetGateway>(&cx.scope, id)?.vpc = Some(vpc.clone());
            Ok(Default::default())
        })
    }
);

/// Whether something in a VPC has a public address.
fn has_public_addresses(state: &State, scope: &Scope, vpc: &str) -> bool {
    state.all::<Interface>(scope).any(|(id, interface)| {
        interface.vpc == vpc && interface.addresses.iter().any(|address| lookups::public_of(state, scope, id, address).is_some())
    })
}

handler!(
    Ec2,
    DetachInternetGateway,
    |ec2, cx, input| {
        let gateway = ec2.on::<DetachInternetGateway, InternetGateway>(cx, &input.internet_gateway_id);
        Ok([gateway, ec2.on::<DetachInternetGateway, Vpc>(cx, &input.vpc_id)].into_iter().collect())
    },
    |ec2, cx, input| {
        ec2.begin(cx, input.dry_run)?;
        ec2.store.write(|state| {
            let (id, vpc) = (&input.internet_gateway_id, &input.vpc_id);
            let row = state.find::<InternetGateway>(&cx.scope, id)?;
            state.find::<Vpc>(&cx.scope, vpc)?;
            if row.vpc.as_ref() != Some(vpc) {
                return Err(refuse("Gateway.NotAttached", format!("resource {id} is not attached to network {vpc}")));
            }
            if has_public_addresses(state, &cx.scope, vpc) {
                let message =
                    format!("Network {vpc} has some mapped public address(es). Please unmap those public address(es) before detaching the gateway.");
                return Err(refuse("DependencyViolation", message));
            }
            state.find_mut::<InternetGateway>(&cx.scope, id)?.vpc = None;
            Ok(Default::default())
        })
    }
);

impl Resource for EgressOnlyInternetGateway {
    const KIND: Kind = Kind {
        prefix: "eigw",
        name: "egress-only-internet-gateway",
        missing: "InvalidGatewayID.NotFound",
        says: ("The eigw ID '", "' does not exist"),
        malformed: "InvalidEgressOnlyInternetGatewayId.Malformed",
    };
    const FILTERS: &'static [FilterOf<EgressOnlyInternetGateway>] = &[];
    type Shown = api::EgressOnlyInternetGateway;

    in_table!(egress_only_gateways, EgressOnlyInternetGateway);

    fn vpc(&self) -> Option<&str> {
        Some(&self.vpc)
    }

    fn shown(&self, at: &At<'_>) -> api::EgressOnlyInternetGateway {
        api::EgressOnlyInternetGateway {
            egress_only_internet_gateway_id: Some(at.id.to_owned()),
            attachments: Some(vec![attachment("attached", &self.vpc)]),
            tags: tags::answered(at.state.tags_of(at.scope, at.id)),
        }
    }
}

handler!(
    Ec2,
    CreateEgressOnlyInternetGateway,
    |ec2, cx, input| Ok(ec2.create_in::<CreateEgressOnlyInternetGateway, EgressOnlyInternetGateway, Vpc>(
        cx,
        tags::requested(input.tag_specifications.as_ref()),
        &input.vpc_id
    )),
    |ec2, cx, input| {
        ec2.begin(cx, input.dry_run)?;
        let token = ClientToken::of::<CreateEgressOnlyInternetGateway>(cx, &input, input.client_token.as_deref())?;
        let tags = tags::of_new(input.tag_specifications.as_ref(), "egress-only-internet-gateway")?;
        ec2.store.write(|state| {
            let id = token.once::<EgressOnlyInternetGateway>(state, cx, |state| {
                state.find::<Vpc>(&cx.scope, &input.vpc_id)?;
                Ok(state.add(&cx.scope, cx.ids(), EgressOnlyInternetGateway { vpc: input.vpc_id }, tags))
            })?;
            let egress_only_internet_gateway = shown::<EgressOnlyInternetGateway>(state, cx, &id);
            Ok(api::CreateEgressOnlyInternetGatewayResult { egress_only_internet_gateway, client_token: input.client_token })
        })
    }
);

handler!(
    Ec2,
    DeleteEgressOnlyInternetGateway,
    |ec2, cx, input| Ok(ec2.on::<DeleteEgressOnlyInternetGateway, EgressOnlyInternetGateway>(cx, &input.egress_only_internet_gateway_id).into()),
    |ec2, cx, input| {
        ec2.begin(cx, input.dry_run)?;
        ec2.store.write(|state| {
            state.find::<EgressOnlyInternetGateway>(&cx.scope, &input.egress_only_internet_gateway_id)?;
            state.remove::<EgressOnlyInternetGateway>(&cx.scope, &input.egress_only_internet_gateway_id);
            Ok(api::DeleteEgressOnlyInternetGatewayResult { return_code: Some(true) })
        })
    }
);

describes!(
    DescribeEgressOnlyInternetGateways,
    EgressOnlyInternetGateway,
    egress_only_internet_gateway_ids,
    filters,
    DescribeEgressOnlyInternetGatewaysResult { egress_only_internet_gateways },
    5,
    255
);
