//! The targets of an automation: which values its target parameter takes.
//! <https://docs.aws.amazon.com/systems-manager/latest/userguide/running-automations-map-targets.html>

use super::call::call;
use crate::{Ssm, faults};
use cloudlet_api_ssm::{Target, TargetLocation};
use cloudlet_aws::{Account, Caller, Fault, Region, Scope};
use cloudlet_engine::Cx;
use serde_json::{Value, json};

/// AWS: the role of other accounts when none is named.
const ROLE: &str = "AWS-SystemsManager-AutomationExecutionRole";

/// AWS: unverified messages in this file.
pub fn invalid(message: impl Into<String>) -> Fault {
    faults::INVALID_TARGET.says(message)
}

impl Ssm {
    /// The values that targets stand for.
    pub async fn targeted(&self, cx: &Cx, caller: &Caller, targets: &[Target]) -> Result<Vec<String>, Fault> {
        let mut out: Vec<String> = Vec::new();
        for target in targets {
            let key = target.key.as_deref().unwrap_or_default();
            let values = target.values.clone().unwrap_or_default();
            let found = match key {
                "ParameterValues" if values.iter().any(|value| value == "*") => self.instances(cx, caller, json!([])).await?,
                "ParameterValues" | "InstanceIds" => values,
                _ => match key.strip_prefix("tag:") {
                    Some(tag) => self.instances(cx, caller, json!([{"Name": format!("tag:{tag}"), "Values": values}])).await?,
                    None if key == "tag-key" => self.instances(cx, caller, json!([{"Name": "tag-key", "Values": values}])).await?,
                    None => return Err(invalid(format!("Target key {key} is not supported."))),
                },
            };
            for value in found {
                if !out.contains(&value) {
                    out.push(value);
                }
            }
        }
        Ok(out)
    }

    async fn instances(&self, cx: &Cx, caller: &Caller, filters: Value) -> Result<Vec<String>, Fault> {
        let (mut out, mut token) = (Vec::new(), None::<Value>);
        loop {
            let mut input = json!({"Filters": filters, "MaxResults": 1000});
            if let (Some(token), Some(input)) = (&token, input.as_object_mut()) {
                input.insert("NextToken".to_owned(), token.clone());
            }
            let answer = call(cx, caller, &cx.scope, "ec2", "DescribeInstances", &input).await.map_err(|problem| invalid(problem.text()))?;
            let reservations = answer.get("Reservations").and_then(Value::as_array).into_iter().flatten();
            let instances = reservations.flat_map(|reservation| reservation.get("Instances").and_then(Value::as_array).into_iter().flatten());
            let lives = |instance: &&Value| instance.get("State").and_then(|state| state.get("Name")?.as_str()) != Some("terminated");
            out.extend(instances.filter(lives).filter_map(|instance| instance.get("InstanceId")?.as_str()).map(str::to_owned));
            token = answer.get("NextToken").filter(|token| !token.is_null()).cloned();
            if token.is_none() {
                return Ok(out);
            }
        }
    }
}

/// Accounts and regions, with the role in each.
pub fn locations(locations: &[TargetLocation]) -> Result<Vec<(Scope, String)>, Fault> {
    let mut out = Vec::new();
    for location in locations {
        let role = location.execution_role_name.clone().unwrap_or_else(|| ROLE.to_owned());
        for account in location.accounts.iter().flatten() {
            let parsed =
                Account::parse(account).ok_or_else(|| invalid(format!("Account {account} is not valid: organizational units are not supported.")))?;
            if location.exclude_accounts.iter().flatten().any(|excluded| excluded == account) {
                continue;
            }
            for region in location.regions.iter().flatten() {
                let region = Region::parse(region).ok_or_else(|| invalid(format!("Region {region} is not valid.")))?;
                out.push((Scope::new(parsed, region), role.clone()));
            }
        }
    }
    Ok(out)
}
