//! The configurations of function URLs. How they are called is in `url_calls`.

use crate::{
    Lambda, faults,
    functions::on_function,
    names::{self, LATEST, Named},
    state::{State, Url, rows_of},
};
use cloudlet_api_lambda::*;
use cloudlet_aws::Fault;
use cloudlet_engine::{
    Cx, StoredShape, handler,
    paging::{InvalidToken, Paging},
};
use cloudlet_shape::Empty;
use std::{net::IpAddr, sync::Arc};

const PAGE: usize = 50;

/// A request's function, or alias of it. AWS: a version has no URL.
fn named(cx: &Cx, name: &str, qualifier: Option<&str>) -> Result<Named, Fault> {
    names::function(cx, name, qualifier)
}

fn place(named: &Named) -> (crate::state::FunctionKey, String) {
    (named.key.clone(), named.qualifier.clone().filter(|qualifier| qualifier != LATEST).unwrap_or_default())
}

fn find(state: &State, named: &Named) -> Result<Arc<Url>, Fault> {
    state.urls.get(&place(named)).cloned().ok_or_else(faults::no_resource)
}

impl Url {
    /// AWS: `https://ID.lambda-url.REGION.on.aws/`. Here the name is below the server's own, as far as that is a name.
    fn address(&self, cx: &Cx, named: &Named) -> String {
        let (scheme, host) = cx.endpoint().split_once("://").unwrap_or(("http", cx.endpoint()));
        let (name, port) = match host.rsplit_once(':') {
            Some((name, port)) if !port.ends_with(']') => (name, format!(":{port}")),
            _ => (host, String::new()),
        };
        // Clients that use the host of a service (`lambda.eu-west-1.localhost`) have the same name behind it.
        let own = ["lambda.", named.key.region.as_str(), "."].iter().fold(name, |rest, label| rest.strip_prefix(label).unwrap_or(rest));
        let base = if own.starts_with('[') || own.parse::<IpAddr>().is_ok() { "localhost" } else { own };
        format!("{scheme}://{}.lambda-url.{}.{base}{port}/", self.id, named.key.region)
    }

    fn shown(&self, cx: &Cx, named: &Named) -> FunctionUrlConfig {
        FunctionUrlConfig {
            function_url: self.address(cx, named),
            function_arn: named.arn().to_string(),
            creation_time: self.created.with_millis(),
            last_modified_time: self.modified.with_millis(),
            cors: self.cors.as_ref().map(StoredShape::shape),
            auth_type: self.auth_type.clone(),
            invoke_mode: Some(self.invoke_mode.clone()),
        }
    }
}

/// The answer of an operation on one URL. Those of two operations say the same under different names.
macro_rules! answer {
    ($answer:ident, $shown:expr) => {{
        let shown: FunctionUrlConfig = $shown;
        $answer {
            function_url: shown.function_url,
            function_arn: shown.function_arn,
            auth_type: shown.auth_type,
            cors: shown.cors,
            creation_time: shown.creation_time,
            last_modified_time: shown.last_modified_time,
            invoke_mode: shown.invoke_mode,
        }
    }};
}

handler!(
    Lambda,
    CreateFunctionUrlConfig,
    |lambda, cx, input| {
        let permission = on_function::<CreateFunctionUrlConfig>(lambda, cx, &input.function_name)?;
        Ok(permission.with_key("lambda:FunctionUrlAuthType", input.auth_type.clone()).into())
    },
    |lambda, cx, input| {
        let named = named(cx, &input.function_name, input.qualifier.as_deref())?;
        let url = lambda.store.write(|state| {
            if state.resolve(&named, 0).is_none() {
                return Err(faults::not_found("Function does not exist"));
            }
            if state.urls.contains(&place(&named)) {
                let text = format!("Failed to create function url config for [functionArn = {}].", named.arn());
                return Err(faults::conflict(format!("{text} Error message:  FunctionUrlConfig exists for this Lambda function")));
            }
            let url = Url {
                id: cx.ids().base32(32).to_lowercase(),
                auth_type: input.auth_type.clone(),
                invoke_mode: input.invoke_mode.clone().unwrap_or_else(|| "BUFFERED".to_owned()),
                cors: input.cors.take().map(StoredShape::new),
                created: cx.now,
                modified: cx.now,
            };
            state.urls.insert(place(&named), Arc::new(url.clone()));
            Ok(url)
        })?;
        Ok(CreateFunctionUrlConfigResponse {
            function_url: url.address(cx, &named),
            function_arn: named.arn().to_string(),
            auth_type: url.auth_type.clone(),
            cors: url.cors.as_ref().map(StoredShape::shape),
            creation_time: url.created.with_millis(),
            invoke_mode: input.invoke_mode,
        })
    }
);

handler!(
    Lambda,
    GetFunctionUrlConfig,
    |lambda, cx, input| Ok(on_function::<GetFunctionUrlConfig>(lambda, cx, &input.function_name)?.into()),
    |lambda, cx, input| {
        let named = named(cx, &input.function_name, input.qualifier.as_deref())?;
        Ok(answer!(GetFunctionUrlConfigResponse, lambda.store.read(|state| find(state, &named))?.shown(cx, &named)))
    }
);

handler!(
    Lambda,
    UpdateFunctionUrlConfig,
    |lambda, cx, input| Ok(on_function::<UpdateFunctionUrlConfig>(lambda, cx, &input.function_name)?.into()),
    |lambda, cx, input| {
        let named = named(cx, &input.function_name, input.qualifier.as_deref())?;
        let url = lambda.store.write(|state| {
            if state.resolve(&named, 0).is_none() {
                return Err(faults::not_found("Function does not exist"));
            }
            let mut url = Url::clone(&*find(state, &named)?);
            url.auth_type = input.auth_type.take().unwrap_or(url.auth_type);
            url.invoke_mode = input.invoke_mode.take().unwrap_or(url.invoke_mode);
            url.cors = input.cors.take().map(StoredShape::new).or(url.cors);
            url.modified = cx.now;
            state.urls.insert(place(&named), Arc::new(url.clone()));
            Ok::<_, Fault>(url)
        })?;
        Ok(answer!(UpdateFunctionUrlConfigResponse, url.shown(cx, &named)))
    }
);

handler!(
    Lambda,
    DeleteFunctionUrlConfig,
    |lambda, cx, input| Ok(on_function::<DeleteFunctionUrlConfig>(lambda, cx, &input.function_name)?.into()),
    |lambda, cx, input| {
        let named = named(cx, &input.function_name, input.qualifier.as_deref())?;
        lambda.store.write(|state| {
            find(state, &named)?;
            state.urls.remove(&place(&named));
            Ok(Empty {})
        })
    }
);

handler!(
    Lambda,
    ListFunctionUrlConfigs,
    |lambda, cx, input| Ok(on_function::<ListFunctionUrlConfigs>(lambda, cx, &input.function_name)?.into()),
    |lambda, cx, input| {
        let key = names::function(cx, &input.function_name, None)?.key;
        let paging = Paging::of::<ListFunctionUrlConfigs>(cx, &input);
        let page = lambda.store.read(|state| {
            if !state.functions.contains(&key) {
                return Err(faults::not_found("Function does not exist"));
            }
            let rows = rows_of(&state.urls, &key).map(|(qualifier, url)| {
                let qualifier = Some(qualifier.to_owned()).filter(|qualifier| !qualifier.is_empty());
                let named = Named { key: key.clone(), qualifier: qualifier.clone() };
                (qualifier.unwrap_or_default(), url.shown(cx, &named))
            });
            paging.page_of(paging.length(PAGE, PAGE), rows).map_err(|InvalidToken| faults::invalid_page())
        })?;
        Ok(ListFunctionUrlConfigsResponse { function_url_configs: page.items, next_marker: page.next_token })
    }
);
