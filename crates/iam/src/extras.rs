//! What a user has beside access keys: SSH keys, signing certificates, passwords for one service.

use crate::{
    Iam,
    access_keys::status,
    der::{RsaKey, from_pem, validity},
    faults::{gone, quota, the},
    limits,
    operation::{Want, operation},
    paging::page,
    shown::Whom,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use cloudlet_api_iam::{
    faults::{DUPLICATE_CERTIFICATE, DUPLICATE_SSH_PUBLIC_KEY, INVALID_PUBLIC_KEY, MALFORMED_CERTIFICATE, UNRECOGNIZED_PUBLIC_KEY_ENCODING},
    *,
};
use cloudlet_aws::{Account, Fault};
use cloudlet_engine::Ids;
use cloudlet_identity::{
    Secret, State,
    state::{Extra, Of, Status, What, rows_of},
};
use cloudlet_shape::Empty;
use md5::{Digest, Md5};

/// A user's extras of one kind, with their ids.
fn extras<'s>(state: &'s State, account: Account, user: &'s str, kind: fn(&What) -> bool) -> impl Iterator<Item = (&'s str, &'s Extra)> {
    rows_of(&state.extras, account).filter(move |(_, row)| row.user == user && kind(&row.what)).map(|(key, row)| (key.1.as_str(), row))
}

/// Ids are in capitals; the table's keys are not.
fn id_of(key: &str) -> String {
    key.to_ascii_uppercase()
}

fn extra<'s>(
    state: &'s mut State,
    account: Account,
    user: Option<&str>,
    id: &str,
    kind: fn(&What) -> bool,
    missing: impl Fn() -> Fault,
) -> Result<&'s mut Extra, Fault> {
    if let Some(name) = user {
        state.user(account, name).ok_or_else(the("user", name))?;
    }
    let row = state.extras.get_mut(&Of::new(account, id));
    row.filter(|row| user.is_none_or(|user| row.user == user) && kind(&row.what)).ok_or_else(missing)
}

fn is_ssh(what: &What) -> bool {
    matches!(what, What::SshKey { .. })
}

fn is_certificate(what: &What) -> bool {
    matches!(what, What::Certificate { .. })
}

fn is_password(what: &What) -> bool {
    matches!(what, What::ServicePassword { .. })
}

fn fingerprint(blob: &[u8]) -> String {
    Md5::digest(blob).iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(":")
}

fn no_ssh_key(id: &str) -> Fault {
    gone(format!("The Public Key with id {id} cannot be found."))
}

fn shown_ssh(id: String, row: &Extra, encoding: &str) -> Result<SSHPublicKey, Fault> {
    let What::SshKey { body, fingerprint } = &row.what else { return Err(no_ssh_key(&id)) };
    let key = RsaKey::from_ssh(body);
    let body = match (encoding, key) {
        ("PEM", Some(key)) => key.pem(),
        ("PEM", None) | ("SSH", _) => body.clone(),
        _ => return Err(UNRECOGNIZED_PUBLIC_KEY_ENCODING.says(format!("Unrecognized encoding {encoding}."))),
    };
    Ok(SSHPublicKey {
        user_name: row.user.clone(),
        ssh_public_key_id: id,
        fingerprint: fingerprint.clone(),
        ssh_public_key_body: body,
        status: row.status.as_str().into(),
        upload_date: Some(row.created),
    })
}

operation!(UploadSSHPublicKey, |iam, cx, input| iam.want_user(cx, &input.user_name), |iam, cx, input| {
    let account = cx.scope.account;
    let body = input.ssh_public_key_body.trim();
    let key = RsaKey::from_ssh(body).or_else(|| RsaKey::from_pem(body)).ok_or_else(|| INVALID_PUBLIC_KEY.says("Invalid Public Key Exception"))?;
    let id = format!("APKA{}", cx.ids().base32(16));
    let what = What::SshKey { body: if body.starts_with("ssh-rsa ") { body.to_owned() } else { key.ssh() }, fingerprint: fingerprint(&key.blob()) };
    iam.identity.write(|state| {
        state.user(account, &input.user_name).ok_or_else(the("user", &input.user_name))?;
        let new = key.ssh();
        let known: Vec<&Extra> = extras(state, account, &input.user_name, is_ssh).map(|(_, row)| row).collect();
        if known.iter().any(|row| matches!(&row.what, What::SshKey { body, .. } if RsaKey::from_ssh(body).is_some_and(|key| key.ssh() == new))) {
            return Err(DUPLICATE_SSH_PUBLIC_KEY.says("The SSH public key is already associated with the specified IAM user."));
        }
        if known.len() >= limits::SSH_KEYS {
            return Err(quota("SSHPublicKeysPerUser", limits::SSH_KEYS));
        }
        let row = Extra { user: input.user_name.clone(), status: Status::Active, created: cx.now.whole_secs(), what };
        let shown = shown_ssh(id.clone(), &row, "SSH")?;
        state.extras.insert(Of::new(account, &id), row);
        Ok(UploadSSHPublicKeyResponse { ssh_public_key: Some(shown) })
    })
});

operation!(GetSSHPublicKey, |iam, cx, input| iam.want_user(cx, &input.user_name), |iam, cx, input| iam.identity.read(|state| {
    let account = cx.scope.account;
    state.user(account, &input.user_name).ok_or_else(the("user", &input.user_name))?;
    let id = &input.ssh_public_key_id;
    let row = state.extras.get(&Of::new(account, id)).filter(|row| row.user == input.user_name && is_ssh(&row.what));
    let shown = shown_ssh(id.clone(), row.ok_or_else(|| no_ssh_key(id))?, &input.encoding)?;
    Ok(GetSSHPublicKeyResponse { ssh_public_key: Some(shown) })
}));

operation!(ListSSHPublicKeys, |iam, cx, input| iam.want_whom(cx, input.user_name.as_deref())?, |iam, cx, input| {
    let account = cx.scope.account;
    let user = Whom::user(cx, input.user_name.as_deref())?;
    iam.identity.read(|state| {
        state.user(account, &user).ok_or_else(the("user", &user))?;
        let keys = extras(state, account, &user, is_ssh).map(|(id, row)| SSHPublicKeyMetadata {
            user_name: row.user.clone(),
            ssh_public_key_id: id_of(id),
            status: row.status.as_str().into(),
            upload_date: row.created,
        });
        let page = page(keys, input.marker.as_deref(), input.max_items)?;
        Ok(ListSSHPublicKeysResponse { ssh_public_keys: Some(page.items), is_truncated: page.is_truncated, marker: page.marker })
    })
});

operation!(UpdateSSHPublicKey, |iam, cx, input| iam.want_user(cx, &input.user_name), |iam, cx, input| iam.identity.write(|state| {
    let id = &input.ssh_public_key_id;
    extra(state, cx.scope.account, Some(&input.user_name), id, is_ssh, || no_ssh_key(id))?.status = status(&input.status);
    Ok(Empty {})
}));

operation!(DeleteSSHPublicKey, |iam, cx, input| iam.want_user(cx, &input.user_name), |iam, cx, input| iam.identity.write(|state| {
    let id = &input.ssh_public_key_id;
    extra(state, cx.scope.account, Some(&input.user_name), id, is_ssh, || no_ssh_key(id))?;
    state.extras.remove(&Of::new(cx.scope.account, id));
    Ok(Empty {})
}));

fn no_certificate(id: &str) -> Fault {
    gone(format!("The Certificate with id {id} cannot be found."))
}

fn shown_certificate(id: String, row: &Extra) -> SigningCertificate {
    let body = if let What::Certificate { body } = &row.what { body.clone() } else { String::new() };
    SigningCertificate {
        user_name: row.user.clone(),
        certificate_id: id,
        certificate_body: body,
        status: row.status.as_str().into(),
        upload_date: Some(row.created),
    }
}

operation!(UploadSigningCertificate, |iam, cx, input| iam.want_whom(cx, input.user_name.as_deref())?, |iam, cx, input| {
    let account = cx.scope.account;
    let user = Whom::user(cx, input.user_name.as_deref())?;
    let body = input.certificate_body;
    let der = from_pem(&body, "CERTIFICATE").filter(|der| validity(der).is_some());
    der.ok_or_else(|| MALFORMED_CERTIFICATE.says("Certificate body is invalid or malformed."))?;
    let id = cx.ids().base32(32);
    iam.identity.write(|state| {
        state.user(account, &user).ok_or_else(the("user", &user))?;
        if rows_of(&state.extras, account).any(|(_, row)| matches!(&row.what, What::Certificate { body: known } if known.trim() == body.trim())) {
            return Err(DUPLICATE_CERTIFICATE.says("The certificate is already associated with an IAM user."));
        }
        if extras(state, account, &user, is_certificate).count() >= limits::SIGNING_CERTIFICATES {
            return Err(quota("CertificatesPerUser", limits::SIGNING_CERTIFICATES));
        }
        let row = Extra { user, status: Status::Active, created: cx.now.whole_secs(), what: What::Certificate { body } };
        let certificate = shown_certificate(id.clone(), &row);
        state.extras.insert(Of::new(account, &id), row);
        Ok(UploadSigningCertificateResponse { certificate })
    })
});

operation!(ListSigningCertificates, |iam, cx, input| iam.want_whom(cx, input.user_name.as_deref())?, |iam, cx, input| {
    let account = cx.scope.account;
    let user = match Whom::of(cx, input.user_name.as_deref())? {
        Whom::User(name) => name,
        Whom::Root => return Ok(ListSigningCertificatesResponse { is_truncated: Some(false), ..Default::default() }),
    };
    iam.identity.read(|state| {
        state.user(account, &user).ok_or_else(the("user", &user))?;
        let certificates = extras(state, account, &user, is_certificate).map(|(id, row)| shown_certificate(id_of(id), row));
        let page = page(certificates, input.marker.as_deref(), input.max_items)?;
        Ok(ListSigningCertificatesResponse { certificates: page.items, is_truncated: page.is_truncated, marker: page.marker })
    })
});

operation!(UpdateSigningCertificate, |iam, cx, input| iam.want_whom(cx, input.user_name.as_deref())?, |iam, cx, input| {
    let user = Whom::user(cx, input.user_name.as_deref())?;
    let id = &input.certificate_id;
    iam.identity.write(|state| {
        extra(state, cx.scope.account, Some(&user), id, is_certificate, || no_certificate(id))?.status = status(&input.status);
        Ok(Empty {})
    })
});

operation!(DeleteSigningCertificate, |iam, cx, input| iam.want_whom(cx, input.user_name.as_deref())?, |iam, cx, input| {
    let user = Whom::user(cx, input.user_name.as_deref())?;
    let id = &input.certificate_id;
    iam.identity.write(|state| {
        extra(state, cx.scope.account, Some(&user), id, is_certificate, || no_certificate(id))?;
        state.extras.remove(&Of::new(cx.scope.account, id));
        Ok(Empty {})
    })
});

/// Services that take passwords of their own.
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateServiceSpecificCredential.html>
const SERVICES: [&str; 3] = ["bedrock.amazonaws.com", "cassandra.amazonaws.com", "codecommit.amazonaws.com"];

fn supported(service: &str) -> Result<(), Fault> {
    if SERVICES.contains(&service) { Ok(()) } else { Err(gone(format!("No such service {service} is supported for Service Specific Credentials"))) }
}

fn no_credential(id: &str) -> Fault {
    gone(format!("No such credential {id} exists"))
}

fn fresh_password(ids: &Ids, service: &str) -> Secret {
    let mut random = [0; 32];
    ids.fill_secret(&mut random);
    let text = STANDARD.encode(random);
    Secret::new(if service == "bedrock.amazonaws.com" { format!("ABSK{text}") } else { text })
}

fn shown_credential(id: String, row: &Extra) -> ServiceSpecificCredential {
    let mut shown = ServiceSpecificCredential {
        create_date: row.created,
        service_specific_credential_id: id,
        user_name: row.user.clone(),
        status: row.status.as_str().into(),
        ..Default::default()
    };
    if let What::ServicePassword { service, user_name, password, expires } = &row.what {
        shown.service_name.clone_from(service);
        shown.expiration_date = *expires;
        let (name, password) = (Some(user_name.clone()), Some(password.reveal().to_owned()));
        if service == "bedrock.amazonaws.com" {
            (shown.service_credential_alias, shown.service_credential_secret) = (name, password);
        } else {
            (shown.service_user_name, shown.service_password) = (name, password);
        }
    }
    shown
}

const CREDENTIAL_SERVICE: &str = "iam:ServiceSpecificCredentialServiceName";

operation!(
    CreateServiceSpecificCredential,
    |iam, cx, input| {
        let want = iam.want_user(cx, &input.user_name).with(CREDENTIAL_SERVICE, &input.service_name);
        match input.credential_age_days {
            Some(days) => want.with("iam:ServiceSpecificCredentialAgeDays", &days.to_string()),
            None => want,
        }
    },
    |iam, cx, input| {
        let account = cx.scope.account;
        let (user, service) = (input.user_name, input.service_name);
        let id = format!("ACCA{}", cx.ids().base32(17));
        let password = fresh_password(cx.ids(), &service);
        iam.identity.write(|state| {
            state.user(account, &user).ok_or_else(the("user", &user))?;
            supported(&service)?;
            let of_service = |what: &What| matches!(what, What::ServicePassword { service: known, .. } if *known == service);
            let names: Vec<&str> = rows_of(&state.extras, account)
                .filter(|(_, row)| row.user == user && of_service(&row.what))
                .filter_map(|(_, row)| if let What::ServicePassword { user_name, .. } = &row.what { Some(user_name.as_str()) } else { None })
                .collect();
            if names.len() >= limits::SERVICE_CREDENTIALS {
                return Err(quota("ServiceSpecificCredentialsPerUser", limits::SERVICE_CREDENTIALS));
            }
            // AWS: the second is told apart by a number.
            let plain = format!("{user}-at-{account}");
            let user_name = if names.contains(&plain.as_str()) { format!("{user}+1-at-{account}") } else { plain };
            let expires = input.credential_age_days.map(|days| cx.now.whole_secs().plus_secs(i64::from(days) * 86_400));
            let what = What::ServicePassword { service: service.clone(), user_name, password, expires };
            let row = Extra { user, status: Status::Active, created: cx.now.whole_secs(), what };
            let shown = shown_credential(id.clone(), &row);
            state.extras.insert(Of::new(account, &id), row);
            Ok(CreateServiceSpecificCredentialResponse { service_specific_credential: Some(shown) })
        })
    }
);

operation!(
    ListServiceSpecificCredentials,
    |iam, cx, input| match (input.all_users, &input.user_name) {
        (Some(true), None) => iam.want_path(cx, "user", None),
        _ => iam.want_whom(cx, input.user_name.as_deref())?,
    },
    |iam, cx, input| {
        let account = cx.scope.account;
        let user = match (input.all_users, &input.user_name) {
            (Some(true), None) => None,
            _ => Some(Whom::user(cx, input.user_name.as_deref())?),
        };
        iam.identity.read(|state| {
            if let Some(user) = &user {
                state.user(account, user).ok_or_else(the("user", user))?;
            }
            if let Some(service) = &input.service_name {
                supported(service)?;
            }
            let wanted = |row: &Extra| match &row.what {
                What::ServicePassword { service, .. } => {
                    input.service_name.as_ref().is_none_or(|wanted| wanted == service) && user.as_ref().is_none_or(|user| *user == row.user)
                }
                _ => false,
            };
            let rows = rows_of(&state.extras, account).filter(|(_, row)| wanted(row)).map(|(key, row)| {
                let whole = shown_credential(id_of(&key.1), row);
                ServiceSpecificCredentialMetadata {
                    user_name: whole.user_name,
                    status: whole.status,
                    service_user_name: whole.service_user_name,
                    service_credential_alias: whole.service_credential_alias,
                    create_date: whole.create_date,
                    expiration_date: whole.expiration_date,
                    service_specific_credential_id: whole.service_specific_credential_id,
                    service_name: whole.service_name,
                }
            });
            if input.all_users == Some(true) {
                let page = page(rows, input.marker.as_deref(), input.max_items)?;
                return Ok(ListServiceSpecificCredentialsResponse {
                    service_specific_credentials: Some(page.items),
                    marker: page.marker,
                    is_truncated: page.is_truncated,
                });
            }
            // AWS: a single user's list has no pages.
            Ok(ListServiceSpecificCredentialsResponse { service_specific_credentials: Some(rows.collect()), marker: None, is_truncated: None })
        })
    }
);

impl Iam {
    /// The user whose credential is meant: the one named, or the caller.
    fn want_credential_owner(&self, cx: &cloudlet_engine::Cx, named: Option<&str>, id: &str) -> Want {
        let found = self.identity.read(|state| {
            let row = state.extras.get(&Of::new(cx.scope.account, id))?;
            let What::ServicePassword { service, .. } = &row.what else { return None };
            Some((row.user.clone(), service.clone()))
        });
        let (user, service) = found.unzip();
        let want = match named.map(str::to_owned).or(user) {
            Some(user) => self.want_user(cx, &user),
            None => self.want_whom(cx, None).unwrap_or_else(|_| Want::anything()),
        };
        match service {
            Some(service) => want.with(CREDENTIAL_SERVICE, &service),
            None => want,
        }
    }
}

operation!(
    UpdateServiceSpecificCredential,
    |iam, cx, input| iam.want_credential_owner(cx, input.user_name.as_deref(), &input.service_specific_credential_id),
    |iam, cx, input| iam.identity.write(|state| {
        let id = &input.service_specific_credential_id;
        let row = extra(state, cx.scope.account, input.user_name.as_deref(), id, is_password, || no_credential(id))?;
        row.status = status(&input.status);
        Ok(Empty {})
    })
);

operation!(
    ResetServiceSpecificCredential,
    |iam, cx, input| iam.want_credential_owner(cx, input.user_name.as_deref(), &input.service_specific_credential_id),
    |iam, cx, input| iam.identity.write(|state| {
        let id = &input.service_specific_credential_id;
        let row = extra(state, cx.scope.account, input.user_name.as_deref(), id, is_password, || no_credential(id))?;
        if let What::ServicePassword { service, password, .. } = &mut row.what {
            *password = fresh_password(cx.ids(), service);
        }
        Ok(ResetServiceSpecificCredentialResponse { service_specific_credential: Some(shown_credential(id.clone(), row)) })
    })
);

operation!(
    DeleteServiceSpecificCredential,
    |iam, cx, input| iam.want_credential_owner(cx, input.user_name.as_deref(), &input.service_specific_credential_id),
    |iam, cx, input| iam.identity.write(|state| {
        let id = &input.service_specific_credential_id;
        extra(state, cx.scope.account, input.user_name.as_deref(), id, is_password, || no_credential(id))?;
        state.extras.remove(&Of::new(cx.scope.account, id));
        Ok(Empty {})
    })
);
