//! The attributes of an instance, one by one.

use super::{STOPPED, check_type, phase};
use crate::{
    engine::Ec2,
    faults::{self, invalid_value, refuse},
    groups, lookups,
    rows::{Instance, Interface},
    state::{At, Resource, State},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use cloudlet_api_ec2::{self as api, DescribeInstanceAttribute, ModifyInstanceAttribute};
use cloudlet_aws::Scope;
use cloudlet_engine::handler;

fn primary_of(state: &State, scope: &Scope, id: &str) -> Option<String> {
    let primary = lookups::of_instance(state, scope, id).min_by_key(|(_, row)| row.attachment.as_ref().map(|of| of.index));
    primary.map(|(interface, _)| interface.to_owned())
}

handler!(
    Ec2,
    ModifyInstanceAttribute,
    |ec2, cx, input| {
        let mut all = vec![ec2.on::<ModifyInstanceAttribute, Instance>(cx, &input.instance_id)];
        let groups = input.groups.iter().flatten();
        all.extend(groups.map(|id| ec2.on::<ModifyInstanceAttribute, std::sync::Arc<crate::rows::Group>>(cx, id)));
        Ok(all.into_iter().collect())
    },
    |ec2, cx, input| {
        ec2.begin(cx, input.dry_run)?;
        let unbuilt = input.kernel.is_some()
            || input.ramdisk.is_some()
            || input.sriov_net_support.is_some()
            || input.enclave_options.is_some()
            || input.block_device_mappings.is_some();
        if unbuilt {
            return Err(faults::not_implemented("kernels, enclaves and volumes of an instance"));
        }
        faults::check_one_attribute(&[
            (input.attribute.as_deref().unwrap_or("attribute"), input.attribute.is_some() || input.value.is_some()),
            ("disableApiTermination", input.disable_api_termination.is_some()),
            ("disableApiStop", input.disable_api_stop.is_some()),
            ("ebsOptimized", input.ebs_optimized.is_some()),
            ("enaSupport", input.ena_support.is_some()),
            ("groupSet", input.groups.is_some()),
            ("instanceInitiatedShutdownBehavior", input.instance_initiated_shutdown_behavior.is_some()),
            ("instanceType", input.instance_type.is_some()),
            ("sourceDestCheck", input.source_dest_check.is_some()),
            ("userData", input.user_data.is_some()),
        ])?;
        let value = |given: Option<api::AttributeBooleanValue>| given.and_then(|given| given.value);
        let text = |given: Option<api::AttributeValue>| given.and_then(|given| given.value);
        ec2.store.write(|state| {
            let id = &input.instance_id;
            let mut row = lookups::find_instance(state, cx, id)?.clone();
            let is_stopped = phase(&row, cx.now) == STOPPED;
            let needs_stop = |what: &str| refuse("IncorrectInstanceState", format!("The instance '{id}' must be stopped to modify its {what}"));
            // The older form: an attribute by its name.
            if let (Some(name), Some(given)) = (input.attribute.as_deref(), input.value.clone()) {
                let flag = given == "true";
                match name {
                    "disableApiTermination" => row.protected_from_termination = flag,
                    "disableApiStop" => row.protected_from_stop = flag,
                    "ebsOptimized" => row.ebs_optimized = flag,
                    "instanceInitiatedShutdownBehavior" => row.shutdown_behavior = given,
                    "instanceType" if is_stopped => {
                        check_type(&given)?;
                        row.instance_type = given;
                    }
                    "instanceType" => return Err(needs_stop("instanceType")),
                    "userData" if is_stopped => row.user_data = Some(given),
                    "userData" => return Err(needs_stop("userData")),
                    "sourceDestCheck" => {
                        if let Some(primary) = primary_of(state, &cx.scope, id) {
                            state.find_mut::<Interface>(&cx.scope, &primary)?.source_dest_check = flag;
                        }
                    }
                    other => return Err(invalid_value(format!("Value ({other}) for parameter attribute is invalid. Unknown attribute."))),
                }
            }
            row.protected_from_termination = value(input.disable_api_termination).unwrap_or(row.protected_from_termination);
            row.protected_from_stop = value(input.disable_api_stop).unwrap_or(row.protected_from_stop);
            row.ebs_optimized = value(input.ebs_optimized).unwrap_or(row.ebs_optimized);
            if let Some(behavior) = text(input.instance_initiated_shutdown_behavior) {
                if !matches!(behavior.as_str(), "stop" | "terminate") {
                    return Err(invalid_value(format!("Value ({behavior}) for parameter instanceInitiatedShutdownBehavior is invalid.")));
                }
                row.shutdown_behavior = behavior;
            }
            if let Some(given) = text(input.instance_type) {
                check_type(&given)?;
                if !is_stopped && given != row.instance_type {
                    return Err(needs_stop("instanceType"));
                }
                row.instance_type = given;
            }
            if let Some(data) = input.user_data.and_then(|given| given.value) {
                if !is_stopped {
                    return Err(needs_stop("userData"));
                }
                // It is kept as it is shown.
                row.user_data = Some(STANDARD.encode(&data));
            }
            if input.groups.is_some() || input.source_dest_check.is_some() {
                // AWS: unverified wording.
                let none = || {
                    refuse(
                        "InvalidInstanceID",
                        format!(
                            "There are multiple interfaces attached to instance '{id}'. Please specify an interface ID for the operation instead."
                        ),
                    )
                };
                if lookups::of_instance(state, &cx.scope, id).count() != 1 {
                    return Err(none());
                }
                let primary = primary_of(state, &cx.scope, id).ok_or_else(none)?;
                let wanted = input.groups.map(|ids| groups::for_interface(state, &cx.scope, &row.vpc, Some(ids))).transpose()?;
                let interface = state.find_mut::<Interface>(&cx.scope, &primary)?;
                interface.groups = wanted.unwrap_or_else(|| interface.groups.clone());
                interface.source_dest_check = value(input.source_dest_check).unwrap_or(interface.source_dest_check);
            }
            state.put(&cx.scope, id, row);
            Ok(Default::default())
        })
    }
);

handler!(
    Ec2,
    DescribeInstanceAttribute,
    |ec2, cx, input| Ok(ec2.on::<DescribeInstanceAttribute, Instance>(cx, &input.instance_id).into()),
    |ec2, cx, input| {
        ec2.begin(cx, input.dry_run)?;
        ec2.store.read(|state| {
            let row = lookups::find_instance(state, cx, &input.instance_id)?;
            let primary = primary_of(state, &cx.scope, &input.instance_id).and_then(|id| state.get::<Interface>(&cx.scope, &id));
            let mut result = api::InstanceAttribute { instance_id: Some(input.instance_id.clone()), ..Default::default() };
            let flag = |value| Some(api::AttributeBooleanValue { value: Some(value) });
            let text = |value: Option<String>| Some(api::AttributeValue { value });
            match input.attribute.as_str() {
                "disableApiTermination" => result.disable_api_termination = flag(row.protected_from_termination),
                "disableApiStop" => result.disable_api_stop = flag(row.protected_from_stop),
                "ebsOptimized" => result.ebs_optimized = flag(row.ebs_optimized),
                "enaSupport" => result.ena_support = flag(true),
                "enclaveOptions" => result.enclave_options = Some(api::EnclaveOptions { enabled: Some(false) }),
                "groupSet" => result.groups = primary.map(|primary| groups::identifiers(state, &cx.scope, &primary.groups)),
                "instanceInitiatedShutdownBehavior" => result.instance_initiated_shutdown_behavior = text(Some(row.shutdown_behavior.clone())),
                "instanceType" => result.instance_type = text(Some(row.instance_type.clone())),
                "kernel" => result.kernel_id = text(None),
                "productCodes" => result.product_codes = Some(vec![]),
                "ramdisk" => result.ramdisk_id = text(None),
                "rootDeviceName" => result.root_device_name = text(Some("/dev/xvda".to_owned())),
                "sourceDestCheck" => result.source_dest_check = flag(primary.is_some_and(|primary| primary.source_dest_check)),
                "sriovNetSupport" => result.sriov_net_support = text(None),
                "userData" => result.user_data = text(row.user_data.clone()),
                "blockDeviceMapping" => {
                    let at = At { state, scope: &cx.scope, id: &input.instance_id, now: cx.now };
                    result.block_device_mappings = row.shown(&at).block_device_mappings;
                }
                other => return Err(invalid_value(format!("Value ({other}) for parameter attribute is invalid. Unknown attribute."))),
            }
            Ok(result)
        })
    }
);
