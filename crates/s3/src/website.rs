//! Websites: the configuration of a bucket, and (in `site`) how its requests are answered.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/WebsiteHosting.html>

mod html;
mod redirects;
pub(crate) mod site;

use crate::{
    S3, api,
    faults::{self, INVALID_REQUEST},
};
use cloudlet_aws::{Fault, FaultKind};
use cloudlet_engine::{Cx, Handle, Permissions, StoredShape};
use cloudlet_shape::Empty;

const MAX_ROUTING_RULES: usize = 50;

/// AWS: the messages are recorded, except where noted.
fn check(configuration: &api::WebsiteConfiguration) -> Result<(), Fault> {
    let rules = configuration.routing_rules.as_deref().unwrap_or_default();
    if let Some(redirect) = &configuration.redirect_all_requests_to {
        if configuration.index_document.is_some() || configuration.error_document.is_some() || configuration.routing_rules.is_some() {
            let text = "RedirectAllRequestsTo cannot be provided in conjunction with other Routing Rules.";
            return Err(faults::invalid_argument(text, "RedirectAllRequestsTo", "not null"));
        }
        if redirect.host_name.is_empty() {
            return Err(faults::malformed_xml());
        }
        return check_protocol(redirect.protocol.as_deref());
    }
    let Some(index) = &configuration.index_document else {
        let text = "A value for IndexDocument Suffix must be provided if RedirectAllRequestsTo is empty";
        return Err(faults::invalid_argument(text, "IndexDocument", "null"));
    };
    if index.suffix.is_empty() || index.suffix.contains('/') {
        return Err(faults::invalid_argument("The IndexDocument Suffix is not well formed", "IndexDocument", &index.suffix));
    }
    if configuration.error_document.as_ref().is_some_and(|error| error.key.is_empty()) {
        return Err(faults::malformed_xml());
    }
    if configuration.routing_rules.is_some() && rules.is_empty() {
        return Err(faults::malformed_xml());
    }
    if rules.len() > MAX_ROUTING_RULES {
        // AWS: unverified.
        let text = format!(
            "{} routing rules provided, the number of routing rules in a website configuration is limited to {MAX_ROUTING_RULES}.",
            rules.len()
        );
        return Err(INVALID_REQUEST.says(text));
    }
    rules.iter().try_for_each(check_rule)
}

fn check_rule(rule: &api::RoutingRule) -> Result<(), Fault> {
    let redirect = &rule.redirect;
    if redirect.host_name.is_none()
        && redirect.http_redirect_code.is_none()
        && redirect.protocol.is_none()
        && redirect.replace_key_prefix_with.is_none()
        && redirect.replace_key_with.is_none()
    {
        return Err(faults::malformed_xml());
    }
    if let Some(condition) = &rule.condition {
        if condition.key_prefix_equals.is_none() && condition.http_error_code_returned_equals.is_none() {
            return Err(INVALID_REQUEST
                .says("Condition cannot be empty. To redirect all requests without a condition, the condition element shouldn't be present."));
        }
        if let Some(code) = &condition.http_error_code_returned_equals
            && !matches!(code.parse::<u16>(), Ok(400..=599))
        {
            // AWS: unverified.
            let text = format!("The provided HTTP error code ({code}) is not valid. Valid codes are 4XX or 5XX.");
            return Err(INVALID_REQUEST.says(text));
        }
    }
    if redirect.replace_key_prefix_with.is_some() && redirect.replace_key_with.is_some() {
        return Err(INVALID_REQUEST.says("You can only define ReplaceKeyPrefix or ReplaceKey but not both."));
    }
    if let Some(code) = &redirect.http_redirect_code
        && !matches!(code.parse::<u16>(), Ok(301..=399))
    {
        // AWS: unverified.
        let text = format!("The provided HTTP redirect code ({code}) is not valid. Valid codes are 3XX except 300.");
        return Err(INVALID_REQUEST.says(text));
    }
    check_protocol(redirect.protocol.as_deref())
}

fn check_protocol(protocol: Option<&str>) -> Result<(), Fault> {
    match protocol {
        None | Some("http" | "https") => Ok(()),
        Some(_) => {
            Err(INVALID_REQUEST.says("Invalid protocol, protocol can be http or https. If not defined the protocol will be selected automatically."))
        }
    }
}

pub fn missing(bucket: &str) -> Fault {
    FaultKind::sender("NoSuchWebsiteConfiguration", 404).says("The specified bucket does not have a website configuration").with("BucketName", bucket)
}

impl Handle<api::PutBucketWebsite> for S3 {
    fn permissions(&self, cx: &Cx, input: &api::PutBucketWebsiteRequest) -> Result<Permissions, Fault> {
        Ok(self.find(cx, &input.bucket, input.expected_bucket_owner.as_ref())?.permission::<api::PutBucketWebsite>(cx).into())
    }

    async fn handle(&self, cx: &Cx, input: api::PutBucketWebsiteRequest) -> Result<Empty, Fault> {
        let found = self.find(cx, &input.bucket, None)?;
        check(&input.website_configuration)?;
        found.update(|bucket| {
            bucket.website = Some(StoredShape::new(input.website_configuration));
            Ok(Empty {})
        })
    }
}

impl Handle<api::GetBucketWebsite> for S3 {
    fn permissions(&self, cx: &Cx, input: &api::GetBucketWebsiteRequest) -> Result<Permissions, Fault> {
        Ok(self.find(cx, &input.bucket, input.expected_bucket_owner.as_ref())?.permission::<api::GetBucketWebsite>(cx).into())
    }

    async fn handle(&self, cx: &Cx, input: api::GetBucketWebsiteRequest) -> Result<api::GetBucketWebsiteOutput, Fault> {
        let found = self.find(cx, &input.bucket, None)?;
        let configuration = found.bucket.website.as_ref().ok_or_else(|| missing(&input.bucket))?.shape();
        Ok(api::GetBucketWebsiteOutput {
            redirect_all_requests_to: configuration.redirect_all_requests_to,
            index_document: configuration.index_document,
            error_document: configuration.error_document,
            routing_rules: configuration.routing_rules,
        })
    }
}

impl Handle<api::DeleteBucketWebsite> for S3 {
    fn permissions(&self, cx: &Cx, input: &api::DeleteBucketWebsiteRequest) -> Result<Permissions, Fault> {
        Ok(self.find(cx, &input.bucket, input.expected_bucket_owner.as_ref())?.permission::<api::DeleteBucketWebsite>(cx).into())
    }

    async fn handle(&self, cx: &Cx, input: api::DeleteBucketWebsiteRequest) -> Result<Empty, Fault> {
        self.find(cx, &input.bucket, None)?.update(|bucket| {
            bucket.website = None;
            Ok(Empty {})
        })
    }
}
