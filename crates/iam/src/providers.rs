//! Identity providers: OpenID Connect and SAML.

use crate::{
    faults::{bad_input, exists, gone, quota},
    limits,
    operation::{Want, operation},
    shown,
    tags::new_tags,
};
use cloudlet_api_iam::*;
use cloudlet_aws::{Account, Fault, Timestamp};
use cloudlet_identity::state::{Of, OidcProvider, SamlProvider, rows_of};
use cloudlet_saml::Metadata;
use cloudlet_shape::Empty;

/// The key of a provider is what stands behind `oidc-provider/` in its ARN.
pub(crate) fn oidc_key(arn: &str, account: Account) -> Of {
    Of::new(account, arn.split_once(":oidc-provider/").map_or("", |(_, url)| url))
}

pub(crate) fn saml_key(arn: &str, account: Account) -> Of {
    Of::new(account, arn.split_once(":saml-provider/").map_or("", |(_, name)| name))
}

pub(crate) fn no_oidc(arn: &str) -> impl FnOnce() -> Fault {
    move || gone(format!("OpenIDConnect Provider not found for arn {arn}"))
}

pub(crate) fn no_saml(arn: &str) -> impl FnOnce() -> Fault {
    move || gone(format!("Manifest not found for arn {arn}"))
}

fn check_thumbprints(thumbprints: &[String]) -> Result<(), Fault> {
    if thumbprints.len() > limits::THUMBPRINTS {
        return Err(bad_input("Thumbprint list must contain fewer than 5 entries."));
    }
    if thumbprints.iter().any(|print| print.len() != 40 || !print.bytes().all(|digit| digit.is_ascii_hexdigit())) {
        return Err(bad_input("Thumbprint must be a 40-character hexadecimal string."));
    }
    Ok(())
}

operation!(
    CreateOpenIDConnectProvider,
    |iam, cx, input| {
        let url = input.url.trim_start_matches("https://");
        Want::on(iam.arn(cx.scope.account, "oidc-provider", "/", url)).requests(input.tags.as_deref())
    },
    |iam, cx, input| {
        let account = cx.scope.account;
        let url =
            input.url.strip_prefix("https://").map(|rest| rest.trim_end_matches('/')).filter(|rest| !rest.is_empty() && !rest.contains(['?', '#']));
        let url = url.ok_or_else(|| crate::faults::invalid("Invalid Open ID Connect Provider URL"))?.to_owned();
        let thumbprints = input.thumbprint_list.unwrap_or_default();
        check_thumbprints(&thumbprints)?;
        let clients = input.client_id_list.unwrap_or_default();
        if clients.len() > limits::CLIENT_IDS {
            return Err(quota("ClientIdsPerOpenIdConnectProvider", limits::CLIENT_IDS));
        }
        let arn = iam.arn(account, "oidc-provider", "/", &url);
        let provider = OidcProvider { url: url.clone(), clients, thumbprints, created: cx.now, tags: new_tags(input.tags.as_deref())? };
        iam.identity.write(|state| {
            let key = Of::new(account, &url);
            if state.oidc_providers.contains(&key) {
                return Err(exists(format!("Provider with url https://{url} already exists.")));
            }
            if rows_of(&state.oidc_providers, account).count() >= limits::PROVIDERS {
                return Err(quota("OpenIdConnectProvidersPerAccount", limits::PROVIDERS));
            }
            let tags = shown::tags(&provider.tags);
            state.oidc_providers.insert(key, provider);
            Ok(CreateOpenIDConnectProviderResponse { open_id_connect_provider_arn: Some(arn.to_string()), tags })
        })
    }
);

operation!(GetOpenIDConnectProvider, |iam, cx, input| iam.want_arn(cx, &input.open_id_connect_provider_arn), |iam, cx, input| {
    let arn = &input.open_id_connect_provider_arn;
    iam.identity.read(|state| {
        let provider = state.oidc_providers.get(&oidc_key(arn, cx.scope.account)).ok_or_else(no_oidc(arn))?;
        Ok(GetOpenIDConnectProviderResponse {
            url: Some(provider.url.clone()),
            client_id_list: Some(provider.clients.clone()),
            thumbprint_list: Some(provider.thumbprints.clone()),
            create_date: Some(provider.created),
            tags: shown::tags(&provider.tags),
        })
    })
});

operation!(ListOpenIDConnectProviders, |iam, cx, input| iam.want_path(cx, "oidc-provider", None), |iam, cx, input| iam.identity.read(|state| {
    let arns = rows_of(&state.oidc_providers, cx.scope.account).map(|(_, row)| iam.arn(cx.scope.account, "oidc-provider", "/", &row.url));
    let list = arns.map(|arn| OpenIDConnectProviderListEntry { arn: Some(arn.to_string()) }).collect();
    Ok(ListOpenIDConnectProvidersResponse { open_id_connect_provider_list: Some(list) })
}));

operation!(DeleteOpenIDConnectProvider, |iam, cx, input| iam.want_arn(cx, &input.open_id_connect_provider_arn), |iam, cx, input| {
    let arn = &input.open_id_connect_provider_arn;
    iam.identity.write(|state| match state.oidc_providers.remove(&oidc_key(arn, cx.scope.account)) {
        Some(_) => Ok(Empty {}),
        None => Err(no_oidc(arn)()),
    })
});

operation!(UpdateOpenIDConnectProviderThumbprint, |iam, cx, input| iam.want_arn(cx, &input.open_id_connect_provider_arn), |iam, cx, input| {
    let arn = &input.open_id_connect_provider_arn;
    check_thumbprints(&input.thumbprint_list)?;
    iam.identity.write(|state| {
        let provider = state.oidc_providers.get_mut(&oidc_key(arn, cx.scope.account)).ok_or_else(no_oidc(arn))?;
        provider.thumbprints = input.thumbprint_list;
        Ok(Empty {})
    })
});

operation!(AddClientIDToOpenIDConnectProvider, |iam, cx, input| iam.want_arn(cx, &input.open_id_connect_provider_arn), |iam, cx, input| {
    let arn = &input.open_id_connect_provider_arn;
    iam.identity.write(|state| {
        let provider = state.oidc_providers.get_mut(&oidc_key(arn, cx.scope.account)).ok_or_else(no_oidc(arn))?;
        if !provider.clients.contains(&input.client_id) {
            if provider.clients.len() >= limits::CLIENT_IDS {
                return Err(quota("ClientIdsPerOpenIdConnectProvider", limits::CLIENT_IDS));
            }
            provider.clients.push(input.client_id);
        }
        Ok(Empty {})
    })
});

operation!(RemoveClientIDFromOpenIDConnectProvider, |iam, cx, input| iam.want_arn(cx, &input.open_id_connect_provider_arn), |iam, cx, input| {
    let arn = &input.open_id_connect_provider_arn;
    iam.identity.write(|state| {
        let provider = state.oidc_providers.get_mut(&oidc_key(arn, cx.scope.account)).ok_or_else(no_oidc(arn))?;
        provider.clients.retain(|client| *client != input.client_id);
        Ok(Empty {})
    })
});

/// AWS: a manifest must be an EntityDescriptor with a signing certificate.
fn metadata(text: &str) -> Result<Metadata, Fault> {
    Metadata::parse(text).ok_or_else(|| bad_input("Could not parse metadata"))
}

/// What the metadata says; AWS: and a hundred years where it says nothing (seen in answers, documented nowhere).
fn valid_until(metadata: &Metadata, now: Timestamp) -> Timestamp {
    metadata.valid_until.unwrap_or_else(|| now.whole_secs().plus_secs(36_525 * 86_400))
}

operation!(
    CreateSAMLProvider,
    |iam, cx, input| Want::on(iam.arn(cx.scope.account, "saml-provider", "/", &input.name)).requests(input.tags.as_deref()),
    |iam, cx, input| {
        let account = cx.scope.account;
        let metadata = metadata(&input.saml_metadata_document)?;
        let arn = iam.arn(account, "saml-provider", "/", &input.name);
        let provider = SamlProvider {
            name: input.name,
            uuid: format!("SAMLPROVIDER{}", cx.ids().base32(12)),
            metadata: input.saml_metadata_document.into(),
            created: cx.now.whole_secs(),
            valid_until: valid_until(&metadata, cx.now),
            encryption: input.assertion_encryption_mode,
            private_keys: input.add_private_key.map(|_| (cx.ids().base32(20), cx.now.whole_secs())).into_iter().collect(),
            tags: new_tags(input.tags.as_deref())?,
        };
        iam.identity.write(|state| {
            let key = Of::new(account, &provider.name);
            if state.saml_providers.contains(&key) {
                return Err(exists(format!("SAMLProvider {} already exists.", provider.name)));
            }
            if rows_of(&state.saml_providers, account).count() >= limits::PROVIDERS {
                return Err(quota("SAMLProvidersPerAccount", limits::PROVIDERS));
            }
            let tags = shown::tags(&provider.tags);
            state.saml_providers.insert(key, provider);
            Ok(CreateSAMLProviderResponse { saml_provider_arn: Some(arn.to_string()), tags })
        })
    }
);

operation!(GetSAMLProvider, |iam, cx, input| iam.want_arn(cx, &input.saml_provider_arn), |iam, cx, input| {
    let arn = &input.saml_provider_arn;
    iam.identity.read(|state| {
        let provider = state.saml_providers.get(&saml_key(arn, cx.scope.account)).ok_or_else(no_saml(arn))?;
        let keys = provider.private_keys.iter().map(|(id, at)| SAMLPrivateKey { key_id: Some(id.clone()), timestamp: Some(*at) }).collect();
        Ok(GetSAMLProviderResponse {
            saml_provider_uuid: Some(provider.uuid.clone()),
            saml_metadata_document: Some(provider.metadata.to_string()),
            create_date: Some(provider.created),
            valid_until: Some(provider.valid_until),
            tags: shown::tags(&provider.tags),
            assertion_encryption_mode: provider.encryption.clone(),
            private_key_list: Some(keys).filter(|keys: &Vec<_>| !keys.is_empty()),
        })
    })
});

operation!(ListSAMLProviders, |iam, cx, input| iam.want_path(cx, "saml-provider", None), |iam, cx, input| iam.identity.read(|state| {
    let entry = |row: &SamlProvider| SAMLProviderListEntry {
        arn: Some(iam.arn(cx.scope.account, "saml-provider", "/", &row.name).to_string()),
        valid_until: Some(row.valid_until),
        create_date: Some(row.created),
    };
    let list = rows_of(&state.saml_providers, cx.scope.account).map(|(_, row)| entry(row)).collect();
    Ok(ListSAMLProvidersResponse { saml_provider_list: Some(list) })
}));

operation!(UpdateSAMLProvider, |iam, cx, input| iam.want_arn(cx, &input.saml_provider_arn), |iam, cx, input| {
    let arn = &input.saml_provider_arn;
    let read = input.saml_metadata_document.as_deref().map(metadata).transpose()?;
    let new_key = input.add_private_key.map(|_| (cx.ids().base32(20), cx.now.whole_secs()));
    iam.identity.write(|state| {
        let provider = state.saml_providers.get_mut(&saml_key(arn, cx.scope.account)).ok_or_else(no_saml(arn))?;
        if let (Some(text), Some(read)) = (input.saml_metadata_document, read) {
            provider.metadata = text.into();
            provider.valid_until = valid_until(&read, cx.now);
        }
        if let Some(mode) = input.assertion_encryption_mode {
            provider.encryption = Some(mode);
        }
        if let Some(gone) = input.remove_private_key {
            provider.private_keys.retain(|(id, _)| *id != gone);
        }
        provider.private_keys.extend(new_key);
        Ok(UpdateSAMLProviderResponse { saml_provider_arn: Some(arn.clone()) })
    })
});

operation!(DeleteSAMLProvider, |iam, cx, input| iam.want_arn(cx, &input.saml_provider_arn), |iam, cx, input| {
    let arn = &input.saml_provider_arn;
    iam.identity.write(|state| match state.saml_providers.remove(&saml_key(arn, cx.scope.account)) {
        Some(_) => Ok(Empty {}),
        None => Err(no_saml(arn)()),
    })
});
