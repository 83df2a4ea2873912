//! Starting, stopping, rebooting and terminating.

use super::{PENDING, RUNNING, STOPPED, STOPPING, find_all, phase};
use crate::{
    engine::Ec2,
    faults::{self, refuse},
    interfaces, lookups, permissions,
    rows::{DesiredState, Instance, Interface, Subnet},
    state::{Resource, State},
    tags::Tags,
};
use cloudlet_api_ec2::{self as api, RebootInstances, StartInstances, StopInstances, TerminateInstances};
use cloudlet_aws::Fault;
use cloudlet_engine::{Cx, Operation, Permissions, handler};

fn on_all<O: Operation>(ec2: &Ec2, cx: &Cx, ids: &[String]) -> Permissions {
    let all: Permissions = ids.iter().map(|id| ec2.on::<O, Instance>(cx, id)).collect();
    if all.is_empty() { permissions::describe::<O>(cx) } else { all }
}

/// Changes what is wanted of instances, and says what each was and is.
fn change(
    state: &mut State,
    cx: &Cx,
    ids: &[String],
    check: impl Fn(&str, &Instance) -> Result<(), Fault>,
    wanted: DesiredState,
) -> Result<Vec<api::InstanceStateChange>, Fault> {
    find_all(state, cx, ids)?;
    for id in ids {
        check(id, lookups::find_instance(state, cx, id)?)?;
    }
    let mut changes = Vec::new();
    for id in ids {
        let instance = state.find_mut::<Instance>(&cx.scope, id)?;
        let before = phase(instance, cx.now);
        if instance.wanted != wanted {
            instance.wanted = wanted;
            instance.since = cx.now;
            instance.reason = match wanted {
                DesiredState::Running => String::new(),
                // `User initiated (2026-11-29 12:00:00 GMT)`
                _ => {
                    let text = cx.now.text(cloudlet_aws::TimestampFormat::DateTime);
                    format!("User initiated ({} GMT)", text.get(..19).unwrap_or_default().replace('T', " "))
                }
            };
        }
        let after = phase(instance, cx.now);
        changes.push(api::InstanceStateChange {
            instance_id: Some(id.clone()),
            current_state: Some(after.shown()),
            previous_state: Some(before.shown()),
        });
        settle_interfaces(state, cx, id, wanted)?;
    }
    Ok(changes)
}

/// Public addresses that came with the launch go when an instance stops, and new ones come when it starts.
fn settle_interfaces(state: &mut State, cx: &Cx, id: &str, wanted: DesiredState) -> Result<(), Fault> {
    let own = lookups::of_instance(state, &cx.scope, id).map(|(interface, row)| (interface.to_owned(), row.clone()));
    let own: Vec<(String, Interface)> = own.collect();
    let volume = state.get::<Instance>(&cx.scope, id).map(|row| row.root_volume.clone());
    if let Some(volume) = volume.filter(|_| wanted == DesiredState::Terminated) {
        state.set_tags(&cx.scope, &volume, Tags::default());
    }
    for (interface, row) in own {
        let is_primary = row.attachment.as_ref().is_some_and(|of| of.index == 0);
        match wanted {
            DesiredState::Terminated if row.attachment.as_ref().is_some_and(|of| of.delete_on_termination) => {
                interfaces::release(state, &cx.scope, &interface)
            }
            DesiredState::Terminated => state.find_mut::<Interface>(&cx.scope, &interface)?.attachment = None,
            DesiredState::Stopped => interfaces::set_launched(state, &cx.scope, &interface, None),
            DesiredState::Running => {
                let subnet = state.get::<Subnet>(&cx.scope, &row.subnet);
                let has_none = row.addresses.first().is_some_and(|primary| lookups::public_of(state, &cx.scope, &interface, primary).is_none());
                if is_primary && has_none && subnet.is_some_and(|subnet| subnet.public_addresses) {
                    let public = lookups::new_public(state, cx.ids());
                    interfaces::set_launched(state, &cx.scope, &interface, Some(public));
                }
            }
        }
    }
    Ok(())
}

fn wrong_state(id: &str, verb: &str) -> Fault {
    refuse("IncorrectInstanceState", format!("The instance '{id}' is not in a state from which it can be {verb}."))
}

handler!(Ec2, StopInstances, |ec2, cx, input| Ok(on_all::<StopInstances>(ec2, cx, &input.instance_ids)), |ec2, cx, input| {
    ec2.begin(cx, input.dry_run)?;
    if input.hibernate == Some(true) {
        return Err(faults::not_implemented("hibernation"));
    }
    ec2.store.write(|state| {
        let check = |id: &str, row: &Instance| match (phase(row, cx.now), row.protected_from_stop) {
            (_, true) => {
                let message = format!("The instance '{id}' may not be stopped. Modify its 'disableApiStop' instance attribute and try again.");
                Err(refuse("OperationNotPermitted", message))
            }
            (PENDING, _) if row.since != row.launched => Ok(()),
            (RUNNING | PENDING | STOPPING | STOPPED, _) => Ok(()),
            _ => Err(wrong_state(id, "stopped")),
        };
        let stopping_instances = Some(change(state, cx, &input.instance_ids, check, DesiredState::Stopped)?);
        Ok(api::StopInstancesResult { stopping_instances })
    })
});

handler!(Ec2, StartInstances, |ec2, cx, input| Ok(on_all::<StartInstances>(ec2, cx, &input.instance_ids)), |ec2, cx, input| {
    ec2.begin(cx, input.dry_run)?;
    ec2.store.write(|state| {
        let check = |id: &str, row: &Instance| match phase(row, cx.now) {
            RUNNING | PENDING | STOPPED => Ok(()),
            _ => Err(wrong_state(id, "started")),
        };
        let starting_instances = Some(change(state, cx, &input.instance_ids, check, DesiredState::Running)?);
        Ok(api::StartInstancesResult { starting_instances })
    })
});

handler!(Ec2, RebootInstances, |ec2, cx, input| Ok(on_all::<RebootInstances>(ec2, cx, &input.instance_ids)), |ec2, cx, input| {
    ec2.begin(cx, input.dry_run)?;
    ec2.store.read(|state| {
        find_all(state, cx, &input.instance_ids)?;
        for id in &input.instance_ids {
            if phase(lookups::find_instance(state, cx, id)?, cx.now) != RUNNING {
                return Err(wrong_state(id, "rebooted"));
            }
        }
        Ok(Default::default())
    })
});

handler!(Ec2, TerminateInstances, |ec2, cx, input| Ok(on_all::<TerminateInstances>(ec2, cx, &input.instance_ids)), |ec2, cx, input| {
    ec2.begin(cx, input.dry_run)?;
    ec2.store.write(|state| {
        let check = |id: &str, row: &Instance| match row.protected_from_termination {
            true => {
                let message =
                    format!("The instance '{id}' may not be terminated. Modify its 'disableApiTermination' instance attribute and try again.");
                Err(refuse("OperationNotPermitted", message))
            }
            false => Ok(()),
        };
        let terminating_instances = Some(change(state, cx, &input.instance_ids, check, DesiredState::Terminated)?);
        // Those whose hour is over.
        let over: Vec<String> = state.all::<Instance>(&cx.scope).filter(|(_, row)| !row.is_visible(cx.now)).map(|(id, _)| id.to_owned()).collect();
        over.iter().for_each(|id| drop(state.remove::<Instance>(&cx.scope, id)));
        Ok(api::TerminateInstancesResult { terminating_instances })
    })
});
