//! Cross-origin resource sharing: the configuration of a bucket, and what it lets the pages of an origin do.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/cors.html>

use crate::{
    S3, api,
    faults::{self, INVALID_REQUEST},
};
use cloudlet_aws::{Fault, FaultKind};
use cloudlet_engine::{Cx, Handle, Permissions, StoredShape};
use cloudlet_shape::Empty;

const MAX_RULES: usize = 100;
const MAX_ID: usize = 255;

/// The methods that a rule may name.
const METHODS: [&str; 5] = ["GET", "PUT", "POST", "DELETE", "HEAD"];

/// What a browser tells of a request.
pub struct CrossOrigin<'a> {
    pub origin: &'a str,
    pub method: &'a str,
    /// `Access-Control-Request-Headers` of a preflight request.
    pub headers: &'a str,
}

/// The header fields that tell a browser what the first rule allows that matches. `None`: no rule matches.
pub fn allowed(rules: &[api::CORSRule], request: &CrossOrigin<'_>) -> Option<Vec<(&'static str, String)>> {
    let wanted: Vec<String> = request.headers.split(',').map(|name| name.trim().to_ascii_lowercase()).filter(|name| !name.is_empty()).collect();
    let matches_rule = |rule: &&api::CORSRule| {
        let allowed_headers = rule.allowed_headers.as_deref().unwrap_or_default();
        rule.allowed_methods.iter().any(|method| method == request.method)
            && rule.allowed_origins.iter().any(|pattern| matches(pattern, request.origin))
            && wanted.iter().all(|name| allowed_headers.iter().any(|pattern| matches(&pattern.to_ascii_lowercase(), name)))
    };
    let rule = rules.iter().find(matches_rule)?;
    let any = rule.allowed_origins.iter().any(|pattern| pattern == "*");
    let mut fields = vec![("Access-Control-Allow-Origin", if any { "*".to_owned() } else { request.origin.to_owned() })];
    fields.push(("Access-Control-Allow-Methods", rule.allowed_methods.join(", ")));
    if !wanted.is_empty() {
        fields.push(("Access-Control-Allow-Headers", wanted.join(", ")));
    }
    if let Some(exposed) = rule.expose_headers.as_ref().filter(|exposed| !exposed.is_empty()) {
        fields.push(("Access-Control-Expose-Headers", exposed.join(", ")));
    }
    if let Some(seconds) = rule.max_age_seconds {
        fields.push(("Access-Control-Max-Age", seconds.to_string()));
    }
    if !any {
        fields.push(("Access-Control-Allow-Credentials", "true".to_owned()));
    }
    fields.push(("Vary", "Origin, Access-Control-Request-Headers, Access-Control-Request-Method".to_owned()));
    Some(fields)
}

/// A pattern has one `*` at most.
fn matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        Some((start, end)) => text.len() >= start.len().saturating_add(end.len()) && text.starts_with(start) && text.ends_with(end),
        None => pattern == text,
    }
}

fn check(configuration: &api::CORSConfiguration) -> Result<(), Fault> {
    let rules = &configuration.cors_rules;
    if rules.is_empty() || rules.len() > MAX_RULES {
        return Err(faults::malformed_xml());
    }
    for rule in rules {
        if rule.allowed_methods.is_empty()
            || rule.allowed_origins.is_empty()
            || rule.id.as_ref().is_some_and(|id| id.chars().count() > MAX_ID)
            || rule.allowed_methods.iter().any(String::is_empty)
        {
            return Err(faults::malformed_xml());
        }
        if let Some(method) = rule.allowed_methods.iter().find(|method| !METHODS.contains(&method.as_str())) {
            return Err(INVALID_REQUEST.says(format!("Found unsupported HTTP method in CORS config. Unsupported method is {method}")));
        }
        one_wildcard("AllowedOrigin", &rule.allowed_origins)?;
        one_wildcard("AllowedHeader", rule.allowed_headers.as_deref().unwrap_or_default())?;
        if let Some(name) = rule.expose_headers.iter().flatten().find(|name| name.contains('*')) {
            let text = format!("ExposeHeader \"{name}\" contains wildcard. We currently do not support wildcard for ExposeHeader.");
            return Err(INVALID_REQUEST.says(text));
        }
    }
    Ok(())
}

fn one_wildcard(element: &str, patterns: &[String]) -> Result<(), Fault> {
    match patterns.iter().find(|pattern| pattern.matches('*').count() > 1) {
        Some(pattern) => Err(INVALID_REQUEST.says(format!("{element} \"{pattern}\" can not have more than one wildcard."))),
        None => Ok(()),
    }
}

impl Handle<api::PutBucketCors> for S3 {
    fn permissions(&self, cx: &Cx, input: &api::PutBucketCorsRequest) -> Result<Permissions, Fault> {
        Ok(self.find(cx, &input.bucket, input.expected_bucket_owner.as_ref())?.permission::<api::PutBucketCors>(cx).into())
    }

    async fn handle(&self, cx: &Cx, input: api::PutBucketCorsRequest) -> Result<Empty, Fault> {
        let found = self.find(cx, &input.bucket, None)?;
        check(&input.cors_configuration)?;
        found.update(|bucket| {
            bucket.cors = Some(StoredShape::new(input.cors_configuration));
            Ok(Empty {})
        })
    }
}

impl Handle<api::GetBucketCors> for S3 {
    fn permissions(&self, cx: &Cx, input: &api::GetBucketCorsRequest) -> Result<Permissions, Fault> {
        Ok(self.find(cx, &input.bucket, input.expected_bucket_owner.as_ref())?.permission::<api::GetBucketCors>(cx).into())
    }

    async fn handle(&self, cx: &Cx, input: api::GetBucketCorsRequest) -> Result<api::GetBucketCorsOutput, Fault> {
        let found = self.find(cx, &input.bucket, None)?;
        let missing = || {
            let kind = FaultKind::sender("NoSuchCORSConfiguration", 404);
            kind.says("The CORS configuration does not exist").with("BucketName", &*input.bucket)
        };
        let configuration = found.bucket.cors.as_ref().ok_or_else(missing)?;
        Ok(api::GetBucketCorsOutput { cors_rules: Some(configuration.cors_rules.clone()) })
    }
}

impl Handle<api::DeleteBucketCors> for S3 {
    fn permissions(&self, cx: &Cx, input: &api::DeleteBucketCorsRequest) -> Result<Permissions, Fault> {
        Ok(self.find(cx, &input.bucket, input.expected_bucket_owner.as_ref())?.permission::<api::DeleteBucketCors>(cx).into())
    }

    async fn handle(&self, cx: &Cx, input: api::DeleteBucketCorsRequest) -> Result<Empty, Fault> {
        self.find(cx, &input.bucket, None)?.update(|bucket| {
            bucket.cors = None;
            Ok(Empty {})
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(origins: &[&str], methods: &[&str], headers: &[&str]) -> api::CORSRule {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        api::CORSRule {
            allowed_origins: owned(origins),
            allowed_methods: owned(methods),
            allowed_headers: Some(owned(headers)),
            ..Default::default()
        }
    }

    fn field(fields: Option<Vec<(&'static str, String)>>, name: &str) -> Option<String> {
        fields?.into_iter().find(|(field, _)| *field == name).map(|(_, value)| value)
    }

    #[test]
    fn the_first_rule_that_matches_counts() {
        let rules = [rule(&["https://a.example"], &["GET", "PUT"], &["Content-*"]), rule(&["*"], &["GET"], &["*"])];
        let origin = |origin, method, headers| field(allowed(&rules, &CrossOrigin { origin, method, headers }), "Access-Control-Allow-Origin");
        assert_eq!(origin("https://a.example", "PUT", "content-type, CONTENT-MD5").as_deref(), Some("https://a.example"));
        assert_eq!(origin("https://a.example", "PUT", "x-amz-date"), None);
        assert_eq!(origin("https://a.example", "GET", "x-amz-date").as_deref(), Some("*"));
        assert_eq!(origin("https://b.example", "GET", "").as_deref(), Some("*"));
        assert_eq!(origin("https://b.example", "PUT", ""), None);
    }

    #[test]
    fn credentials_are_for_named_origins() {
        let rules = [rule(&["http://*.example"], &["GET"], &["x-*"])];
        let fields = || allowed(&rules, &CrossOrigin { origin: "http://a.example", method: "GET", headers: "X-A,x-b" });
        assert_eq!(field(fields(), "Access-Control-Allow-Credentials").as_deref(), Some("true"));
        assert_eq!(field(fields(), "Access-Control-Allow-Headers").as_deref(), Some("x-a, x-b"));
        let any = [rule(&["*"], &["GET"], &[])];
        assert_eq!(field(allowed(&any, &CrossOrigin { origin: "http://a", method: "GET", headers: "" }), "Access-Control-Allow-Credentials"), None);
    }

    #[test]
    fn a_pattern_does_not_match_a_shorter_text() {
        assert!(matches("http://*a.b", "http://a.b") && matches("*", "") && !matches("ab*bc", "abc") && !matches("", "x"));
    }

    #[test]
    fn rules_that_are_none_are_refused() {
        let refusal = |rule: api::CORSRule| check(&api::CORSConfiguration { cors_rules: vec![rule] }).err().map(|fault| fault.message().to_owned());
        assert_eq!(refusal(rule(&[""], &["GET"], &[])), None);
        for (rule, text) in [
            (rule(&["*"], &["get"], &[]), "Found unsupported HTTP method in CORS config. Unsupported method is get"),
            (rule(&["*"], &["OPTIONS"], &[]), "Found unsupported HTTP method in CORS config. Unsupported method is OPTIONS"),
            (rule(&["http://*.*"], &["GET"], &[]), "AllowedOrigin \"http://*.*\" can not have more than one wildcard."),
            (rule(&["*"], &["GET"], &["*-*"]), "AllowedHeader \"*-*\" can not have more than one wildcard."),
        ] {
            assert_eq!(refusal(rule).as_deref(), Some(text));
        }
        let exposed = api::CORSRule { expose_headers: Some(vec!["x-*".to_owned()]), ..rule(&["*"], &["GET"], &[]) };
        assert!(refusal(exposed).unwrap().starts_with("ExposeHeader \"x-*\" contains wildcard."));
        assert!(check(&api::CORSConfiguration::default()).is_err());
        assert!(refusal(rule(&[], &["GET"], &[])).is_some() && refusal(rule(&["*"], &[""], &[])).is_some());
    }
}
