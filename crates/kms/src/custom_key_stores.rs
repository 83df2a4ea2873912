//! Custom key stores: configured and described. There is no CloudHSM cluster and no external key manager to connect one to, so none is ever
//! connected, and no key can be in one.
//! <https://docs.aws.amazon.com/kms/latest/developerguide/key-store-overview.html>

use crate::{
    Kms, faults, limits,
    pages::page,
    permissions::of_account,
    state::{CustomKeyStore, CustomKeyStoreKind, State},
};
use cloudlet_api_kms::*;
use cloudlet_aws::{Fault, Scope};
use cloudlet_engine::{Cx, Handle, Permissions};
use std::ops::Bound;

const USUAL_PAGE: usize = 100;
const DISCONNECTED: &str = "DISCONNECTED";

fn no_such_store(id: &str) -> Fault {
    // AWS: unverified message.
    faults::CUSTOM_KEY_STORE_NOT_FOUND.says(format!("Custom key store '{id}' does not exist"))
}

impl Kms {
    /// Never: there is nothing to be connected to.
    pub fn check_connected(&self, cx: &Cx, id: &str) -> Result<(), Fault> {
        self.check_exists(cx, id)?;
        Err(faults::CUSTOM_KEY_STORE_INVALID_STATE.says(format!("Custom key store '{id}' is {DISCONNECTED}")))
    }

    fn check_exists(&self, cx: &Cx, id: &str) -> Result<(), Fault> {
        let known = self.store.read(|state| state.custom_key_stores.contains(&(cx.scope.clone(), id.to_owned())));
        if known { Ok(()) } else { Err(no_such_store(id)) }
    }
}

fn stores_of<'s>(state: &'s State, scope: &'s Scope, after: Option<String>) -> impl Iterator<Item = (&'s String, &'s CustomKeyStore)> {
    let from = match after {
        Some(after) => Bound::Excluded((scope.clone(), after)),
        None => Bound::Included((scope.clone(), String::new())),
    };
    state.custom_key_stores.range((from, Bound::Unbounded)).take_while(move |((of, _), _)| of == scope).map(|((_, id), store)| (id, store))
}

fn check_name(state: &State, scope: &Scope, name: &str, own: Option<&str>) -> Result<(), Fault> {
    if stores_of(state, scope, None).any(|(id, store)| store.name == name && own != Some(id.as_str())) {
        // AWS: unverified message.
        return Err(faults::CUSTOM_KEY_STORE_NAME_IN_USE.says(format!("A custom key store with the name '{name}' already exists")));
    }
    Ok(())
}

fn kind_of(input: &CreateCustomKeyStoreRequest) -> Result<CustomKeyStoreKind, Fault> {
    // AWS: unverified messages.
    let needed = |value: &Option<String>, name: &str| {
        value.clone().ok_or_else(|| faults::validation(format!("{name} is required for this type of custom key store.")))
    };
    if input.custom_key_store_type.as_deref() != Some("EXTERNAL_KEY_STORE") {
        needed(&input.key_store_password, "KeyStorePassword")?;
        return Ok(CustomKeyStoreKind::CloudHsm {
            cluster: needed(&input.cloud_hsm_cluster_id, "CloudHsmClusterId")?,
            trust_anchor: needed(&input.trust_anchor_certificate, "TrustAnchorCertificate")?,
        });
    }
    let credential = input.xks_proxy_authentication_credential.as_ref().map(|credential| credential.access_key_id.clone());
    Ok(CustomKeyStoreKind::External {
        connectivity: needed(&input.xks_proxy_connectivity, "XksProxyConnectivity")?,
        access_key: needed(&credential, "XksProxyAuthenticationCredential")?,
        endpoint: needed(&input.xks_proxy_uri_endpoint, "XksProxyUriEndpoint")?,
        path: needed(&input.xks_proxy_uri_path, "XksProxyUriPath")?,
        vpc_service: input.xks_proxy_vpc_endpoint_service_name.clone(),
        vpc_owner: input.xks_proxy_vpc_endpoint_service_owner.clone(),
    })
}

impl Handle<CreateCustomKeyStore> for Kms {
    fn permissions(&self, cx: &Cx, _: &CreateCustomKeyStoreRequest) -> Result<Permissions, Fault> {
        Ok(of_account::<CreateCustomKeyStore>(cx))
    }

    async fn handle(&self, cx: &Cx, input: CreateCustomKeyStoreRequest) -> Result<CreateCustomKeyStoreResponse, Fault> {
        let kind = kind_of(&input)?;
        let id = format!("cks-{}", cx.ids().hex(17));
        let store = CustomKeyStore { name: input.custom_key_store_name, created: cx.now, kind };
        self.store.write(|state| {
            check_name(state, &cx.scope, &store.name, None)?;
            if stores_of(state, &cx.scope, None).count() >= limits::CUSTOM_KEY_STORES {
                // AWS: unverified message.
                return Err(faults::LIMIT_EXCEEDED.says("The limit of custom key stores was reached."));
            }
            state.custom_key_stores.insert((cx.scope.clone(), id.clone()), store);
            Ok(())
        })?;
        Ok(CreateCustomKeyStoreResponse { custom_key_store_id: Some(id) })
    }
}

fn entry(id: &str, store: &CustomKeyStore) -> CustomKeyStoresListEntry {
    let mut entry = CustomKeyStoresListEntry {
        custom_key_store_id: Some(id.to_owned()),
        custom_key_store_name: Some(store.name.clone()),
        connection_state: Some(DISCONNECTED.to_owned()),
        creation_date: Some(store.created),
        ..CustomKeyStoresListEntry::default()
    };
    match &store.kind {
        CustomKeyStoreKind::CloudHsm { cluster, trust_anchor } => {
            entry.custom_key_store_type = Some("AWS_CLOUDHSM".to_owned());
            entry.cloud_hsm_cluster_id = Some(cluster.clone());
            entry.trust_anchor_certificate = Some(trust_anchor.clone());
        }
        CustomKeyStoreKind::External { connectivity, access_key, endpoint, path, vpc_service, vpc_owner } => {
            entry.custom_key_store_type = Some("EXTERNAL_KEY_STORE".to_owned());
            entry.xks_proxy_configuration = Some(XksProxyConfigurationType {
                connectivity: Some(connectivity.clone()),
                access_key_id: Some(access_key.clone()),
                uri_endpoint: Some(endpoint.clone()),
                uri_path: Some(path.clone()),
                vpc_endpoint_service_name: vpc_service.clone(),
                vpc_endpoint_service_owner: vpc_owner.clone(),
            });
        }
    }
    entry
}

impl Handle<DescribeCustomKeyStores> for Kms {
    fn permissions(&self, cx: &Cx, _: &DescribeCustomKeyStoresRequest) -> Result<Permissions, Fault> {
        Ok(of_account::<DescribeCustomKeyStores>(cx))
    }

    async fn handle(&self, cx: &Cx, input: DescribeCustomKeyStoresRequest) -> Result<DescribeCustomKeyStoresResponse, Fault> {
        let is = |wanted: &Option<String>, value: &str| wanted.as_deref().is_none_or(|wanted| wanted == value);
        let page = self.store.read(|state| {
            page::<DescribeCustomKeyStores, _, _, _>(cx, &input, USUAL_PAGE, |after| {
                let stores = stores_of(state, &cx.scope, after);
                let stores = stores.filter(|(id, store)| is(&input.custom_key_store_id, id) && is(&input.custom_key_store_name, &store.name));
                stores.map(|(id, store)| (id.clone(), entry(id, store)))
            })
        })?;
        let named = input.custom_key_store_id.as_deref().or(input.custom_key_store_name.as_deref());
        if let Some(named) = named.filter(|_| page.items.is_empty()) {
            return Err(no_such_store(named));
        }
        Ok(DescribeCustomKeyStoresResponse { custom_key_stores: Some(page.items), next_marker: page.next_marker, truncated: page.truncated })
    }
}

impl Handle<UpdateCustomKeyStore> for Kms {
    fn permissions(&self, cx: &Cx, _: &UpdateCustomKeyStoreRequest) -> Result<Permissions, Fault> {
        Ok(of_account::<UpdateCustomKeyStore>(cx))
    }

    async fn handle(&self, cx: &Cx, input: UpdateCustomKeyStoreRequest) -> Result<UpdateCustomKeyStoreResponse, Fault> {
        let place = (cx.scope.clone(), input.custom_key_store_id.clone());
        self.store.write(|state| {
            if let Some(name) = &input.new_custom_key_store_name {
                check_name(state, &cx.scope, name, Some(&input.custom_key_store_id))?;
            }
            let store = state.custom_key_stores.get_mut(&place).ok_or_else(|| no_such_store(&input.custom_key_store_id))?;
            let set = |to: &mut String, value: &Option<String>| to.clone_from(value.as_ref().unwrap_or(&to.clone()));
            set(&mut store.name, &input.new_custom_key_store_name);
            match &mut store.kind {
                CustomKeyStoreKind::CloudHsm { cluster, .. } => set(cluster, &input.cloud_hsm_cluster_id),
                CustomKeyStoreKind::External { connectivity, access_key, endpoint, path, vpc_service, vpc_owner } => {
                    set(connectivity, &input.xks_proxy_connectivity);
                    set(endpoint, &input.xks_proxy_uri_endpoint);
                    set(path, &input.xks_proxy_uri_path);
                    if let Some(credential) = &input.xks_proxy_authentication_credential {
                        access_key.clone_from(&credential.access_key_id);
                    }
                    *vpc_service = input.xks_proxy_vpc_endpoint_service_name.clone().or(vpc_service.take());
                    *vpc_owner = input.xks_proxy_vpc_endpoint_service_owner.clone().or(vpc_owner.take());
                }
            }
            Ok(UpdateCustomKeyStoreResponse {})
        })
    }
}

impl Handle<DeleteCustomKeyStore> for Kms {
    fn permissions(&self, cx: &Cx, _: &DeleteCustomKeyStoreRequest) -> Result<Permissions, Fault> {
        Ok(of_account::<DeleteCustomKeyStore>(cx))
    }

    async fn handle(&self, cx: &Cx, input: DeleteCustomKeyStoreRequest) -> Result<DeleteCustomKeyStoreResponse, Fault> {
        let place = (cx.scope.clone(), input.custom_key_store_id);
        match self.store.update(|state| state.custom_key_stores.remove(&place)) {
            Some(_) => Ok(DeleteCustomKeyStoreResponse {}),
            None => Err(no_such_store(&place.1)),
        }
    }
}

impl Handle<ConnectCustomKeyStore> for Kms {
    fn permissions(&self, cx: &Cx, _: &ConnectCustomKeyStoreRequest) -> Result<Permissions, Fault> {
        Ok(of_account::<ConnectCustomKeyStore>(cx))
    }

    async fn handle(&self, cx: &Cx, input: ConnectCustomKeyStoreRequest) -> Result<ConnectCustomKeyStoreResponse, Fault> {
        self.check_exists(cx, &input.custom_key_store_id)?;
        Err(faults::not_implemented("kms:ConnectCustomKeyStore"))
    }
}

impl Handle<DisconnectCustomKeyStore> for Kms {
    fn permissions(&self, cx: &Cx, _: &DisconnectCustomKeyStoreRequest) -> Result<Permissions, Fault> {
        Ok(of_account::<DisconnectCustomKeyStore>(cx))
    }

    async fn handle(&self, cx: &Cx, input: DisconnectCustomKeyStoreRequest) -> Result<DisconnectCustomKeyStoreResponse, Fault> {
        self.check_exists(cx, &input.custom_key_store_id)?;
        Ok(DisconnectCustomKeyStoreResponse {})
    }
}
