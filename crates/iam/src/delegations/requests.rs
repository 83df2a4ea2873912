//! What a partner asks for: the request as it comes in, and the policy that its template makes of it.

use crate::{
    Iam,
    faults::{bad_input, exists, limit},
    limits,
    operation::Want,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use cloudlet_api_iam::*;
use cloudlet_aws::{Account, Arn, Fault};
use cloudlet_engine::Cx;
use cloudlet_identity::{
    Registered, State, StoredPolicy,
    delegations::{Delegation, Stage},
    templates::{LONGEST_RENDERED, Parameter, ParameterValue, Unrendered},
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

/// Letters that a token may be made of.
pub(super) fn letters(random: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(random)
}

pub(super) fn shown_permissions(request: &Delegation) -> DelegationPermission {
    let parameters = request.parameters.iter().map(|parameter| PolicyParameter {
        name: Some(parameter.name.clone()),
        values: Some(parameter.value.values().to_vec()),
        r#type: Some(if matches!(parameter.value, ParameterValue::One(_)) { "string" } else { "stringList" }.to_owned()),
    });
    DelegationPermission { policy_template_arn: Some(request.template.clone()), parameters: Some(parameters.collect()) }
}

/// AWS: unverified: all texts of this file.
fn parameters(given: &[PolicyParameter]) -> Result<Vec<Parameter>, Fault> {
    let mut parameters: Vec<Parameter> = Vec::new();
    for one in given {
        let name = one.name.clone().ok_or_else(|| bad_input("A policy parameter must have a name."))?;
        if parameters.iter().any(|known| known.name == name) {
            return Err(bad_input(format!("The policy parameter {name} is given more than once.")));
        }
        let values = one.values.clone().unwrap_or_default();
        let value = match (one.r#type.as_deref(), <[String; 1]>::try_from(values)) {
            (Some("stringList"), Ok([value])) => ParameterValue::List(vec![value]),
            (Some("stringList"), Err(values)) if !values.is_empty() => ParameterValue::List(values),
            (Some("stringList"), Err(_)) => return Err(bad_input(format!("The policy parameter {name} must have at least one value."))),
            (_, Ok([value])) => ParameterValue::One(value),
            (_, Err(_)) => return Err(bad_input(format!("The policy parameter {name} must have exactly one value."))),
        };
        parameters.push(Parameter { name, value });
    }
    Ok(parameters)
}

/// "The SNS topic must be in one of your registered AWS accounts. IAM will not accept SNS topics from other accounts."
fn channel(text: &str, registered: &Registered<'_>) -> Result<Arn, Fault> {
    let topic = Arn::parse(text).filter(|arn| arn.service() == "sns" && !arn.resource().is_empty() && !arn.resource().contains(':'));
    let topic = topic.ok_or_else(|| bad_input("The notification channel must be the ARN of an SNS topic."))?;
    if !registered.accounts.iter().any(|account| account.as_str() == topic.account()) {
        return Err(bad_input("The notification channel must be an SNS topic in a registered account of the requestor."));
    }
    if !DEFAULT_REGIONS.contains(&topic.region()) {
        return Err(bad_input("The notification channel must be an SNS topic in an AWS Region that is enabled by default."));
    }
    Ok(topic)
}

impl Iam {
    pub(super) fn want_to_ask(&self, cx: &Cx, input: &CreateDelegationRequestRequest) -> Want {
        // No request has an id before it is made. AWS: unverified: what stands in the place of one.
        let mut want = Want::on(self.delegation_arn(cx.scope.account, "*"));
        if let Some(template) = &input.permissions.policy_template_arn {
            want = want.with("iam:TemplateArn", template);
        }
        want.with("iam:NotificationChannel", &input.notification_channel).with("iam:DelegationDuration", &input.session_duration.to_string())
    }

    pub(super) fn new_request(&self, cx: &Cx, state: &State, input: CreateDelegationRequestRequest) -> Result<Delegation, Fault> {
        let requestor = cx.scope.account;
        let template = input.permissions.policy_template_arn.ok_or_else(|| bad_input("A policy template must be specified."))?;
        // Of others' templates nobody is told.
        let registered = state.partners.template(&template).filter(|registered| registered.accounts.contains(&requestor));
        let registered = registered.ok_or_else(|| bad_input(format!("The policy template {template} is not registered for account {requestor}.")))?;
        let channel = channel(&input.notification_channel, &registered)?;
        let owner_account = input.owner_account_id.as_deref().map(|id| Account::parse(id).ok_or_else(|| bad_input(format!("{id} is no account."))));
        let parameters = parameters(input.permissions.parameters.as_deref().unwrap_or_default())?;
        let rendered = registered.template.render(&parameters).map_err(|error| unrendered(&template, error))?;
        let policy = StoredPolicy::parse(&rendered.text, Kind::Identity);
        let policy = policy.map_err(|error| bad_input(format!("The policy template {template} makes no policy: {}", error.message)))?;

        let own = || state.delegations.values().filter(|request| request.requestor == requestor);
        if own().any(|request| request.workflow == input.requestor_workflow_id) {
            return Err(exists(format!("A delegation request with the requestor workflow id {} already exists.", input.requestor_workflow_id)));
        }
        if own().count() >= limits::DELEGATION_REQUESTS {
            return Err(limit(format!("Cannot exceed quota for DelegationRequestsPerAccount: {}", limits::DELEGATION_REQUESTS)));
        }
        Ok(Delegation {
            id: format!("dr-{}", cx.ids().uuid()).into(),
            requestor,
            requestor_name: registered.partner.to_owned(),
            workflow: input.requestor_workflow_id,
            owner_account: owner_account.transpose()?,
            owner: None,
            description: input.description,
            message: input.request_message,
            redirect_url: input.redirect_url,
            channel,
            duration: input.session_duration,
            only_send_by_owner: input.only_send_by_owner,
            template,
            parameters,
            policy,
            boundaries: rendered.boundaries,
            stage: Stage::Unassigned,
            expires: cx.now.plus_secs(super::lifetime(Stage::Unassigned)),
            created: cx.now,
            updated: cx.now,
            notes: None,
            rejection: None,
            approved: None,
            release: None,
        })
    }
}

fn unrendered(template: &str, error: Unrendered) -> Fault {
    match error {
        Unrendered::Missing(name) => bad_input(format!("The policy template {template} needs a value for the parameter {name}.")),
        Unrendered::List(name) => bad_input(format!("The policy template {template} takes no list of values in {name}.")),
        Unrendered::TooLong => limit(format!("The rendered policy exceeds the maximum size of {LONGEST_RENDERED} characters.")),
    }
}
