//! VPC peering: between VPCs of one account or of two, in one region or in two.
//! <https://docs.aws.amazon.com/vpc/latest/peering/vpc-peering-basics.html>

use crate::{
    describing::{describes, shown},
    engine::Ec2,
    faults::{self, refuse},
    limits,
    rows::{PeeredVpc, Peering, PeeringStatus, Vpc},
    state::{At, FilterOf, Kind, Resource, State, in_table, is_over, key},
    tags,
};
use cloudlet_api_ec2::{
    self as api, AcceptVpcPeeringConnection, CreateVpcPeeringConnection, DeleteVpcPeeringConnection, DescribeVpcPeeringConnections,
    ModifyVpcPeeringConnectionOptions, RejectVpcPeeringConnection,
};
use cloudlet_aws::{Account, Fault, Region, Scope, Timestamp};
use cloudlet_engine::{Cx, handler};

/// A request that nobody accepts ends after a week.
const PATIENCE: i64 = 7 * 24 * 3_600_000;

impl Resource for Peering {
    const KIND: Kind = Kind {
        prefix: "pcx",
        name: "vpc-peering-connection",
        missing: "InvalidVpcPeeringConnectionID.NotFound",
        says: ("The vpcPeeringConnection ID '", "' does not exist"),
        malformed: "InvalidVpcPeeringConnectionId.Malformed",
    };
    const FILTERS: &'static [FilterOf<Peering>] = &[
        ("accepter-vpc-info.cidr-block", |peering, _| blocks(&peering.accepter)),
        ("accepter-vpc-info.owner-id", |peering, _| vec![peering.accepter.scope.account.to_string()]),
        ("accepter-vpc-info.vpc-id", |peering, _| vec![peering.accepter.vpc.clone()]),
        ("expiration-time", |peering, _| vec![expiry(peering).text(cloudlet_aws::TimestampFormat::DateTime)]),
        ("requester-vpc-info.cidr-block", |peering, _| blocks(&peering.requester)),
        ("requester-vpc-info.owner-id", |peering, _| vec![peering.requester.scope.account.to_string()]),
        ("requester-vpc-info.vpc-id", |peering, _| vec![peering.requester.vpc.clone()]),
        ("status-code", |peering, at| vec![status_at(peering, at.now).0.to_owned()]),
        ("status-message", |peering, at| vec![status_at(peering, at.now).1]),
        ("vpc-peering-connection-id", |_, at| vec![at.id.to_owned()]),
    ];
    type Shown = api::VpcPeeringConnection;

    in_table!(peerings, Peering);

    fn is_visible(&self, now: Timestamp) -> bool {
        !is_over(self.ended.or_else(|| (self.status == PeeringStatus::PendingAcceptance).then(|| expiry(self))), now)
    }

    fn shown(&self, at: &At<'_>) -> api::VpcPeeringConnection {
        let (code, message) = status_at(self, at.now);
        let is_active = self.status == PeeringStatus::Active;
        api::VpcPeeringConnection {
            vpc_peering_connection_id: Some(at.id.to_owned()),
            status: Some(api::VpcPeeringConnectionStateReason { code: Some(code.to_owned()), message: Some(message) }),
            requester_vpc_info: Some(end(&self.requester, true)),
            // AWS: little is known of the other side before it accepts (recorded).
            accepter_vpc_info: Some(end(&self.accepter, is_active)),
            expiration_time: (self.status == PeeringStatus::PendingAcceptance).then(|| expiry(self)),
            tags: tags::answered(at.state.tags_of(at.scope, at.id)),
            ..Default::default()
        }
    }
}

fn blocks(end: &PeeredVpc) -> Vec<String> {
    end.blocks.iter().map(ToString::to_string).collect()
}

fn expiry(peering: &Peering) -> Timestamp {
    Timestamp(peering.made.0 + PATIENCE)
}

pub fn status_code(status: PeeringStatus) -> &'static str {
    match status {
        PeeringStatus::PendingAcceptance => "pending-acceptance",
        PeeringStatus::Active => "active",
        PeeringStatus::Rejected => "rejected",
        PeeringStatus::Deleted => "deleted",
        PeeringStatus::Failed => "failed",
    }
}

fn status_at(peering: &Peering, now: Timestamp) -> (&'static str, String) {
    if peering.status == PeeringStatus::PendingAcceptance && now >= expiry(peering) {
        return ("expired", "Expired".to_owned());
    }
    let message = match peering.status {
        PeeringStatus::PendingAcceptance => format!("Pending Acceptance by {}", peering.accepter.scope.account),
        PeeringStatus::Active => "Active".to_owned(),
        PeeringStatus::Rejected => format!("Rejected by {}", peering.by),
        PeeringStatus::Deleted => format!("Deleted by {}", peering.by),
        // AWS: the documented reason. Unverified wording.
        PeeringStatus::Failed => "Failed due to incorrect VPC-ID, Account ID, or overlapping CIDR range".to_owned(),
    };
    (status_code(peering.status), message)
}

fn end(of: &PeeredVpc, is_known: bool) -> api::VpcPeeringConnectionVpcInfo {
    let mut info = api::VpcPeeringConnectionVpcInfo {
        owner_id: Some(of.scope.account.to_string()),
        region: Some(of.scope.region.to_string()),
        vpc_id: Some(of.vpc.clone()),
        ..Default::default()
    };
    if is_known {
        info.cidr_block = of.blocks.first().map(ToString::to_string);
        info.cidr_block_set = Some(of.blocks.iter().map(|cidr| api::CidrBlock { cidr_block: Some(cidr.to_string()) }).collect());
        let ipv6 = of.ipv6_blocks.iter().map(|cidr| api::Ipv6CidrBlock { ipv6_cidr_block: Some(cidr.to_string()) });
        info.ipv6_cidr_block_set = (!of.ipv6_blocks.is_empty()).then(|| ipv6.collect());
        info.peering_options = Some(api::VpcPeeringConnectionOptionsDescription {
            allow_dns_resolution_from_remote_vpc: Some(of.resolves_dns),
            allow_egress_from_local_classic_link_to_remote_vpc: Some(false),
            allow_egress_from_local_vpc_to_remote_classic_link: Some(false),
            ..Default::default()
        });
    }
    info
}

/// Writes it at both ends.
fn put(state: &mut State, id: &str, row: &Peering) {
    for scope in [&row.requester.scope, &row.accepter.scope] {
        state.peerings.insert(key(scope, id), row.clone());
    }
}

fn peered(state: &State, scope: &Scope, vpc: &str) -> PeeredVpc {
    let row = state.get::<Vpc>(scope, vpc);
    PeeredVpc {
        scope: scope.clone(),
        vpc: vpc.to_owned(),
        blocks: row.into_iter().flat_map(|row| row.blocks.iter().map(|block| block.cidr)).collect(),
        ipv6_blocks: row.into_iter().flat_map(|row| row.ipv6_blocks.iter().map(|block| block.cidr)).collect(),
        resolves_dns: false,
    }
}

handler!(
    Ec2,
    CreateVpcPeeringConnection,
    |ec2, cx, input| Ok(ec2.create_in::<CreateVpcPeeringConnection, Peering, Vpc>(
        cx,
        tags::requested(input.tag_specifications.as_ref()),
        &input.vpc_id
    )),
    |ec2, cx, input| {
        ec2.begin(cx, input.dry_run)?;
        if input.requester_peering_connection_options.is_some() {
            return Err(faults::not_implemented("multipath options of a peering"));
        }
        let tags = tags::of_new(input.tag_specifications.as_ref(), "vpc-peering-connection")?;
        let account = match input.peer_owner_id.as_deref() {
            Some(given) => Account::parse(given).ok_or_else(|| faults::invalid_value(format!("Invalid value '{given}' for peerOwnerId.")))?,
            None => cx.scope.account,
        };
        let region = match input.peer_region.as_deref() {
            Some(given) => Region::parse(given).ok_or_else(|| faults::invalid_value(format!("Invalid value '{given}' for peerRegion.")))?,
            None => cx.scope.region.clone(),
        };
        let peer = input.peer_vpc_id.ok_or_else(|| faults::missing("peerVpcId"))?;
        ec2.store.write(|state| {
            state.find::<Vpc>(&cx.scope, &input.vpc_id)?;
            <Vpc as Resource>::KIND.check(&peer)?;
            let scope = Scope::new(account, region);
            if scope == cx.scope && peer == input.vpc_id {
                // AWS: unverified wording.
                return Err(faults::invalid_value("The requester and the accepter VPC must not be the same."));
            }
            if state.all::<Peering>(&cx.scope).filter(|(_, row)| row.ended.is_none()).count() >= limits::PEERINGS {
                // AWS: unverified wording.
                return Err(refuse("VpcPeeringConnectionLimitExceeded", "The maximum number of VPC peering connections has been reached."));
            }
            let (requester, accepter) = (peered(state, &cx.scope, &input.vpc_id), peered(state, &scope, &peer));
            let same = |row: &Peering| {
                let ends = [(&row.requester, &row.accepter), (&row.accepter, &row.requester)];
                matches!(row.status, PeeringStatus::Active | PeeringStatus::PendingAcceptance)
                    && ends.iter().any(|(one, two)| one.vpc == input.vpc_id && two.vpc == peer && two.scope == scope)
            };
            let known = state.all::<Peering>(&cx.scope).find(|(_, row)| same(row)).map(|(id, row)| (id.to_owned(), row.status));
            match known {
                Some((id, PeeringStatus::PendingAcceptance)) => {
                    return Ok(api::CreateVpcPeeringConnectionResult { vpc_peering_connection: shown::<Peering>(state, cx, &id) });
                }
                Some(_) => {
                    // AWS: unverified wording.
                    return Err(refuse("VpcPeeringConnectionAlreadyExists", "There is already a peering connection between these VPCs."));
                }
                None => {}
            }
            let overlap = requester.blocks.iter().any(|one| accepter.blocks.iter().any(|two| one.overlaps(*two)));
            let is_there = state.get::<Vpc>(&scope, &peer).is_some();
            if !is_there && scope.account == cx.scope.account && scope.region == cx.scope.region {
                return Err(<Vpc as Resource>::KIND.is_missing(&peer));
            }
            // AWS: it is made, and fails.
            let fails = overlap || !is_there;
            let row = Peering {
                requester,
                accepter,
                status: if fails { PeeringStatus::Failed } else { PeeringStatus::PendingAcceptance },
                by: cx.scope.account.to_string(),
                made: cx.now,
                ended: fails.then_some(cx.now),
            };
            let id = <Peering as Resource>::KIND.new_id(cx.ids());
            put(state, &id, &row);
            state.set_tags(&cx.scope, &id, tags);
            let peering = shown::<Peering>(state, cx, &id).map(|shown| api::VpcPeeringConnection {
                status: Some(api::VpcPeeringConnectionStateReason {
                    code: Some("initiating-request".to_owned()),
                    message: Some(format!("Initiating Request to {}", row.accepter.scope.account)),
                }),
                ..shown
            });
            Ok(api::CreateVpcPeeringConnectionResult { vpc_peering_connection: peering })
        })
    }
);

/// The peering whose accepter calls, while it is pending.
fn pending(state: &State, cx: &Cx, id: &str, verb: &str) -> Result<Peering, Fault> {
    let row = state.find::<Peering>(&cx.scope, id)?;
    if row.accepter.scope != cx.scope {
        if row.accepter.scope.account == cx.scope.account {
            let message = format!(
                "Incorrect region ({}) specified for this request. VPC peering connection {id} must be accepted in region {}",
                cx.scope.region, row.accepter.scope.region
            );
            return Err(refuse("OperationNotPermitted", message));
        }
        return Err(refuse("OperationNotPermitted", format!("User {} cannot {verb} peering {id}", cx.scope.account)));
    }
    let is_open = row.status == PeeringStatus::PendingAcceptance && cx.now < expiry(row);
    let message = || format!("The request to {verb} {id} cannot be made: it is {}.", status_at(row, cx.now).0);
    // AWS: unverified wording.
    if is_open { Ok(row.clone()) } else { Err(refuse("InvalidStateTransition", message())) }
}

handler!(
    Ec2,
    AcceptVpcPeeringConnection,
    |ec2, cx, input| {
        let id = &input.vpc_peering_connection_id;
        let vpc = ec2.store.read(|state| state.get::<Peering>(&cx.scope, id).map(|row| row.accepter.vpc.clone()));
        let mut all = vec![ec2.on::<AcceptVpcPeeringConnection, Peering>(cx, id)];
        all.extend(vpc.map(|vpc| ec2.on::<AcceptVpcPeeringConnection, Vpc>(cx, &vpc)));
        Ok(all.into_iter().collect())
    },
    |ec2, cx, input| {
        ec2.begin(cx, input.dry_run)?;
        ec2.store.write(|state| {
            let id = &input.vpc_peering_connection_id;
            let mut row = pending(state, cx, id, "accept")?;
            row.requester = peered(state, &row.requester.scope.clone(), &row.requester.vpc);
            row.accepter = peered(state, &cx.scope, &row.accepter.vpc);
            row.status = PeeringStatus::Active;
            put(state, id, &row);
            let peering = shown::<Peering>(state, cx, id).map(|shown| api::VpcPeeringConnection {
                status: Some(api::VpcPeeringConnectionStateReason {
                    code: Some("provisioning".to_owned()),
                    message: Some("Provisioning".to_owned()),
                }),
                ..shown
            });
            Ok(api::AcceptVpcPeeringConnectionResult { vpc_peering_connection: peering })
        })
    }
);

handler!(
    Ec2,
    RejectVpcPeeringConnection,
    |ec2, cx, input| Ok(ec2.on::<RejectVpcPeeringConnection, Peering>(cx, &input.vpc_peering_connection_id).into()),
    |ec2, cx, input| {
        ec2.begin(cx, input.dry_run)?;
        ec2.store.write(|state| {
            let id = &input.vpc_peering_connection_id;
            let mut row = pending(state, cx, id, "reject")?;
            row.status = PeeringStatus::Rejected;
            row.by = cx.scope.account.to_string();
            row.ended = Some(cx.now);
            put(state, id, &row);
            Ok(api::RejectVpcPeeringConnectionResult { r#return: Some(true) })
        })
    }
);

handler!(
    Ec2,
    DeleteVpcPeeringConnection,
    |ec2, cx, input| Ok(ec2.on::<DeleteVpcPeeringConnection, Peering>(cx, &input.vpc_peering_connection_id).into()),
    |ec2, cx, input| {
        ec2.begin(cx, input.dry_run)?;
        ec2.store.write(|state| {
            let id = &input.vpc_peering_connection_id;
            let mut row = state.find::<Peering>(&cx.scope, id)?.clone();
            let is_live = matches!(row.status, PeeringStatus::Active | PeeringStatus::PendingAcceptance);
            if !is_live {
                // AWS: unverified wording.
                let message = format!("The request to delete {id} cannot be made: it is {}.", status_at(&row, cx.now).0);
                return Err(refuse("InvalidStateTransition", message));
            }
            row.status = PeeringStatus::Deleted;
            row.by = cx.scope.account.to_string();
            row.ended = Some(cx.now);
            put(state, id, &row);
            // Those whose hour is over.
            let over: Vec<String> = state.all::<Peering>(&cx.scope).filter(|(_, row)| !row.is_visible(cx.now)).map(|(id, _)| id.to_owned()).collect();
            over.iter().for_each(|id| drop(state.remove::<Peering>(&cx.scope, id)));
            Ok(api::DeleteVpcPeeringConnectionResult { r#return: Some(true) })
        })
    }
);

describes!(
    DescribeVpcPeeringConnections,
    Peering,
    vpc_peering_connection_ids,
    filters,
    DescribeVpcPeeringConnectionsResult { vpc_peering_connections }
);

handler!(
    Ec2,
    ModifyVpcPeeringConnectionOptions,
    |ec2, cx, input| Ok(ec2.on::<ModifyVpcPeeringConnectionOptions, Peering>(cx, &input.vpc_peering_connection_id).into()),
    |ec2, cx, input| {
        ec2.begin(cx, input.dry_run)?;
        ec2.store.write(|state| {
            let id = &input.vpc_peering_connection_id;
            let mut row = state.find::<Peering>(&cx.scope, id)?.clone();
            if row.status != PeeringStatus::Active {
                // AWS: unverified wording.
                return Err(refuse("OperationNotPermitted", format!("The peering connection {id} is not active.")));
            }
            let mut result = api::ModifyVpcPeeringConnectionOptionsResult::default();
            let shown = |value| api::PeeringConnectionOptions {
                allow_dns_resolution_from_remote_vpc: Some(value),
                allow_egress_from_local_classic_link_to_remote_vpc: Some(false),
                allow_egress_from_local_vpc_to_remote_classic_link: Some(false),
                ..Default::default()
            };
            if let Some(options) = input.requester_peering_connection_options {
                only_own(&row.requester, cx)?;
                row.requester.resolves_dns = options.allow_dns_resolution_from_remote_vpc.unwrap_or(row.requester.resolves_dns);
                result.requester_peering_connection_options = Some(shown(row.requester.resolves_dns));
            }
            if let Some(options) = input.accepter_peering_connection_options {
                only_own(&row.accepter, cx)?;
                row.accepter.resolves_dns = options.allow_dns_resolution_from_remote_vpc.unwrap_or(row.accepter.resolves_dns);
                result.accepter_peering_connection_options = Some(shown(row.accepter.resolves_dns));
            }
            put(state, id, &row);
            Ok(result)
        })
    }
);

fn only_own(end: &PeeredVpc, cx: &Cx) -> Result<(), Fault> {
    if end.scope == cx.scope {
        return Ok(());
    }
    // AWS: unverified wording.
    Err(refuse("OperationNotPermitted", "Options of the other side of a VPC peering connection can be modified by its owner only."))
}
