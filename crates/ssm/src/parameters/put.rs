//! PutParameter.
//! <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html>

use super::{
    encryption::{self, DEFAULT_KEY},
    events::{self, Change},
    names::{Reference, to_change},
    parameter::{DataType, Parameter, ParameterType, Tier, Value, Version},
    patterns,
    permissions::{Sharing, set_request_tags},
    policies::{self, ParameterPolicy},
    scheduled, tiers,
    tiers::Wish,
    values,
};
use crate::{Ssm, faults, limits, service_settings, state::State, tags};
use cloudlet_api_ssm::*;
use cloudlet_aws::Fault;
use cloudlet_engine::{Cx, Handle, Permissions};
use std::{collections::BTreeSet, sync::Arc};

impl Handle<PutParameter> for Ssm {
    fn permissions(&self, cx: &Cx, input: &PutParameterRequest) -> Result<Permissions, Fault> {
        let reference = to_change(&cx.scope, &input.name)?;
        let mut permission = self.permission::<PutParameter>(cx, &reference, Sharing::No);
        permission.keys.set("ssm:Overwrite", overwrites(input));
        permission.keys.set("ssm:Policies", input.policies.is_some());
        let tags = input.tags.as_deref().unwrap_or_default();
        set_request_tags(&mut permission, tags);
        Ok(permission.and([(!tags.is_empty()).then_some("ssm:AddTagsToResource")]))
    }

    async fn handle(&self, cx: &Cx, input: PutParameterRequest) -> Result<PutParameterResult, Fault> {
        let reference = to_change(&cx.scope, &input.name)?;
        let tags = input.tags.as_deref().unwrap_or_default();
        if overwrites(&input) && !tags.is_empty() {
            return Err(faults::validation(
                "Invalid request: tags and overwrite can't be used together. To create a parameter with tags, please remove overwrite flag. To update \
                 tags for an existing parameter, please use AddTagsToResource or RemoveTagsFromResource.",
            ));
        }
        let tags = tags::checked(tags)?;
        values::check(&input.value)?;
        let draft = self.store.read(|state| Draft::of(cx, state, &reference, &input))?;
        if draft.data_type == DataType::Image && !values::is_image(cx, &input.value).await {
            let change = if draft.number == 1 { Change::Create } else { Change::Update };
            events::image_is_unknown(cx, &reference, draft.kind, change);
            return Ok(answer(&draft));
        }
        let value = match &draft.key_id {
            Some(key_id) => encryption::encrypt(cx, &reference.arn, key_id, draft.tier, input.value.clone()).await?,
            None => Value::Plain(input.value.as_str().into()),
        };
        let draft = self.store.write(|state| {
            // Somebody else may have changed the parameter while its value was encrypted.
            let now = Draft::of(cx, state, &reference, &input)?;
            if (now.tier, &now.key_id) != (draft.tier, &draft.key_id) {
                return Err(faults::concurrent_update());
            }
            let change = now.stored(cx, state, &reference, value, tags)?;
            scheduled::reschedule(cx, state, &reference.key)?;
            events::changed(cx, state, &reference.key, change);
            Ok(now)
        })?;
        Ok(answer(&draft))
    }
}

fn overwrites(input: &PutParameterRequest) -> bool {
    input.overwrite == Some(true)
}

fn answer(draft: &Draft) -> PutParameterResult {
    PutParameterResult { version: Some(draft.number), tier: Some(draft.tier.as_str().to_owned()) }
}

/// The next version of a parameter, without its value. What a request leaves out stays as it was.
pub struct Draft {
    pub number: i64,
    pub kind: ParameterType,
    pub tier: Tier,
    /// Of a SecureString.
    pub key_id: Option<Arc<str>>,
    pub data_type: DataType,
    pub description: Option<Arc<str>>,
    allowed_pattern: Option<Arc<str>>,
    policies: Vec<ParameterPolicy>,
}

impl Draft {
    fn of(cx: &Cx, state: &State, reference: &Reference, input: &PutParameterRequest) -> Result<Draft, Fault> {
        let before = state.parameter(&reference.key, cx.now).map(|parameter| &parameter.current);
        if before.is_some() && !overwrites(input) {
            return Err(faults::PARAMETER_ALREADY_EXISTS
                .says("The parameter already exists. To overwrite this value, set the overwrite option in the request to true."));
        }
        let kind = match (input.r#type.as_deref().and_then(ParameterType::parse), before) {
            // AWS: the type may change (the acceptance tests of Terraform's provider change it).
            (Some(kind), _) => kind,
            (None, Some(before)) => before.kind,
            (None, None) => return Err(faults::validation("A parameter type is required when you create a parameter.")),
        };
        let data_type = values::data_type(input.data_type.as_deref(), kind, before.map(|before| before.data_type))?;
        let policies = match &input.policies {
            Some(text) => policies::parse(text, cx.now)?,
            None => before.map(|before| before.policies.clone()).unwrap_or_default(),
        };
        let policies: Vec<_> = policies.into_iter().map(|policy| policy.renewed()).collect();
        let allowed_pattern = match &input.allowed_pattern {
            Some(pattern) => Some(pattern.as_str().into()).filter(|_| !pattern.is_empty()),
            None => before.and_then(|before| before.allowed_pattern.clone()),
        };
        if let Some(pattern) = &allowed_pattern {
            patterns::check(pattern, kind, &input.value)?;
        }
        let usual = service_settings::default_tier(state, &cx.scope);
        let wish = Wish {
            tier: match (&input.tier, before) {
                (Some(tier), _) => tier,
                (None, Some(before)) => before.tier.as_str(),
                (None, None) => &usual,
            },
            before: before.map(|before| before.tier),
            value_bytes: input.value.len(),
            has_policies: !policies.is_empty(),
            counts: (state.count(&cx.scope, Tier::Standard), state.count(&cx.scope, Tier::Advanced)),
        };
        if kind != ParameterType::SecureString && input.key_id.is_some() {
            // AWS: unverified message.
            return Err(faults::validation("KeyId is not required for String type parameter."));
        }
        Ok(Draft {
            number: before.map_or(1, |before| before.number + 1),
            kind,
            tier: tiers::choose(&wish)?,
            key_id: (kind == ParameterType::SecureString).then(|| input.key_id.as_deref().unwrap_or(DEFAULT_KEY).into()),
            data_type,
            description: match &input.description {
                Some(description) => Some(description.as_str().into()).filter(|_| !description.is_empty()),
                None => before.and_then(|before| before.description.clone()),
            },
            allowed_pattern,
            policies,
        })
    }

    /// Stores it, and says what it was: a creation or an update.
    fn stored(&self, cx: &Cx, state: &mut State, reference: &Reference, value: Value, tags: cloudlet_shape::Map<String>) -> Result<Change, Fault> {
        let key = &reference.key;
        let current = Arc::new(Version {
            number: self.number,
            kind: self.kind,
            value,
            tier: self.tier,
            modified: cx.now,
            user: cx.caller.arn.clone(),
            description: self.description.clone(),
            allowed_pattern: self.allowed_pattern.clone(),
            key_id: self.key_id.clone(),
            data_type: self.data_type,
            policies: self.policies.clone(),
            labels: BTreeSet::new(),
        });
        let Some(before) = state.parameter(key, cx.now).cloned() else {
            // One that has expired and is not deleted yet.
            state.remove_parameter(key);
            state.put_parameter(key.clone(), Parameter { name: reference.name.as_str().into(), tags, current });
            return Ok(Change::Create);
        };
        if state.past_versions(key).count() + 1 >= limits::VERSIONS {
            let oldest = state.past_versions(key).next().cloned();
            if let Some(oldest) = oldest {
                if !oldest.labels.is_empty() {
                    return Err(faults::PARAMETER_MAX_VERSION_LIMIT_EXCEEDED.says(format!(
                        "You attempted to create a new version of {} by calling the PutParameter API with the overwrite flag. Version {}, the oldest \
                         version, can't be deleted because it has a label associated with it. Move the label to another version of the parameter, and \
                         try again.",
                        before.name, oldest.number
                    )));
                }
                state.past.remove(&(key.clone(), oldest.number));
            }
        }
        state.past.insert((key.clone(), before.current.number), before.current.clone());
        state.put_parameter(key.clone(), Parameter { name: before.name.clone(), tags: before.tags.clone(), current });
        Ok(Change::Update)
    }
}
