//! Endpoints of two regions. There is no traffic to divide here: a mail is sent in the region of its call.
//! <https://docs.aws.amazon.com/ses/latest/dg/global-endpoints.html>

use super::{PAGE, tags};
use crate::{
    Ses, access, limits,
    refusal::Refusal,
    state::{Endpoint, State},
};
use cloudlet_api_sesv2::*;
use cloudlet_aws::{Fault, Region, Timestamp};
use cloudlet_engine::{Cx, Operation, Permission};
use std::sync::Arc;

/// AWS: unverified. How long it takes to make an endpoint, and to delete it.
const SECONDS: i64 = 5;

fn permission<O: Operation>(cx: &Cx, name: &str) -> Permission {
    access::resource::<O>(cx, &format!("multi-region-endpoint/{name}"))
}

/// AWS: unverified message.
fn missing(name: &str) -> Fault {
    faults::NOT_FOUND.says(format!("Multi-region endpoint {name} does not exist."))
}

impl Endpoint {
    /// `None` once it is deleted.
    fn status(&self, now: Timestamp) -> Option<&'static str> {
        match self.deleted {
            Some(at) if at.plus_secs(SECONDS) <= now => None,
            Some(_) => Some("DELETING"),
            None if self.created.plus_secs(SECONDS) <= now => Some("READY"),
            None => Some("CREATING"),
        }
    }

    fn changed(&self, now: Timestamp) -> Timestamp {
        match self.deleted {
            Some(at) => at,
            None => std::cmp::min(self.created.plus_secs(SECONDS), now),
        }
    }
}

impl Ses {
    /// The endpoint that a mail is sent through has to be ready.
    pub fn check_endpoint(&self, cx: &Cx, id: Option<&str>) -> Result<(), Refusal> {
        let Some(id) = id else { return Ok(()) };
        let ready = self
            .store
            .read(|state| State::rows(&state.endpoints, &cx.scope, None).any(|(_, row)| row.id == id && row.status(cx.now) == Some("READY")));
        // AWS: unverified message.
        if ready { Ok(()) } else { Err(Refusal::invalid(format!("Multi-region endpoint {id} does not exist or is not ready."))) }
    }
}

operation!(
    CreateMultiRegionEndpoint,
    |ses, cx, input| Ok(tags::requested(permission::<CreateMultiRegionEndpoint>(cx, &input.endpoint_name), input.tags.as_deref())),
    |ses, cx, input| {
        let [route] = input.details.routes_details.as_slice() else {
            // AWS: unverified message.
            return Err(Refusal::invalid("Exactly one route must be given."));
        };
        if Region::parse(&route.region).is_none_or(|region| region == cx.scope.region) {
            // AWS: unverified message.
            return Err(Refusal::invalid(format!("{} cannot be the secondary region.", route.region)));
        }
        let endpoint = Endpoint {
            // AWS: unverified form.
            id: format!("{}.{}", cx.ids().alphanumeric(6).to_ascii_lowercase(), cx.ids().alphanumeric(3).to_ascii_lowercase()),
            secondary: route.region.clone(),
            created: cx.now,
            deleted: None,
            tags: tags::checked(input.tags.as_deref().unwrap_or_default())?,
        };
        let id = endpoint.id.clone();
        ses.store.write(|state| {
            let key = (cx.scope.clone(), input.endpoint_name.clone());
            if state.endpoints.get(&key).is_some_and(|known| known.status(cx.now).is_some()) {
                // AWS: unverified message.
                return Err(Refusal::Exists(format!("Multi-region endpoint {} already exists.", input.endpoint_name)));
            }
            if State::count(&state.endpoints, &cx.scope) >= limits::ENDPOINTS {
                // AWS: unverified message.
                return Err(Refusal::Limit("The number of multi-region endpoints is at its limit.".to_owned()));
            }
            state.endpoints.insert(key, Arc::new(endpoint));
            Ok(())
        })?;
        Ok(CreateMultiRegionEndpointResponse { status: Some("CREATING".into()), endpoint_id: Some(id) })
    },
);

operation!(GetMultiRegionEndpoint, |ses, cx, input| Ok(permission::<GetMultiRegionEndpoint>(cx, &input.endpoint_name).into()), |ses, cx, input| {
    let found = ses.store.read(|state| state.endpoints.get(&(cx.scope.clone(), input.endpoint_name.clone())).cloned());
    let found = found.and_then(|row| Some((row.status(cx.now)?, row)));
    let (status, row) = found.ok_or_else(|| missing(&input.endpoint_name))?;
    let routes = [cx.scope.region.as_str(), row.secondary.as_str()].map(|region| Route { region: region.to_owned() });
    Ok(GetMultiRegionEndpointResponse {
        endpoint_name: Some(input.endpoint_name),
        endpoint_id: Some(row.id.clone()),
        routes: Some(routes.to_vec()),
        status: Some(status.into()),
        created_timestamp: Some(row.created),
        last_updated_timestamp: Some(row.changed(cx.now)),
    })
},);

operation!(ListMultiRegionEndpoints, |ses, cx, input| Ok(access::any::<ListMultiRegionEndpoints>(cx).into()), |ses, cx, input| {
    let shown = |name: &str, row: &Arc<Endpoint>| {
        Some(MultiRegionEndpoint {
            endpoint_name: Some(name.to_owned()),
            status: Some(row.status(cx.now)?.into()),
            endpoint_id: Some(row.id.clone()),
            regions: Some(vec![cx.scope.region.as_str().to_owned(), row.secondary.clone()]),
            created_timestamp: Some(row.created),
            last_updated_timestamp: Some(row.changed(cx.now)),
        })
    };
    let page = ses.list::<ListMultiRegionEndpoints, _, _>(cx, &input, PAGE, |state| &state.endpoints, shown)?;
    Ok(ListMultiRegionEndpointsResponse { multi_region_endpoints: Some(page.items), next_token: page.next_token })
});

operation!(
    DeleteMultiRegionEndpoint,
    |ses, cx, input| Ok(permission::<DeleteMultiRegionEndpoint>(cx, &input.endpoint_name).into()),
    |ses, cx, input| {
        ses.store.write(|state| {
            let row = state.endpoints.get_mut(&(cx.scope.clone(), input.endpoint_name.clone()));
            let row = row.filter(|row| row.status(cx.now).is_some()).ok_or_else(|| missing(&input.endpoint_name))?;
            Arc::make_mut(row).deleted.get_or_insert(cx.now);
            Ok::<_, Fault>(())
        })?;
        Ok(DeleteMultiRegionEndpointResponse { status: Some("DELETING".into()) })
    },
);
