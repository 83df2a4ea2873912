//! Inventory: what nodes say of themselves, by type. `AWS:InstanceInformation` follows from what is known of a node; other types are put.
//! <https://docs.aws.amazon.com/systems-manager/latest/userguide/inventory-about.html>

use super::{ManagedNode, NodeOptions, Nodes, filters::Operator, rows::Inventory};
use crate::{Ssm, faults, parameters::permissions::on_all};
use cloudlet_api_ssm::*;
use cloudlet_aws::{Fault, Timestamp, TimestampFormat};
use cloudlet_engine::{Cx, Handle, Permission, Permissions, paging::Paging};
use cloudlet_shape::Map;
use std::sync::Arc;

const PAGE: usize = 50;
const INSTANCE_INFORMATION: &str = "AWS:InstanceInformation";
/// <https://docs.aws.amazon.com/general/latest/gr/ssm.html#limits_ssm>
const ITEM_BYTES: usize = 1_024 * 1_024;

/// Types with their attributes, for GetInventorySchema.
const SCHEMAS: [(&str, &str, &[&str]); 5] = [
    ("AWS:AWSComponent", "1.0", &["Name", "ApplicationType", "Publisher", "Version", "InstalledTime", "Architecture", "URL"]),
    (
        "AWS:Application",
        "1.1",
        &["Name", "ApplicationType", "Publisher", "Version", "Release", "Epoch", "InstalledTime", "Architecture", "URL", "Summary", "PackageId"],
    ),
    (
        INSTANCE_INFORMATION,
        "1.0",
        &[
            "AgentType",
            "AgentVersion",
            "ComputerName",
            "InstanceId",
            "IpAddress",
            "PlatformName",
            "PlatformType",
            "PlatformVersion",
            "ResourceType",
            "InstanceStatus",
        ],
    ),
    (
        "AWS:InstanceDetailedInformation",
        "1.0",
        &["CPUModel", "CPUSpeedMHz", "CPUs", "CPUSockets", "CPUCores", "CPUHyperThreadEnabled", "OSServicePack", "KernelVersion"],
    ),
    ("AWS:Network", "1.0", &["Name", "SubnetMask", "Gateway", "DHCPServer", "DNSServer", "MacAddress", "IPV4", "IPV6"]),
];

fn information(node: &ManagedNode, options: &NodeOptions, now: Timestamp) -> Inventory {
    let facts = [
        ("AgentType", Some("amazon-ssm-agent".to_owned())),
        ("AgentVersion", Some(node.agent_version())),
        ("ComputerName", Some(node.computer_name.clone())),
        ("InstanceId", Some(node.id.clone())),
        ("InstanceStatus", Some(if node.is_online { "Active" } else { "Stopped" }.to_owned())),
        ("IpAddress", node.address.clone()),
        ("PlatformName", node.platform_name(options)),
        ("PlatformType", Some(node.platform_type())),
        ("PlatformVersion", node.platform_version(options)),
        ("ResourceType", Some(node.resource_type().to_owned())),
    ];
    let entry: Map<String> = facts.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect();
    Inventory { schema_version: "1.0".into(), captured: captured(now).into(), hash: None, entries: Arc::new(vec![entry]) }
}

pub fn captured(now: Timestamp) -> String {
    now.whole_secs().text(TimestampFormat::DateTime)
}

impl Nodes {
    /// All types of inventory of a node.
    fn inventory(&self, cx: &Cx, node: &ManagedNode) -> Vec<(Arc<str>, Inventory)> {
        let mut all: Vec<(Arc<str>, Inventory)> =
            self.store.read(|state| state.inventory_of(&cx.scope, &node.id).map(|(kind, row)| (kind.clone(), row.clone())).collect());
        if !all.iter().any(|(kind, _)| &**kind == INSTANCE_INFORMATION) {
            all.insert(0, (INSTANCE_INFORMATION.into(), information(node, &self.options, cx.now)));
        }
        all
    }
}

fn no_such_node(id: &str) -> Fault {
    // AWS: unverified message.
    faults::INVALID_INSTANCE_ID.says(format!("{id} is not a managed node of this account."))
}

/// What a call on a node needs.
pub fn on_node<O: cloudlet_shape::Operation>(cx: &Cx, id: &str) -> Permission {
    let arn = if id.starts_with("mi-") {
        super::find::managed_arn(&cx.scope, id)
    } else {
        cloudlet_aws::Arn::new("ec2", &cx.scope, &format!("instance/{id}"))
    };
    Permission::of::<O>(arn)
}

impl Handle<PutInventory> for Ssm {
    fn permissions(&self, cx: &Cx, input: &PutInventoryRequest) -> Result<Permissions, Fault> {
        Ok(on_node::<PutInventory>(cx, &input.instance_id).into())
    }

    async fn handle(&self, cx: &Cx, input: PutInventoryRequest) -> Result<PutInventoryResult, Fault> {
        let node = self.nodes.find(cx, &input.instance_id).await?.ok_or_else(|| no_such_node(&input.instance_id))?;
        let size = |entries: &[Map<String>]| -> usize { entries.iter().flatten().map(|(name, value)| name.len() + value.len()).sum() };
        for item in &input.items {
            if size(item.content.as_deref().unwrap_or_default()) > ITEM_BYTES {
                return Err(faults::ITEM_SIZE_LIMIT_EXCEEDED
                    .says("The inventory item size has exceeded the size limit.")
                    .with("TypeName", &*item.type_name));
            }
        }
        self.nodes.store.write(|state| {
            for item in input.items {
                let place = (cx.scope.clone(), Arc::from(node.id.as_str()), Arc::from(item.type_name.as_str()));
                let before = state.inventory.get(&place).cloned();
                let entries = match (item.content, before) {
                    (Some(content), _) => Arc::new(content),
                    // Without content it says that nothing has changed.
                    (None, Some(before)) if before.hash.as_deref() == item.content_hash.as_deref() => before.entries.clone(),
                    (None, _) => {
                        return Err(faults::ITEM_CONTENT_MISMATCH
                            .says("The content hash of the item doesn't match what is stored.")
                            .with("TypeName", item.type_name));
                    }
                };
                let row = Inventory {
                    schema_version: item.schema_version.into(),
                    captured: item.capture_time.into(),
                    hash: item.content_hash.map(Into::into),
                    entries,
                };
                state.inventory.insert(place, row);
            }
            Ok(PutInventoryResult::default())
        })
    }
}

impl Handle<ListInventoryEntries> for Ssm {
    fn permissions(&self, cx: &Cx, input: &ListInventoryEntriesRequest) -> Result<Permissions, Fault> {
        Ok(on_node::<ListInventoryEntries>(cx, &input.instance_id).into())
    }

    async fn handle(&self, cx: &Cx, input: ListInventoryEntriesRequest) -> Result<ListInventoryEntriesResult, Fault> {
        let node = self.nodes.find(cx, &input.instance_id).await?.ok_or_else(|| no_such_node(&input.instance_id))?;
        let list = Paging::of::<ListInventoryEntries>(cx, &input);
        let found = self.nodes.inventory(cx, &node).into_iter().find(|(kind, _)| **kind == *input.type_name).map(|(_, row)| row);
        let filters = input.filters.unwrap_or_default();
        let selects = |entry: &Map<String>| {
            filters.iter().all(|filter| {
                let name = filter.key.rsplit('.').next().unwrap_or(&filter.key);
                let own: Vec<String> = entry.get(name).cloned().into_iter().collect();
                if filter.r#type.as_deref() == Some("Exists") {
                    !own.is_empty()
                } else {
                    Operator::parse(filter.r#type.as_deref()).passes(&own, &filter.values)
                }
            })
        };
        let entries = found.as_ref().map(|row| row.entries.clone()).unwrap_or_default();
        let rows = entries.iter().filter(|entry| selects(entry)).enumerate().map(|(index, entry)| (index, entry.clone()));
        let page = list.page_of(list.length(PAGE, PAGE), rows).map_err(|_| faults::invalid_next_token())?;
        Ok(ListInventoryEntriesResult {
            type_name: Some(input.type_name),
            instance_id: Some(input.instance_id),
            schema_version: found.as_ref().map(|row| row.schema_version.to_string()),
            capture_time: found.as_ref().map(|row| row.captured.to_string()),
            entries: Some(page.items),
            next_token: page.next_token,
        })
    }
}

impl Handle<GetInventory> for Ssm {
    fn permissions(&self, cx: &Cx, _: &GetInventoryRequest) -> Result<Permissions, Fault> {
        Ok(on_all::<GetInventory>(cx).into())
    }

    async fn handle(&self, cx: &Cx, input: GetInventoryRequest) -> Result<GetInventoryResult, Fault> {
        if input.aggregators.is_some() {
            return Err(faults::not_implemented("aggregators of inventory"));
        }
        let list = Paging::of::<GetInventory>(cx, &input);
        let wanted: Vec<String> = input.result_attributes.unwrap_or_default().into_iter().map(|attribute| attribute.type_name).collect();
        let filters = input.filters.unwrap_or_default();
        let mut entities = Vec::new();
        for node in self.nodes.all(cx).await? {
            let all = self.nodes.inventory(cx, &node);
            if !filters.iter().all(|filter| passes(filter, &all)) {
                continue;
            }
            // AWS: without attributes it is about the instance alone.
            let shown = all
                .into_iter()
                .filter(|(kind, _)| if wanted.is_empty() { &**kind == INSTANCE_INFORMATION } else { wanted.iter().any(|name| **kind == **name) });
            let data: Map<InventoryResultItem> = shown
                .map(|(kind, row)| {
                    let item = InventoryResultItem {
                        type_name: kind.to_string(),
                        schema_version: row.schema_version.to_string(),
                        capture_time: Some(row.captured.to_string()),
                        content_hash: row.hash.as_deref().map(str::to_owned),
                        content: row.entries.to_vec(),
                    };
                    (kind.to_string(), item)
                })
                .collect();
            entities.push((node.id.clone(), InventoryResultEntity { id: Some(node.id), data: Some(data) }));
        }
        let page = list.page_of(list.length(PAGE, PAGE), entities.into_iter()).map_err(|_| faults::invalid_next_token())?;
        Ok(GetInventoryResult { entities: Some(page.items), next_token: page.next_token })
    }
}

/// `AWS:InstanceInformation.PlatformName`: some entry of the type has such a value.
fn passes(filter: &InventoryFilter, all: &[(Arc<str>, Inventory)]) -> bool {
    let Some((kind, name)) = filter.key.rsplit_once('.') else { return false };
    let entries = all.iter().filter(|(own, _)| **own == *kind).flat_map(|(_, row)| row.entries.iter());
    let own: Vec<String> = entries.filter_map(|entry| entry.get(name).cloned()).collect();
    if filter.r#type.as_deref() == Some("Exists") { !own.is_empty() } else { Operator::parse(filter.r#type.as_deref()).passes(&own, &filter.values) }
}

impl Handle<GetInventorySchema> for Ssm {
    fn permissions(&self, cx: &Cx, _: &GetInventorySchemaRequest) -> Result<Permissions, Fault> {
        Ok(on_all::<GetInventorySchema>(cx).into())
    }

    async fn handle(&self, cx: &Cx, input: GetInventorySchemaRequest) -> Result<GetInventorySchemaResult, Fault> {
        let list = Paging::of::<GetInventorySchema>(cx, &input);
        let name = input.type_name.clone().unwrap_or_default();
        let schemas = SCHEMAS.iter().filter(|(kind, _, _)| kind.starts_with(name.as_str())).map(|(kind, version, attributes)| {
            let attribute = |name: &&str| InventoryItemAttribute { name: (*name).to_owned(), data_type: "string".to_owned() };
            let schema = InventoryItemSchema {
                type_name: (*kind).to_owned(),
                version: Some((*version).to_owned()),
                attributes: attributes.iter().map(attribute).collect(),
                display_name: kind.split_once(':').map(|(_, name)| name.to_owned()),
            };
            ((*kind).to_owned(), schema)
        });
        let page = list.page_of(list.length(PAGE, 200), schemas).map_err(|_| faults::invalid_next_token())?;
        Ok(GetInventorySchemaResult { schemas: Some(page.items), next_token: page.next_token })
    }
}
