//! Managed prefix lists: the customer's, which have versions, and AWS's own.
//! <https://docs.aws.amazon.com/vpc/latest/userguide/managed-prefix-lists.html>

use crate::{
    client_tokens::ClientToken,
    describing::{self, check_ids, check_page, invalid_token},
    engine::Ec2,
    faults::{self, invalid_value, refuse},
    filters::Filters,
    limits, lookups, permissions,
    rows::{PrefixList, PrefixListEntry},
    rules::Peer,
    state::{At, FilterOf, Kind, Resource, State, in_table},
    tags,
};
use cloudlet_api_ec2::{
    self as api, CreateManagedPrefixList, DeleteManagedPrefixList, DescribeManagedPrefixLists, DescribePrefixLists, GetManagedPrefixListAssociations,
    GetManagedPrefixListEntries, ModifyManagedPrefixList, RestoreManagedPrefixListVersion,
};
use cloudlet_aws::{Fault, Scope};
use cloudlet_engine::{Cx, handler, paging::Paging};
use cloudlet_reach::{Cidr, Family};
use std::borrow::Cow;

impl Resource for PrefixList {
    const KIND: Kind = Kind {
        prefix: "pl",
        name: "prefix-list",
        missing: "InvalidPrefixListID.NotFound",
        says: ("The prefix list ID '", "' does not exist"),
        malformed: "InvalidPrefixListId.Malformed",
    };
    const FILTERS: &'static [FilterOf<PrefixList>] = &[
        ("owner-id", |list, at| vec![owner(list, at.scope)]),
        ("prefix-list-id", |_, at| vec![at.id.to_owned()]),
        ("prefix-list-name", |list, _| vec![list.name.clone()]),
    ];
    type Shown = api::ManagedPrefixList;

    in_table!(prefix_lists, PrefixList);

    fn shown(&self, at: &At<'_>) -> api::ManagedPrefixList {
        let is_own = self.owner_is_account();
        api::ManagedPrefixList {
            prefix_list_id: Some(at.id.to_owned()),
            prefix_list_arn: match is_own {
                true => permissions::arn_text(at.scope, "prefix-list", at.id),
                false => Some(format!("arn:{}:ec2:{}:aws:prefix-list/{}", at.scope.partition(), at.scope.region, at.id)),
            },
            prefix_list_name: Some(self.name.clone()),
            address_family: Some(if self.is_ipv6 { "IPv6" } else { "IPv4" }.to_owned()),
            max_entries: is_own.then_some(self.max_entries),
            version: is_own.then(|| self.version()),
            state: Some(format!("{}-complete", self.last)),
            owner_id: Some(owner(self, at.scope)),
            tags: tags::answered(at.state.tags_of(at.scope, at.id)),
            ..Default::default()
        }
    }
}

impl PrefixList {
    fn version(&self) -> i64 {
        i64::try_from(self.versions.len()).unwrap_or(i64::MAX)
    }

    pub fn entries(&self) -> &[PrefixListEntry] {
        self.versions.last().map(Vec::as_slice).unwrap_or_default()
    }

    fn owner_is_account(&self) -> bool {
        !self.name.starts_with("com.amazonaws.")
    }
}

fn owner(list: &PrefixList, scope: &Scope) -> String {
    if list.owner_is_account() { scope.account.to_string() } else { "AWS".to_owned() }
}

/// AWS's own lists: the end of the name, the weight that a rule with it counts, and blocks of it.
/// The blocks are a selection of those that AWS publishes (<https://ip-ranges.amazonaws.com/ip-ranges.json>), the same in every region.
/// <https://docs.aws.amazon.com/vpc/latest/userguide/working-with-aws-managed-prefix-lists.html>
struct Managed {
    name: &'static str,
    global: bool,
    weight: i32,
    ipv6: bool,
    blocks: &'static [&'static str],
}

const MANAGED: [Managed; 4] = [
    Managed { name: "s3", global: false, weight: 1, ipv6: false, blocks: &["3.5.0.0/19", "52.216.0.0/15", "54.231.0.0/16", "18.34.0.0/19"] },
    Managed { name: "dynamodb", global: false, weight: 1, ipv6: false, blocks: &["52.94.0.0/22", "52.119.224.0/20", "35.71.64.0/22"] },
    Managed {
        name: "cloudfront.origin-facing",
        global: true,
        weight: 55,
        ipv6: false,
        blocks: &["13.124.199.0/24", "130.176.0.0/17", "130.176.128.0/18", "15.158.0.0/16", "64.252.64.0/18", "64.252.128.0/18", "70.132.0.0/18"],
    },
    Managed { name: "ipv6.cloudfront.origin-facing", global: true, weight: 60, ipv6: true, blocks: &["2600:9000:3000::/36", "2600:9000:f600::/40"] },
];

/// Ids that AWS gave in a region, where they are documented.
const KNOWN_IDS: [(&str, &str, &str); 9] = [
    ("us-east-1", "s3", "pl-63a5400a"),
    ("us-east-2", "s3", "pl-7ba54012"),
    ("us-west-1", "s3", "pl-6ba54002"),
    ("us-west-2", "s3", "pl-68a54001"),
    ("eu-west-1", "s3", "pl-6da54004"),
    ("us-east-1", "dynamodb", "pl-02cd2c6b"),
    ("us-west-2", "dynamodb", "pl-00a54069"),
    ("us-east-1", "cloudfront.origin-facing", "pl-3b927c52"),
    ("us-west-2", "cloudfront.origin-facing", "pl-82a045eb"),
];

fn managed_id(region: &str, of: &Managed) -> String {
    let known = KNOWN_IDS.iter().find(|(known, name, _)| *known == region && *name == of.name);
    if let Some((_, _, id)) = known {
        return (*id).to_owned();
    }
    // AWS: another id, which is not published. FNV-1a, so that it is the same always.
    let hash = region.bytes().chain(of.name.bytes()).fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    format!("pl-{hash:08x}")
}

/// AWS's lists in a region, with their ids and weights.
pub fn managed(scope: &Scope) -> impl Iterator<Item = (String, PrefixList, i32)> + '_ {
    let region = scope.region.as_str();
    MANAGED.iter().map(move |of| {
        let within = if of.global { "global" } else { region };
        let entry = |text: &&str| text.parse::<Cidr>().ok().map(|cidr| PrefixListEntry { cidr, description: None });
        let entries: Vec<PrefixListEntry> = of.blocks.iter().filter_map(entry).collect();
        let list = PrefixList {
            name: format!("com.amazonaws.{within}.{}", of.name),
            is_ipv6: of.ipv6,
            max_entries: of.weight,
            versions: vec![entries],
            last: "create".to_owned(),
        };
        (managed_id(region, of), list, of.weight)
    })
}

/// A list of the account or of AWS.
pub fn find<'s>(state: &'s State, scope: &Scope, id: &str) -> Result<Cow<'s, PrefixList>, Fault> {
    if let Some((_, list, _)) = managed(scope).find(|(known, _, _)| known == id) {
        return Ok(Cow::Owned(list));
    }
    state.find::<PrefixList>(scope, id).map(Cow::Borrowed)
}

/// How many rules a reference to a list counts: its weight, which is the most entries it may have.
pub fn weight(state: &State, scope: &Scope, id: &str) -> usize {
    find(state, scope, id).map_or(1, |list| usize::try_from(list.max_entries).unwrap_or(usize::MAX))
}

/// The id of AWS's list of a service, for a gateway endpoint.
pub fn of_service(scope: &Scope, service: &str) -> Option<String> {
    managed(scope).find(|(_, list, _)| list.name == service).map(|(id, _, _)| id)
}

fn entry(given: &api::AddPrefixListEntry, is_ipv6: bool) -> Result<PrefixListEntry, Fault> {
    let family = if is_ipv6 { Family::V6 } else { Family::V4 };
    // AWS: unverified wording.
    let malformed = || invalid_value(format!("The CIDR {} is not valid for the address family of the prefix list.", given.cidr));
    Ok(PrefixListEntry { cidr: Cidr::parse(&given.cidr, family).ok_or_else(malformed)?, description: given.description.clone() })
}

/// Adds entries, which are new; one whose block is there changes its description. One that would change nothing is refused.
/// <https://github.com/hashicorp/terraform-provider-aws/issues/29204>
fn add(to: &mut Vec<PrefixListEntry>, given: &[api::AddPrefixListEntry], is_ipv6: bool) -> Result<(), Fault> {
    check_changes(given.len())?;
    for given in given {
        let new = entry(given, is_ipv6)?;
        match to.iter_mut().find(|known| known.cidr == new.cidr) {
            Some(known) if known.description.as_deref().unwrap_or_default() == new.description.as_deref().unwrap_or_default() => {
                let description = new.description.unwrap_or_default();
                let message = format!("An entry with the CIDR ({}) and description ({description}) already exists.", given.cidr);
                return Err(refuse("InvalidPrefixListModification", message));
            }
            Some(known) => known.description = new.description,
            None => to.push(new),
        }
    }
    Ok(())
}

/// <https://github.com/hashicorp/terraform-provider-aws/pull/49955>
fn check_changes(count: usize) -> Result<(), Fault> {
    if count > limits::PREFIX_LIST_CHANGES {
        return Err(invalid_value(format!("The number of entries per request cannot exceeds limit ({}).", limits::PREFIX_LIST_CHANGES)));
    }
    Ok(())
}

/// <https://github.com/aws-samples/update-aws-ip-ranges/issues/1>
fn check_size(most: i32) -> Result<(), Fault> {
    if !(1..=limits::PREFIX_LIST_ENTRIES).contains(&most) {
        return Err(invalid_value(format!("Must specify a max size between 1 and {}", limits::PREFIX_LIST_ENTRIES)));
    }
    Ok(())
}

fn check_most(count: usize, most: i32) -> Result<(), Fault> {
    if count > usize::try_from(most).unwrap_or_default() {
        // AWS: unverified wording.
        return Err(refuse("PrefixListMaxEntriesExceeded", format!("You've reached the maximum number of entries for the prefix list: {most}.")));
    }
    Ok(())
}

handler!(
    Ec2,
    CreateManagedPrefixList,
    |ec2, cx, input| Ok(permissions::create::<CreateManagedPrefixList>(cx, "prefix-list", tags::requested(input.tag_specifications.as_ref()))),
    |ec2, cx, input| {
        ec2.begin(cx, input.dry_run)?;
        let token = ClientToken::of::<CreateManagedPrefixList>(cx, &input, input.client_token.as_deref())?;
        let tags = tags::of_new(input.tag_specifications.as_ref(), "prefix-list")?;
        let name = input.prefix_list_name;
        if name.is_empty() || name.chars().count() > 255 || name.starts_with("com.amazonaws") {
            // AWS: unverified wording.
            return Err(invalid_value("The prefix list name must be 1 to 255 characters and must not start with com.amazonaws."));
        }
        let is_ipv6 = match input.address_family.as_str() {
            "IPv4" => false,
            "IPv6" => true,
            other => return Err(invalid_value(format!("Value ({other}) for parameter addressFamily is invalid."))),
        };
        check_size(input.max_entries)?;
        let mut entries = Vec::new();
        add(&mut entries, input.entries.as_deref().unwrap_or_default(), is_ipv6)?;
        check_most(entries.len(), input.max_entries)?;
        ec2.store.write(|state| {
            let id = token.once::<PrefixList>(state, cx, |state| {
                if state.count::<PrefixList>(&cx.scope) >= limits::PREFIX_LISTS {
                    // AWS: unverified wording.
                    return Err(refuse("PrefixListLimitExceeded", "The maximum number of prefix lists has been reached."));
                }
                let list = PrefixList { name, is_ipv6, max_entries: input.max_entries, versions: vec![entries], last: "create".to_owned() };
                Ok(state.add(&cx.scope, cx.ids(), list, tags))
            })?;
            let prefix_list = describing::shown::<PrefixList>(state, cx, &id);
            let prefix_list = prefix_list.map(|list| api::ManagedPrefixList { state: Some("create-in-progress".to_owned()), ..list });
            Ok(api::CreateManagedPrefixListResult { prefix_list })
        })
    }
);

fn only_own(scope: &Scope, id: &str) -> Result<(), Fault> {
    if managed(scope).any(|(known, _, _)| known == id) {
        // AWS: unverified wording.
        return Err(refuse("OperationNotPermitted", format!("The prefix list {id} is managed by AWS.")));
    }
    Ok(())
}

/// The rules and routes that refer to a list: what has them.
pub fn users(state: &State, scope: &Scope, id: &str) -> Vec<String> {
    let refers = |peer: &Peer| matches!(peer, Peer::PrefixList(list) if list == id);
    let groups = state.groups_of(scope).filter(|(_, group)| group.rules.iter().any(|rule| refers(&rule.traffic.peer)));
    let groups = groups.map(|(id, _)| id.to_owned());
    groups.chain(lookups::lead_to(state, scope, id)).collect()
}

handler!(
    Ec2,
    ModifyManagedPrefixList,
    |ec2, cx, input| Ok(ec2.on::<ModifyManagedPrefixList, PrefixList>(cx, &input.prefix_list_id).into()),
    |ec2, cx, input| {
        ec2.begin(cx, input.dry_run)?;
        if input.ipam_prefix_list_resolver_sync_enabled.is_some() {
            return Err(faults::not_implemented("prefix lists that follow an IPAM"));
        }
        only_own(&cx.scope, &input.prefix_list_id)?;
        let (added, removed) = (input.add_entries.unwrap_or_default(), input.remove_entries.unwrap_or_default());
        let changes = !added.is_empty() || !removed.is_empty();
        check_changes(removed.len())?;
        if !changes && input.max_entries.is_none() && input.prefix_list_name.is_none() {
            // <https://github.com/hashicorp/terraform-provider-aws/blob/main/internal/service/ec2/vpc_managed_prefix_list.go>
            return Err(refuse("InvalidRequest", "The request received was invalid."));
        }
        let is_both = |of: &&api::AddPrefixListEntry| removed.iter().any(|removed| removed.cidr == of.cidr);
        if let Some(both) = added.iter().find(is_both) {
            let message = format!("Request cannot contain Cidr {} in both AddPrefixListEntries and RemovePrefixListEntries", both.cidr);
            return Err(invalid_value(message));
        }
        if changes && input.max_entries.is_some() {
            // <https://github.com/hashicorp/terraform-provider-aws/issues/26034>
            let message = "You cannot modify the entries and the maximum entries for the prefix list in the same request.";
            return Err(refuse("InvalidParameterCombination", message));
        }
        ec2.store.write(|state| {
            let id = &input.prefix_list_id;
            let list = state.find_mut::<PrefixList>(&cx.scope, id)?;
            if let Some(current) = input.current_version.filter(|current| *current != list.version()) {
                return Err(version_mismatch(id, current));
            }
            if changes && input.current_version.is_none() {
                return Err(faults::missing("currentVersion"));
            }
            if let Some(name) = input.prefix_list_name {
                list.name = name;
            }
            if let Some(most) = input.max_entries {
                check_size(most)?;
                check_most(list.entries().len(), most)?;
                list.max_entries = most;
            }
            if changes {
                let mut entries = list.entries().to_vec();
                for entry in &removed {
                    let at = entries.iter().position(|known| entry.cidr.parse() == Ok(known.cidr));
                    // AWS: unverified wording.
                    let missing = || invalid_value(format!("The CIDR {} is not in the prefix list.", entry.cidr));
                    entries.remove(at.ok_or_else(missing)?);
                }
                add(&mut entries, &added, list.is_ipv6)?;
                check_most(entries.len(), list.max_entries)?;
                if list.versions.len() >= limits::PREFIX_LIST_VERSIONS {
                    // AWS keeps the last 1,000: the oldest has no entries any more.
                    let oldest = list.versions.len() - limits::PREFIX_LIST_VERSIONS;
                    list.versions.get_mut(oldest).map(std::mem::take);
                }
                list.versions.push(entries);
            }
            list.last = "modify".to_owned();
            let prefix_list = describing::shown::<PrefixList>(state, cx, id);
            let prefix_list = prefix_list.map(|list| api::ManagedPrefixList { state: Some("modify-in-progress".to_owned()), ..list });
            Ok(api::ModifyManagedPrefixListResult { prefix_list })
        })
    }
);

fn version_mismatch(id: &str, given: i64) -> Fault {
    refuse("PrefixListVersionMismatch", format!("The prefix list {id} has an incorrect version number: {given}"))
}

handler!(
    Ec2,
    RestoreManagedPrefixListVersion,
    |ec2, cx, input| Ok(ec2.on::<RestoreManagedPrefixListVersion, PrefixList>(cx, &input.prefix_list_id).into()),
    |ec2, cx, input| {
        ec2.begin(cx, input.dry_run)?;
        only_own(&cx.scope, &input.prefix_list_id)?;
        ec2.store.write(|state| {
            let id = &input.prefix_list_id;
            let list = state.find_mut::<PrefixList>(&cx.scope, id)?;
            if input.current_version != list.version() {
                return Err(version_mismatch(id, input.current_version));
            }
            let at = usize::try_from(input.previous_version - 1).ok();
            let entries = at.and_then(|at| list.versions.get(at)).cloned();
            // AWS: unverified wording.
            let missing = || invalid_value(format!("The prefix list {id} has no version {}.", input.previous_version));
            let entries = entries.ok_or_else(missing)?;
            check_most(entries.len(), list.max_entries)?;
            list.versions.push(entries);
            list.last = "restore".to_owned();
            let prefix_list = describing::shown::<PrefixList>(state, cx, id);
            let prefix_list = prefix_list.map(|list| api::ManagedPrefixList { state: Some("restore-in-progress".to_owned()), ..list });
            Ok(api::RestoreManagedPrefixListVersionResult { prefix_list })
        })
    }
);

handler!(
    Ec2,
    DeleteManagedPrefixList,
    |ec2, cx, input| Ok(ec2.on::<DeleteManagedPrefixList, PrefixList>(cx, &input.prefix_list_id).into()),
    |ec2, cx, input| {
        ec2.begin(cx, input.dry_run)?;
        only_own(&cx.scope, &input.prefix_list_id)?;
        ec2.store.write(|state| {
            let id = &input.prefix_list_id;
            state.find::<PrefixList>(&cx.scope, id)?;
            if !users(state, &cx.scope, id).is_empty() {
                // AWS: unverified wording.
                return Err(refuse("PrefixListInUse", format!("The prefix list {id} is in use.")));
            }
            let prefix_list = describing::shown::<PrefixList>(state, cx, id);
            state.remove::<PrefixList>(&cx.scope, id);
            let prefix_list = prefix_list.map(|list| api::ManagedPrefixList { state: Some("delete-in-progress".to_owned()), ..list });
            Ok(api::DeleteManagedPrefixListResult { prefix_list })
        })
    }
);

/// Those of the account and AWS's that a request asks for.
fn asked(state: &State, cx: &Cx, ids: &[String], filters: &Filters<PrefixList>) -> Result<Vec<(String, PrefixList)>, Fault> {
    for id in ids {
        find(state, &cx.scope, id)?;
    }
    let own = state.all::<PrefixList>(&cx.scope).map(|(id, list)| (id.to_owned(), list.clone()));
    let all = own.chain(managed(&cx.scope).map(|(id, list, _)| (id, list)));
    let mut found: Vec<(String, PrefixList)> = all
        .filter(|(id, list)| {
            let at = At { state, scope: &cx.scope, id, now: cx.now };
            (ids.is_empty() || ids.contains(id)) && filters.pass(list, &at, state.tags_of(&cx.scope, id))
        })
        .collect();
    found.sort_by(|(one, _), (other, _)| one.cmp(other));
    Ok(found)
}

handler!(Ec2, DescribeManagedPrefixLists, |ec2, cx, input| Ok(permissions::describe::<DescribeManagedPrefixLists>(cx)), |ec2, cx, input| {
    ec2.begin(cx, input.dry_run)?;
    check_ids(input.max_results, input.prefix_list_ids.as_ref(), "prefix_list_ids")?;
    check_page(input.max_results, 1, 100)?;
    let list = Paging::of::<DescribeManagedPrefixLists>(cx, &input);
    let filters = Filters::read(input.filters, PrefixList::FILTERS)?;
    let ids = input.prefix_list_ids.unwrap_or_default();
    let page = ec2.store.read(|state| {
        let rows = asked(state, cx, &ids, &filters)?;
        describing::page(
            &list,
            rows.into_iter().map(|(id, list)| {
                let shown = list.shown(&At { state, scope: &cx.scope, id: &id, now: cx.now });
                (id, shown)
            }),
        )
    })?;
    Ok(api::DescribeManagedPrefixListsResult { prefix_lists: Some(page.items), next_token: page.next_token })
});

handler!(Ec2, DescribePrefixLists, |ec2, cx, input| Ok(permissions::describe::<DescribePrefixLists>(cx)), |ec2, cx, input| {
    ec2.begin(cx, input.dry_run)?;
    let list = Paging::of::<DescribePrefixLists>(cx, &input);
    let filters = Filters::read(input.filters, PrefixList::FILTERS)?;
    let ids = input.prefix_list_ids.unwrap_or_default();
    // AWS: only its own lists, of services with gateway endpoints.
    let page = ec2.store.read(|state| {
        for id in &ids {
            find(state, &cx.scope, id)?;
        }
        let rows = asked(state, cx, &ids, &filters)?;
        let services = rows.into_iter().filter(|(_, list)| list.name.ends_with(".s3") || list.name.ends_with(".dynamodb"));
        describing::page(
            &list,
            services.map(|(id, list)| {
                let cidrs = list.entries().iter().map(|entry| entry.cidr.to_string()).collect();
                (id.clone(), api::PrefixList { prefix_list_id: Some(id), prefix_list_name: Some(list.name.clone()), cidrs: Some(cidrs) })
            }),
        )
    })?;
    Ok(api::DescribePrefixListsResult { prefix_lists: Some(page.items), next_token: page.next_token })
});

handler!(
    Ec2,
    GetManagedPrefixListEntries,
    |ec2, cx, input| Ok(ec2.on::<GetManagedPrefixListEntries, PrefixList>(cx, &input.prefix_list_id).into()),
    |ec2, cx, input| {
        ec2.begin(cx, input.dry_run)?;
        check_page(input.max_results, 1, 100)?;
        let paging = Paging::of::<GetManagedPrefixListEntries>(cx, &input);
        let page = ec2.store.read(|state| {
            let list = find(state, &cx.scope, &input.prefix_list_id)?;
            let version = input.target_version.unwrap_or_else(|| list.version());
            let at = usize::try_from(version - 1).ok();
            // AWS: unverified wording.
            let missing = || invalid_value(format!("The prefix list {} has no version {version}.", input.prefix_list_id));
            let mut entries = at.and_then(|at| list.versions.get(at)).ok_or_else(missing)?.clone();
            entries.sort_by_key(|entry| entry.cidr);
            let rows = entries
                .into_iter()
                .map(|entry| (entry.cidr, api::PrefixListEntry { cidr: Some(entry.cidr.to_string()), description: entry.description }));
            paging.page_of(paging.length(100, 100), rows).map_err(|_| invalid_token())
        })?;
        Ok(api::GetManagedPrefixListEntriesResult { entries: Some(page.items), next_token: page.next_token })
    }
);

handler!(
    Ec2,
    GetManagedPrefixListAssociations,
    |ec2, cx, input| Ok(ec2.on::<GetManagedPrefixListAssociations, PrefixList>(cx, &input.prefix_list_id).into()),
    |ec2, cx, input| {
        ec2.begin(cx, input.dry_run)?;
        check_page(input.max_results, 5, 255)?;
        let paging = Paging::of::<GetManagedPrefixListAssociations>(cx, &input);
        let page = ec2.store.read(|state| {
            find(state, &cx.scope, &input.prefix_list_id)?;
            let mut users = users(state, &cx.scope, &input.prefix_list_id);
            users.sort_unstable();
            let owner = cx.scope.account.to_string();
            let shown = |id: String| api::PrefixListAssociation { resource_id: Some(id), resource_owner: Some(owner.clone()) };
            paging.page_of(paging.length(255, 255), users.into_iter().map(|id| (id.clone(), shown(id)))).map_err(|_| invalid_token())
        })?;
        Ok(api::GetManagedPrefixListAssociationsResult { prefix_list_associations: Some(page.items), next_token: page.next_token })
    }
);
