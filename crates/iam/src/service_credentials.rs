//! Service-specific credentials: passwords and API keys of users for one service.

use crate::{
    Iam,
    access_keys::status,
    faults::{no_such, no_such_entity, quota},
    limits,
    operation::{RequiredPermission, operation},
    output::UserOrRoot,
    paging::page,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use cloudlet_api_iam::*;
use cloudlet_aws::{Account, Fault};
use cloudlet_engine::{Cx, Ids};
use cloudlet_identity::{
    Secret, State,
    state::{self, CredentialStatus, EntityKey, entries_of_account, rows_of_account},
};
use cloudlet_shape::Empty;

/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateServiceSpecificCredential.html>
const SERVICES: [&str; 3] = [BEDROCK, "cassandra.amazonaws.com", "codecommit.amazonaws.com"];
const BEDROCK: &str = "bedrock.amazonaws.com";
const SERVICE_NAME_KEY: &str = "iam:ServiceSpecificCredentialServiceName";

fn check_service(service: &str) -> Result<(), Fault> {
    if SERVICES.contains(&service) {
        Ok(())
    } else {
        Err(no_such(format!("No such service {service} is supported for Service Specific Credentials")))
    }
}

fn credential_mut<'s>(
    state: &'s mut State,
    account: Account,
    user: Option<&str>,
    id: &str,
) -> Result<&'s mut state::ServiceSpecificCredential, Fault> {
    if let Some(name) = user {
        state.user(account, name).ok_or_else(no_such_entity("user", name))?;
    }
    let row = state.service_specific_credentials.get_mut(&EntityKey::new(account, id));
    row.filter(|row| user.is_none_or(|user| row.user == user)).ok_or_else(|| no_such(format!("No such credential {id} exists")))
}

fn new_secret(ids: &Ids, service: &str) -> Secret {
    let mut random = [0; 32];
    ids.fill_secret(&mut random);
    let text = STANDARD.encode(random);
    Secret::new(if service == BEDROCK { format!("ABSK{text}") } else { text })
}

fn shown(id: String, row: &state::ServiceSpecificCredential) -> ServiceSpecificCredential {
    let mut shown = ServiceSpecificCredential {
        create_date: row.created,
        expiration_date: row.expires,
        service_name: row.service.clone(),
        service_specific_credential_id: id,
        user_name: row.user.clone(),
        status: row.status.as_str().into(),
        ..Default::default()
    };
    let (name, secret) = (Some(row.service_user_name.clone()), Some(row.secret.reveal().to_owned()));
    if row.service == BEDROCK {
        (shown.service_credential_alias, shown.service_credential_secret) = (name, secret);
    } else {
        (shown.service_user_name, shown.service_password) = (name, secret);
    }
    shown
}

operation!(
    CreateServiceSpecificCredential,
    |iam, cx, input| {
        let permission = iam.on_user(cx, &input.user_name).with_key(SERVICE_NAME_KEY, &input.service_name);
        match input.credential_age_days {
            Some(days) => permission.with_key("iam:ServiceSpecificCredentialAgeDays", &days.to_string()),
            None => permission,
        }
    },
    |iam, cx, input| {
        let account = cx.scope.account;
        let (user, service) = (input.user_name, input.service_name);
        let id = format!("ACCA{}", cx.ids().base32(17));
        let secret = new_secret(cx.ids(), &service);
        iam.identity.write(|state| {
            state.user(account, &user).ok_or_else(no_such_entity("user", &user))?;
            check_service(&service)?;
            let known = rows_of_account(&state.service_specific_credentials, account).filter(|row| row.user == user && row.service == service);
            let known: Vec<&str> = known.map(|row| row.service_user_name.as_str()).collect();
            if known.len() >= limits::SERVICE_CREDENTIALS {
                return Err(quota("ServiceSpecificCredentialsPerUser", limits::SERVICE_CREDENTIALS));
            }
            // AWS: the second credential has a number in its name.
            let first_name = format!("{user}-at-{account}");
            let service_user_name = if known.contains(&first_name.as_str()) { format!("{user}+1-at-{account}") } else { first_name };
            let created = cx.now.whole_secs();
            let expires = input.credential_age_days.map(|days| created.plus_secs(i64::from(days) * 86_400));
            let status = CredentialStatus::Active;
            let row = state::ServiceSpecificCredential { user, status, created, service, service_user_name, secret, expires };
            let shown = shown(id.clone(), &row);
            state.service_specific_credentials.insert(EntityKey::new(account, &id), row);
            Ok(CreateServiceSpecificCredentialResponse { service_specific_credential: Some(shown) })
        })
    }
);

operation!(
    ListServiceSpecificCredentials,
    |iam, cx, input| match (input.all_users, &input.user_name) {
        (Some(true), None) => iam.on_path(cx, "user", None),
        _ => iam.on_user_or_caller(cx, input.user_name.as_deref())?,
    },
    |iam, cx, input| {
        let account = cx.scope.account;
        let user = match (input.all_users, &input.user_name) {
            (Some(true), None) => None,
            _ => Some(UserOrRoot::user(cx, input.user_name.as_deref())?),
        };
        iam.identity.read(|state| {
            if let Some(user) = &user {
                state.user(account, user).ok_or_else(no_such_entity("user", user))?;
            }
            if let Some(service) = &input.service_name {
                check_service(service)?;
            }
            let is_listed = |row: &state::ServiceSpecificCredential| {
                input.service_name.as_ref().is_none_or(|service| *service == row.service) && user.as_ref().is_none_or(|user| *user == row.user)
            };
            let entries = entries_of_account(&state.service_specific_credentials, account).filter(|(_, row)| is_listed(row));
            let listed = entries.map(|(key, row)| {
                let shown = shown(key.1.to_ascii_uppercase(), row);
                let metadata = ServiceSpecificCredentialMetadata {
                    user_name: shown.user_name,
                    status: shown.status,
                    service_user_name: shown.service_user_name,
                    service_credential_alias: shown.service_credential_alias,
                    create_date: shown.create_date,
                    expiration_date: shown.expiration_date,
                    service_specific_credential_id: shown.service_specific_credential_id,
                    service_name: shown.service_name,
                };
                (key.1.clone(), metadata)
            });
            if input.all_users == Some(true) {
                let page = page::<ListServiceSpecificCredentials, _, _>(cx, &input, listed)?;
                return Ok(ListServiceSpecificCredentialsResponse {
                    service_specific_credentials: Some(page.items),
                    marker: page.marker,
                    is_truncated: page.is_truncated,
                });
            }
            // AWS: the list of a single user has no pages.
            Ok(ListServiceSpecificCredentialsResponse {
                service_specific_credentials: Some(listed.map(|(_, metadata)| metadata).collect()),
                marker: None,
                is_truncated: None,
            })
        })
    }
);

impl Iam {
    /// On the user of a credential: the one that is named, or the credential's.
    fn on_credential_user(&self, cx: &Cx, named: Option<&str>, id: &str) -> RequiredPermission {
        let found = self.identity.read(|state| {
            let row = state.service_specific_credentials.get(&EntityKey::new(cx.scope.account, id))?;
            Some((row.user.clone(), row.service.clone()))
        });
        let (user, service) = found.unzip();
        let permission = match named.map(str::to_owned).or(user) {
            Some(user) => self.on_user(cx, &user),
            None => self.on_user_or_caller(cx, None).unwrap_or_else(|_| RequiredPermission::without_resource()),
        };
        match service {
            Some(service) => permission.with_key(SERVICE_NAME_KEY, &service),
            None => permission,
        }
    }
}

operation!(
    UpdateServiceSpecificCredential,
    |iam, cx, input| iam.on_credential_user(cx, input.user_name.as_deref(), &input.service_specific_credential_id),
    |iam, cx, input| iam.identity.write(|state| {
        let row = credential_mut(state, cx.scope.account, input.user_name.as_deref(), &input.service_specific_credential_id)?;
        row.status = status(&input.status);
        Ok(Empty {})
    })
);

operation!(
    ResetServiceSpecificCredential,
    |iam, cx, input| iam.on_credential_user(cx, input.user_name.as_deref(), &input.service_specific_credential_id),
    |iam, cx, input| iam.identity.write(|state| {
        let id = input.service_specific_credential_id;
        let row = credential_mut(state, cx.scope.account, input.user_name.as_deref(), &id)?;
        row.secret = new_secret(cx.ids(), &row.service);
        Ok(ResetServiceSpecificCredentialResponse { service_specific_credential: Some(shown(id, row)) })
    })
);

operation!(
    DeleteServiceSpecificCredential,
    |iam, cx, input| iam.on_credential_user(cx, input.user_name.as_deref(), &input.service_specific_credential_id),
    |iam, cx, input| iam.identity.write(|state| {
        let id = &input.service_specific_credential_id;
        credential_mut(state, cx.scope.account, input.user_name.as_deref(), id)?;
        state.service_specific_credentials.remove(&EntityKey::new(cx.scope.account, id));
        Ok(Empty {})
    })
);
