//! `aws:softwareInventory`: what the machine of the node says of itself.
//! <https://docs.aws.amazon.com/systems-manager/latest/userguide/inventory-about.html>

use super::execution::{Ended, Execution, OutputOf, PREPARATION};
use crate::nodes::{AGENT_VERSION, inventory::captured};
use cloudlet_api_ssm::{InventoryItem, PutInventory, PutInventoryRequest};
use cloudlet_shape::Map;
use serde_json::Value;
use std::collections::BTreeMap;

const MOST: usize = 10_000;
/// Status, then the columns of `applications`.
const APPLICATIONS: &str = "dpkg-query -W -f '${db:Status-Status}\\t${Package}\\t${Version}\\t${Maintainer}\\t${Section}\\t${Architecture}\\t${Homepage}\\t\
     ${binary:Summary}\\n' 2>/dev/null || rpm -qa --qf 'installed\\t%{NAME}\\t%{VERSION}\\t%{VENDOR}\\t%{GROUP}\\t%{ARCH}\\t%{URL}\\t%{SUMMARY}\\n' 2>/dev/null";
/// Of each address: its interface, its family and itself; of an interface without any, its name.
const NETWORKS: &str =
    "ip -o addr show 2>/dev/null | awk '{ print $2 \"\\t\" $3 \"\\t\" $4 }'; sed -n 's/^ *\\([^:]*\\):.*/\\1/p' /proc/net/dev 2>/dev/null";
const MACHINE: &str = "cpu() { sed -n \"s/^$1[^:]*: //p\" /proc/cpuinfo 2>/dev/null | head -n 1; }\n\
     printf '%s\\t%s\\t%s\\t%s\\n' \"$(uname -r)\" \"$(getconf _NPROCESSORS_ONLN)\" \"$(cpu 'model name')\" \"$(cpu 'cpu MHz')\"";

impl Execution<'_> {
    pub async fn software_inventory(&self, inputs: &Value) -> Ended {
        let wants = |key: &str| inputs.get(key).and_then(Value::as_str).is_some_and(|value| value == "Enabled");
        let mut types = Vec::new();
        if wants("applications") {
            let entries = match self.lines(APPLICATIONS).await {
                Ok(lines) => applications(&lines),
                Err(why) => return Ended::failed(why),
            };
            types.push(("AWS:Application", "1.1", entries));
        }
        if wants("awsComponents") {
            let agent = columns(&format!("amazon-ssm-agent\t{AGENT_VERSION}\tAmazon"), &["Name", "Version", "Publisher"]);
            types.push(("AWS:AWSComponent", "1.0", vec![agent]));
        }
        if wants("networkConfig") {
            match self.lines(NETWORKS).await {
                Ok(lines) => types.push(("AWS:Network", "1.0", networks(&lines))),
                Err(why) => return Ended::failed(why),
            }
        }
        if wants("instanceDetailedInformation") {
            match self.lines(MACHINE).await {
                Ok(lines) => types.push((
                    "AWS:InstanceDetailedInformation",
                    "1.0",
                    lines.iter().map(|line| columns(line, &["KernelVersion", "CPUs", "CPUModel", "CPUSpeedMHz"])).take(1).collect(),
                )),
                Err(why) => return Ended::failed(why),
            }
        }
        let mut said = String::new();
        let mut items = Vec::new();
        for (kind, version, entries) in types {
            said.push_str(&format!("{kind}: {}\n", entries.len()));
            items.push(InventoryItem {
                type_name: kind.to_owned(),
                schema_version: version.to_owned(),
                capture_time: captured(self.cx.clock().now()),
                content: Some(entries),
                ..InventoryItem::default()
            });
        }
        if !items.is_empty()
            && let Err(why) = self.put_inventory(items).await
        {
            return Ended::failed(format!("Inventory data could not be uploaded to SSM: {why}"));
        }
        Ended::success(format!("Inventory policy has been successfully applied and collected inventory data has been uploaded to SSM\n{said}"))
    }

    async fn put_inventory(&self, items: Vec<InventoryItem>) -> Result<(), String> {
        let input = PutInventoryRequest { instance_id: self.node.clone(), items };
        let put = Box::pin(self.cx.call::<PutInventory>(self.caller()?, self.cx.scope.clone(), input)).await;
        put.map(drop).map_err(|fault| fault.message().to_owned())
    }

    async fn lines(&self, script: &str) -> Result<Vec<String>, String> {
        let ran = self.program(OutputOf::Nobody, "sh", &["-c", script], None, &[], PREPARATION).await?;
        Ok(String::from_utf8_lossy(&ran.output).lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect())
    }
}

fn applications(lines: &[String]) -> Vec<Map<String>> {
    const COLUMNS: [&str; 7] = ["Name", "Version", "Publisher", "ApplicationType", "Architecture", "URL", "Summary"];
    lines.iter().filter_map(|line| line.strip_prefix("installed\t")).map(|line| columns(line, &COLUMNS)).take(MOST).collect()
}

/// An entry for each interface.
fn networks(lines: &[String]) -> Vec<Map<String>> {
    let mut all: BTreeMap<&str, [Vec<&str>; 2]> = BTreeMap::new();
    for line in lines {
        let mut parts = line.split('\t');
        let addresses = all.entry(parts.next().unwrap_or_default()).or_default();
        if let (Some(family), Some(address)) = (parts.next(), parts.next())
            && let Some(of_family) = addresses.get_mut(usize::from(family == "inet6"))
        {
            of_family.push(address.split('/').next().unwrap_or(address));
        }
    }
    let entry = |(name, [v4, v6]): (&str, [Vec<&str>; 2])| {
        let facts = [("Name", name.to_owned()), ("IPV4", v4.join(", ")), ("IPV6", v6.join(", "))];
        facts.into_iter().filter(|(_, value)| !value.is_empty()).map(|(name, value)| (name.to_owned(), value)).collect()
    };
    all.into_iter().map(entry).collect()
}

/// The columns of a line under their names.
fn columns(line: &str, names: &[&str]) -> Map<String> {
    line.split('\t').zip(names).filter(|(value, _)| !value.is_empty()).map(|(value, name)| ((*name).to_owned(), value.to_owned())).collect()
}

#[test]
fn what_the_machine_says_becomes_entries() {
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let found = applications(&lines("installed\tdpkg\t1.2\tDebian\tadmin\tamd64\t\tpackages\nconfig-files\told\t1\t\t\t\t\t"));
    assert_eq!((found.len(), found[0]["Name"].as_str(), found[0]["Summary"].as_str(), found[0].get("URL")), (1, "dpkg", "packages", None));
    let found = networks(&lines("lo\tinet\t127.0.0.1/8\nlo\tinet6\t::1/128\nlo\neth0"));
    assert_eq!((found.len(), found[0].len(), found[1]["IPV4"].as_str(), found[1]["IPV6"].as_str()), (2, 1, "127.0.0.1", "::1"));
}
