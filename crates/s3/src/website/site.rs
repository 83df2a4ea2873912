//! How a request to a website is answered: redirects, the object or the index of its folder, the error document, an error page.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/WebsiteEndpoints.html>

use super::{
    html::{error_headers, error_page},
    missing, redirects,
};
use crate::{S3, api};
use cloudlet_aws::{Fault, FaultKind, Head};
use cloudlet_engine::{PageAnswer, PageContext, PageFields, PageMethod, PageRead, PageStep, RequestView, StoredShape, Website};
use percent_encoding::percent_decode_str;

/// The host label of websites.
const HOST_LABEL: &str = "s3-website";
/// Where websites are without a host name of their own. No bucket can have this name.
const PATH: &str = "/_website";

/// Whether a request is to a website: `bucket.s3-website-eu-west-1.amazonaws.com`, `s3-website.localhost/bucket/`, `localhost/_website/bucket/`.
pub fn is_website(view: &RequestView<'_>) -> bool {
    view.service == Some(HOST_LABEL)
        || view.prefix.is_none() && view.head.path.strip_prefix(PATH).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// `/bucket/key` of a path to a website.
pub fn path_style(path: &str) -> &str {
    path.strip_prefix(PATH).unwrap_or(path)
}

/// What was read last.
enum Stage {
    Page,
    /// The index below the key, since the key could not be read.
    Folder(Fault),
    ErrorDocument(Fault),
}

pub struct Site {
    configuration: Result<StoredShape<api::WebsiteConfiguration>, Fault>,
    bucket: String,
    key: String,
    /// The path before the key, without its slash.
    base: String,
    /// The key and the query as they came.
    raw: String,
    host: String,
    method: String,
    request_id: String,
    host_id: String,
    scheme: &'static str,
    stage: Stage,
}

impl Site {
    pub fn new(s3: &S3, head: &Head<'_>, path: &str, context: PageContext<'_>) -> Site {
        let path = path.strip_prefix('/').unwrap_or(path);
        let (bucket, raw_key) = path.split_once('/').unwrap_or((path, ""));
        let base = head.path.strip_suffix(raw_key).unwrap_or(head.path).trim_end_matches('/').to_owned();
        let bucket = percent_decode_str(bucket).decode_utf8_lossy().into_owned();
        let configuration = s3.find_in_any_region(&bucket, None).and_then(|found| found.bucket.website.clone().ok_or_else(|| missing(&bucket)));
        let key = match percent_decode_str(raw_key).decode_utf8() {
            Ok(key) => Ok(key.into_owned()),
            Err(_) => Err(FaultKind::sender("InvalidURI", 400).says("Couldn't parse the specified URI.").with("URI", raw_key)),
        };
        let query = if head.query.is_empty() { String::new() } else { format!("?{}", head.query) };
        Site {
            configuration: configuration.and_then(|configuration| key.clone().map(|_| configuration)),
            bucket,
            key: key.unwrap_or_default(),
            base,
            raw: format!("{raw_key}{query}"),
            host: head.header("host").unwrap_or_default().to_owned(),
            method: head.method.to_owned(),
            request_id: context.request_id.to_owned(),
            host_id: context.host_id.to_owned(),
            scheme: context.scheme,
            stage: Stage::Page,
        }
    }

    fn rules(&self) -> &[api::RoutingRule] {
        self.configuration.as_ref().ok().and_then(|configuration| configuration.routing_rules.as_deref()).unwrap_or_default()
    }

    fn suffix(&self) -> &str {
        let index = self.configuration.as_ref().ok().and_then(|configuration| configuration.index_document.as_ref());
        index.map_or("", |index| index.suffix.as_str())
    }

    fn page(&self, fault: &Fault, custom: Option<&Fault>) -> PageStep {
        PageStep::Answer(error_page(fault, custom, &self.request_id, &self.host_id))
    }

    fn path(&self, key: &str) -> String {
        format!("/{}/{}", self.bucket, redirects::escaped(key))
    }

    /// The address of a path on another host, or on this one.
    fn location(&self, protocol: Option<&str>, host: Option<&str>, path: &str) -> String {
        let protocol = protocol.unwrap_or(self.scheme);
        match host {
            Some(host) => format!("{protocol}://{host}/{path}"),
            None => format!("{protocol}://{}{}/{path}", self.host, self.base),
        }
    }

    fn ruled(&self, status: Option<u16>) -> Option<PageStep> {
        let rule = redirects::rule(self.rules(), &self.key, status)?;
        let redirect = &rule.redirect;
        let code = redirect.http_redirect_code.as_deref().and_then(|code| code.parse().ok()).unwrap_or(301);
        let location = self.location(redirect.protocol.as_deref(), redirect.host_name.as_deref(), &redirects::target(rule, &self.key));
        Some(redirected(code, location))
    }

    /// What a client gets instead of what could not be read.
    fn error(&mut self, fault: Fault) -> PageStep {
        if let Some(step) = self.ruled(Some(fault.status())) {
            return step;
        }
        let document = self.configuration.as_ref().ok().and_then(|configuration| configuration.error_document.as_ref());
        let Some(document) = document.filter(|_| (400..500).contains(&fault.status())) else { return self.page(&fault, None) };
        let read = PageRead {
            method: PageMethod::Sent,
            path: self.path(&document.key),
            fields: PageFields::None,
            status: Some(fault.status()),
            headers: error_headers(&fault),
        };
        self.stage = Stage::ErrorDocument(fault);
        PageStep::Read(read)
    }
}

fn redirected(status: u16, location: String) -> PageStep {
    PageStep::Answer(PageAnswer { status, headers: vec![("location", location)], body: String::new() })
}

impl Website for Site {
    fn begin(&mut self) -> PageStep {
        if !matches!(self.method.as_str(), "GET" | "HEAD") {
            let fault = FaultKind::sender("MethodNotAllowed", 405).says("The specified method is not allowed against this resource.");
            let fault = fault.with("Method", &*self.method).with("ResourceType", "OBJECT").with_header("allow", "GET, HEAD");
            return self.page(&fault, None);
        }
        let configuration = match &self.configuration {
            Ok(configuration) => configuration,
            Err(fault) => return self.page(fault, None),
        };
        if let Some(redirect) = &configuration.redirect_all_requests_to {
            // AWS: unverified for the query.
            return redirected(301, self.location(redirect.protocol.as_deref(), Some(&redirect.host_name), &self.raw));
        }
        if let Some(step) = self.ruled(None) {
            return step;
        }
        let is_folder = self.key.is_empty() || self.key.ends_with('/');
        let path = if is_folder { self.path(&format!("{}{}", self.key, self.suffix())) } else { self.path(&self.key) };
        PageStep::Read(PageRead { method: PageMethod::Sent, path, fields: PageFields::Sent, status: None, headers: vec![] })
    }

    fn read(&mut self, field: &dyn Fn(&str) -> Option<String>) -> Option<PageStep> {
        if matches!(self.stage, Stage::Folder(_)) {
            let found = FaultKind::sender("Found", 302).says("Resource Found");
            let mut answer = error_page(&found, None, &self.request_id, &self.host_id);
            answer.headers.push(("location", format!("{}/{}/", self.base, redirects::escaped(&self.key))));
            return Some(PageStep::Answer(answer));
        }
        let location = field("x-amz-website-redirect-location")?;
        Some(redirected(301, if location.starts_with('/') { format!("{}{location}", self.base) } else { location }))
    }

    fn failed(&mut self, fault: &Fault) -> PageStep {
        match std::mem::replace(&mut self.stage, Stage::Page) {
            Stage::Page if fault.status() == 304 => {
                PageStep::Answer(PageAnswer { status: 304, headers: fault.headers().to_vec(), body: String::new() })
            }
            Stage::Page if matches!(fault.status(), 403 | 404) && !self.key.is_empty() && !self.key.ends_with('/') => {
                let path = self.path(&format!("{}/{}", self.key, self.suffix()));
                self.stage = Stage::Folder(fault.clone());
                PageStep::Read(PageRead { method: PageMethod::Head, path, fields: PageFields::None, status: None, headers: vec![] })
            }
            Stage::Page => self.error(fault.clone()),
            Stage::Folder(fault) => self.error(fault),
            Stage::ErrorDocument(first) => self.page(&first, Some(fault)),
        }
    }
}
