//! Function URLs as they are called: a request becomes an event, and what the function answers becomes a response.
//! <https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html>

use crate::{
    Lambda, UrlPermissions, faults, limits,
    names::{LATEST, Named},
    outcomes::Event,
    pieces::Piece,
    runs::Completion,
    scheduled::InvokeUrl,
    state::{FunctionKey, Url},
    url_answers::{answer, begin, failed, field},
    url_events::payload,
};
use bytes::Bytes;
use cloudlet_api_lambda::{Cors, Invoke};
use cloudlet_aws::{Account, Fault, Head, Region, Scope};
use cloudlet_engine::{
    Cx, EndpointAnswer, EndpointCallers, EndpointRefusal, EndpointRequest, HttpEndpoint, HttpEndpoints, Permission, Permissions, handler,
};
use cloudlet_shape::{Body, BodyError, Operation};
use futures_util::stream;
use serde_json::json;
use std::sync::Arc;

/// Where URLs are served under the server's own name: `/_lambda-url/ID/…`.
const PATH: &str = "/_lambda-url/";
const LABEL: &str = "lambda-url.";

/// The id in `ID.lambda-url.REGION.…`.
fn id_of_host(host: &str) -> Option<&str> {
    let (id, rest) = host.split_once('.')?;
    rest.get(..LABEL.len()).filter(|label| label.eq_ignore_ascii_case(LABEL)).map(|_| id)
}

impl Lambda {
    /// The URL of this id, its function, and the alias that it is of.
    fn url(&self, id: &str) -> Option<(Arc<Url>, Named)> {
        self.store.read(|state| {
            let ((key, qualifier), url) = state.urls.iter().find(|(_, url)| url.id == id)?;
            let qualifier = Some(qualifier.clone()).filter(|qualifier| !qualifier.is_empty());
            Some((url.clone(), Named { key: key.clone(), qualifier }))
        })
    }
}

impl HttpEndpoints for Lambda {
    fn endpoint(&self, host: &str, path: &str) -> Option<HttpEndpoint> {
        let (id, path) = match path.strip_prefix(PATH) {
            Some(rest) => match rest.split_once('/') {
                Some((id, _)) => (id, rest.get(id.len()..).unwrap_or("/")),
                None => (rest, "/"),
            },
            None => (id_of_host(host)?, path),
        };
        let id = id.to_ascii_lowercase();
        let found = self.url(&id);
        let callers = match &found {
            Some((url, _)) if url.auth_type == "AWS_IAM" => EndpointCallers::Signed,
            _ => EndpointCallers::Anonymous,
        };
        let nowhere = || Scope::new(Account::default(), Region::new("us-east-1"));
        let scope = found.map_or_else(nowhere, |(_, named)| named.key.scope());
        // AWS: 6 MB, of which base64 takes a third.
        Some(HttpEndpoint {
            operation: InvokeUrl::SCHEMA,
            scope,
            id,
            path: path.to_owned(),
            callers,
            signing_name: None,
            largest: limits::SYNCHRONOUS_BYTES,
        })
    }

    fn preflight(&self, endpoint: &HttpEndpoint, head: &Head<'_>) -> Option<Vec<(&'static str, String)>> {
        let (url, _) = self.url(&endpoint.id)?;
        let cors = url.cors.as_deref()?;
        let origin = head.header("origin")?;
        head.header("access-control-request-method")?;
        let mut fields = origin_fields(cors, origin);
        if fields.is_empty() {
            return Some(fields);
        }
        let mut list = |name, values: Option<&Vec<String>>| {
            fields.extend(values.filter(|values| !values.is_empty()).map(|values| (name, values.join(","))));
        };
        list("access-control-allow-methods", cors.allow_methods.as_ref());
        list("access-control-allow-headers", cors.allow_headers.as_ref());
        fields.extend(cors.max_age.map(|seconds| ("access-control-max-age", seconds.to_string())));
        Some(fields)
    }

    fn refusal(&self, fault: &Fault) -> EndpointRefusal {
        let kind = ("x-amzn-errortype", fault.code().to_owned());
        let json = ("content-type", "application/json".to_owned());
        let message = |status, message: &str| EndpointRefusal {
            status,
            headers: vec![json.clone(), kind.clone()],
            body: json!({ "Message": message }).to_string(),
        };
        match fault.status() {
            // AWS: recorded: a function that fails is no fault of the request, and nothing of it is told.
            502 => EndpointRefusal {
                status: 502,
                headers: vec![("content-type", "application/octet-stream".into())],
                body: "Internal Server Error".into(),
            },
            403 if fault.code().contains("AccessDenied") || fault.message() == "Forbidden" => {
                let page = "https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html";
                message(403, &format!("Forbidden. For troubleshooting Function URL authorization issues, see: {page}"))
            }
            404 => EndpointRefusal { status: 404, headers: vec![json, kind], body: r#"{"Message":null}"#.into() },
            status => message(status, fault.message()),
        }
    }
}

/// What lets a page of an origin read the answer.
fn origin_fields(cors: &Cors, origin: &str) -> Vec<(&'static str, String)> {
    let origins = cors.allow_origins.as_deref().unwrap_or_default();
    let fits = |allowed: &String| {
        // AWS: a wildcard may stand for a part: `https://*.example.com`.
        match allowed.split_once('*') {
            Some((start, end)) => origin.len() >= start.len() + end.len() && origin.starts_with(start) && origin.ends_with(end),
            None => allowed.eq_ignore_ascii_case(origin),
        }
    };
    if !origins.iter().any(fits) {
        return vec![];
    }
    let all = origins.iter().any(|allowed| allowed == "*") && cors.allow_credentials != Some(true);
    let mut fields = vec![("access-control-allow-origin", if all { "*".to_owned() } else { origin.to_owned() })];
    if !all {
        fields.push(("vary", "Origin".to_owned()));
    }
    if cors.allow_credentials == Some(true) {
        fields.push(("access-control-allow-credentials", "true".to_owned()));
    }
    fields.extend(cors.expose_headers.as_ref().filter(|names| !names.is_empty()).map(|names| ("access-control-expose-headers", names.join(","))));
    fields
}

/// The permissions that a URL needs.
/// AWS: new URLs need both since October 2025. <https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html>
fn permissions(lambda: &Lambda, request: &EndpointRequest) -> Result<Permissions, Fault> {
    let (url, named) = lambda.url(&request.endpoint).ok_or_else(faults::no_resource)?;
    let qualifier = named.qualifier.as_deref().filter(|qualifier| *qualifier != LATEST).unwrap_or_default();
    let resource = if qualifier.is_empty() { named.key.arn() } else { named.key.qualified_arn(qualifier) };
    let policy = lambda.policy_of(&named.key, qualifier);
    let tags = lambda.tags_of(&named.key);
    let one = |permission: Permission| {
        let permission = permission.with_resource_tags(tags.clone()).with_policy(policy.clone());
        permission.with_key("lambda:FunctionUrlAuthType", url.auth_type.clone())
    };
    let mut all = Permissions::from(one(Permission::action("lambda:InvokeFunctionUrl", resource.clone())));
    if lambda.options.url_permissions == UrlPermissions::Both {
        all.push(one(Permission::of::<Invoke>(resource)).with_key("lambda:InvokedViaFunctionUrl", "true"));
    }
    Ok(all)
}

/// With what lets other origins read it, in place of what the function says of that.
fn shared(mut answer: EndpointAnswer, url: &Url, request: &EndpointRequest) -> EndpointAnswer {
    let Some(cors) = url.cors.as_deref() else { return answer };
    let Some(origin) = request.headers.iter().find(|field| field.name == "origin") else { return answer };
    answer.headers.retain(|field| !field.name.starts_with("access-control-"));
    answer.headers.extend(origin_fields(cors, &origin.value).into_iter().map(|(name, value)| field(name, value)));
    answer
}

/// The function of a URL, and the key under which it runs.
fn event(cx: &Cx, url: &Url, named: &Named, request: &EndpointRequest) -> Result<Event, Fault> {
    let payload = Bytes::from(payload(cx, url, named, request).to_string());
    if payload.len() > limits::SYNCHRONOUS_BYTES {
        return Err(faults::REQUEST_TOO_LARGE.says("Request Entity Too Large"));
    }
    let trace = cx.origin.trace.as_deref().map(str::to_owned);
    Ok(Event { request_id: cx.request_id.to_string(), payload, client_context: None, trace })
}

handler!(Lambda, InvokeUrl, |lambda, cx, input| permissions(lambda, input), |lambda, cx, input| {
    let (url, named) = lambda.url(&input.endpoint).ok_or_else(faults::no_resource)?;
    let event = event(cx, &url, &named, &input)?;
    if url.invoke_mode != "RESPONSE_STREAM" {
        let (resolved, function) = lambda.resolved(cx, &named)?;
        let outcome = lambda.run(cx, &named, &resolved, &function, event, Completion::Answer).await?;
        let answer = if outcome.failed { Err(failed()) } else { answer(&outcome.payload) };
        return Ok(with_trace(shared(answer?, &url, &input), cx));
    }
    let mut pieces = lambda.stream(cx, &named, event).await?;
    let (answer, first) = begin(&mut pieces).await?;
    let body = stream::unfold((Some(first), pieces), |(first, mut pieces)| async move {
        if let Some(first) = first.filter(|first| !first.is_empty()) {
            return Some((Ok(first), (None, pieces)));
        }
        loop {
            match pieces.next().await? {
                Piece::Head(_) => {}
                Piece::Bytes(bytes) => return Some((Ok(bytes), (None, pieces))),
                // AWS: a stream that fails in its middle breaks off.
                Piece::End(outcome) if outcome.failed => return Some((Err(BodyError::Broken("the function failed".into())), (None, pieces))),
                Piece::End(_) => return None,
            }
        }
    });
    let answer = EndpointAnswer { body: Body::stream(Box::pin(body), None), ..answer };
    Ok(with_trace(shared(answer, &url, &input), cx))
});

fn with_trace(mut answer: EndpointAnswer, cx: &Cx) -> EndpointAnswer {
    answer.headers.push(field("x-amzn-requestid", cx.request_id.as_ref()));
    answer
}

impl Lambda {
    pub fn tags_of(&self, key: &FunctionKey) -> cloudlet_shape::Map<String> {
        self.store.read(|state| state.functions.get(key).map(|function| function.tags.clone())).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_name_urls() {
        assert_eq!(id_of_host("abc.lambda-url.us-east-1.on.aws"), Some("abc"));
        assert_eq!(id_of_host("abc.Lambda-URL.us-east-1.localhost:4566"), Some("abc"));
        assert_eq!(id_of_host("lambda-url.us-east-1.localhost"), None);
        assert_eq!(id_of_host("abc.s3.localhost"), None);
    }

    #[test]
    fn origins_are_compared() {
        let cors = |origins: &[&str]| Cors { allow_origins: Some(origins.iter().map(|origin| (*origin).to_owned()).collect()), ..Cors::default() };
        let allowed = |cors: &Cors, origin| origin_fields(cors, origin).first().map(|(_, value)| value.clone());
        assert_eq!(allowed(&cors(&["*"]), "https://a.example").as_deref(), Some("*"));
        assert_eq!(allowed(&cors(&["https://a.example"]), "https://a.example").as_deref(), Some("https://a.example"));
        assert_eq!(allowed(&cors(&["https://*.example"]), "https://a.example").as_deref(), Some("https://a.example"));
        assert_eq!(allowed(&cors(&["https://b.example"]), "https://a.example"), None);
    }
}
