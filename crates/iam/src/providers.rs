//! Identity providers: OpenID Connect and SAML.

use crate::{
    faults::{already_exists, invalid_input, limit_exceeded, no_oidc_provider, no_saml_provider, quota},
    limits,
    operation::{RequiredPermission, operation},
    output,
    tags::new_tags,
};
use cloudlet_api_iam::*;
use cloudlet_aws::{Account, Fault, Timestamp};
use cloudlet_engine::Cx;
use cloudlet_identity::{
    Secret,
    state::{EntityKey, OidcProvider, SamlPrivateKey, SamlProvider, entries_of_account},
};
use cloudlet_saml::{Metadata, PrivateKey};
use cloudlet_shape::Empty;

/// The key of a provider is the part of its ARN after `oidc-provider/`.
pub(crate) fn oidc_key(arn: &str, account: Account) -> EntityKey {
    EntityKey::new(account, arn.split_once(":oidc-provider/").map_or("", |(_, url)| url))
}

pub(crate) fn saml_key(arn: &str, account: Account) -> EntityKey {
    EntityKey::new(account, arn.split_once(":saml-provider/").map_or("", |(_, name)| name))
}

fn check_thumbprints(thumbprints: &[String]) -> Result<(), Fault> {
    if thumbprints.len() > limits::THUMBPRINTS {
        return Err(invalid_input("Thumbprint list must contain fewer than 5 entries."));
    }
    if thumbprints.iter().any(|print| print.len() != 40 || !print.bytes().all(|digit| digit.is_ascii_hexdigit())) {
        return Err(invalid_input("Thumbprint must be a 40-character hexadecimal string."));
    }
    Ok(())
}

operation!(
    CreateOpenIDConnectProvider,
    |iam, cx, input| {
        let url = input.url.trim_start_matches("https://");
        RequiredPermission::on(iam.arn(cx.scope.account, "oidc-provider", "/", url)).with_request_tags(input.tags.as_deref())
    },
    |iam, cx, input| {
        let account = cx.scope.account;
        let url =
            input.url.strip_prefix("https://").map(|rest| rest.trim_end_matches('/')).filter(|rest| !rest.is_empty() && !rest.contains(['?', '#']));
        let url = url.ok_or_else(|| crate::faults::validation_error("Invalid Open ID Connect Provider URL"))?.to_owned();
        let thumbprints = input.thumbprint_list.unwrap_or_default();
        check_thumbprints(&thumbprints)?;
        let clients = input.client_id_list.unwrap_or_default();
        if clients.len() > limits::CLIENT_IDS {
            return Err(quota("ClientIdsPerOpenIdConnectProvider", limits::CLIENT_IDS));
        }
        let arn = iam.arn(account, "oidc-provider", "/", &url);
        let provider = OidcProvider { url: url.clone(), client_ids: clients, thumbprints, created: cx.now, tags: new_tags(input.tags.as_deref())? };
        iam.identity.write(|state| {
            let key = EntityKey::new(account, &url);
            if state.oidc_providers.contains(&key) {
                return Err(already_exists(format!("Provider with url https://{url} already exists.")));
            }
            if entries_of_account(&state.oidc_providers, account).count() >= limits::PROVIDERS {
                return Err(quota("OpenIdConnectProvidersPerAccount", limits::PROVIDERS));
            }
            let tags = output::tags(&provider.tags);
            state.oidc_providers.insert(key, provider);
            Ok(CreateOpenIDConnectProviderResponse { open_id_connect_provider_arn: Some(arn.to_string()), tags })
        })
    }
);

operation!(GetOpenIDConnectProvider, |iam, cx, input| iam.on_arn(cx, &input.open_id_connect_provider_arn), |iam, cx, input| {
    let arn = &input.open_id_connect_provider_arn;
    iam.identity.read(|state| {
        let provider = state.oidc_providers.get(&oidc_key(arn, cx.scope.account)).ok_or_else(no_oidc_provider(arn))?;
        Ok(GetOpenIDConnectProviderResponse {
            url: Some(provider.url.clone()),
            client_id_list: Some(provider.client_ids.clone()),
            thumbprint_list: Some(provider.thumbprints.clone()),
            create_date: Some(provider.created),
            tags: output::tags(&provider.tags),
        })
    })
});

operation!(ListOpenIDConnectProviders, |iam, cx, input| iam.on_path(cx, "oidc-provider", None), |iam, cx, input| iam.identity.read(|state| {
    let arns = entries_of_account(&state.oidc_providers, cx.scope.account).map(|(_, row)| iam.arn(cx.scope.account, "oidc-provider", "/", &row.url));
    let list = arns.map(|arn| OpenIDConnectProviderListEntry { arn: Some(arn.to_string()) }).collect();
    Ok(ListOpenIDConnectProvidersResponse { open_id_connect_provider_list: Some(list) })
}));

operation!(DeleteOpenIDConnectProvider, |iam, cx, input| iam.on_arn(cx, &input.open_id_connect_provider_arn), |iam, cx, input| {
    let arn = &input.open_id_connect_provider_arn;
    iam.identity.write(|state| match state.oidc_providers.remove(&oidc_key(arn, cx.scope.account)) {
        Some(_) => Ok(Empty {}),
        None => Err(no_oidc_provider(arn)()),
    })
});

operation!(UpdateOpenIDConnectProviderThumbprint, |iam, cx, input| iam.on_arn(cx, &input.open_id_connect_provider_arn), |iam, cx, input| {
    let arn = &input.open_id_connect_provider_arn;
    check_thumbprints(&input.thumbprint_list)?;
    iam.identity.write(|state| {
        let provider = state.oidc_providers.get_mut(&oidc_key(arn, cx.scope.account)).ok_or_else(no_oidc_provider(arn))?;
        provider.thumbprints = input.thumbprint_list;
        Ok(Empty {})
    })
});

operation!(AddClientIDToOpenIDConnectProvider, |iam, cx, input| iam.on_arn(cx, &input.open_id_connect_provider_arn), |iam, cx, input| {
    let arn = &input.open_id_connect_provider_arn;
    iam.identity.write(|state| {
        let provider = state.oidc_providers.get_mut(&oidc_key(arn, cx.scope.account)).ok_or_else(no_oidc_provider(arn))?;
        if !provider.client_ids.contains(&input.client_id) {
            if provider.client_ids.len() >= limits::CLIENT_IDS {
                return Err(quota("ClientIdsPerOpenIdConnectProvider", limits::CLIENT_IDS));
            }
            provider.client_ids.push(input.client_id);
        }
        Ok(Empty {})
    })
});

operation!(RemoveClientIDFromOpenIDConnectProvider, |iam, cx, input| iam.on_arn(cx, &input.open_id_connect_provider_arn), |iam, cx, input| {
    let arn = &input.open_id_connect_provider_arn;
    iam.identity.write(|state| {
        let provider = state.oidc_providers.get_mut(&oidc_key(arn, cx.scope.account)).ok_or_else(no_oidc_provider(arn))?;
        provider.client_ids.retain(|client| *client != input.client_id);
        Ok(Empty {})
    })
});

/// AWS: a manifest must be an EntityDescriptor with a signing certificate.
fn metadata(text: &str) -> Result<Metadata, Fault> {
    Metadata::parse(text).ok_or_else(|| invalid_input("Could not parse metadata"))
}

/// `validUntil` of the metadata. AWS: without one, a hundred years from now (seen in answers, not documented).
fn valid_until(metadata: &Metadata, now: Timestamp) -> Timestamp {
    metadata.valid_until.unwrap_or_else(|| now.whole_secs().plus_secs(36_525 * 86_400))
}

const REQUIRED: &str = "Required";

/// Messages: <https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_saml.html>; AWS: unverified: their codes.
fn no_private_key() -> Fault {
    invalid_input("Unable to set assertion encryption mode to Required because no private key is provided.")
}

fn new_key(cx: &Cx, pem: Option<String>) -> Result<Option<SamlPrivateKey>, Fault> {
    let key = |pem: String| match PrivateKey::from_pem(&pem) {
        Some(_) => Ok(SamlPrivateKey { id: cx.ids().base32(20), added: cx.now.whole_secs(), pem: Secret::new(pem) }),
        None => Err(invalid_input("Invalid private key.")),
    };
    pem.map(key).transpose()
}

operation!(
    CreateSAMLProvider,
    |iam, cx, input| RequiredPermission::on(iam.arn(cx.scope.account, "saml-provider", "/", &input.name)).with_request_tags(input.tags.as_deref()),
    |iam, cx, input| {
        let account = cx.scope.account;
        let metadata = metadata(&input.saml_metadata_document)?;
        let key = new_key(cx, input.add_private_key)?;
        if input.assertion_encryption_mode.as_deref() == Some(REQUIRED) && key.is_none() {
            return Err(no_private_key());
        }
        let arn = iam.arn(account, "saml-provider", "/", &input.name);
        let provider = SamlProvider {
            name: input.name,
            uuid: format!("SAMLPROVIDER{}", cx.ids().base32(12)),
            metadata: input.saml_metadata_document.into(),
            created: cx.now.whole_secs(),
            valid_until: valid_until(&metadata, cx.now),
            assertion_encryption_mode: input.assertion_encryption_mode,
            private_keys: key.into_iter().collect(),
            tags: new_tags(input.tags.as_deref())?,
        };
        iam.identity.write(|state| {
            let key = EntityKey::new(account, &provider.name);
            if state.saml_providers.contains(&key) {
                return Err(already_exists(format!("SAMLProvider {} already exists.", provider.name)));
            }
            if entries_of_account(&state.saml_providers, account).count() >= limits::PROVIDERS {
                return Err(quota("SAMLProvidersPerAccount", limits::PROVIDERS));
            }
            let tags = output::tags(&provider.tags);
            state.saml_providers.insert(key, provider);
            Ok(CreateSAMLProviderResponse { saml_provider_arn: Some(arn.to_string()), tags })
        })
    }
);

operation!(GetSAMLProvider, |iam, cx, input| iam.on_arn(cx, &input.saml_provider_arn), |iam, cx, input| {
    let arn = &input.saml_provider_arn;
    iam.identity.read(|state| {
        let provider = state.saml_providers.get(&saml_key(arn, cx.scope.account)).ok_or_else(no_saml_provider(arn))?;
        let keys = provider.private_keys.iter().map(|key| SAMLPrivateKey { key_id: Some(key.id.clone()), timestamp: Some(key.added) }).collect();
        Ok(GetSAMLProviderResponse {
            saml_provider_uuid: Some(provider.uuid.clone()),
            saml_metadata_document: Some(provider.metadata.to_string()),
            create_date: Some(provider.created),
            valid_until: Some(provider.valid_until),
            tags: output::tags(&provider.tags),
            assertion_encryption_mode: provider.assertion_encryption_mode.clone(),
            private_key_list: Some(keys).filter(|keys: &Vec<_>| !keys.is_empty()),
        })
    })
});

operation!(ListSAMLProviders, |iam, cx, input| iam.on_path(cx, "saml-provider", None), |iam, cx, input| iam.identity.read(|state| {
    let entry = |row: &SamlProvider| SAMLProviderListEntry {
        arn: Some(iam.arn(cx.scope.account, "saml-provider", "/", &row.name).to_string()),
        valid_until: Some(row.valid_until),
        create_date: Some(row.created),
    };
    let list = entries_of_account(&state.saml_providers, cx.scope.account).map(|(_, row)| entry(row)).collect();
    Ok(ListSAMLProvidersResponse { saml_provider_list: Some(list) })
}));

operation!(UpdateSAMLProvider, |iam, cx, input| iam.on_arn(cx, &input.saml_provider_arn), |iam, cx, input| {
    let arn = &input.saml_provider_arn;
    let read = input.saml_metadata_document.as_deref().map(metadata).transpose()?;
    match (&input.add_private_key, &input.remove_private_key) {
        (Some(_), Some(_)) => {
            return Err(invalid_input("Unable to add and remove private keys in the same request. Set a value for only one of the two parameters."));
        }
        (None, None) if read.is_none() && input.assertion_encryption_mode.is_none() => {
            return Err(invalid_input("Unable to update identity provider. No updates are defined for metadata or encryption assertion."));
        }
        _ => {}
    }
    let new = new_key(cx, input.add_private_key)?;
    iam.identity.write(|state| {
        let provider = state.saml_providers.get_mut(&saml_key(arn, cx.scope.account)).ok_or_else(no_saml_provider(arn))?;
        if let (Some(text), Some(read)) = (input.saml_metadata_document, read) {
            provider.metadata = text.into();
            provider.valid_until = valid_until(&read, cx.now);
        }
        if new.is_some() && provider.private_keys.len() >= limits::SAML_KEYS {
            return Err(limit_exceeded("Private key limit of 2 is reached."));
        }
        provider.private_keys.extend(new);
        if let Some(mode) = input.assertion_encryption_mode {
            if mode == REQUIRED && provider.private_keys.is_empty() {
                return Err(no_private_key());
            }
            provider.assertion_encryption_mode = Some(mode);
        }
        if let Some(id) = input.remove_private_key {
            let others: Vec<SamlPrivateKey> = provider.private_keys.iter().filter(|key| key.id != id).cloned().collect();
            if others.len() == provider.private_keys.len() {
                return Err(invalid_input("Failed to remove private key because the Key ID does not match a private key."));
            }
            if others.is_empty() && provider.assertion_encryption_mode.as_deref() == Some(REQUIRED) {
                return Err(invalid_input("Failed to remove private key."));
            }
            provider.private_keys = others;
        }
        Ok(UpdateSAMLProviderResponse { saml_provider_arn: Some(arn.clone()) })
    })
});

operation!(DeleteSAMLProvider, |iam, cx, input| iam.on_arn(cx, &input.saml_provider_arn), |iam, cx, input| {
    let arn = &input.saml_provider_arn;
    iam.identity.write(|state| match state.saml_providers.remove(&saml_key(arn, cx.scope.account)) {
        Some(_) => Ok(Empty {}),
        None => Err(no_saml_provider(arn)()),
    })
});
