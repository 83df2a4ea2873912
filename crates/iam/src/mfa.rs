//! Virtual MFA devices. Their codes are checked.

use crate::{
    Iam,
    faults::{already_exists, delete_conflict, no_mfa_device, no_such, no_such_entity, quota},
    limits,
    operation::{RequiredPermission, operation},
    output::{self, UserOrRoot},
    paging::page,
    tags::new_tags,
    users::path_of,
};
use cloudlet_api_iam::{faults::INVALID_AUTHENTICATION_CODE, *};
use cloudlet_aws::{Account, Arn, Fault};
use cloudlet_engine::Cx;
use cloudlet_identity::{
    Secret, State,
    mfa::{MfaDevice, MfaOwner},
    state::AccountSettings,
};
use cloudlet_shape::Empty;
use std::collections::BTreeSet;

fn device<'s>(state: &'s mut State, account: Account, serial: &str) -> Result<&'s mut MfaDevice, Fault> {
    state.mfa_devices.get_mut(serial).filter(|device| device.account == account).ok_or_else(no_mfa_device(serial))
}

/// Serial numbers of a user's devices, or of root's.
fn serials(state: &State, account: Account, user: &UserOrRoot) -> Result<Vec<Arn>, Fault> {
    match user {
        UserOrRoot::User(name) => Ok(state.user(account, name).ok_or_else(no_such_entity("user", name))?.mfa_devices.clone()),
        UserOrRoot::Root => Ok(state.account_settings.get(&account).map(|settings| settings.root_mfa_devices.clone()).unwrap_or_default()),
    }
}

operation!(
    CreateVirtualMFADevice,
    |iam, cx, input| {
        let arn = iam.arn(cx.scope.account, "mfa", input.path.as_deref().unwrap_or("/"), &input.virtual_mfa_device_name);
        RequiredPermission::on(arn).with_request_tags(input.tags.as_deref())
    },
    |iam, cx, input| {
        let account = cx.scope.account;
        let path = path_of(input.path);
        let serial = iam.arn(account, "mfa", &path, &input.virtual_mfa_device_name);
        let mut random = [0; 64];
        cx.ids().fill_secret(&mut random);
        const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        let seed: String = random.iter().filter_map(|byte| ALPHABET.get(usize::from(byte & 31))).map(|byte| char::from(*byte)).collect();
        let name = input.virtual_mfa_device_name;
        let link = format!("otpauth://totp/Amazon%20Web%20Services:{name}@{account}?secret={seed}&issuer=Amazon%20Web%20Services");
        let device = MfaDevice {
            account,
            name,
            path,
            seed: Secret::new(seed.clone()),
            created: cx.now,
            tags: new_tags(input.tags.as_deref())?,
            owner: None,
            drift: 0,
            last_step: i64::MIN,
        };
        iam.identity.write(|state| {
            if state.mfa_devices.contains(serial.as_str()) {
                return Err(already_exists("MFADevice entity at the same path and name already exists."));
            }
            let tags = output::tags(&device.tags);
            state.mfa_devices.insert(serial.clone(), device);
            let virtual_mfa_device = VirtualMFADevice {
                serial_number: serial.to_string(),
                base32_string_seed: Some(seed.into_bytes().into()),
                qr_code_png: crate::qr_code::png_of(&link).map(Into::into),
                tags,
                ..VirtualMFADevice::default()
            };
            Ok(CreateVirtualMFADeviceResponse { virtual_mfa_device })
        })
    }
);

operation!(DeleteVirtualMFADevice, |iam, cx, input| iam.on_arn(cx, &input.serial_number), |iam, cx, input| iam.identity.write(|state| {
    if device(state, cx.scope.account, &input.serial_number)?.owner.is_some() {
        return Err(delete_conflict("MFA VirtualDevice in use. Must deactivate first."));
    }
    state.mfa_devices.remove(input.serial_number.as_str());
    Ok(Empty {})
}));

operation!(EnableMFADevice, |iam, cx, input| iam.on_user(cx, &input.user_name), |iam, cx, input| {
    let account = cx.scope.account;
    iam.identity.write(|state| {
        // AWS: root's user name is the alias or the id of the account; here it is "root" or the id.
        let user = if state.user(account, &input.user_name).is_none() && is_root(cx, &input.user_name) {
            UserOrRoot::Root
        } else {
            UserOrRoot::User(input.user_name.clone())
        };
        let known = serials(state, account, &user)?;
        let serial = Arn::parse(&input.serial_number).ok_or_else(no_mfa_device(&input.serial_number))?;
        if known.len() >= limits::MFA_DEVICES {
            return Err(quota("MFADevicesPerUser", limits::MFA_DEVICES));
        }
        let device = device(state, account, &input.serial_number)?;
        if device.owner.is_some() {
            return Err(already_exists(format!("MFA Device with serial number {} is already in use.", input.serial_number)));
        }
        if !device.synchronize(cx.now, &input.authentication_code1, &input.authentication_code2) {
            return Err(INVALID_AUTHENTICATION_CODE.says("Authentication code for device is not valid."));
        }
        let user_name = match &user {
            UserOrRoot::User(name) => Some(name.clone()),
            UserOrRoot::Root => None,
        };
        device.owner = Some(MfaOwner { user: user_name, enabled: cx.now.whole_secs() });
        match user {
            UserOrRoot::User(name) => iam.user_mut(state, account, &name)?.mfa_devices.push(serial),
            UserOrRoot::Root => state.account_settings.get_or_insert_with(account, AccountSettings::default).root_mfa_devices.push(serial),
        }
        Ok(Empty {})
    })
});

fn is_root(cx: &Cx, name: &str) -> bool {
    cx.caller.identity == cloudlet_aws::Identity::Root && (name == "root" || name == cx.scope.account.as_str())
}

impl Iam {
    fn enabled_device<'s>(state: &'s mut State, account: Account, user: &UserOrRoot, serial: &str) -> Result<&'s mut MfaDevice, Fault> {
        if !serials(state, account, user)?.iter().any(|known| known.as_str() == serial) {
            return Err(no_such(format!("MFA Device with serial number {serial} is not enabled for the user.")));
        }
        device(state, account, serial)
    }
}

operation!(DeactivateMFADevice, |iam, cx, input| iam.on_user_or_caller(cx, input.user_name.as_deref())?, |iam, cx, input| {
    let account = cx.scope.account;
    let user = UserOrRoot::of(cx, input.user_name.as_deref())?;
    iam.identity.write(|state| {
        Iam::enabled_device(state, account, &user, &input.serial_number)?.owner = None;
        let devices = match &user {
            UserOrRoot::User(name) => &mut iam.user_mut(state, account, name)?.mfa_devices,
            UserOrRoot::Root => &mut state.account_settings.get_or_insert_with(account, AccountSettings::default).root_mfa_devices,
        };
        devices.retain(|serial| serial.as_str() != input.serial_number);
        Ok(Empty {})
    })
});

operation!(ResyncMFADevice, |iam, cx, input| iam.on_user(cx, &input.user_name), |iam, cx, input| {
    let user = UserOrRoot::User(input.user_name.clone());
    iam.identity.write(|state| {
        let device = Iam::enabled_device(state, cx.scope.account, &user, &input.serial_number)?;
        if device.synchronize(cx.now, &input.authentication_code1, &input.authentication_code2) {
            Ok(Empty {})
        } else {
            Err(INVALID_AUTHENTICATION_CODE.says("Authentication code for device is not valid."))
        }
    })
});

operation!(ListMFADevices, |iam, cx, input| iam.on_user_or_caller(cx, input.user_name.as_deref())?, |iam, cx, input| {
    let account = cx.scope.account;
    let user = UserOrRoot::of(cx, input.user_name.as_deref())?;
    iam.identity.read(|state| {
        let shown = |serial: Arn| {
            let owner = state.mfa_devices.get(serial.as_str())?.owner.clone()?;
            Some(MFADevice { user_name: owner.user.unwrap_or_else(|| "root".into()), serial_number: serial.to_string(), enable_date: owner.enabled })
        };
        let serials: BTreeSet<Arn> = serials(state, account, &user)?.into_iter().collect();
        let devices = serials.into_iter().filter_map(|serial| Some((serial.to_string(), shown(serial)?)));
        let page = page::<ListMFADevices, _, _>(cx, &input, devices)?;
        Ok(ListMFADevicesResponse { mfa_devices: page.items, is_truncated: page.is_truncated, marker: page.marker })
    })
});

operation!(GetMFADevice, |iam, cx, input| iam.on_user_or_caller(cx, input.user_name.as_deref())?, |iam, cx, input| iam.identity.read(|state| {
    let serial = &input.serial_number;
    let device = state.mfa_devices.get(serial.as_str()).filter(|device| device.account == cx.scope.account).ok_or_else(no_mfa_device(serial))?;
    Ok(GetMFADeviceResponse {
        user_name: device.owner.as_ref().and_then(|owner| owner.user.clone()),
        serial_number: serial.clone(),
        enable_date: device.owner.as_ref().map(|owner| owner.enabled),
        certifications: None,
    })
}));

operation!(ListVirtualMFADevices, |iam, cx, input| iam.on_path(cx, "mfa", None), |iam, cx, input| {
    let account = cx.scope.account;
    let assigned = match input.assignment_status.as_deref() {
        Some("Assigned") => Some(true),
        Some("Unassigned") => Some(false),
        _ => None,
    };
    iam.identity.read(|state| {
        let devices = state.mfa_devices.iter().filter(|(_, device)| device.account == account);
        let devices = devices.filter(|(_, device)| assigned.is_none_or(|assigned| assigned == device.owner.is_some()));
        let devices = devices.map(|(serial, device)| (serial.to_string(), (serial, device)));
        let page = page::<ListVirtualMFADevices, _, _>(cx, &input, devices)?.map(|(serial, device)| VirtualMFADevice {
            serial_number: serial.to_string(),
            user: device
                .owner
                .as_ref()
                .and_then(|owner| owner.user.as_deref())
                .and_then(|name| state.user(account, name))
                .map(|user| iam.shown_user(account, user, crate::output::Detail::Listed)),
            enable_date: device.owner.as_ref().map(|owner| owner.enabled),
            ..VirtualMFADevice::default()
        });
        Ok(ListVirtualMFADevicesResponse { virtual_mfa_devices: page.items, is_truncated: page.is_truncated, marker: page.marker })
    })
});
