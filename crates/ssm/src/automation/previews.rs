//! Previews: how many steps of a runbook change something.
//! <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_StartExecutionPreview.html>

use super::{runbooks::definition_arn, state::Preview};
use crate::{Ssm, faults};
use cloudlet_api_ssm::{
    AutomationExecutionPreview, ExecutionPreview, GetExecutionPreview, GetExecutionPreviewResponse, StartExecutionPreview,
    StartExecutionPreviewResponse,
};
use cloudlet_aws::Arn;
use cloudlet_engine::{Permission, handler};
use cloudlet_runbook::definition::{Action, Step};
use cloudlet_shape::Map;
use serde_json::Value;
use std::sync::Arc;

/// Previews that are kept; the oldest go first.
const KEPT: usize = 1_000;

enum Effect {
    Mutating,
    NonMutating,
    Undetermined,
}

/// AWS: unverified which actions change something.
fn effect(step: &Step) -> Effect {
    match step.action {
        Action::ExecuteAwsApi => {
            let api = step.inputs.get("Api").and_then(Value::as_str).unwrap_or_default();
            let reads = ["Describe", "describe_", "Get", "get_", "List", "list_", "Head", "head_"].iter().any(|prefix| api.starts_with(prefix));
            if reads { Effect::NonMutating } else { Effect::Mutating }
        }
        Action::AssertAwsResourceProperty
        | Action::WaitForAwsResourceProperty
        | Action::Branch
        | Action::Sleep
        | Action::Pause
        | Action::Approve
        | Action::Loop
        | Action::UpdateVariable => Effect::NonMutating,
        Action::ExecuteScript
        | Action::RunCommand
        | Action::InvokeLambdaFunction
        | Action::ExecuteStateMachine
        | Action::ExecuteAutomation
        | Action::InvokeWebhook => Effect::Undetermined,
        _ => Effect::Mutating,
    }
}

handler!(
    Ssm,
    StartExecutionPreview,
    |ssm, cx, input| {
        let arn = definition_arn(cx, &input.document_name, input.document_version.as_deref());
        Ok(Permission::of::<StartExecutionPreview>(arn).into())
    },
    |ssm, cx, input| {
        let runnable = ssm.runnable(cx, &input.document_name, input.document_version.as_deref())?;
        let mut preview = Preview {
            scope: cx.scope.clone(),
            made: cx.now,
            mutating: 0,
            non_mutating: 0,
            undetermined: 0,
            regions: vec![cx.scope.region.to_string()],
        };
        for step in runnable.runbook.all_steps() {
            let count = match effect(step) {
                Effect::Mutating => &mut preview.mutating,
                Effect::NonMutating => &mut preview.non_mutating,
                Effect::Undetermined => &mut preview.undetermined,
            };
            *count += 1;
        }
        let id: Arc<str> = cx.ids().uuid().into();
        ssm.automations.store.update(|state| {
            if state.previews.len() >= KEPT {
                let oldest = state.previews.iter().min_by_key(|(_, preview)| preview.made).map(|(id, _)| id.clone());
                oldest.map(|oldest| state.previews.remove(&oldest));
            }
            state.previews.insert(id.clone(), Arc::new(preview));
        });
        Ok(StartExecutionPreviewResponse { execution_preview_id: Some(id.to_string()) })
    }
);

handler!(Ssm, GetExecutionPreview, |ssm, cx, input| Ok(Permission::of::<GetExecutionPreview>(Arn::any()).into()), |ssm, cx, input| {
    let found = ssm
        .automations
        .store
        .read(|state| state.previews.get(input.execution_preview_id.as_str()).filter(|preview| preview.scope == cx.scope).cloned());
    let preview = found.ok_or_else(|| faults::RESOURCE_NOT_FOUND.says("The specified execution preview was not found."))?;
    let counts = Map::from([
        ("Mutating".to_owned(), preview.mutating),
        ("Non_Mutating".to_owned(), preview.non_mutating),
        ("Undetermined".to_owned(), preview.undetermined),
    ]);
    let automation = AutomationExecutionPreview {
        step_previews: Some(counts),
        regions: Some(preview.regions.clone()),
        target_previews: None,
        total_accounts: Some(1),
    };
    Ok(GetExecutionPreviewResponse {
        execution_preview_id: Some(input.execution_preview_id),
        ended_at: Some(preview.made),
        status: Some("Success".to_owned()),
        status_message: None,
        execution_preview: Some(ExecutionPreview { automation: Some(automation) }),
    })
});
