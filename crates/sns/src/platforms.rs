//! Mobile push: platform applications and their endpoints, which are devices. Messages to them go into the mailbox.
//! <https://docs.aws.amazon.com/sns/latest/dg/sns-mobile-application-as-subscriber.html>

use crate::{
    Sns,
    access::{self, PRINCIPAL},
    arns,
    deliveries::Outcome,
    events::{self, Event, Failure},
    faults, limits,
    messages::PublishEntry,
    pages,
    state::{Application, Delivery, Endpoint, Message, Subscription, Topic},
    topic_attributes::check_feedback,
};
use cloudlet_api_sns::{
    CreateEndpointResponse, CreatePlatformApplication, CreatePlatformApplicationInput, CreatePlatformApplicationResponse, CreatePlatformEndpoint,
    CreatePlatformEndpointInput, DeleteEndpoint, DeleteEndpointInput, DeletePlatformApplication, DeletePlatformApplicationInput,
    Endpoint as ListedEndpoint, GetEndpointAttributes, GetEndpointAttributesInput, GetEndpointAttributesResponse, GetPlatformApplicationAttributes,
    GetPlatformApplicationAttributesInput, GetPlatformApplicationAttributesResponse, ListEndpointsByPlatformApplication,
    ListEndpointsByPlatformApplicationInput, ListEndpointsByPlatformApplicationResponse, ListPlatformApplications, ListPlatformApplicationsInput,
    ListPlatformApplicationsResponse, PlatformApplication, SetEndpointAttributes, SetEndpointAttributesInput, SetPlatformApplicationAttributes,
    SetPlatformApplicationAttributesInput,
};
use cloudlet_aws::{Arn, Fault, Identity};
use cloudlet_engine::{Cx, Handle, Permissions};
use cloudlet_mailbox::{Channel, Mail};
use cloudlet_shape::{Empty, Map};
use cloudlet_store::Secret;
use std::ops::Bound;

const PLATFORMS: [&str; 14] = [
    "ADM",
    "APNS",
    "APNS_SANDBOX",
    "APNS_VOIP",
    "APNS_VOIP_SANDBOX",
    "APNS_PASSBOOK",
    "MACOS",
    "MACOS_SANDBOX",
    "BAIDU",
    "GCM",
    "FCM",
    "MPNS",
    "WNS",
    "APNS_COMPLICATION",
];
const APPLICATION_ATTRIBUTES: [&str; 14] = [
    "PlatformCredential",
    "PlatformPrincipal",
    "EventEndpointCreated",
    "EventEndpointDeleted",
    "EventEndpointUpdated",
    "EventDeliveryFailure",
    "SuccessFeedbackRoleArn",
    "FailureFeedbackRoleArn",
    "SuccessFeedbackSampleRate",
    "Enabled",
    "ApplePlatformTeamID",
    "ApplePlatformBundleID",
    "AllowEndpointPolicies",
    "AppleCertificateExpirationDate",
];
const FEEDBACK: [&str; 3] = ["SuccessFeedbackRoleArn", "FailureFeedbackRoleArn", "SuccessFeedbackSampleRate"];
const CREDENTIALS: [&str; 2] = ["PlatformCredential", "PlatformPrincipal"];
const ENDPOINT_ATTRIBUTES: [&str; 3] = ["CustomUserData", "Enabled", "Token"];

fn check_name(name: &str) -> Result<(), Fault> {
    if name.is_empty() {
        return Err(faults::reason(name, "cannot be empty"));
    }
    if name.len() > limits::TOPIC_NAME {
        return Err(faults::reason(name, "must be at most 256 characters long"));
    }
    if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.')) {
        return Err(faults::reason(name, "must contain only characters 'a'-'z', 'A'-'Z', '0'-'9', '_', '-', and '.'"));
    }
    Ok(())
}

fn check_names(given: &Map<String>, known: &[&str]) -> Result<(), Fault> {
    match given.keys().find(|name| !known.contains(&name.as_str())) {
        Some(name) => Err(faults::reason("Attributes", format_args!("Invalid attribute name: {name}"))),
        None => Ok(()),
    }
}

/// AWS: the two must be given together, but for platforms that have a credential only.
fn check_credentials(platform: &str, given: &Map<String>) -> Result<(), Fault> {
    let (credential, principal) = (given.contains_key("PlatformCredential"), given.contains_key("PlatformPrincipal"));
    let has_no_principal = matches!(platform, "GCM" | "FCM");
    match (credential, principal) {
        (true, false) if !has_no_principal => Err(faults::reason("Attributes", "PlatformCredential attribute provided without PlatformPrincipal")),
        (false, true) => Err(faults::reason("Attributes", "PlatformPrincipal attribute provided without PlatformCredential")),
        _ => Ok(()),
    }
}

fn check_application(given: &Map<String>) -> Result<(), Fault> {
    check_names(given, &APPLICATION_ATTRIBUTES)?;
    for name in FEEDBACK {
        let Some(Err(why)) = given.get(name).map(|value| check_feedback(name, value)) else { continue };
        return Err(faults::reason("Attributes", format_args!("Invalid value for attribute: {name}: {why}")));
    }
    Ok(())
}

fn check_endpoint(given: &Map<String>) -> Result<(), Fault> {
    check_names(given, &ENDPOINT_ATTRIBUTES)?;
    if given.get("Token").is_some_and(String::is_empty) {
        // AWS: in the tests of module-ballerinax-aws.sns, which run against it.
        return Err(faults::reason("Attributes", "Invalid value for attribute: Token: cannot be empty"));
    }
    if given.get("CustomUserData").is_some_and(|data| data.len() > limits::USER_DATA) {
        let message = "Invalid value for attribute: CustomUserData: must be at most 2048 bytes long in UTF-8 encoding";
        return Err(faults::reason("Attributes", message));
    }
    if given.get("Enabled").is_some_and(|value| !value.eq_ignore_ascii_case("true") && !value.eq_ignore_ascii_case("false")) {
        // AWS: unverified message.
        return Err(faults::reason("Attributes", "Invalid value for attribute: Enabled: must be true or false"));
    }
    Ok(())
}

impl Endpoint {
    fn is_enabled(&self) -> bool {
        self.attributes.get("Enabled").is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    /// `GCM` of `endpoint/GCM/application/id`.
    fn platform(&self) -> &str {
        self.application.resource().split('/').nth(1).unwrap_or_default()
    }
}

/// Splits attributes into those that AWS shows and the credentials.
fn split_credentials(mut attributes: Map<String>) -> (Map<String>, Map<Secret<String>>) {
    let credentials = CREDENTIALS.iter().filter_map(|name| Some(((*name).to_owned(), Secret::new(attributes.remove(*name)?)))).collect();
    (attributes, credentials)
}

/// The delivery of a message to a subscribed device.
pub fn delivery(topic: &Topic, message: &Message, to: &Subscription) -> Delivery {
    // `GCM` of `…:endpoint/GCM/application/id`
    let platform = to.endpoint.split('/').nth(1).unwrap_or_default();
    Delivery::of_message(topic, message, to, message.content.text(platform).to_owned())
}

impl Sns {
    /// An attempt to push a message to a device. There is no push service here that could reject a token, so an attempt fails only
    /// when the endpoint was deleted or disabled.
    pub fn push(&self, cx: &Cx, delivery: &Delivery) -> Outcome {
        let enabled = self.store.read(|state| state.endpoints.get(delivery.endpoint.as_str()).map(Endpoint::is_enabled));
        let failure = match enabled {
            Some(true) => {
                self.mailbox.put(delivery.mail(cx.clock().now()));
                return Outcome::Delivered;
            }
            Some(false) => Failure::EndpointDisabled,
            None => Failure::EndpointNotFound,
        };
        // AWS: unverified. Events about failed deliveries of events would never end.
        let is_event = matches!(&cx.caller.identity, Identity::Service { principal, .. } if &**principal == PRINCIPAL);
        if let Some(device) = Arn::parse(&delivery.endpoint).filter(|_| !is_event)
            && let Some(application) = events::application_of(&device)
        {
            let event = Event::DeliveryFailure { failure, message_id: &delivery.message_id, attempts: delivery.failed_attempts + 1 };
            self.publish_event(cx, event, &device, &application);
        }
        Outcome::ClientError(failure.message().to_owned())
    }
}

/// Publish to a device, without a topic.
pub fn publish(sns: &Sns, cx: &Cx, arn: &Arn, entry: PublishEntry) -> Result<String, Fault> {
    let device = sns.store.read(|state| state.endpoints.get(arn).cloned());
    let device = device.ok_or_else(|| faults::reason("TargetArn", "No endpoint found for the target arn specified"))?;
    if !device.is_enabled() {
        return Err(faults::ENDPOINT_DISABLED.says("Endpoint is disabled"));
    }
    if entry.size() > limits::MESSAGE {
        return Err(faults::invalid("Message too long"));
    }
    let message = entry.into_message(cx, None)?;
    let id = message.id.to_string();
    sns.mailbox.put(Mail {
        source: Some(device.application.to_string()),
        from: device.application.to_string(),
        to: vec![arn.to_string()],
        subject: message.subject.clone(),
        body: message.content.text(device.platform()).to_owned(),
        fields: vec![("MessageId".to_owned(), id.clone()), ("Token".to_owned(), device.token.clone())],
        ..Mail::new(cx.now, Channel::Push, "sns")
    });
    Ok(id)
}

impl Handle<CreatePlatformApplication> for Sns {
    fn permissions(&self, cx: &Cx, _: &CreatePlatformApplicationInput) -> Result<Permissions, Fault> {
        access::anything(cx, "SNS:CreatePlatformApplication")
    }

    async fn handle(&self, cx: &Cx, input: CreatePlatformApplicationInput) -> Result<CreatePlatformApplicationResponse, Fault> {
        check_name(&input.name)?;
        if !PLATFORMS.contains(&input.platform.as_str()) {
            return Err(faults::reason("Platform", format_args!("{} is not supported", input.platform)));
        }
        check_application(&input.attributes)?;
        check_credentials(&input.platform, &input.attributes)?;
        let arn = Arn::new("sns", &cx.scope, &format!("app/{}/{}", input.platform, input.name));
        let (mut attributes, credentials) = split_credentials(input.attributes);
        attributes.entry("Enabled".to_owned()).or_insert_with(|| "true".to_owned());
        self.store.write(|state| {
            events::check(cx, state, &attributes)?;
            events::remove_unset(&mut attributes);
            // AWS: in the tests of module-ballerinax-aws.sns, which run against it.
            if state.applications.get(&arn).is_some_and(|existing| existing.attributes != attributes || existing.credentials != credentials) {
                return Err(faults::reason("Name", "An application with the same name but different properties already exists"));
            }
            state.applications.insert(arn.clone(), Application { arn: arn.clone(), platform: input.platform, attributes, credentials });
            Ok::<_, Fault>(())
        })?;
        Ok(CreatePlatformApplicationResponse { platform_application_arn: Some(arn.to_string()) })
    }
}

impl Handle<DeletePlatformApplication> for Sns {
    fn permissions(&self, cx: &Cx, input: &DeletePlatformApplicationInput) -> Result<Permissions, Fault> {
        access::application(cx, "SNS:DeletePlatformApplication", &input.platform_application_arn)
    }

    async fn handle(&self, cx: &Cx, input: DeletePlatformApplicationInput) -> Result<Empty, Fault> {
        let arn = arns::application(cx, &input.platform_application_arn)?;
        // AWS: unverified that deleting an application publishes no events for its devices.
        self.store.update(|state| {
            state.applications.remove(&arn);
            let endpoints: Vec<_> = state.endpoints.values().filter(|endpoint| endpoint.application == arn).cloned().collect();
            for endpoint in endpoints {
                state.by_device_token.remove(&(arn.clone(), endpoint.token));
                state.endpoints.remove(&endpoint.arn);
            }
        });
        Ok(Empty {})
    }
}

impl Handle<GetPlatformApplicationAttributes> for Sns {
    fn permissions(&self, cx: &Cx, input: &GetPlatformApplicationAttributesInput) -> Result<Permissions, Fault> {
        access::application(cx, "SNS:GetPlatformApplicationAttributes", &input.platform_application_arn)
    }

    async fn handle(&self, cx: &Cx, input: GetPlatformApplicationAttributesInput) -> Result<GetPlatformApplicationAttributesResponse, Fault> {
        let arn = arns::application(cx, &input.platform_application_arn)?;
        let shown = self
            .store
            .read(|state| state.applications.get(&arn).map(|application| application.attributes.clone()))
            .ok_or_else(faults::no_application)?;
        Ok(GetPlatformApplicationAttributesResponse { attributes: Some(shown) })
    }
}

impl Handle<SetPlatformApplicationAttributes> for Sns {
    fn permissions(&self, cx: &Cx, input: &SetPlatformApplicationAttributesInput) -> Result<Permissions, Fault> {
        access::application(cx, "SNS:SetPlatformApplicationAttributes", &input.platform_application_arn)
    }

    async fn handle(&self, cx: &Cx, input: SetPlatformApplicationAttributesInput) -> Result<Empty, Fault> {
        let arn = arns::application(cx, &input.platform_application_arn)?;
        self.store.write(|state| {
            let existing = state.applications.get(&arn).ok_or_else(faults::no_application)?;
            check_application(&input.attributes)?;
            check_credentials(&existing.platform, &input.attributes)?;
            events::check(cx, state, &input.attributes)?;
            if let Some(application) = state.applications.get_mut(&arn) {
                let (attributes, credentials) = split_credentials(input.attributes);
                application.attributes.extend(attributes);
                application.credentials.extend(credentials);
                events::remove_unset(&mut application.attributes);
            }
            Ok::<_, Fault>(())
        })?;
        Ok(Empty {})
    }
}

impl Handle<ListPlatformApplications> for Sns {
    fn permissions(&self, cx: &Cx, _: &ListPlatformApplicationsInput) -> Result<Permissions, Fault> {
        access::anything(cx, "SNS:ListPlatformApplications")
    }

    async fn handle(&self, cx: &Cx, input: ListPlatformApplicationsInput) -> Result<ListPlatformApplicationsResponse, Fault> {
        let prefix = Arn::new("sns", &cx.scope, "app/").to_string();
        let shown =
            |row: &Application| PlatformApplication { platform_application_arn: Some(row.arn.to_string()), attributes: Some(row.attributes.clone()) };
        let page = self.store.read(|state| {
            pages::page::<ListPlatformApplications, _, _, _>(cx, &input, limits::PAGE, |after: Option<Arn>| {
                let from = pages::start(after.as_ref().map(Arn::as_str), &prefix);
                let rows = state.applications.range::<str, _>((from, Bound::Unbounded)).map(|(_, row)| row);
                rows.take_while(|row| row.arn.as_str().starts_with(&prefix)).map(|row| (row.arn.clone(), shown(row)))
            })
        })?;
        Ok(ListPlatformApplicationsResponse { platform_applications: Some(page.items), next_token: page.next_token })
    }
}

impl Handle<CreatePlatformEndpoint> for Sns {
    fn permissions(&self, cx: &Cx, input: &CreatePlatformEndpointInput) -> Result<Permissions, Fault> {
        access::application(cx, "SNS:CreatePlatformEndpoint", &input.platform_application_arn)
    }

    async fn handle(&self, cx: &Cx, input: CreatePlatformEndpointInput) -> Result<CreateEndpointResponse, Fault> {
        let of = arns::application(cx, &input.platform_application_arn)?;
        let mut given = input.attributes.unwrap_or_default();
        // AWS: the attribute precedes the parameter (observed by LocalStack).
        if let Some(data) = input.custom_user_data {
            given.entry("CustomUserData".to_owned()).or_insert(data);
        }
        check_endpoint(&given)?;
        if input.token.is_empty() {
            // AWS: in the tests of module-ballerinax-aws.sns, which run against it.
            return Err(faults::reason("Token", "cannot be empty"));
        }
        let id = cx.ids().uuid();
        let (arn, created) = self.store.write(|state| {
            if !state.applications.contains(&of) {
                return Err(faults::no_application());
            }
            let mut attributes: Map<String> = [("Enabled".to_owned(), "true".to_owned())].into();
            attributes.extend(given);
            attributes.insert("Token".to_owned(), input.token.clone());
            let existing = state.by_device_token.get(&(of.clone(), input.token.clone())).and_then(|arn| state.endpoints.get(arn));
            if let Some(existing) = existing {
                if existing.attributes == attributes {
                    return Ok((existing.arn.clone(), None));
                }
                let message = format!("Endpoint {} already exists with the same Token, but different attributes.", existing.arn);
                return Err(faults::reason("Token", message));
            }
            let tail = of.resource().strip_prefix("app/").unwrap_or_default();
            let arn = Arn::new("sns", &cx.scope, &format!("endpoint/{tail}/{id}"));
            state.by_device_token.insert((of.clone(), input.token.clone()), arn.clone());
            let created = Endpoint { arn: arn.clone(), application: of, token: input.token, attributes };
            state.endpoints.insert(arn.clone(), created.clone());
            Ok((arn, Some(created)))
        })?;
        if let Some(created) = created {
            self.publish_device_event(cx, Event::EndpointCreated, &created);
        }
        Ok(CreateEndpointResponse { endpoint_arn: Some(arn.to_string()) })
    }
}

impl Handle<DeleteEndpoint> for Sns {
    fn permissions(&self, cx: &Cx, input: &DeleteEndpointInput) -> Result<Permissions, Fault> {
        access::endpoint(cx, "SNS:DeleteEndpoint", &input.endpoint_arn)
    }

    async fn handle(&self, cx: &Cx, input: DeleteEndpointInput) -> Result<Empty, Fault> {
        let arn = arns::endpoint(cx, &input.endpoint_arn)?;
        let deleted = self.store.update(|state| {
            let deleted = state.endpoints.remove(&arn)?;
            state.by_device_token.remove(&(deleted.application.clone(), deleted.token.clone()));
            Some(deleted)
        });
        if let Some(deleted) = deleted {
            self.publish_device_event(cx, Event::EndpointDeleted, &deleted);
        }
        Ok(Empty {})
    }
}

impl Handle<GetEndpointAttributes> for Sns {
    fn permissions(&self, cx: &Cx, input: &GetEndpointAttributesInput) -> Result<Permissions, Fault> {
        access::endpoint(cx, "SNS:GetEndpointAttributes", &input.endpoint_arn)
    }

    async fn handle(&self, cx: &Cx, input: GetEndpointAttributesInput) -> Result<GetEndpointAttributesResponse, Fault> {
        let arn = arns::endpoint(cx, &input.endpoint_arn)?;
        let attributes = self.store.read(|state| state.endpoints.get(&arn).map(|endpoint| endpoint.attributes.clone()));
        Ok(GetEndpointAttributesResponse { attributes: Some(attributes.ok_or_else(faults::no_endpoint)?) })
    }
}

impl Handle<SetEndpointAttributes> for Sns {
    fn permissions(&self, cx: &Cx, input: &SetEndpointAttributesInput) -> Result<Permissions, Fault> {
        access::endpoint(cx, "SNS:SetEndpointAttributes", &input.endpoint_arn)
    }

    async fn handle(&self, cx: &Cx, input: SetEndpointAttributesInput) -> Result<Empty, Fault> {
        let arn = arns::endpoint(cx, &input.endpoint_arn)?;
        let updated = self.store.write(|state| {
            let existing = state.endpoints.get(&arn).cloned().ok_or_else(faults::no_endpoint)?;
            check_endpoint(&input.attributes)?;
            if let Some(token) = input.attributes.get("Token")
                && *token != existing.token
            {
                state.by_device_token.remove(&(existing.application.clone(), existing.token.clone()));
                state.by_device_token.insert((existing.application.clone(), token.clone()), arn.clone());
            }
            if let Some(row) = state.endpoints.get_mut(&arn) {
                row.attributes.extend(input.attributes);
                row.token = row.attributes.get("Token").cloned().unwrap_or_default();
                return Ok(Some(row.clone()).filter(|row| row.attributes != existing.attributes));
            }
            Ok::<_, Fault>(None)
        })?;
        if let Some(updated) = updated {
            self.publish_device_event(cx, Event::EndpointUpdated, &updated);
        }
        Ok(Empty {})
    }
}

impl Handle<ListEndpointsByPlatformApplication> for Sns {
    fn permissions(&self, cx: &Cx, input: &ListEndpointsByPlatformApplicationInput) -> Result<Permissions, Fault> {
        access::application(cx, "SNS:ListEndpointsByPlatformApplication", &input.platform_application_arn)
    }

    async fn handle(&self, cx: &Cx, input: ListEndpointsByPlatformApplicationInput) -> Result<ListEndpointsByPlatformApplicationResponse, Fault> {
        let of = arns::application(cx, &input.platform_application_arn)?;
        let tail = of.resource().strip_prefix("app/").unwrap_or_default();
        let prefix = format!("{}/", Arn::new("sns", &cx.scope, &format!("endpoint/{tail}")));
        let shown = |row: &Endpoint| ListedEndpoint { endpoint_arn: Some(row.arn.to_string()), attributes: Some(row.attributes.clone()) };
        let page = self.store.read(|state| {
            if !state.applications.contains(&of) {
                return Err(faults::no_application());
            }
            pages::page::<ListEndpointsByPlatformApplication, _, _, _>(cx, &input, limits::PAGE, |after: Option<Arn>| {
                let from = pages::start(after.as_ref().map(Arn::as_str), &prefix);
                let rows = state.endpoints.range::<str, _>((from, Bound::Unbounded)).map(|(_, row)| row);
                rows.take_while(|row| row.arn.as_str().starts_with(&prefix)).map(|row| (row.arn.clone(), shown(row)))
            })
        })?;
        Ok(ListEndpointsByPlatformApplicationResponse { endpoints: Some(page.items), next_token: page.next_token })
    }
}
