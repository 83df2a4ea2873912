//! DescribeInstanceInformation and DescribeInstanceProperties.
//! <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_DescribeInstanceInformation.html>

use super::{
    AGENT_VERSION, ManagedNode, NodeOptions, Source,
    filters::{self, Filter, Operator},
};
use crate::{Ssm, faults, parameters::permissions::on_all};
use cloudlet_api_ssm::*;
use cloudlet_aws::{Fault, Timestamp};
use cloudlet_engine::{Cx, Handle, Permissions, paging::Paging};

const PAGE: usize = 50;
const PROPERTIES: usize = 1_000;

/// Of a machine that was activated: the activation, the role, and when.
fn registration(node: &ManagedNode) -> (Option<String>, Option<String>, Option<Timestamp>) {
    match &node.source {
        Source::Activation { id, role } => (Some(id.clone()), Some(role.clone()), Some(node.registered)),
        Source::Local | Source::Ec2(_) => (None, None, None),
    }
}

fn source_type(node: &ManagedNode) -> &'static str {
    if matches!(node.source, Source::Ec2(_)) { "AWS::EC2::Instance" } else { "AWS::SSM::ManagedInstance" }
}

fn information(node: &ManagedNode, options: &NodeOptions, now: Timestamp) -> InstanceInformation {
    let (activation_id, iam_role, registration_date) = registration(node);
    InstanceInformation {
        instance_id: Some(node.id.clone()),
        ping_status: Some(node.ping_status().to_owned()),
        last_ping_date_time: node.last_ping(now),
        agent_version: Some(node.agent_version()),
        is_latest_version: Some(node.agent_version() == AGENT_VERSION),
        platform_type: Some(node.platform_type()),
        platform_name: node.platform_name(options),
        platform_version: node.platform_version(options),
        activation_id,
        iam_role,
        registration_date,
        resource_type: Some(node.resource_type().to_owned()),
        // AWS: of machines that were activated.
        name: node.name.clone().filter(|_| !matches!(node.source, Source::Ec2(_))),
        ip_address: node.address.clone(),
        computer_name: Some(node.computer_name.clone()),
        source_id: Some(node.id.clone()),
        source_type: Some(source_type(node).to_owned()),
        ..InstanceInformation::default()
    }
}

fn property(node: &ManagedNode, options: &NodeOptions, now: Timestamp) -> InstanceProperty {
    let (activation_id, iam_role, registration_date) = registration(node);
    let instance = match &node.source {
        Source::Ec2(instance) => Some(instance),
        _ => None,
    };
    InstanceProperty {
        name: node.name.clone(),
        instance_id: Some(node.id.clone()),
        instance_type: instance.and_then(|instance| instance.instance_type.clone()),
        instance_role: instance.and_then(|instance| instance.iam_instance_profile.as_ref()?.arn.clone()),
        key_name: instance.and_then(|instance| instance.key_name.clone()),
        instance_state: instance.and_then(|instance| instance.state.as_ref()?.name.clone()),
        architecture: instance
            .and_then(|instance| instance.architecture.clone())
            .or_else(|| options.architecture.clone().filter(|_| !node.is_elsewhere)),
        ip_address: node.address.clone(),
        launch_time: instance.and_then(|instance| instance.launch_time),
        ping_status: Some(node.ping_status().to_owned()),
        last_ping_date_time: node.last_ping(now),
        agent_version: Some(node.agent_version()),
        platform_type: Some(node.platform_type()),
        platform_name: node.platform_name(options),
        platform_version: node.platform_version(options),
        activation_id,
        iam_role,
        registration_date,
        resource_type: Some(node.resource_type().to_owned()),
        computer_name: Some(node.computer_name.clone()),
        source_id: Some(node.id.clone()),
        source_type: Some(source_type(node).to_owned()),
        availability_zone: instance.and_then(|instance| instance.placement.as_ref()?.availability_zone.clone()),
        ..InstanceProperty::default()
    }
}

impl Ssm {
    /// The nodes that filters select.
    async fn selected(&self, cx: &Cx, filters: &[Filter], unknown: fn(&str) -> Fault) -> Result<Vec<ManagedNode>, Fault> {
        filters::check(filters, unknown)?;
        let mut selected = Vec::new();
        for node in self.nodes.all(cx).await? {
            if filters::selects(filters, &node, &self.nodes.options, unknown)? {
                selected.push(node);
            }
        }
        Ok(selected)
    }
}

fn equal(key: &str, values: &[String]) -> Filter {
    Filter { key: key.to_owned(), values: values.to_vec(), operator: Operator::Equal }
}

fn unknown(key: &str) -> Fault {
    // AWS: unverified message.
    faults::INVALID_FILTER_KEY.says(format!("The specified key isn't valid: {key}"))
}

impl Handle<DescribeInstanceInformation> for Ssm {
    fn permissions(&self, cx: &Cx, _: &DescribeInstanceInformationRequest) -> Result<Permissions, Fault> {
        Ok(on_all::<DescribeInstanceInformation>(cx).into())
    }

    async fn handle(&self, cx: &Cx, input: DescribeInstanceInformationRequest) -> Result<DescribeInstanceInformationResult, Fault> {
        let list = Paging::of::<DescribeInstanceInformation>(cx, &input);
        let old: Vec<Filter> =
            input.instance_information_filter_list.unwrap_or_default().iter().map(|filter| equal(&filter.key, &filter.value_set)).collect();
        let new: Vec<Filter> = input.filters.unwrap_or_default().iter().map(|filter| equal(&filter.key, &filter.values)).collect();
        if !old.is_empty() && !new.is_empty() {
            // AWS: unverified message.
            return Err(faults::validation("Filters and InstanceInformationFilterList can't be used together."));
        }
        let filters = if new.is_empty() { old } else { new };
        // AWS: a filter by one id of a node that there is not is an empty list.
        let nodes = self.selected(cx, &filters, unknown).await?;
        let rows = nodes.iter().map(|node| (node.id.clone(), information(node, &self.nodes.options, cx.now)));
        let page = list.page_of(list.length(PAGE, PAGE), rows).map_err(|_| faults::invalid_next_token())?;
        Ok(DescribeInstanceInformationResult { instance_information_list: Some(page.items), next_token: page.next_token })
    }
}

impl Handle<DescribeInstanceProperties> for Ssm {
    fn permissions(&self, cx: &Cx, _: &DescribeInstancePropertiesRequest) -> Result<Permissions, Fault> {
        Ok(on_all::<DescribeInstanceProperties>(cx).into())
    }

    async fn handle(&self, cx: &Cx, input: DescribeInstancePropertiesRequest) -> Result<DescribeInstancePropertiesResult, Fault> {
        let list = Paging::of::<DescribeInstanceProperties>(cx, &input);
        let mut filters: Vec<Filter> =
            input.instance_property_filter_list.unwrap_or_default().iter().map(|filter| equal(&filter.key, &filter.value_set)).collect();
        filters.extend(input.filters_with_operator.unwrap_or_default().into_iter().map(|filter| Filter {
            key: filter.key,
            values: filter.values,
            operator: Operator::parse(filter.operator.as_deref()),
        }));
        let nodes = self.selected(cx, &filters, unknown).await?;
        let rows = nodes.iter().map(|node| (node.id.clone(), property(node, &self.nodes.options, cx.now)));
        let page = list.page_of(list.length(PROPERTIES, PROPERTIES), rows).map_err(|_| faults::invalid_next_token())?;
        Ok(DescribeInstancePropertiesResult { instance_properties: Some(page.items), next_token: page.next_token })
    }
}
