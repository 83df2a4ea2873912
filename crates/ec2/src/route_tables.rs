//! Route tables, their routes and what they are associated with.
//! <https://docs.aws.amazon.com/vpc/latest/userguide/VPC_Route_Tables.html>

use crate::{
    client_tokens::ClientToken,
    describing::{describes, shown},
    engine::Ec2,
    faults::{self, invalid_value, refuse},
    limits, lookups,
    region::new_association,
    rows::{
        Associated, Destination, EgressOnlyInternetGateway, Endpoint, Instance, Interface, InternetGateway, NatGateway, Peering, PeeringStatus,
        Route, RouteOrigin, RouteTable, RouteTableAssociation, Subnet, Target, Vpc,
    },
    state::{At, FilterOf, Kind, Resource, State, in_table, key},
    tags,
};
use cloudlet_api_ec2::{
    self as api, AssociateRouteTable, CreateRoute, CreateRouteTable, DeleteRoute, DeleteRouteTable, DescribeRouteTables, DisassociateRouteTable,
    ReplaceRoute, ReplaceRouteTableAssociation,
};
use cloudlet_aws::{Fault, Scope, Timestamp};
use cloudlet_engine::{Cx, handler};
use cloudlet_reach::{Cidr, Family};

impl Resource for RouteTable {
    const KIND: Kind = Kind {
        prefix: "rtb",
        name: "route-table",
        missing: "InvalidRouteTableID.NotFound",
        says: ("The routeTable ID '", "' does not exist"),
        malformed: "InvalidRouteTableId.Malformed",
    };
    const FILTERS: &'static [FilterOf<RouteTable>] = &[
        ("association.gateway-id", |table, at| associations(table, at, |shown| shown.gateway_id)),
        ("association.main", |table, _| vec![lookups::is_main(table).to_string()]),
        ("association.route-table-association-id", |table, at| associations(table, at, |shown| shown.route_table_association_id)),
        ("association.route-table-id", |table, at| associations(table, at, |shown| shown.route_table_id)),
        ("association.subnet-id", |table, at| associations(table, at, |shown| shown.subnet_id)),
        ("owner-id", |_, at| vec![at.scope.account.to_string()]),
        ("route-table-id", |_, at| vec![at.id.to_owned()]),
        ("route.destination-cidr-block", |table, at| routes(table, at, |route| route.destination_cidr_block)),
        ("route.destination-ipv6-cidr-block", |table, at| routes(table, at, |route| route.destination_ipv6_cidr_block)),
        ("route.destination-prefix-list-id", |table, at| routes(table, at, |route| route.destination_prefix_list_id)),
        ("route.egress-only-internet-gateway-id", |table, at| routes(table, at, |route| route.egress_only_internet_gateway_id)),
        ("route.gateway-id", |table, at| routes(table, at, |route| route.gateway_id)),
        ("route.instance-id", |table, at| routes(table, at, |route| route.instance_id)),
        ("route.nat-gateway-id", |table, at| routes(table, at, |route| route.nat_gateway_id)),
        ("route.origin", |table, at| routes(table, at, |route| route.origin)),
        ("route.state", |table, at| routes(table, at, |route| route.state)),
        ("route.transit-gateway-id", |_, _| vec![]),
        ("route.vpc-peering-connection-id", |table, at| routes(table, at, |route| route.vpc_peering_connection_id)),
        ("vpc-id", |table, _| vec![table.vpc.clone()]),
    ];
    type Shown = api::RouteTable;

    in_table!(route_tables, RouteTable);

    fn vpc(&self) -> Option<&str> {
        Some(&self.vpc)
    }

    fn shown(&self, at: &At<'_>) -> api::RouteTable {
        api::RouteTable {
            route_table_id: Some(at.id.to_owned()),
            vpc_id: Some(self.vpc.clone()),
            owner_id: Some(at.scope.account.to_string()),
            associations: Some(self.associations.iter().map(|one| shown_association(one, at.id)).collect()),
            propagating_vgws: Some(vec![]),
            routes: Some(all_routes(self, at.state, at.scope).iter().map(|route| shown_route(route, at)).collect()),
            tags: tags::answered(at.state.tags_of(at.scope, at.id)),
        }
    }
}

fn associations(table: &RouteTable, at: &At<'_>, value: impl Fn(api::RouteTableAssociation) -> Option<String>) -> Vec<String> {
    table.associations.iter().filter_map(|one| value(shown_association(one, at.id))).collect()
}

fn routes(table: &RouteTable, at: &At<'_>, value: impl Fn(api::Route) -> Option<String>) -> Vec<String> {
    all_routes(table, at.state, at.scope).iter().filter_map(|route| value(shown_route(route, at))).collect()
}

fn associated() -> Option<api::RouteTableAssociationState> {
    Some(api::RouteTableAssociationState { state: Some("associated".to_owned()), status_message: None })
}

fn shown_association(one: &RouteTableAssociation, table: &str) -> api::RouteTableAssociation {
    let mut shown = api::RouteTableAssociation {
        main: Some(one.with == Associated::Main),
        route_table_association_id: Some(one.id.clone()),
        route_table_id: Some(table.to_owned()),
        association_state: associated(),
        ..Default::default()
    };
    match &one.with {
        Associated::Main => {}
        Associated::Subnet(id) => shown.subnet_id = Some(id.clone()),
        Associated::Gateway(id) => shown.gateway_id = Some(id.clone()),
    }
    shown
}

/// The routes of a table: those that the VPC's blocks make, those that it was given, and those of the endpoints that it is associated with.
pub fn all_routes(table: &RouteTable, state: &State, scope: &Scope) -> Vec<Route> {
    let blocks = state.get::<Vpc>(scope, &table.vpc).into_iter().flat_map(lookups::blocks);
    let is_replaced = |cidr: Cidr| table.routes.iter().any(|route| route.destination == Destination::Block(cidr));
    let local = blocks.filter(|cidr| !is_replaced(*cidr)).map(|cidr| Route {
        destination: Destination::Block(cidr),
        target: Target::Local,
        origin: RouteOrigin::CreateRouteTable,
    });
    local.chain(table.routes.iter().cloned()).collect()
}

/// Whether what a route leads to is there.
pub fn is_active(target: &Target, vpc: &str, state: &State, scope: &Scope, now: Timestamp) -> bool {
    match target {
        Target::Local => true,
        Target::InternetGateway(id) => state.get::<InternetGateway>(scope, id).is_some_and(|gateway| gateway.vpc.as_deref() == Some(vpc)),
        Target::EgressOnlyInternetGateway(id) => state.get::<EgressOnlyInternetGateway>(scope, id).is_some(),
        Target::NatGateway(id) => state.get::<NatGateway>(scope, id).is_some_and(|gateway| !crate::nat_gateways::is_gone(gateway, now)),
        Target::Interface(id) => state.get::<Interface>(scope, id).is_some_and(|interface| {
            // AWS: a route to an interface that is not attached, or whose instance is stopped, is a blackhole.
            let attachment = interface.attachment.as_ref();
            attachment.is_some_and(|attachment| {
                let instance = attachment.instance.as_deref().and_then(|id| state.get::<Instance>(scope, id));
                instance.is_none_or(|instance| lookups::is_up(instance, now))
            })
        }),
        Target::Peering(id) => state.get::<Peering>(scope, id).is_some_and(|peering| peering.status == PeeringStatus::Active),
        Target::Endpoint(id) => state.get::<Endpoint>(scope, id).is_some(),
    }
}

fn shown_route(route: &Route, at: &At<'_>) -> api::Route {
    let vpc = at.state.get::<RouteTable>(at.scope, at.id).map(|table| table.vpc.as_str()).unwrap_or_default();
    let is_active = is_active(&route.target, vpc, at.state, at.scope, at.now);
    let mut shown = api::Route {
        origin: Some(format!("{:?}", route.origin)),
        state: Some(if is_active { "active" } else { "blackhole" }.to_owned()),
        ..Default::default()
    };
    match &route.destination {
        Destination::Block(cidr) if cidr.family() == Family::V4 => shown.destination_cidr_block = Some(cidr.to_string()),
        Destination::Block(cidr) => shown.destination_ipv6_cidr_block = Some(cidr.to_string()),
        Destination::PrefixList(id) => shown.destination_prefix_list_id = Some(id.clone()),
    }
    match &route.target {
        Target::Local => shown.gateway_id = Some("local".to_owned()),
        Target::InternetGateway(id) | Target::Endpoint(id) => shown.gateway_id = Some(id.clone()),
        Target::EgressOnlyInternetGateway(id) => shown.egress_only_internet_gateway_id = Some(id.clone()),
        Target::NatGateway(id) => shown.nat_gateway_id = Some(id.clone()),
        Target::Peering(id) => shown.vpc_peering_connection_id = Some(id.clone()),
        Target::Interface(id) => {
            shown.network_interface_id = Some(id.clone());
            let attachment = at.state.get::<Interface>(at.scope, id).and_then(|interface| interface.attachment.as_ref());
            if let Some(instance) = attachment.and_then(|attachment| attachment.instance.clone()) {
                shown.instance_id = Some(instance);
                shown.instance_owner_id = Some(at.scope.account.to_string());
            }
        }
    }
    shown
}

handler!(
    Ec2,
    CreateRouteTable,
    |ec2, cx, input| Ok(ec2.create_in::<CreateRouteTable, RouteTable, Vpc>(cx, tags::requested(input.tag_specifications.as_ref()), &input.vpc_id)),
    |ec2, cx, input| {
        ec2.begin(cx, input.dry_run)?;
        let token = ClientToken::of::<CreateRouteTable>(cx, &input, input.client_token.as_deref())?;
        let tags = tags::of_new(input.tag_specifications.as_ref(), "route-table")?;
        ec2.store.write(|state| {
            let id = token.once::<RouteTable>(state, cx, |state| {
                state.find::<Vpc>(&cx.scope, &input.vpc_id)?;
                if state.all::<RouteTable>(&cx.scope).filter(|(_, table)| table.vpc == input.vpc_id).count() >= limits::ROUTE_TABLES {
                    // AWS: unverified wording.
                    return Err(refuse("RouteTableLimitExceeded", "The maximum number of route tables has been reached."));
                }
                let table = RouteTable { vpc: input.vpc_id, routes: vec![], associations: vec![] };
                Ok(state.add(&cx.scope, cx.ids(), table, tags))
            })?;
            Ok(api::CreateRouteTableResult { route_table: shown::<RouteTable>(state, cx, &id), client_token: input.client_token })
        })
    }
);

handler!(Ec2, DeleteRouteTable, |ec2, cx, input| Ok(ec2.on::<DeleteRouteTable, RouteTable>(cx, &input.route_table_id).into()), |ec2, cx, input| {
    ec2.begin(cx, input.dry_run)?;
    ec2.store.write(|state| {
        let id = &input.route_table_id;
        if !state.find::<RouteTable>(&cx.scope, id)?.associations.is_empty() {
            return Err(refuse("DependencyViolation", format!("The routeTable '{id}' has dependencies and cannot be deleted.")));
        }
        let endpoints: Vec<String> = state.all::<Endpoint>(&cx.scope).map(|(id, _)| id.to_owned()).collect();
        for endpoint in endpoints {
            if state.get::<Endpoint>(&cx.scope, &endpoint).is_some_and(|row| row.route_tables.contains(id)) {
                state.find_mut::<Endpoint>(&cx.scope, &endpoint)?.route_tables.retain(|table| table != id);
            }
        }
        state.remove::<RouteTable>(&cx.scope, id);
        Ok(Default::default())
    })
});

describes!(DescribeRouteTables, RouteTable, route_table_ids, filters, DescribeRouteTablesResult { route_tables }, 5, 100);

/// Where a route goes and through what: CreateRoute and ReplaceRoute have the same members.
struct Given {
    table: String,
    cidr: Option<String>,
    ipv6_cidr: Option<String>,
    prefix_list: Option<String>,
    gateway: Option<String>,
    egress_only: Option<String>,
    instance: Option<String>,
    interface: Option<String>,
    peering: Option<String>,
    nat: Option<String>,
    endpoint: Option<String>,
    local: bool,
    unbuilt: bool,
}

macro_rules! given {
    ($input:ident, $local:expr) => {
        Given {
            table: $input.route_table_id,
            cidr: $input.destination_cidr_block,
            ipv6_cidr: $input.destination_ipv6_cidr_block,
            prefix_list: $input.destination_prefix_list_id,
            gateway: $input.gateway_id,
            egress_only: $input.egress_only_internet_gateway_id,
            instance: $input.instance_id,
            interface: $input.network_interface_id,
            peering: $input.vpc_peering_connection_id,
            nat: $input.nat_gateway_id,
            endpoint: $input.vpc_endpoint_id,
            local: $local,
            unbuilt: $input.transit_gateway_id.is_some()
                || $input.local_gateway_id.is_some()
                || $input.carrier_gateway_id.is_some()
                || $input.core_network_arn.is_some()
                || $input.odb_network_arn.is_some(),
        }
    };
}

fn destination(cidr: Option<&str>, ipv6_cidr: Option<&str>, prefix_list: Option<&str>, state: &State, scope: &Scope) -> Result<Destination, Fault> {
    let block = |given: &str, family, name| {
        let cidr = Cidr::parse(given, family);
        cidr.map(Destination::Block)
            .ok_or_else(|| invalid_value(format!("Value ({given}) for parameter {name} is invalid. This is not a valid CIDR block.")))
    };
    match (cidr, ipv6_cidr, prefix_list) {
        (Some(given), None, None) => block(given, Family::V4, "destinationCidrBlock"),
        (None, Some(given), None) => block(given, Family::V6, "destinationIpv6CidrBlock"),
        (None, None, Some(id)) => {
            crate::prefix_lists::find(state, scope, id)?;
            Ok(Destination::PrefixList(id.to_owned()))
        }
        (None, None, None) => Err(refuse(
            "MissingParameter",
            "The request must contain exactly one of destinationCidrBlock, destinationIpv6CidrBlock, destinationPrefixListId",
        )),
        // AWS: unverified wording.
        _ => Err(refuse(
            "InvalidParameterCombination",
            "The request must contain exactly one of destinationCidrBlock, destinationIpv6CidrBlock, destinationPrefixListId",
        )),
    }
}

fn target(given: &Given, vpc: &str, state: &State, cx: &Cx) -> Result<Target, Fault> {
    let scope = &cx.scope;
    let no_gateway = |id: &str| refuse("InvalidGatewayID.NotFound", format!("The gateway ID '{id}' does not exist"));
    // AWS: unverified wording for all but internet gateways and interfaces.
    let other_network = |id: &str| {
        let what = if id.starts_with("eni-") { "interface" } else { "network gateway" };
        refuse("InvalidParameterValue", format!("route table {} and {what} {id} belong to different networks", given.table))
    };
    let mut all = Vec::new();
    if given.local {
        all.push(Target::Local);
    }
    if let Some(id) = &given.gateway {
        all.push(match id.split('-').next() {
            Some("local") if id == "local" => Target::Local,
            Some("igw") => {
                if state.get::<InternetGateway>(scope, id).ok_or_else(|| no_gateway(id))?.vpc.as_deref() != Some(vpc) {
                    return Err(other_network(id));
                }
                Target::InternetGateway(id.clone())
            }
            Some("vgw") => return Err(faults::not_implemented("virtual private gateways")),
            // AWS: a gateway of an unknown kind is an unknown gateway.
            _ => return Err(no_gateway(id)),
        });
    }
    if let Some(id) = &given.egress_only {
        if state.find::<EgressOnlyInternetGateway>(scope, id)?.vpc != vpc {
            return Err(other_network(id));
        }
        all.push(Target::EgressOnlyInternetGateway(id.clone()));
    }
    if let Some(id) = &given.nat {
        <NatGateway as Resource>::KIND.check(id)?;
        // AWS: here it is another code than where NAT gateways are described. <https://github.com/boto/boto3/issues/779>
        let missing = || refuse("InvalidNatGatewayID.NotFound", format!("The natGateway ID '{id}' does not exist"));
        let gateway = state.get::<NatGateway>(scope, id).ok_or_else(missing)?;
        if gateway.vpc != vpc {
            return Err(other_network(id));
        }
        all.push(Target::NatGateway(id.clone()));
    }
    if let Some(id) = &given.interface {
        if state.find::<Interface>(scope, id)?.vpc != vpc {
            return Err(other_network(id));
        }
        all.push(Target::Interface(id.clone()));
    }
    if let Some(id) = &given.instance {
        state.find::<Instance>(scope, id)?;
        let of_instance: Vec<(&str, &Interface)> = lookups::of_instance(state, scope, id).collect();
        match of_instance.as_slice() {
            [(interface, row)] if row.vpc == vpc => all.push(Target::Interface((*interface).to_owned())),
            [(interface, _)] => return Err(other_network(interface)),
            // AWS: unverified wording.
            _ => {
                let message =
                    format!("There are multiple interfaces attached to instance '{id}'. Please specify an interface ID for the operation instead.");
                return Err(refuse("InvalidInstanceID", message));
            }
        }
    }
    if let Some(id) = &given.peering {
        let peering = state.find::<Peering>(scope, id)?;
        if ![&peering.requester, &peering.accepter].into_iter().any(|end| end.scope == *scope && end.vpc == vpc) {
            return Err(other_network(id));
        }
        all.push(Target::Peering(id.clone()));
    }
    if let Some(id) = &given.endpoint {
        state.find::<Endpoint>(scope, id)?;
        let message = format!("Route table contains unsupported route target: {id}. VPC Endpoints of this type cannot be used as route targets.");
        return Err(refuse("RouteNotSupported", message));
    }
    match <[Target; 1]>::try_from(all) {
        Ok([target]) => Ok(target),
        Err(none) if none.is_empty() => {
            let message = "The request must contain exactly one of gatewayId, natGatewayId, networkInterfaceId, vpcPeeringConnectionId, egressOnlyInternetGatewayId, transitGatewayId, localGatewayId, carrierGatewayId, coreNetworkArn, vpcEndpointId or instanceId";
            Err(refuse("MissingParameter", message))
        }
        // AWS: unverified wording.
        Err(_) => Err(refuse("InvalidParameterCombination", "The request must contain exactly one target")),
    }
}

/// The table with the route, ready to be changed.
fn read(given: &Given, state: &State, cx: &Cx) -> Result<Route, Fault> {
    if given.unbuilt {
        return Err(faults::not_implemented("routes to transit gateways, local gateways, carrier gateways and core networks"));
    }
    let table = state.find::<RouteTable>(&cx.scope, &given.table)?;
    let destination = destination(given.cidr.as_deref(), given.ipv6_cidr.as_deref(), given.prefix_list.as_deref(), state, &cx.scope)?;
    let target = target(given, &table.vpc, state, cx)?;
    Ok(Route { destination, target, origin: RouteOrigin::CreateRoute })
}

fn destination_text(destination: &Destination) -> String {
    match destination {
        Destination::Block(cidr) => cidr.to_string(),
        Destination::PrefixList(id) => id.clone(),
    }
}

/// AWS: a route may be more specific than the VPC's blocks, but not their very blocks.
fn is_local_block(state: &State, scope: &Scope, table: &RouteTable, destination: &Destination) -> bool {
    let Destination::Block(cidr) = destination else { return false };
    state.get::<Vpc>(scope, &table.vpc).is_some_and(|vpc| lookups::blocks(vpc).any(|block| block == *cidr))
}

handler!(Ec2, CreateRoute, |ec2, cx, input| Ok(ec2.on::<CreateRoute, RouteTable>(cx, &input.route_table_id).into()), |ec2, cx, input| {
    ec2.begin(cx, input.dry_run)?;
    let given = given!(input, false);
    ec2.store.write(|state| {
            let route = read(&given, state, cx)?;
            if route.target == Target::Local {
                // AWS: the local route is there or replaced, and not created. Unverified wording.
                return Err(refuse("InvalidGatewayID.NotFound", "The gateway ID 'local' does not exist"));
            }
            let table = state.find::<RouteTable>(&cx.scope, &given.table)?;
            let text = destination_text(&route.destination);
            if is_local_block(state, &cx.scope, table, &route.destination) || table.routes.iter().any(|known| known.destination == route.destination) {
                return Err(refuse("RouteAlreadyExists", format!("The route identified by {text} already exists.")));
            }
            if let (Destination::Block(cidr), Some(vpc)) = (&route.destination, state.get::<Vpc>(&cx.scope, &table.vpc))
                && lookups::blocks(vpc).any(|block| block.covers(*cidr))
                && !matches!(route.target, Target::Interface(_) | Target::NatGateway(_))
            {
                // AWS: unverified wording.
                let message = format!("The destination CIDR block {text} is equal to or more specific than one of this VPC's CIDR blocks. This route can target only an interface or an instance.");
                return Err(invalid_value(message));
            }
            if table.routes.len() >= limits::ROUTES {
                // AWS: unverified wording.
                return Err(refuse("RouteLimitExceeded", "The maximum number of routes has been reached."));
            }
            state.find_mut::<RouteTable>(&cx.scope, &given.table)?.routes.push(route);
            Ok(api::CreateRouteResult { r#return: Some(true) })
        })
});

handler!(Ec2, ReplaceRoute, |ec2, cx, input| Ok(ec2.on::<ReplaceRoute, RouteTable>(cx, &input.route_table_id).into()), |ec2, cx, input| {
    ec2.begin(cx, input.dry_run)?;
    let given = given!(input, input.local_target == Some(true));
    ec2.store.write(|state| {
        let route = read(&given, state, cx)?;
        let table = state.find::<RouteTable>(&cx.scope, &given.table)?;
        let is_local = is_local_block(state, &cx.scope, table, &route.destination);
        let text = destination_text(&route.destination);
        let at = table.routes.iter().position(|known| known.destination == route.destination);
        if at.is_none() && !is_local {
            let message = format!("There is no route defined for '{text}' in the route table. Use CreateRoute instead.");
            return Err(invalid_value(message));
        }
        if is_local && !matches!(route.target, Target::Local | Target::Interface(_) | Target::NatGateway(_)) {
            // AWS: unverified wording.
            return Err(invalid_value("The local route can be replaced by a NAT gateway or an interface only."));
        }
        let table = state.find_mut::<RouteTable>(&cx.scope, &given.table)?;
        table.routes.retain(|known| known.destination != route.destination);
        if !(is_local && route.target == Target::Local) {
            table.routes.insert(at.unwrap_or(table.routes.len()).min(table.routes.len()), route);
        }
        Ok(Default::default())
    })
});

handler!(Ec2, DeleteRoute, |ec2, cx, input| Ok(ec2.on::<DeleteRoute, RouteTable>(cx, &input.route_table_id).into()), |ec2, cx, input| {
    ec2.begin(cx, input.dry_run)?;
    ec2.store.write(|state| {
        let id = &input.route_table_id;
        let table = state.find::<RouteTable>(&cx.scope, id)?;
        let given = (input.destination_cidr_block.as_deref(), input.destination_ipv6_cidr_block.as_deref());
        let destination = destination(given.0, given.1, input.destination_prefix_list_id.as_deref(), state, &cx.scope)?;
        let text = destination_text(&destination);
        let found = table.routes.iter().find(|known| known.destination == destination);
        if found.is_none() && is_local_block(state, &cx.scope, table, &destination) {
            // AWS: unverified wording.
            return Err(invalid_value(format!("cannot remove local route {text} in route table {id}")));
        }
        match found.map(|route| &route.target) {
            None => {
                let message = format!("no route with destination-cidr-block {text} in route table {id}");
                return Err(refuse("InvalidRoute.NotFound", message));
            }
            // AWS: it goes when the endpoint is modified. Unverified wording.
            Some(Target::Endpoint(endpoint)) => {
                return Err(invalid_value(format!("cannot remove VPC endpoint route {endpoint} in route table {id}")));
            }
            Some(_) => {}
        }
        state.find_mut::<RouteTable>(&cx.scope, id)?.routes.retain(|known| known.destination != destination);
        Ok(Default::default())
    })
});

handler!(
    Ec2,
    AssociateRouteTable,
    |ec2, cx, input| {
        let table = ec2.on::<AssociateRouteTable, RouteTable>(cx, &input.route_table_id);
        let subnet = input.subnet_id.as_deref().map(|subnet| ec2.on::<AssociateRouteTable, Subnet>(cx, subnet));
        let gateway = input.gateway_id.as_deref().map(|gateway| ec2.on::<AssociateRouteTable, InternetGateway>(cx, gateway));
        Ok([Some(table), subnet, gateway].into_iter().flatten().collect())
    },
    |ec2, cx, input| {
        ec2.begin(cx, input.dry_run)?;
        ec2.store.write(|state| {
            let table = state.find::<RouteTable>(&cx.scope, &input.route_table_id)?;
            let other = || invalid_value(format!("route table {} and subnet belong to different networks", input.route_table_id));
            let with = match (&input.subnet_id, &input.gateway_id) {
                (Some(id), None) => {
                    if state.find::<Subnet>(&cx.scope, id)?.vpc != table.vpc {
                        return Err(other());
                    }
                    Associated::Subnet(id.clone())
                }
                (None, Some(id)) => {
                    if state.find::<InternetGateway>(&cx.scope, id)?.vpc.as_deref() != Some(table.vpc.as_str()) {
                        return Err(other());
                    }
                    Associated::Gateway(id.clone())
                }
                (None, None) => return Err(faults::missing("subnetId or gatewayId")),
                // AWS: unverified wording.
                _ => return Err(refuse("InvalidParameterCombination", "The parameter subnetId may not be used with gatewayId")),
            };
            let holder = state.all::<RouteTable>(&cx.scope).find(|(_, table)| table.associations.iter().any(|known| known.with == with));
            if let Some((holder, row)) = holder {
                let known = row.associations.iter().find(|known| known.with == with).map(|known| known.id.clone());
                // AWS: the same again is answered with the association there is.
                if holder == input.route_table_id {
                    return Ok(api::AssociateRouteTableResult { association_id: known, association_state: associated() });
                }
                let message = format!("the specified association for route table {} conflicts with an existing association", input.route_table_id);
                return Err(refuse("Resource.AlreadyAssociated", message));
            }
            let id = new_association(cx.ids(), "rtbassoc");
            let association = RouteTableAssociation { id: id.clone(), with };
            state.find_mut::<RouteTable>(&cx.scope, &input.route_table_id)?.associations.push(association);
            Ok(api::AssociateRouteTableResult { association_id: Some(id), association_state: associated() })
        })
    }
);

/// The table that has an association.
fn holder(state: &State, scope: &Scope, association: &str) -> Option<(String, RouteTableAssociation)> {
    state.all::<RouteTable>(scope).find_map(|(id, table)| {
        let found = table.associations.iter().find(|known| known.id == association)?;
        Some((id.to_owned(), found.clone()))
    })
}

fn no_association(id: &str) -> Fault {
    refuse("InvalidAssociationID.NotFound", format!("The association ID '{id}' does not exist"))
}

handler!(
    Ec2,
    DisassociateRouteTable,
    |ec2, cx, input| {
        let table = ec2.store.read(|state| holder(state, &cx.scope, &input.association_id));
        Ok(ec2.on::<DisassociateRouteTable, RouteTable>(cx, table.as_ref().map_or("*", |(id, _)| id)).into())
    },
    |ec2, cx, input| {
        ec2.begin(cx, input.dry_run)?;
        ec2.store.write(|state| {
            let id = &input.association_id;
            faults::check_id(id, "rtbassoc", "InvalidAssociationID.Malformed")?;
            let (table, association) = holder(state, &cx.scope, id).ok_or_else(|| no_association(id))?;
            if association.with == Associated::Main {
                let message = format!("cannot disassociate the main route table association {id}");
                return Err(invalid_value(message));
            }
            state.find_mut::<RouteTable>(&cx.scope, &table)?.associations.retain(|known| known.id != *id);
            Ok(Default::default())
        })
    }
);

handler!(
    Ec2,
    ReplaceRouteTableAssociation,
    |ec2, cx, input| Ok(ec2.on::<ReplaceRouteTableAssociation, RouteTable>(cx, &input.route_table_id).into()),
    |ec2, cx, input| {
        ec2.begin(cx, input.dry_run)?;
        ec2.store.write(|state| {
            let id = &input.association_id;
            faults::check_id(id, "rtbassoc", "InvalidAssociationID.Malformed")?;
            let (old, association) = holder(state, &cx.scope, id).ok_or_else(|| no_association(id))?;
            let vpc = state.find::<RouteTable>(&cx.scope, &input.route_table_id)?.vpc.clone();
            if state.find::<RouteTable>(&cx.scope, &old)?.vpc != vpc {
                return Err(invalid_value(format!("route table {} and subnet belong to different networks", input.route_table_id)));
            }
            let new = new_association(cx.ids(), "rtbassoc");
            state.find_mut::<RouteTable>(&cx.scope, &old)?.associations.retain(|known| known.id != *id);
            let association = RouteTableAssociation { id: new.clone(), with: association.with };
            state.find_mut::<RouteTable>(&cx.scope, &input.route_table_id)?.associations.push(association);
            Ok(api::ReplaceRouteTableAssociationResult { new_association_id: Some(new), association_state: associated() })
        })
    }
);

/// Takes the routes of an endpoint out of all tables, or out of some.
pub fn remove_endpoint(state: &mut State, scope: &Scope, endpoint: &str, tables: &[String]) {
    for table in tables {
        if let Some(row) = state.route_tables.get_mut(&key(scope, table)) {
            row.routes.retain(|route| route.target != Target::Endpoint(endpoint.to_owned()));
        }
    }
}

/// Gives tables the routes of an endpoint.
pub fn add_endpoint(state: &mut State, scope: &Scope, endpoint: &str, prefix_list: &str, tables: &[String]) {
    for table in tables {
        if let Some(row) = state.route_tables.get_mut(&key(scope, table)) {
            let destination = Destination::PrefixList(prefix_list.to_owned());
            row.routes.push(Route { destination, target: Target::Endpoint(endpoint.to_owned()), origin: RouteOrigin::CreateRoute });
        }
    }
}
