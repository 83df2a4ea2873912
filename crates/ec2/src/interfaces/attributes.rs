//! The attributes of an interface, one by one.

use super::shown_attachment;
use crate::{
    engine::Ec2,
    faults::{self, invalid_value, refuse},
    groups, lookups,
    rows::Interface,
    state::At,
};
use cloudlet_api_ec2::{self as api, DescribeNetworkInterfaceAttribute, ModifyNetworkInterfaceAttribute, ResetNetworkInterfaceAttribute};
use cloudlet_engine::handler;

handler!(
    Ec2,
    DescribeNetworkInterfaceAttribute,
    |ec2, cx, input| Ok(ec2.on::<DescribeNetworkInterfaceAttribute, Interface>(cx, &input.network_interface_id).into()),
    |ec2, cx, input| {
        ec2.begin(cx, input.dry_run)?;
        ec2.store.read(|state| {
            let row = state.find::<Interface>(&cx.scope, &input.network_interface_id)?;
            let at = At { state, scope: &cx.scope, id: &input.network_interface_id, now: cx.now };
            let mut result =
                api::DescribeNetworkInterfaceAttributeResult { network_interface_id: Some(input.network_interface_id.clone()), ..Default::default() };
            match input.attribute.as_deref() {
                Some("description") => result.description = Some(api::AttributeValue { value: Some(row.description.clone()) }),
                Some("groupSet") => result.groups = Some(groups::identifiers(state, &cx.scope, &row.groups)),
                Some("sourceDestCheck") => result.source_dest_check = Some(api::AttributeBooleanValue { value: Some(row.source_dest_check) }),
                Some("attachment") => result.attachment = row.attachment.as_ref().map(|of| shown_attachment(of, &at)),
                Some("associatePublicIpAddress") => {
                    result.associate_public_ip_address = Some(row.addresses.iter().any(|address| address.launched.is_some()));
                }
                Some(other) => return Err(invalid_value(format!("Value ({other}) for parameter attribute is invalid. Unknown attribute."))),
                None => return Err(faults::missing("attribute")),
            }
            Ok(result)
        })
    }
);

handler!(
    Ec2,
    ModifyNetworkInterfaceAttribute,
    |ec2, cx, input| {
        let mut all = vec![ec2.on::<ModifyNetworkInterfaceAttribute, Interface>(cx, &input.network_interface_id)];
        let groups = input.groups.iter().flatten();
        all.extend(groups.map(|group| ec2.on::<ModifyNetworkInterfaceAttribute, std::sync::Arc<crate::rows::Group>>(cx, group)));
        Ok(all.into_iter().collect())
    },
    |ec2, cx, input| {
        ec2.begin(cx, input.dry_run)?;
        let unbuilt = input.ena_srd_specification.is_some()
            || input.enable_primary_ipv6 == Some(true)
            || input.connection_tracking_specification.is_some()
            || input.associated_subnet_ids.is_some();
        if unbuilt {
            return Err(faults::not_implemented("ENA Express, primary IPv6 addresses, connection tracking timeouts and subnets of an interface"));
        }
        faults::check_one_attribute(&[
            ("description", input.description.is_some()),
            ("sourceDestCheck", input.source_dest_check.is_some()),
            ("groupSet", input.groups.is_some()),
            ("attachment", input.attachment.is_some()),
            ("associatePublicIpAddress", input.associate_public_ip_address.is_some()),
        ])?;
        ec2.store.write(|state| {
            let id = &input.network_interface_id;
            let row = state.find::<Interface>(&cx.scope, id)?.clone();
            let mut changed = row.clone();
            if let Some(groups) = input.groups {
                changed.groups = groups::for_interface(state, &cx.scope, &row.vpc, Some(groups))?;
            }
            if let Some(description) = input.description.and_then(|given| given.value) {
                changed.description = description;
            }
            if let Some(check) = input.source_dest_check.and_then(|given| given.value) {
                changed.source_dest_check = check;
            }
            if let Some(associates) = input.associate_public_ip_address {
                let public = associates.then(|| lookups::new_public(state, cx.ids()));
                if let Some(primary) = changed.addresses.first_mut().filter(|primary| primary.launched.is_some() != associates) {
                    primary.launched = public;
                }
            }
            if let Some(attachment) = input.attachment {
                let wanted = attachment.attachment_id.unwrap_or_default();
                let missing = || refuse("InvalidAttachmentID.NotFound", format!("The network interface attachment ID '{wanted}' does not exist"));
                let known = changed.attachment.as_mut().filter(|known| known.id == wanted).ok_or_else(missing)?;
                known.delete_on_termination = attachment.delete_on_termination.unwrap_or(known.delete_on_termination);
            }
            state.put(&cx.scope, id, changed);
            Ok(Default::default())
        })
    }
);

handler!(
    Ec2,
    ResetNetworkInterfaceAttribute,
    |ec2, cx, input| Ok(ec2.on::<ResetNetworkInterfaceAttribute, Interface>(cx, &input.network_interface_id).into()),
    |ec2, cx, input| {
        ec2.begin(cx, input.dry_run)?;
        ec2.store.write(|state| {
            state.find_mut::<Interface>(&cx.scope, &input.network_interface_id)?.source_dest_check = true;
            Ok(Default::default())
        })
    }
);
