//! SendCommand.
//! <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_SendCommand.html>

use super::{
    progress,
    rows::{Command, Invocation, Progress, S3Output, StepResult},
    targets,
};
use crate::{
    Ssm,
    documents::{Resolved, VersionSelector},
    faults,
    nodes::ManagedNode,
    parameters::permissions::set_resource_tags,
};
use cloudlet_api_ssm::{self as api, *};
use cloudlet_aws::{Arn, Fault};
use cloudlet_engine::{Cx, Handle, Permission, Permissions, StoredShape, roles};
use cloudlet_ssm_document::{DocumentType, InvalidValue, Platform, Steps};
use std::{collections::BTreeSet, sync::Arc};

const USUAL_TIMEOUT: i32 = 3_600;
/// How long AWS remembers commands.
const REMEMBERED: i64 = 30 * 24 * 3_600;

/// What a command is made of, whoever sends it.
pub struct Order {
    pub input: SendCommandRequest,
    pub association: Option<Arc<str>>,
}

impl Handle<SendCommand> for Ssm {
    /// The nodes are looked at when they have been found: their tags count.
    fn permissions(&self, cx: &Cx, input: &SendCommandRequest) -> Result<Permissions, Fault> {
        let mut permissions: Permissions = self.documents.permission::<SendCommand>(cx, &input.document_name)?.into();
        if let Some(bucket) = &input.output_s3_bucket_name {
            permissions.push(Permission::of::<SendCommand>(Arn::build(cx.scope.partition(), "s3", "", "", bucket)));
        }
        if let Some(role) = input.service_role_arn.as_deref().and_then(Arn::parse) {
            permissions.push(roles::pass_role(role, crate::PRINCIPAL, None));
        }
        Ok(permissions)
    }

    async fn handle(&self, cx: &Cx, input: SendCommandRequest) -> Result<SendCommandResult, Fault> {
        let (id, command) = self.send(cx, Order { input, association: None }).await?;
        let shown = super::shown::command(&id, &command, &[]);
        Ok(SendCommandResult { command: Some(api::Command { target_count: i32::try_from(command.target_count).ok(), ..shown }) })
    }
}

fn invalid_nodes() -> Fault {
    faults::INVALID_INSTANCE_ID.says("Instances not in a valid state for account")
}

/// AWS: no message in most cases.
pub fn invalid_parameters(document: &str, invalid: &InvalidValue) -> Fault {
    faults::INVALID_PARAMETERS.says(match invalid {
        InvalidValue::NoParameters => format!("document {document} does not support parameters."),
        // AWS: unverified; often there is no message at all.
        other => other.to_string(),
    })
}

/// Whether the caller may send the command to a node.
fn node_permission(node: &ManagedNode) -> Permission {
    let mut permission = Permission::of::<SendCommand>(node.arn.clone());
    set_resource_tags(&mut permission, &node.tags);
    permission
}

impl Ssm {
    /// The nodes of a request, and whether the caller may send to each.
    async fn nodes_of(&self, cx: &Cx, input: &SendCommandRequest, is_of_association: bool) -> Result<Vec<(ManagedNode, bool)>, Fault> {
        let ids = input.instance_ids.as_deref().unwrap_or_default();
        let wanted = input.targets.as_deref().unwrap_or_default();
        match (ids, wanted) {
            ([], []) => {
                // AWS: unverified message.
                Err(faults::validation("InstanceIds or Targets are required."))
            }
            (ids, []) => {
                let distinct: BTreeSet<&String> = ids.iter().collect();
                if distinct.len() < ids.len() {
                    return Err(faults::DUPLICATE_INSTANCE_ID.says("You can't specify a managed node ID in more than one association."));
                }
                let nodes = self.nodes.found(cx, ids).await?;
                if nodes.len() < ids.len() || nodes.iter().any(|node| !node.is_online) {
                    return Err(invalid_nodes());
                }
                for node in &nodes {
                    cx.check::<SendCommand>(&node_permission(node))?;
                }
                Ok(nodes.into_iter().map(|node| (node, true)).collect())
            }
            ([], wanted) => {
                let nodes = targets::select(self, cx, wanted).await?;
                // Who made an association was asked then.
                let may = |node: &ManagedNode| is_of_association || cx.check::<SendCommand>(&node_permission(node)).is_ok();
                Ok(nodes.into_iter().map(|node| (may(&node), node)).map(|(may, node)| (node, may)).collect())
            }
            // AWS: unverified message.
            _ => Err(faults::validation("InstanceIds and Targets can't be used together.")),
        }
    }

    fn command_document(&self, cx: &Cx, input: &SendCommandRequest, may_be_policy: bool) -> Result<Resolved, Fault> {
        let found =
            self.documents.resolve(cx, &input.document_name, VersionSelector::version(input.document_version.as_deref())).map_err(|fault| {
                // AWS: without a message here.
                if fault.is(&faults::INVALID_DOCUMENT) { faults::INVALID_DOCUMENT.says("") } else { fault }
            })?;
        let is_right = found.kind() == DocumentType::Command || may_be_policy && found.kind() == DocumentType::Policy;
        if !is_right {
            // AWS: unverified message.
            return Err(faults::INVALID_DOCUMENT.says(format!("Document type {} is not supported by SendCommand.", found.kind().as_str())));
        }
        // AWS: a wrong hash is InvalidDocument.
        let is_other = |hash: &String| input.document_hash_type.as_deref() != Some("Sha1") && !hash.eq_ignore_ascii_case(&found.version.hash);
        if input.document_hash.as_ref().is_some_and(is_other) {
            return Err(faults::INVALID_DOCUMENT.says(""));
        }
        Ok(found)
    }

    /// Writes a command down, and has it run.
    pub async fn send(&self, cx: &Cx, order: Order) -> Result<(Arc<str>, Command), Fault> {
        let Order { input, association } = order;
        if input.alarm_configuration.is_some() {
            return Err(faults::not_implemented("alarms that stop commands"));
        }
        let found = self.command_document(cx, &input, association.is_some())?;
        let given = input.parameters.clone().unwrap_or_default();
        found
            .parameters()
            .values(&given.iter().map(|(name, values)| (name.clone(), values.clone())).collect())
            .map_err(|invalid| invalid_parameters(&input.document_name, &invalid))?;
        if let Some(notification) = &input.notification_config
            && notification.notification_arn.is_some()
        {
            if input.service_role_arn.is_none() {
                return Err(faults::INVALID_ROLE.says(
                    "The role name can't contain invalid characters. Also verify that you specified an IAM role for notifications that includes the \
                     required trust policy. For information about configuring the IAM role for Run Command notifications, see Monitoring Systems \
                     Manager status changes using Amazon SNS notifications in the Amazon Web Services Systems Manager User Guide.",
                ));
            }
            if notification.notification_arn.as_deref().and_then(Arn::parse).is_none_or(|arn| arn.service() != "sns") {
                return Err(faults::INVALID_NOTIFICATION_CONFIG
                    .says("One or more configuration items isn't valid. Verify that a valid Amazon Resource Name (ARN) was provided for an Amazon SNS topic."));
            }
        }
        let nodes = self.nodes_of(cx, &input, association.is_some()).await?;
        let steps = Steps::of(&found.value()).ok_or_else(|| faults::INVALID_DOCUMENT.says(""))?;
        if !nodes.is_empty() && !found.version.platforms.is_empty() && !found.version.platforms.contains(&Platform::Linux) {
            return Err(faults::UNSUPPORTED_PLATFORM_TYPE.says(
                "The document doesn't support the platform type of the given managed node IDs. For example, you sent an document for a Windows \
                 managed node to a Linux node.",
            ));
        }
        let timeout = input.timeout_seconds.unwrap_or(USUAL_TIMEOUT);
        let id: Arc<str> = cx.ids().uuid().into();
        let logs = input.cloud_watch_output_config.filter(|config| config.cloud_watch_output_enabled == Some(true));
        let usual_group = || format!("/aws/ssm/{}", found.name());
        let command = Command {
            document: input.document_name.as_str().into(),
            version: input.document_version.as_deref().unwrap_or("$DEFAULT").into(),
            content: found.value().to_string().into(),
            parameters: given,
            comment: input.comment.map(Into::into),
            requested: cx.now,
            // AWS: the delivery timeout and the time that the document may run; the former alone here.
            expires: cx.now.plus_secs(i64::from(timeout)),
            timeout_seconds: timeout,
            instance_ids: input.instance_ids.unwrap_or_default(),
            targets: input.targets.unwrap_or_default().into_iter().map(StoredShape::new).collect(),
            max_concurrency: input.max_concurrency.as_deref().unwrap_or("50").into(),
            max_errors: input.max_errors.as_deref().unwrap_or("0").into(),
            s3: input.output_s3_bucket_name.map(|bucket| S3Output {
                bucket: bucket.into(),
                prefix: input.output_s3_key_prefix.filter(|prefix| !prefix.is_empty()).map(Into::into),
                region: input.output_s3_region.as_deref().unwrap_or(cx.scope.region.as_str()).into(),
            }),
            log_group: logs.map(|config| config.cloud_watch_log_group_name.unwrap_or_else(usual_group).into()),
            service_role: input.service_role_arn.map(Into::into),
            notification: input.notification_config.map(StoredShape::new),
            progress: if nodes.is_empty() { Progress::NoInstancesInTag } else { Progress::Pending },
            target_count: u32::try_from(nodes.len()).unwrap_or(u32::MAX),
            association,
        };
        let results = Arc::new(steps_of(&steps));
        let place = (cx.scope.clone(), id.clone());
        self.commands.store.write(|state| {
            state.forget_before(cx.now.plus_secs(-REMEMBERED));
            state.put(place.clone(), command.clone());
            for (node, may) in nodes {
                let invocation = Invocation {
                    node_name: node.name.map(Into::into),
                    arn: node.arn,
                    progress: if may { Progress::Pending } else { Progress::AccessDenied },
                    is_sent: false,
                    started: None,
                    finished: (!may).then_some(cx.now),
                    steps: results.clone(),
                };
                state.invocations.insert((cx.scope.clone(), id.clone(), node.id.into()), Arc::new(invocation));
            }
            progress::go_on(cx, state, &place)
        })?;
        let command = self.commands.store.read(|state| state.commands.get(&place).map(|command| (**command).clone())).unwrap_or(command);
        Ok((id, command))
    }
}

/// The steps before they run.
pub fn steps_of(steps: &Steps) -> Vec<StepResult> {
    let result = |step: &cloudlet_ssm_document::Step| StepResult {
        // AWS: plugins of schema 1.2 are named after their action.
        name: if steps.is_of_old_schema() { step.action.as_str() } else { step.name.as_str() }.into(),
        action: step.action.as_str().into(),
        id: step.name.replace(':', "").into(),
        progress: Progress::Pending,
        code: -1,
        started: None,
        finished: None,
        output: "".into(),
        error: "".into(),
    };
    steps.steps.iter().map(result).collect()
}
