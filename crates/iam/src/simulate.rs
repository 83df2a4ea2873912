//! The policy simulators. They use the evaluator that authorizes every call.
//! <https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html>

use crate::{
    faults::{invalid_input, no_such, validation_error},
    operation::{RequiredPermission, operation},
    paging::page,
};
use cloudlet_api_iam::*;
use cloudlet_aws::{Account, Arn, Caller, Fault, Identity as Who};
use cloudlet_engine::Cx;
use cloudlet_identity::{Membership, State, catalogue, managed_policy, state::IdentityPolicies};
use cloudlet_policy::{Document, Effect, Explanation, Keys, Kind, Outcome, Policies, Policy as Applied, Principal, Request, Source, Span, explain};
use cloudlet_shape::Operation;
use std::{collections::BTreeMap, sync::Arc};

/// The input of a simulation.
struct Simulation {
    account: Account,
    caller: Caller,
    identity: Vec<Applied>,
    groups: Vec<Applied>,
    boundary: Option<Applied>,
    resource_policy: Option<Applied>,
    service_control: Vec<Vec<Applied>>,
    owner: Option<Account>,
    keys: Keys,
}

fn parse(text: &str, name: String, kind: Kind) -> Result<Applied, Fault> {
    let document = Document::parse(text, kind).map_err(|error| invalid_input(error.message))?;
    Ok(Applied { name: name.into(), document })
}

fn listed(texts: Option<&[String]>, name: &str) -> Result<Vec<Applied>, Fault> {
    let numbered = texts.unwrap_or_default().iter().enumerate();
    numbered.map(|(at, text)| parse(text, format!("{name}.{}", at + 1), Kind::Identity)).collect()
}

/// The caller of the simulated requests.
fn caller_of(arn: &str, account: Account) -> Result<Caller, Fault> {
    let parsed = Arn::parse(arn).ok_or_else(|| validation_error(format!("Invalid ARN: {arn}")))?;
    let resource = parsed.resource();
    let name = resource.rsplit('/').next().unwrap_or_default();
    let identity = match resource.split('/').next() {
        Some("role") => Who::AssumedRole { role: parsed.clone(), session: "simulation".into() },
        Some("root") if !resource.contains('/') => Who::Root,
        Some("assumed-role") => return Err(invalid_input("CallerArn must not be the ARN of an assumed role.")),
        _ => Who::User { name: name.into() },
    };
    let account = Account::parse(parsed.account()).unwrap_or(account);
    Ok(Caller { account: Some(account), identity, arn: arn.into(), unique_id: name.into(), access_key: None })
}

fn context(entries: Option<&[ContextEntry]>) -> Keys {
    let mut keys = Keys::new();
    for entry in entries.unwrap_or_default() {
        if let Some(name) = &entry.context_key_name {
            keys.set_many(name.clone(), entry.context_key_values.clone().unwrap_or_default());
        }
    }
    keys
}

fn decision(effect: Effect) -> String {
    match effect {
        Effect::Allow => "allowed",
        Effect::ExplicitDeny => "explicitDeny",
        Effect::ImplicitDeny => "implicitDeny",
    }
    .to_owned()
}

fn position(at: cloudlet_policy::Position) -> Option<Position> {
    let number = |n: u32| i32::try_from(n).ok();
    Some(Position { line: number(at.line), column: number(at.column) })
}

fn matched(explanation: &Explanation) -> Vec<Statement> {
    let shown = |source: Source, policy: &str, span: Span| Statement {
        source_policy_id: Some(policy.to_owned()),
        source_policy_type: Some(if source == Source::Resource { "Resource Policy" } else { "IAM Policy" }.to_owned()),
        start_position: position(span.start),
        end_position: position(span.end),
    };
    // AWS: "SCP statements are not included".
    explanation
        .matched_statements()
        .filter(|statement| !matches!(statement.source, Source::ServiceControl(_) | Source::ResourceControl(_)))
        .map(|statement| shown(statement.source, statement.policy, statement.span))
        .collect()
}

impl Simulation {
    fn evaluate(&self, action: &str, resource: Option<&str>) -> Result<EvaluationResult, Fault> {
        if !action.split_once(':').is_some_and(|(service, name)| !service.is_empty() && !name.is_empty()) {
            return Err(invalid_input(format!("Invalid action name: {action}")));
        }
        let name = resource.unwrap_or("*");
        let on = if name == "*" { Arn::any() } else { Arn::parse(name).ok_or_else(|| invalid_input(format!("Invalid resource: {name}")))? };
        let owner = Account::parse(on.account()).or(self.owner).or(Some(self.account));
        let request = Request { principal: Principal::of(&self.caller), action, resource: &on, resource_account: owner, keys: &self.keys };
        let policies = Policies {
            identity: &self.identity,
            groups: &self.groups,
            boundary: self.boundary.as_ref(),
            resource: self.resource_policy.as_slice(),
            service_control: &self.service_control,
            ..Policies::default()
        };
        let explanation = explain(&request, &policies);
        let outcome = |wanted: fn(Source) -> bool| {
            let mut gates = explanation.gates.iter().filter(|gate| wanted(gate.source) && gate.outcome != Outcome::NotAsked).peekable();
            gates.peek().is_some().then(|| gates.all(|gate| gate.outcome == Outcome::Allows))
        };
        let boundary = outcome(|source| source == Source::Boundary)
            .map(|allowed| PermissionsBoundaryDecisionDetail { allowed_by_permissions_boundary: Some(allowed) });
        let organization = outcome(|source| matches!(source, Source::ServiceControl(_))).unwrap_or(true);
        let (statements, missing) = (matched(&explanation), explanation.missing_keys.clone());
        let specific = resource.map(|name| ResourceSpecificResult {
            eval_resource_name: name.to_owned(),
            eval_resource_decision: decision(explanation.effect),
            matched_statements: Some(statements.clone()),
            missing_context_values: Some(missing.clone()),
            eval_decision_details: None,
            permissions_boundary_decision_detail: boundary.clone(),
        });
        Ok(EvaluationResult {
            eval_action_name: action.to_owned(),
            eval_resource_name: Some(name.to_owned()),
            eval_decision: decision(explanation.effect),
            matched_statements: Some(statements),
            missing_context_values: Some(missing),
            organizations_decision_detail: Some(OrganizationsDecisionDetail { allowed_by_organizations: Some(organization) }),
            permissions_boundary_decision_detail: boundary,
            eval_decision_details: Some(self.decision_details(&explanation, owner)),
            resource_specific_results: specific.map(|one| vec![one]),
        })
    }

    /// `EvalDecisionDetails`: for a resource of another account, the decision by policy type.
    fn decision_details(&self, explanation: &Explanation, owner: Option<Account>) -> BTreeMap<String, String> {
        if self.resource_policy.is_none() || owner == self.caller.account {
            return BTreeMap::new();
        }
        let decision_of = |sources: &[Source]| {
            let mut found = Effect::ImplicitDeny;
            for gate in explanation.gates.iter().filter(|gate| sources.contains(&gate.source)) {
                match gate.outcome {
                    Outcome::Denies => return decision(Effect::ExplicitDeny),
                    Outcome::Allows => found = Effect::Allow,
                    Outcome::Silent | Outcome::NotAsked => {}
                }
            }
            decision(found)
        };
        BTreeMap::from([
            ("IAM Policy".to_owned(), decision_of(&[Source::Identity, Source::Group])),
            ("Resource Policy".to_owned(), decision_of(&[Source::Resource])),
        ])
    }

    fn run<O: Operation>(
        &self,
        cx: &Cx,
        input: &O::Input,
        actions: &[String],
        resources: Option<&[String]>,
    ) -> Result<SimulatePolicyResponse, Fault> {
        let resources: Vec<Option<&str>> = match resources {
            Some(list) if !list.is_empty() => list.iter().map(|one| Some(one.as_str())).collect(),
            _ => vec![None],
        };
        let pairs = actions.iter().flat_map(|action| resources.iter().map(move |resource| (action, *resource)));
        let page = page::<O, _, _>(cx, input, pairs.enumerate())?;
        let results = page.items.into_iter().map(|(action, resource)| self.evaluate(action, resource)).collect::<Result<Vec<_>, _>>()?;
        Ok(SimulatePolicyResponse { evaluation_results: Some(results), is_truncated: page.is_truncated, marker: page.marker })
    }
}

fn owner_of(arn: Option<&str>) -> Result<Option<Account>, Fault> {
    match arn {
        None => Ok(None),
        Some(arn) => {
            let account = Account::parse(arn).or_else(|| Arn::parse(arn).and_then(|arn| Account::parse(arn.account())));
            account.map(Some).ok_or_else(|| invalid_input(format!("Invalid resource owner: {arn}")))
        }
    }
}

operation!(SimulateCustomPolicy, |iam, cx, input| RequiredPermission::without_resource(), |iam, cx, input| {
    let account = cx.scope.account;
    let arn = match (&input.caller_arn, &input.resource_policy) {
        (Some(arn), _) => arn.clone(),
        (None, Some(_)) => return Err(invalid_input("CallerArn is required when a resource policy is simulated.")),
        (None, None) => iam.arn(account, "user", "/", "simulation").to_string(),
    };
    let levels = input.ordered_organization_policy_input_list.clone().unwrap_or_default();
    let level = |(at, one): (usize, OrderedOrganizationPolicyType)| -> Result<Vec<Applied>, Fault> {
        let texts = one.service_control_policy_input_list.unwrap_or_default();
        texts.iter().map(|text| parse(text, format!("OrderedOrganizationPolicyInputList.{}", at + 1), Kind::ServiceControl)).collect()
    };
    let simulation = Simulation {
        account,
        caller: caller_of(&arn, account)?,
        identity: listed(Some(&input.policy_input_list), "PolicyInputList")?,
        groups: Vec::new(),
        boundary: listed(input.permissions_boundary_policy_input_list.as_deref(), "PermissionsBoundaryPolicyInputList")?.pop(),
        resource_policy: input.resource_policy.as_deref().map(|text| parse(text, "ResourcePolicy".into(), Kind::Resource)).transpose()?,
        service_control: levels.into_iter().enumerate().map(level).collect::<Result<_, _>>()?,
        owner: owner_of(input.resource_owner.as_deref())?,
        keys: context(input.context_entries.as_deref()),
    };
    simulation.run::<SimulateCustomPolicy>(cx, &input, &input.action_names, input.resource_arns.as_deref())
});

/// The policies of a principal, with the ids of `MatchedStatements`.
struct PrincipalPolicies {
    identity: Vec<Applied>,
    groups: Vec<Applied>,
    boundary: Option<Arn>,
}

fn named(state: &State, kind: &str, owner: &str, policies: &IdentityPolicies) -> Vec<Applied> {
    let inline = policies.inline.iter().map(|(name, policy)| policy.named(format!("{kind}_{owner}_{name}")));
    let attached = policies.attached.iter().filter_map(|arn| {
        let name: Arc<str> = match catalogue::by_arn(arn.as_str()) {
            Some(policy) => policy.name.as_str().into(),
            None => state.policy_by_arn(arn.as_str())?.1.name.as_str().into(),
        };
        Some(Applied { name, ..managed_policy(state, arn.as_str())? })
    });
    inline.chain(attached).collect()
}

fn principal_policies(state: &State, account: Account, arn: &str) -> Result<PrincipalPolicies, Fault> {
    let is_own = |(owner, _): &(Account, _)| *owner == account;
    if let Some((_, user)) = state.user_by_arn(arn).filter(|found| found.0 == account) {
        let groups = user.groups.iter().filter_map(|name| state.group(account, name));
        return Ok(PrincipalPolicies {
            identity: named(state, "user", &user.name, &user.policies),
            groups: groups.flat_map(|group| named(state, "group", &group.name, &group.policies)).collect(),
            boundary: user.permissions_boundary.clone(),
        });
    }
    if let Some((_, role)) = state.role_by_arn(arn).filter(|found| found.0 == account) {
        return Ok(PrincipalPolicies {
            identity: named(state, "role", &role.name, &role.policies),
            groups: Vec::new(),
            boundary: role.permissions_boundary.clone(),
        });
    }
    if let Some((_, group)) = state.group_by_arn(arn).filter(is_own) {
        return Ok(PrincipalPolicies { identity: named(state, "group", &group.name, &group.policies), groups: Vec::new(), boundary: None });
    }
    crate::policies::parse_arn(arn)?;
    Err(no_such(format!("Entity {arn} was not found.")))
}

/// `PolicyExclusionList`
fn excluded(policy: &Applied, exclusions: &[PolicyIdentifier]) -> bool {
    exclusions.iter().any(|one| {
        let by_arn = one.policy_arn.as_deref().and_then(|arn| arn.rsplit('/').next()).is_some_and(|name| *name == *policy.name);
        let by_name = one.inline_policy_identifier.as_ref().is_some_and(|inline| {
            *policy.name == *format!("{}_{}_{}", inline.attachment_type.to_ascii_lowercase(), inline.attachment_name, inline.policy_name)
        });
        by_arn || by_name
    })
}

operation!(SimulatePrincipalPolicy, |iam, cx, input| iam.on_arn(cx, &input.policy_source_arn), |iam, cx, input| {
    let account = cx.scope.account;
    let (source, boundary) = iam.identity.read(|state| {
        let source = principal_policies(state, account, &input.policy_source_arn)?;
        let boundary = source.boundary.as_ref().and_then(|arn| managed_policy(state, arn.as_str()));
        Ok::<_, Fault>((source, boundary))
    })?;
    let exclusions = input.policy_exclusion_list.clone().unwrap_or_default();
    let keep = |policies: Vec<Applied>| policies.into_iter().filter(|policy| !excluded(policy, &exclusions)).collect::<Vec<_>>();
    let mut identity = keep(source.identity);
    identity.extend(listed(input.policy_input_list.as_deref(), "PolicyInputList")?);
    let given = listed(input.permissions_boundary_policy_input_list.as_deref(), "PermissionsBoundaryPolicyInputList")?.pop();
    let membership: Option<Arc<Membership>> = iam.identity.membership(account);
    let group = input.policy_source_arn.contains(":group/");
    let caller = match input.caller_arn.as_deref() {
        Some(arn) => arn.to_owned(),
        None if group => iam.arn(account, "user", "/", "simulation").to_string(),
        None => input.policy_source_arn.clone(),
    };
    let simulation = Simulation {
        account,
        caller: caller_of(&caller, account)?,
        identity,
        groups: keep(source.groups),
        boundary: given.or(boundary),
        resource_policy: input.resource_policy.as_deref().map(|text| parse(text, "ResourcePolicy".into(), Kind::Resource)).transpose()?,
        service_control: membership.map(|membership| membership.service_control.clone()).unwrap_or_default(),
        owner: owner_of(input.resource_owner.as_deref())?,
        keys: context(input.context_entries.as_deref()),
    };
    simulation.run::<SimulatePrincipalPolicy>(cx, &input, &input.action_names, input.resource_arns.as_deref())
});

fn key_names(policies: &[Applied]) -> GetContextKeysForPolicyResponse {
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    for key in policies.iter().flat_map(|policy| policy.document.keys()) {
        names.entry(key.to_ascii_lowercase()).or_insert_with(|| key.to_string());
    }
    GetContextKeysForPolicyResponse { context_key_names: Some(names.into_values().collect()) }
}

operation!(GetContextKeysForCustomPolicy, |iam, cx, input| RequiredPermission::without_resource(), |iam, cx, input| {
    Ok(key_names(&listed(Some(&input.policy_input_list), "PolicyInputList")?))
});

operation!(GetContextKeysForPrincipalPolicy, |iam, cx, input| iam.on_arn(cx, &input.policy_source_arn), |iam, cx, input| {
    let mut policies = listed(input.policy_input_list.as_deref(), "PolicyInputList")?;
    iam.identity.read(|state| {
        let source = principal_policies(state, cx.scope.account, &input.policy_source_arn)?;
        policies.extend(source.identity.into_iter().chain(source.groups));
        Ok(key_names(&policies))
    })
});
