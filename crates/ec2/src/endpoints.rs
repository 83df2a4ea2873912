//! VPC endpoints: of the gateway kind, which are routes, and of the interface kind, which are interfaces.
//! <https://docs.aws.amazon.com/vpc/latest/privatelink/gateway-endpoints.html>

use crate::{
    client_tokens::ClientToken,
    describing::{self, describes, shown},
    engine::Ec2,
    faults::{self, invalid_value, refuse},
    filters::{self, ShownFilters},
    groups, interfaces, limits, permissions, prefix_lists,
    route_tables::{add_endpoint, remove_endpoint},
    rows::{Endpoint, Group, RouteTable, Subnet, Vpc},
    state::{At, FilterOf, Kind, Resource, State, in_table},
    subnets, tags,
};
use cloudlet_api_ec2::{self as api, CreateVpcEndpoint, DeleteVpcEndpoints, DescribeVpcEndpointServices, DescribeVpcEndpoints, ModifyVpcEndpoint};
use cloudlet_aws::{Fault, Region, Scope};
use cloudlet_engine::{Cx, StoredPolicy, ThroughEndpoint, VpcEndpoints, handler, paging::Paging};
use cloudlet_policy::Kind as PolicyKind;
use std::sync::Arc;

/// Of an endpoint that was given none.
pub const OPEN_POLICY: &str = r#"{"Statement":[{"Action":"*","Effect":"Allow","Principal":"*","Resource":"*"}]}"#;

/// The services that have endpoints here: those with gateways, and those with interfaces.
const GATEWAYS: [&str; 2] = ["s3", "dynamodb"];
const INTERFACES: [&str; 17] = [
    "s3",
    "ec2",
    "ec2messages",
    "execute-api",
    "kinesis-firehose",
    "kms",
    "lambda",
    "logs",
    "monitoring",
    "secretsmanager",
    "sns",
    "sqs",
    "ssm",
    "ssmmessages",
    "states",
    "sts",
    "email-smtp",
];

impl Resource for Endpoint {
    const KIND: Kind = Kind {
        prefix: "vpce",
        name: "vpc-endpoint",
        missing: "InvalidVpcEndpointId.NotFound",
        says: ("The Vpc Endpoint Id '", "' does not exist"),
        malformed: "InvalidVpcEndpointId.Malformed",
    };
    const FILTERS: &'static [FilterOf<Endpoint>] = &[
        ("service-name", |endpoint, _| vec![endpoint.service.clone()]),
        ("service-region", |_, at| vec![at.scope.region.to_string()]),
        ("vpc-endpoint-id", |_, at| vec![at.id.to_owned()]),
        ("vpc-endpoint-state", |_, _| vec!["available".to_owned()]),
        ("vpc-endpoint-type", |endpoint, _| vec![endpoint.kind.clone()]),
        ("vpc-id", |endpoint, _| vec![endpoint.vpc.clone()]),
        ("ip-address-type", |_, _| vec!["ipv4".to_owned()]),
    ];
    type Shown = api::VpcEndpoint;

    in_table!(endpoints, Endpoint);

    fn vpc(&self) -> Option<&str> {
        Some(&self.vpc)
    }

    fn shown(&self, at: &At<'_>) -> api::VpcEndpoint {
        let is_interface = self.kind == "Interface";
        api::VpcEndpoint {
            vpc_endpoint_id: Some(at.id.to_owned()),
            vpc_endpoint_type: Some(self.kind.clone()),
            vpc_id: Some(self.vpc.clone()),
            service_name: Some(self.service.clone()),
            service_region: Some(at.scope.region.to_string()),
            state: Some("available".to_owned()),
            policy_document: Some(self.policy.as_ref().map_or(OPEN_POLICY, |policy| &policy.text).to_owned()),
            route_table_ids: Some(self.route_tables.clone()),
            subnet_ids: Some(self.subnets.clone()),
            groups: Some(
                groups::identifiers(at.state, at.scope, &self.groups)
                    .into_iter()
                    .map(|group| api::SecurityGroupIdentifier { group_id: group.group_id, group_name: group.group_name })
                    .collect(),
            ),
            ip_address_type: Some("ipv4".to_owned()),
            // AWS: unverified what a gateway says here.
            dns_options: Some(api::DnsOptions {
                dns_record_ip_type: Some(if is_interface { "ipv4" } else { "service-defined" }.to_owned()),
                private_dns_only_for_inbound_resolver_endpoint: self.inbound_only,
                ..Default::default()
            }),
            private_dns_enabled: Some(self.private_dns),
            requester_managed: Some(false),
            network_interface_ids: Some(self.interfaces.clone()),
            dns_entries: Some(dns_entries(self, at)),
            creation_timestamp: Some(self.made),
            owner_id: Some(at.scope.account.to_string()),
            tags: tags::answered(at.state.tags_of(at.scope, at.id)),
            ..Default::default()
        }
    }
}

/// The name of the endpoint, one for each zone, and the service's own where private DNS is on. Without a subnet there is nothing to name.
fn dns_entries(endpoint: &Endpoint, at: &At<'_>) -> Vec<api::DnsEntry> {
    if endpoint.kind != "Interface" || endpoint.subnets.is_empty() {
        return vec![];
    }
    let region = at.scope.region.as_str();
    let service = endpoint.service.rsplit('.').next().unwrap_or_default();
    let name = format!("{}-{}", at.id, endpoint.dns_suffix);
    let domain = format!("{service}.{region}.vpce.amazonaws.com");
    let zones =
        endpoint.subnets.iter().filter_map(|id| at.state.get::<Subnet>(at.scope, id)).map(|subnet| format!("{name}-{}.{domain}", subnet.zone));
    let private = endpoint.private_dns.then(|| format!("{service}.{region}.amazonaws.com"));
    // AWS: each region and service has a hosted zone of its own; this one is of nobody.
    let entry = |dns_name: String| api::DnsEntry { dns_name: Some(dns_name), hosted_zone_id: Some("Z7HUB22UULQXV".to_owned()) };
    [format!("{name}.{domain}")].into_iter().chain(zones).chain(private).map(entry).collect()
}

fn read_policy(text: &str) -> Result<StoredPolicy, Fault> {
    // AWS: unverified wording.
    StoredPolicy::parse(text, PolicyKind::VpcEndpoint).map_err(|_| refuse("InvalidPolicyDocument", "The policy document is not valid."))
}

fn service_of(scope: &Scope, name: &str) -> Option<String> {
    name.strip_prefix(&format!("com.amazonaws.{}.", scope.region)).map(str::to_owned)
}

handler!(
    Ec2,
    CreateVpcEndpoint,
    |ec2, cx, input| {
        let tags = tags::requested(input.tag_specifications.as_ref());
        let mut all = ec2.create_in::<CreateVpcEndpoint, Endpoint, Vpc>(cx, tags, &input.vpc_id);
        all.extend(input.route_table_ids.iter().flatten().map(|id| ec2.on::<CreateVpcEndpoint, RouteTable>(cx, id)));
        all.extend(input.subnet_ids.iter().flatten().map(|id| ec2.on::<CreateVpcEndpoint, Subnet>(cx, id)));
        all.extend(input.security_group_ids.iter().flatten().map(|id| ec2.on::<CreateVpcEndpoint, Arc<Group>>(cx, id)));
        Ok(all)
    },
    |ec2, cx, input| {
        ec2.begin(cx, input.dry_run)?;
        let token = ClientToken::of::<CreateVpcEndpoint>(cx, &input, input.client_token.as_deref())?;
        let unbuilt = input.service_network_arn.is_some()
            || input.resource_configuration_arn.is_some()
            || input.subnet_configurations.is_some()
            || input.ip_address_type.as_deref().is_some_and(|kind| kind != "ipv4")
            || input.service_region.as_deref().is_some_and(|region| region != cx.scope.region.as_str());
        if unbuilt {
            return Err(faults::not_implemented("VPC Lattice, services of other regions and IPv6 endpoints"));
        }
        let tags = tags::of_new(input.tag_specifications.as_ref(), "vpc-endpoint")?;
        let name = input.service_name.ok_or_else(|| faults::missing("ServiceName"))?;
        let kind = input.vpc_endpoint_type.unwrap_or_else(|| "Gateway".to_owned());
        let service = service_of(&cx.scope, &name);
        let kinds = service.as_deref().map(kinds_of).unwrap_or_default();
        if kinds.is_empty() {
            return Err(refuse("InvalidServiceName", format!("The Vpc Endpoint Service '{name}' does not exist")));
        }
        if !kinds.contains(&kind.as_str()) {
            // <https://github.com/hashicorp/terraform/issues/24478>
            let message = format!("Endpoint type ({kind}) does not match available service types ([{}]).", kinds.join(", "));
            return Err(refuse("InvalidParameter", message));
        }
        let inbound_only = input.dns_options.as_ref().and_then(|options| options.private_dns_only_for_inbound_resolver_endpoint);
        if kind == "Gateway" && inbound_only.is_some() {
            // <https://github.com/hashicorp/terraform-provider-aws/issues/45846>
            let message = "DnsOptions PrivateDnsOnlyForInboundResolverEndpoint is applicable only to Interface VPC Endpoints.";
            return Err(refuse("InvalidParameter", message));
        }
        let has = |ids: &Option<Vec<String>>| ids.as_ref().is_some_and(|ids| !ids.is_empty());
        check_members(&kind, has(&input.route_table_ids), has(&input.subnet_ids), has(&input.security_group_ids))?;
        let policy = input.policy_document.as_deref().map(read_policy).transpose()?;
        ec2.store.write(|state| {
            let id = token.once::<Endpoint>(state, cx, |state| {
                state.find::<Vpc>(&cx.scope, &input.vpc_id)?;
                let of_vpc = state.all::<Endpoint>(&cx.scope).filter(|(_, row)| row.vpc == input.vpc_id);
                if of_vpc.count() >= limits::ENDPOINTS {
                    // AWS: unverified wording.
                    return Err(refuse("VpcEndpointLimitExceeded", "The maximum number of VPC endpoints has been reached."));
                }
                let id = <Endpoint as Resource>::KIND.new_id(cx.ids());
                let mut row = Endpoint {
                    vpc: input.vpc_id.clone(),
                    service: name.clone(),
                    kind: kind.clone(),
                    policy,
                    route_tables: vec![],
                    subnets: vec![],
                    groups: vec![],
                    interfaces: vec![],
                    private_dns: false,
                    inbound_only: None,
                    dns_suffix: cx.ids().hex(8),
                    made: cx.now,
                };
                match kind.as_str() {
                    "Gateway" => {
                        let tables = input.route_table_ids.unwrap_or_default();
                        let list = prefix_lists::of_service(&cx.scope, &name).unwrap_or_default();
                        check_tables(state, cx, &input.vpc_id, &list, &tables)?;
                        add_endpoint(state, &cx.scope, &id, &list, &tables);
                        row.route_tables = tables;
                    }
                    _ => {
                        row.private_dns = input.private_dns_enabled.unwrap_or(true);
                        if row.private_dns {
                            let vpc = state.find::<Vpc>(&cx.scope, &input.vpc_id)?;
                            if !vpc.dns_support || !vpc.dns_hostnames {
                                let message = format!("Enabling private DNS requires both enableDnsSupport and enableDnsHostnames VPC attributes set to true for {}", input.vpc_id);
                                return Err(refuse("InvalidParameter", message));
                            }
                            let taken = |(_, other): (&str, &Endpoint)| other.vpc == input.vpc_id && other.service == name && other.private_dns;
                            // AWS: the name of S3 in the VPC itself is that of its gateway, unless the request says otherwise.
                            // <https://github.com/terraform-aws-modules/terraform-aws-vpc/issues/982>
                            let is_inbound_only = inbound_only.unwrap_or_else(|| kinds.contains(&"Gateway"));
                            let is_gateway = |(_, other): (&str, &Endpoint)| other.vpc == input.vpc_id && other.service == name && other.kind == "Gateway";
                            if is_inbound_only && !state.all::<Endpoint>(&cx.scope).any(is_gateway) {
                                let message = format!("To set PrivateDnsOnlyForInboundResolverEndpoint to true, the VPC {} must have a Gateway endpoint for the service.", input.vpc_id);
                                return Err(refuse("InvalidParameter", message));
                            }
                            row.inbound_only = kinds.contains(&"Gateway").then_some(is_inbound_only);
                            if state.all::<Endpoint>(&cx.scope).any(taken) {
                                let service = service.unwrap_or_default();
                                let message = format!("private-dns-enabled cannot be set because there is already a conflicting DNS domain for {service}.{}.amazonaws.com in the VPC {}", cx.scope.region, input.vpc_id);
                                return Err(refuse("InvalidParameter", message));
                            }
                        }
                        row.groups = groups::for_interface(state, &cx.scope, &input.vpc_id, input.security_group_ids)?;
                        let subnets = input.subnet_ids.unwrap_or_default();
                        add_subnets(state, cx, &id, &mut row, &subnets)?;
                    }
                }
                state.put(&cx.scope, &id, row);
                state.set_tags(&cx.scope, &id, tags);
                Ok(id)
            })?;
            let endpoint = shown::<Endpoint>(state, cx, &id).map(|shown| match kind.as_str() {
                "Interface" => api::VpcEndpoint { state: Some("pending".to_owned()), ..shown },
                _ => shown,
            });
            Ok(api::CreateVpcEndpointResult { vpc_endpoint: endpoint, client_token: input.client_token })
        })
    }
);

/// The kinds of endpoints that a service has.
fn kinds_of(service: &str) -> Vec<&'static str> {
    let kinds = [("Interface", INTERFACES.as_slice()), ("Gateway", GATEWAYS.as_slice())];
    kinds.into_iter().filter(|(_, services)| services.contains(&service)).map(|(kind, _)| kind).collect()
}

/// What an endpoint of a kind may be given.
/// <https://github.com/ansible-collections/amazon.aws/issues/576> <https://github.com/nanlabs/terraform-aws-starter/issues/18>
fn check_members(kind: &str, tables: bool, subnets: bool, groups: bool) -> Result<(), Fault> {
    let message = match kind {
        "Interface" if tables => "Route table IDs are only supported for Gateway type VPC Endpoint.",
        "Gateway" if subnets => "Subnet IDs are only supported for Interface and GatewayLoadBalancer type VPC Endpoints.",
        // AWS: unverified wording.
        "Gateway" if groups => "Security group IDs are only supported for Interface type VPC Endpoint.",
        _ => return Ok(()),
    };
    Err(refuse("InvalidParameter", message))
}

/// The tables are of the VPC, and have no route to the service yet.
fn check_tables(state: &State, cx: &Cx, vpc: &str, list: &str, tables: &[String]) -> Result<(), Fault> {
    for id in tables {
        let table = state.find::<RouteTable>(&cx.scope, id)?;
        if table.vpc != vpc {
            // AWS: unverified wording.
            return Err(invalid_value(format!("Route table {id} does not belong to VPC {vpc}")));
        }
        let destination = crate::rows::Destination::PrefixList(list.to_owned());
        if table.routes.iter().any(|route| route.destination == destination) {
            let message = format!("route table {id} already has a route with destination-prefix-list-id {list}");
            return Err(refuse("RouteAlreadyExists", message));
        }
    }
    Ok(())
}

fn add_subnets(state: &mut State, cx: &Cx, id: &str, row: &mut Endpoint, wanted: &[String]) -> Result<(), Fault> {
    for subnet_id in wanted {
        let subnet = state.find::<Subnet>(&cx.scope, subnet_id)?.clone();
        if subnet.vpc != row.vpc {
            // AWS: unverified wording.
            return Err(invalid_value(format!("Subnet {subnet_id} does not belong to VPC {}", row.vpc)));
        }
        let same_zone = row.subnets.iter().filter_map(|known| state.get::<Subnet>(&cx.scope, known)).any(|known| known.zone == subnet.zone);
        if row.subnets.contains(subnet_id) || same_zone {
            // AWS: unverified wording.
            return Err(refuse("DuplicateSubnetsInSameZone", "Found another VPC endpoint subnet in the availability zone of the subnet."));
        }
        let address = subnets::free_addresses(state, &cx.scope, subnet_id, &subnet, 1, &[])?.into_iter().next();
        let Some(address) = address else { continue };
        let interface =
            interfaces::managed(&subnet, subnet_id, address, "vpc_endpoint", &format!("VPC Endpoint Interface {id}"), row.groups.clone(), cx);
        row.interfaces.push(state.add(&cx.scope, cx.ids(), interface, tags::Tags::new()));
        row.subnets.push(subnet_id.clone());
    }
    Ok(())
}

// AWS: of more than 1,000 it gives 1,000.
describes!(DescribeVpcEndpoints, Endpoint, vpc_endpoint_ids, filters, DescribeVpcEndpointsResult { vpc_endpoints }, 5, i32::MAX);

handler!(
    Ec2,
    DeleteVpcEndpoints,
    |ec2, cx, input| {
        let all: cloudlet_engine::Permissions = input.vpc_endpoint_ids.iter().map(|id| ec2.on::<DeleteVpcEndpoints, Endpoint>(cx, id)).collect();
        Ok(if all.is_empty() { permissions::describe::<DeleteVpcEndpoints>(cx) } else { all })
    },
    |ec2, cx, input| {
        ec2.begin(cx, input.dry_run)?;
        ec2.store.write(|state| {
            let mut unsuccessful = Vec::new();
            for id in input.vpc_endpoint_ids {
                // AWS: an unknown one is in the answer and no error.
                let row = match state.find::<Endpoint>(&cx.scope, &id) {
                    Ok(row) => row.clone(),
                    Err(fault) => {
                        let error = api::UnsuccessfulItemError { code: Some(fault.code().to_owned()), message: Some(fault.message().to_owned()) };
                        unsuccessful.push(api::UnsuccessfulItem { error: Some(error), resource_id: Some(id) });
                        continue;
                    }
                };
                remove_endpoint(state, &cx.scope, &id, &row.route_tables);
                row.interfaces.iter().for_each(|interface| interfaces::release(state, &cx.scope, interface));
                state.remove::<Endpoint>(&cx.scope, &id);
            }
            Ok(api::DeleteVpcEndpointsResult { unsuccessful: Some(unsuccessful) })
        })
    }
);

handler!(
    Ec2,
    ModifyVpcEndpoint,
    |ec2, cx, input| {
        let mut all = vec![ec2.on::<ModifyVpcEndpoint, Endpoint>(cx, &input.vpc_endpoint_id)];
        let tables = [&input.add_route_table_ids, &input.remove_route_table_ids].into_iter().flatten().flatten();
        all.extend(tables.map(|id| ec2.on::<ModifyVpcEndpoint, RouteTable>(cx, id)));
        let subnets = [&input.add_subnet_ids, &input.remove_subnet_ids].into_iter().flatten().flatten();
        all.extend(subnets.map(|id| ec2.on::<ModifyVpcEndpoint, Subnet>(cx, id)));
        let groups = [&input.add_security_group_ids, &input.remove_security_group_ids].into_iter().flatten().flatten();
        all.extend(groups.map(|id| ec2.on::<ModifyVpcEndpoint, Arc<Group>>(cx, id)));
        Ok(all.into_iter().collect())
    },
    |ec2, cx, input| {
        ec2.begin(cx, input.dry_run)?;
        if input.subnet_configurations.is_some() || input.ip_address_type.as_deref().is_some_and(|kind| kind != "ipv4") {
            return Err(faults::not_implemented("IPv6 endpoints and chosen addresses of an endpoint"));
        }
        let policy = input.policy_document.as_deref().map(read_policy).transpose()?;
        ec2.store.write(|state| {
            let id = &input.vpc_endpoint_id;
            let mut row = state.find::<Endpoint>(&cx.scope, id)?.clone();
            let list = prefix_lists::of_service(&cx.scope, &row.service).unwrap_or_default();
            let is_gateway = row.kind == "Gateway";
            let of_tables = input.add_route_table_ids.is_some() || input.remove_route_table_ids.is_some();
            let of_subnets = input.add_subnet_ids.is_some() || input.remove_subnet_ids.is_some();
            let of_groups = input.add_security_group_ids.is_some() || input.remove_security_group_ids.is_some();
            check_members(&row.kind, of_tables, of_subnets, of_groups)?;
            if is_gateway && input.private_dns_enabled == Some(true) {
                // AWS: unverified wording.
                return Err(refuse("InvalidParameter", "Private DNS is only supported for Interface type VPC Endpoint."));
            }
            row.inbound_only = input.dns_options.and_then(|options| options.private_dns_only_for_inbound_resolver_endpoint).or(row.inbound_only);
            if input.reset_policy == Some(true) {
                row.policy = None;
            }
            row.policy = policy.or(row.policy);
            row.private_dns = input.private_dns_enabled.unwrap_or(row.private_dns);
            let removed = input.remove_route_table_ids.unwrap_or_default();
            remove_endpoint(state, &cx.scope, id, &removed);
            row.route_tables.retain(|table| !removed.contains(table));
            let added = input.add_route_table_ids.unwrap_or_default();
            check_tables(state, cx, &row.vpc, &list, &added)?;
            add_endpoint(state, &cx.scope, id, &list, &added);
            row.route_tables.extend(added);
            let removed = input.remove_security_group_ids.unwrap_or_default();
            let mut groups: Vec<String> = row.groups.iter().filter(|group| !removed.contains(group)).cloned().collect();
            groups.extend(input.add_security_group_ids.unwrap_or_default());
            if of_groups {
                row.groups = groups::for_interface(state, &cx.scope, &row.vpc, Some(groups))?;
                for interface in &row.interfaces {
                    state.find_mut::<crate::rows::Interface>(&cx.scope, interface)?.groups.clone_from(&row.groups);
                }
            }
            for subnet in input.remove_subnet_ids.unwrap_or_default() {
                let at = row.subnets.iter().position(|known| *known == subnet);
                // AWS: unverified wording.
                let at = at.ok_or_else(|| invalid_value(format!("Subnet {subnet} is not of the endpoint {id}")))?;
                row.subnets.remove(at);
                let interface = row.interfaces.remove(at);
                interfaces::release(state, &cx.scope, &interface);
            }
            let added = input.add_subnet_ids.unwrap_or_default();
            add_subnets(state, cx, id, &mut row, &added)?;
            state.put(&cx.scope, id, row);
            Ok(api::ModifyVpcEndpointResult { r#return: Some(true) })
        })
    }
);

handler!(Ec2, DescribeVpcEndpointServices, |ec2, cx, input| Ok(permissions::describe::<DescribeVpcEndpointServices>(cx)), |ec2, cx, input| {
    ec2.begin(cx, input.dry_run)?;
    let list = Paging::of::<DescribeVpcEndpointServices>(cx, &input);
    let region = cx.scope.region.as_str();
    let mut all: Vec<(String, &str)> = GATEWAYS.iter().map(|service| (format!("com.amazonaws.{region}.{service}"), "Gateway")).collect();
    all.extend(INTERFACES.iter().map(|service| (format!("com.amazonaws.{region}.{service}"), "Interface")));
    let wanted = input.service_names.unwrap_or_default();
    for name in &wanted {
        if !all.iter().any(|(known, _)| known == name) {
            return Err(refuse("InvalidServiceName", format!("The Vpc Endpoint Service '{name}' does not exist")));
        }
    }
    let filters = ShownFilters::read(input.filters, service_values)?;
    let zones = crate::zones::of(region);
    let detail = |(name, kind): (String, &str)| {
        let host = format!("{}.{region}.amazonaws.com", name.rsplit('.').next().unwrap_or_default());
        api::ServiceDetail {
            service_name: Some(name),
            service_type: Some(vec![api::ServiceTypeDetail { service_type: Some(kind.to_owned()) }]),
            service_region: Some(region.to_owned()),
            availability_zones: Some(zones.iter().map(|zone| zone.name.clone()).collect()),
            owner: Some("amazon".to_owned()),
            base_endpoint_dns_names: Some(vec![host.clone()]),
            private_dns_name: (kind == "Interface").then_some(host),
            vpc_endpoint_policy_supported: Some(true),
            acceptance_required: Some(false),
            manages_vpc_endpoints: Some(false),
            supported_ip_address_types: Some(vec!["ipv4".to_owned()]),
            ..Default::default()
        }
    };
    let asked = all.into_iter().filter(|(name, _)| wanted.is_empty() || wanted.contains(name)).map(detail);
    let rows = asked.filter(|detail| filters.pass(detail)).map(|detail| {
        let kind = detail.service_type.iter().flatten().find_map(|one| one.service_type.clone()).unwrap_or_default();
        ((detail.service_name.clone().unwrap_or_default(), kind), detail)
    });
    let mut rows: Vec<_> = rows.collect();
    rows.sort_by(|(one, _), (other, _)| one.cmp(other));
    let page = describing::page(&list, rows.into_iter())?;
    let mut names: Vec<String> = page.items.iter().filter_map(|detail| detail.service_name.clone()).collect();
    names.dedup();
    Ok(api::DescribeVpcEndpointServicesResult { service_names: Some(names), service_details: Some(page.items), next_token: page.next_token })
});

fn service_values(of: &api::ServiceDetail, filter: &str) -> Option<Vec<String>> {
    Some(match filter {
        "owner" => of.owner.iter().cloned().collect(),
        "service-name" => of.service_name.iter().cloned().collect(),
        "service-type" => of.service_type.iter().flatten().filter_map(|one| one.service_type.clone()).collect(),
        "service-region" => of.service_region.iter().cloned().collect(),
        "supported-ip-address-types" => of.supported_ip_address_types.clone().unwrap_or_default(),
        other => return filters::of_tags(of.tags.as_ref(), other),
    })
}

impl VpcEndpoints for Ec2 {
    fn find(&self, region: &Region, id: &str, service: &str) -> Option<ThroughEndpoint> {
        let name = format!("com.amazonaws.{region}.{service}");
        self.store.read(|state| {
            let found = state.endpoints.iter().find(|((scope, known), row)| known == id && scope.region == *region && row.service == name);
            let ((scope, id), row) = found?;
            let policy = row.policy.as_ref().map(|policy| policy.named(permissions::arn(scope, "vpc-endpoint", id).as_str()));
            Some(ThroughEndpoint { id: id.as_str().into(), vpc: row.vpc.as_str().into(), policy })
        })
    }
}
