//! `aws:softwareInventory`: what the machine of the node says of itself.
//! <https://docs.aws.amazon.com/systems-manager/latest/userguide/inventory-about.html>

use super::execution::{Ended, Execution, PREPARATION};
use crate::nodes::AGENT_VERSION;
use cloudlet_shape::Map;
use serde_json::Value;

const MOST: usize = 10_000;

impl Execution<'_> {
    pub async fn software_inventory(&self, inputs: &Value) -> Ended {
        let wants = |key: &str| inputs.get(key).and_then(Value::as_str).is_some_and(|value| value == "Enabled");
        let nodes = &self.ssm.nodes;
        let mut types = Vec::new();
        if wants("applications") {
            let entries = match self.lines("dpkg-query -W -f '${Package}\\t${Version}\\t${Architecture}\\t${Homepage}\\n' 2>/dev/null || rpm -qa --qf '%{NAME}\\t%{VERSION}\\t%{ARCH}\\t%{URL}\\n' 2>/dev/null").await {
                Ok(lines) => lines.iter().map(|line| columns(line, &["Name", "Version", "Architecture", "URL"])).take(MOST).collect::<Vec<_>>(),
                Err(why) => return Ended::failed(why),
            };
            types.push(("AWS:Application", "1.1", entries));
        }
        if wants("awsComponents") {
            let agent = columns(&format!("amazon-ssm-agent\t{AGENT_VERSION}\tAmazon"), &["Name", "Version", "Publisher"]);
            types.push(("AWS:AWSComponent", "1.0", vec![agent]));
        }
        if wants("instanceDetailedInformation") {
            match self.lines("printf '%s\\t%s\\n' \"$(uname -r)\" \"$(getconf _NPROCESSORS_ONLN)\"").await {
                Ok(lines) => types.push((
                    "AWS:InstanceDetailedInformation",
                    "1.0",
                    lines.iter().map(|line| columns(line, &["KernelVersion", "CPUs"])).take(1).collect(),
                )),
                Err(why) => return Ended::failed(why),
            }
        }
        let mut said = String::new();
        for (kind, version, entries) in types {
            said.push_str(&format!("{kind}: {}\n", entries.len()));
            nodes.put_inventory(self.cx, &self.node.id, kind, version, entries, None);
        }
        Ended::success(format!("Inventory policy has been successfully applied and collected inventory data has been uploaded to SSM\n{said}"))
    }

    async fn lines(&self, script: &str) -> Result<Vec<String>, String> {
        let ran = self.program("sh", &["-c", script], None, &[], PREPARATION).await?;
        Ok(String::from_utf8_lossy(&ran.output).lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect())
    }
}

/// The columns of a line under their names.
fn columns(line: &str, names: &[&str]) -> Map<String> {
    line.split('\t').zip(names).filter(|(value, _)| !value.is_empty()).map(|(value, name)| ((*name).to_owned(), value.to_owned())).collect()
}
