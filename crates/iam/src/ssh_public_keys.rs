//! SSH public keys of users, for CodeCommit.

use crate::{
    access_keys::status,
    der::RsaKey,
    faults::{no_such, no_such_entity, quota},
    limits,
    operation::operation,
    output::UserOrRoot,
    paging::page,
};
use cloudlet_api_iam::{
    faults::{DUPLICATE_SSH_PUBLIC_KEY, INVALID_PUBLIC_KEY, UNRECOGNIZED_PUBLIC_KEY_ENCODING},
    *,
};
use cloudlet_aws::{Account, Fault};
use cloudlet_identity::{
    State,
    state::{CredentialStatus, EntityKey, SshPublicKey, entries_of_account},
};
use cloudlet_shape::Empty;
use md5::{Digest, Md5};

fn keys_of<'s>(state: &'s State, account: Account, user: &'s str) -> impl Iterator<Item = (String, &'s SshPublicKey)> {
    let keys = entries_of_account(&state.ssh_public_keys, account).filter(move |(_, key)| key.user == user);
    keys.map(|(key, row)| (key.1.to_ascii_uppercase(), row))
}

fn key_mut<'s>(state: &'s mut State, account: Account, user: &str, id: &str) -> Result<&'s mut SshPublicKey, Fault> {
    state.user(account, user).ok_or_else(no_such_entity("user", user))?;
    state.ssh_public_keys.get_mut(&EntityKey::new(account, id)).filter(|key| key.user == user).ok_or_else(|| no_key(id))
}

fn no_key(id: &str) -> Fault {
    no_such(format!("The Public Key with id {id} cannot be found."))
}

fn fingerprint(blob: &[u8]) -> String {
    Md5::digest(blob).iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(":")
}

fn shown(id: String, row: &SshPublicKey, encoding: &str) -> Result<SSHPublicKey, Fault> {
    let body = match (encoding, RsaKey::from_ssh(&row.body)) {
        ("PEM", Some(key)) => key.pem(),
        ("PEM", None) | ("SSH", _) => row.body.clone(),
        _ => return Err(UNRECOGNIZED_PUBLIC_KEY_ENCODING.says(format!("Unrecognized encoding {encoding}."))),
    };
    Ok(SSHPublicKey {
        user_name: row.user.clone(),
        ssh_public_key_id: id,
        fingerprint: row.fingerprint.clone(),
        ssh_public_key_body: body,
        status: row.status.as_str().into(),
        upload_date: Some(row.created),
    })
}

operation!(UploadSSHPublicKey, |iam, cx, input| iam.on_user(cx, &input.user_name), |iam, cx, input| {
    let account = cx.scope.account;
    let body = input.ssh_public_key_body.trim();
    let key = RsaKey::from_ssh(body).or_else(|| RsaKey::from_pem(body)).ok_or_else(|| INVALID_PUBLIC_KEY.says("Invalid Public Key Exception"))?;
    let id = format!("APKA{}", cx.ids().base32(16));
    let row = SshPublicKey {
        user: input.user_name.clone(),
        status: CredentialStatus::Active,
        created: cx.now.whole_secs(),
        body: if body.starts_with("ssh-rsa ") { body.to_owned() } else { key.ssh() },
        fingerprint: fingerprint(&key.blob()),
    };
    iam.identity.write(|state| {
        state.user(account, &input.user_name).ok_or_else(no_such_entity("user", &input.user_name))?;
        let known: Vec<&SshPublicKey> = keys_of(state, account, &input.user_name).map(|(_, row)| row).collect();
        if known.iter().any(|row| RsaKey::from_ssh(&row.body).is_some_and(|known| known.ssh() == key.ssh())) {
            return Err(DUPLICATE_SSH_PUBLIC_KEY.says("The SSH public key is already associated with the specified IAM user."));
        }
        if known.len() >= limits::SSH_KEYS {
            return Err(quota("SSHPublicKeysPerUser", limits::SSH_KEYS));
        }
        let shown = shown(id.clone(), &row, "SSH")?;
        state.ssh_public_keys.insert(EntityKey::new(account, &id), row);
        Ok(UploadSSHPublicKeyResponse { ssh_public_key: Some(shown) })
    })
});

operation!(GetSSHPublicKey, |iam, cx, input| iam.on_user(cx, &input.user_name), |iam, cx, input| iam.identity.read(|state| {
    let account = cx.scope.account;
    state.user(account, &input.user_name).ok_or_else(no_such_entity("user", &input.user_name))?;
    let id = &input.ssh_public_key_id;
    let row = state.ssh_public_keys.get(&EntityKey::new(account, id)).filter(|row| row.user == input.user_name);
    let shown = shown(id.clone(), row.ok_or_else(|| no_key(id))?, &input.encoding)?;
    Ok(GetSSHPublicKeyResponse { ssh_public_key: Some(shown) })
}));

operation!(ListSSHPublicKeys, |iam, cx, input| iam.on_user_or_caller(cx, input.user_name.as_deref())?, |iam, cx, input| {
    let account = cx.scope.account;
    let user = UserOrRoot::user(cx, input.user_name.as_deref())?;
    iam.identity.read(|state| {
        state.user(account, &user).ok_or_else(no_such_entity("user", &user))?;
        let keys = keys_of(state, account, &user).map(|(id, row)| {
            let shown = SSHPublicKeyMetadata {
                user_name: row.user.clone(),
                ssh_public_key_id: id.clone(),
                status: row.status.as_str().into(),
                upload_date: row.created,
            };
            (id, shown)
        });
        let page = page::<ListSSHPublicKeys, _, _>(cx, &input, keys)?;
        Ok(ListSSHPublicKeysResponse { ssh_public_keys: Some(page.items), is_truncated: page.is_truncated, marker: page.marker })
    })
});

operation!(UpdateSSHPublicKey, |iam, cx, input| iam.on_user(cx, &input.user_name), |iam, cx, input| iam.identity.write(|state| {
    key_mut(state, cx.scope.account, &input.user_name, &input.ssh_public_key_id)?.status = status(&input.status);
    Ok(Empty {})
}));

operation!(DeleteSSHPublicKey, |iam, cx, input| iam.on_user(cx, &input.user_name), |iam, cx, input| iam.identity.write(|state| {
    let id = &input.ssh_public_key_id;
    key_mut(state, cx.scope.account, &input.user_name, id)?;
    state.ssh_public_keys.remove(&EntityKey::new(cx.scope.account, id));
    Ok(Empty {})
}));
