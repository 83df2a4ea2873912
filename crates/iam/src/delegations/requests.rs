//! CreateDelegationRequest: validation of a request, and the policy that is rendered from its template.

use crate::{
    Iam,
    faults::{already_exists, invalid_input, limit_exceeded},
    limits,
    operation::RequiredPermission,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use cloudlet_api_iam::*;
use cloudlet_aws::{Account, Arn, Fault};
use cloudlet_engine::Cx;
use cloudlet_identity::{
    RegisteredTemplate, State, StoredPolicy,
    delegations::{Delegation, DelegationState},
    templates::{LONGEST_RENDERED, Parameter, ParameterValue, RenderError},
};
use cloudlet_policy::Kind;

/// Regions that need no opting in. AWS: "SNS topics cannot be in opt-in AWS Regions."
/// <https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-regions.html>
const DEFAULT_REGIONS: [&str; 17] = [
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ca-central-1",
    "eu-central-1",
    "eu-north-1",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
];

/// How long a request may stay in a state, in seconds.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/temporary-delegation-building-integration.html#temporary-delegation-state-transitions>
pub(super) fn lifetime(state: DelegationState) -> i64 {
    let days = if state == DelegationState::Unassigned { 1 } else { 7 };
    days * 86_400
}

/// The random part of a token.
pub(super) fn token_text(random: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(random)
}

pub(super) fn shown_permissions(request: &Delegation) -> DelegationPermission {
    let parameters = request.parameters.iter().map(|parameter| PolicyParameter {
        name: Some(parameter.name.clone()),
        values: Some(parameter.value.values().to_vec()),
        r#type: Some(if matches!(parameter.value, ParameterValue::One(_)) { "string" } else { "stringList" }.to_owned()),
    });
    DelegationPermission { policy_template_arn: Some(request.policy_template_arn.clone()), parameters: Some(parameters.collect()) }
}

// AWS: unverified: all messages of this file.

fn parameters(given: &[PolicyParameter]) -> Result<Vec<Parameter>, Fault> {
    let mut parameters: Vec<Parameter> = Vec::new();
    for one in given {
        let name = one.name.clone().ok_or_else(|| invalid_input("A policy parameter must have a name."))?;
        if parameters.iter().any(|known| known.name == name) {
            return Err(invalid_input(format!("The policy parameter {name} is given more than once.")));
        }
        let values = one.values.clone().unwrap_or_default();
        let value = match (one.r#type.as_deref(), <[String; 1]>::try_from(values)) {
            (Some("stringList"), Ok([value])) => ParameterValue::List(vec![value]),
            (Some("stringList"), Err(values)) if !values.is_empty() => ParameterValue::List(values),
            (Some("stringList"), Err(_)) => return Err(invalid_input(format!("The policy parameter {name} must have at least one value."))),
            (_, Ok([value])) => ParameterValue::One(value),
            (_, Err(_)) => return Err(invalid_input(format!("The policy parameter {name} must have exactly one value."))),
        };
        parameters.push(Parameter { name, value });
    }
    Ok(parameters)
}

/// "The SNS topic must be in one of your registered AWS accounts. IAM will not accept SNS topics from other accounts."
fn notification_channel(text: &str, registered: &RegisteredTemplate<'_>) -> Result<Arn, Fault> {
    let topic = Arn::parse(text).filter(|arn| arn.service() == "sns" && !arn.resource().is_empty() && !arn.resource().contains(':'));
    let topic = topic.ok_or_else(|| invalid_input("The notification channel must be the ARN of an SNS topic."))?;
    if !registered.accounts.iter().any(|account| account.as_str() == topic.account()) {
        return Err(invalid_input("The notification channel must be an SNS topic in a registered account of the requestor."));
    }
    if !DEFAULT_REGIONS.contains(&topic.region()) {
        return Err(invalid_input("The notification channel must be an SNS topic in an AWS Region that is enabled by default."));
    }
    Ok(topic)
}

impl Iam {
    pub(super) fn on_new_delegation_request(&self, cx: &Cx, input: &CreateDelegationRequestRequest) -> RequiredPermission {
        // The request has no id yet. AWS: unverified: the resource of this permission.
        let mut permission = RequiredPermission::on(self.delegation_arn(cx.scope.account, "*"));
        if let Some(template) = &input.permissions.policy_template_arn {
            permission = permission.with_key("iam:TemplateArn", template);
        }
        permission
            .with_key("iam:NotificationChannel", &input.notification_channel)
            .with_key("iam:DelegationDuration", &input.session_duration.to_string())
    }

    pub(super) fn new_request(&self, cx: &Cx, state: &State, input: CreateDelegationRequestRequest) -> Result<Delegation, Fault> {
        let requestor = cx.scope.account;
        let template = input.permissions.policy_template_arn.ok_or_else(|| invalid_input("A policy template must be specified."))?;
        // Templates of other partners look as if they did not exist.
        let registered = state.partners.template(&template).filter(|registered| registered.accounts.contains(&requestor));
        let registered =
            registered.ok_or_else(|| invalid_input(format!("The policy template {template} is not registered for account {requestor}.")))?;
        let notification_channel = notification_channel(&input.notification_channel, &registered)?;
        let owner_account =
            input.owner_account_id.as_deref().map(|id| Account::parse(id).ok_or_else(|| invalid_input(format!("{id} is not an account id."))));
        let parameters = parameters(input.permissions.parameters.as_deref().unwrap_or_default())?;
        let rendered = registered.template.render(&parameters).map_err(|error| render_fault(&template, error))?;
        let policy = StoredPolicy::parse(&rendered.text, Kind::Identity);
        let policy = policy.map_err(|error| invalid_input(format!("The policy template {template} is not a policy: {}", error.message)))?;

        let requests = || state.delegation_requests.values().filter(|request| request.requestor == requestor);
        if requests().any(|request| request.requestor_workflow_id == input.requestor_workflow_id) {
            return Err(already_exists(format!(
                "A delegation request with the requestor workflow id {} already exists.",
                input.requestor_workflow_id
            )));
        }
        if requests().count() >= limits::DELEGATION_REQUESTS {
            return Err(limit_exceeded(format!("Cannot exceed quota for DelegationRequestsPerAccount: {}", limits::DELEGATION_REQUESTS)));
        }
        Ok(Delegation {
            id: format!("dr-{}", cx.ids().uuid()).into(),
            requestor,
            requestor_name: registered.partner.to_owned(),
            requestor_workflow_id: input.requestor_workflow_id,
            owner_account: owner_account.transpose()?,
            owner: None,
            description: input.description,
            message: input.request_message,
            redirect_url: input.redirect_url,
            notification_channel,
            session_duration: input.session_duration,
            only_send_by_owner: input.only_send_by_owner,
            policy_template_arn: template,
            parameters,
            policy,
            permissions_boundaries: rendered.boundaries,
            state: DelegationState::Unassigned,
            expires: cx.now.plus_secs(lifetime(DelegationState::Unassigned)),
            created: cx.now,
            updated: cx.now,
            notes: None,
            rejection_reason: None,
            approved: None,
            released_token: None,
        })
    }
}

fn render_fault(template: &str, error: RenderError) -> Fault {
    match error {
        RenderError::Missing(name) => invalid_input(format!("The policy template {template} needs a value for the parameter {name}.")),
        RenderError::List(name) => invalid_input(format!("The policy template {template} takes no list of values in {name}.")),
        RenderError::TooLong => limit_exceeded(format!("The rendered policy exceeds the maximum size of {LONGEST_RENDERED} characters.")),
    }
}
