//! Attaching to instances, and detaching.

use crate::{
    engine::Ec2,
    faults::refuse,
    lookups,
    region::new_association,
    rows::{Attachment, Instance, Interface, Subnet},
    state::State,
};
use cloudlet_api_ec2::{self as api, AttachNetworkInterface, DetachNetworkInterface};
use cloudlet_aws::Scope;
use cloudlet_engine::handler;

handler!(
    Ec2,
    AttachNetworkInterface,
    |ec2, cx, input| {
        let interface = ec2.on::<AttachNetworkInterface, Interface>(cx, &input.network_interface_id);
        Ok([interface, ec2.on::<AttachNetworkInterface, Instance>(cx, &input.instance_id)].into_iter().collect())
    },
    |ec2, cx, input| {
        ec2.begin(cx, input.dry_run)?;
        ec2.store.write(|state| {
            let id = &input.network_interface_id;
            let row = state.find::<Interface>(&cx.scope, id)?;
            let instance = lookups::find_instance(state, cx, &input.instance_id)?;
            if row.attachment.is_some() {
                return Err(refuse("InvalidNetworkInterface.InUse", format!("Interface: [{id}] in use.")));
            }
            let zone = state.find::<Subnet>(&cx.scope, &row.subnet)?.zone.clone();
            if zone != instance.zone {
                // AWS: unverified wording.
                let message =
                    format!("You may not attach a network interface to an instance if they are not in the same availability zone: {id} is in {zone}");
                return Err(refuse("InvalidParameterCombination", message));
            }
            let is_taken = lookups::of_instance(state, &cx.scope, &input.instance_id)
                .any(|(_, other)| other.attachment.as_ref().is_some_and(|other| other.index == input.device_index));
            if is_taken {
                let message = format!("Instance '{}' already has an interface attached at device index '{}'.", input.instance_id, input.device_index);
                return Err(refuse("InvalidParameterValue", message));
            }
            let attachment = new_association(cx.ids(), "eni-attach");
            state.find_mut::<Interface>(&cx.scope, id)?.attachment = Some(Attachment {
                id: attachment.clone(),
                instance: Some(input.instance_id.clone()),
                index: input.device_index,
                at: cx.now,
                delete_on_termination: false,
            });
            Ok(api::AttachNetworkInterfaceResult { attachment_id: Some(attachment), network_card_index: Some(0) })
        })
    }
);

fn of_attachment(state: &State, scope: &Scope, attachment: &str) -> Option<String> {
    let found = state.all::<Interface>(scope).find(|(_, row)| row.attachment.as_ref().is_some_and(|of| of.id == attachment));
    found.map(|(id, _)| id.to_owned())
}

handler!(
    Ec2,
    DetachNetworkInterface,
    |ec2, cx, input| {
        let id = ec2.store.read(|state| of_attachment(state, &cx.scope, &input.attachment_id));
        Ok(ec2.on::<DetachNetworkInterface, Interface>(cx, id.as_deref().unwrap_or("*")).into())
    },
    |ec2, cx, input| {
        ec2.begin(cx, input.dry_run)?;
        ec2.store.write(|state| {
            let wanted = &input.attachment_id;
            let missing = || refuse("InvalidAttachmentID.NotFound", format!("The network interface attachment ID '{wanted}' does not exist"));
            let id = of_attachment(state, &cx.scope, wanted).ok_or_else(missing)?;
            let row = state.find_mut::<Interface>(&cx.scope, &id)?;
            if row.requester.is_some() {
                return Err(refuse("OperationNotPermitted", format!("You are not allowed to manage '{wanted}' attachments.")));
            }
            if row.attachment.as_ref().is_some_and(|of| of.index == 0) {
                let message = "The network interface at device index 0 and networkCard index 0 cannot be detached.";
                return Err(refuse("OperationNotPermitted", message));
            }
            row.attachment = None;
            Ok(Default::default())
        })
    }
);
